"""Delegation tokens: who may ask for what; and without delegation.token.secret.key, how Kafka rejects it in every
version, with the bytes of its responses."""

import io
import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kio.index import load_request_schema
from kio.schema.create_delegation_token.v3.request import CreatableRenewers, CreateDelegationTokenRequest
from kio.schema.describe_delegation_token.v3.request import (
    DescribeDelegationTokenOwner,
    DescribeDelegationTokenRequest,
)
from kio.schema.errors import ErrorCode
from kio.schema.expire_delegation_token.v2.request import ExpireDelegationTokenRequest
from kio.schema.renew_delegation_token.v2.request import RenewDelegationTokenRequest
from kio.serial import entity_writer
from kio.static.primitive import i64Timedelta

from pykafka_cli.acls import EVERY_ACL, AclEntry, AclOperation, AclPermission, ResourcePattern, ResourceType
from pykafka_cli.broker.context import Broker, RequestContext
from pykafka_cli.broker.dispatch import Dispatcher
from pykafka_cli.broker.handlers.delegation_tokens import handle
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.authentication import Authentication
from pykafka_cli.broker.network.connection import Peer
from pykafka_cli.broker.security.authorizer import Authorizer
from pykafka_cli.broker.security.delegation_tokens import DelegationTokenManager
from pykafka_cli.broker.security.rules import AclRules
from pykafka_cli.model import Timestamp
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.protocol import first_versions
from pykafka_cli.zookeeper.client import ZooKeeperClient
from tests.fakes.clock import FakeClock
from tests.fakes.zookeeper import FakeZooKeeper
from tests.support.samples import sample

CREATE, RENEW, EXPIRE, DESCRIBE = 38, 39, 40, 41
AUTH_DISABLED, NOT_FOUND, OWNER_MISMATCH, NOT_ALLOWED, AUTHORIZATION_FAILED = 61, 62, 63, 64, 65
INVALID_PRINCIPAL_TYPE = 67
DEFAULT = i64Timedelta.parse(timedelta(milliseconds=-1))
"""The broker's own period; of ExpireDelegationToken, at once."""
NEWEST = {CREATE: 3, RENEW: 2, EXPIRE: 2, DESCRIBE: 3}
NO_TIME = struct.pack(">q", -1)
NO_THROTTLE = b"\0\0\0\0"
SETTINGS = BrokerSettings(
    Property(name, text, 0)
    for name, text in {
        "zookeeper.connect": "z",
        "listeners": "PLAINTEXT://:1,SSL://:2,SASL_PLAINTEXT://:3,SASL_SSL://:4",
    }.items()
)


def request(api_key: int, version: int) -> Any:
    """A request with something in every field; the owner and renewer of CreateDelegationToken are users."""
    missing = first_versions.is_missing_in_kio(api_key, version)
    schema = first_versions.load(api_key, version, "request") if missing else load_request_schema(api_key, version)
    made = sample(schema)
    if api_key != CREATE:
        return made
    owner = {"owner_principal_type": "User", "owner_principal_name": "bob"} if version >= 3 else {}
    return replace(made, renewers=(replace(made.renewers[0], principal_type="User"),), **owner)


async def answer(asked: Any, listener: str, principal: str = "User:alice") -> bytes:
    """The body of the response, after the correlation id and the header's tags."""
    body = io.BytesIO()
    entity_writer(type(asked))(body, asked)
    header = struct.pack(">hhih", asked.__api_key__, asked.__version__, 1, -1) + (b"\0" if asked.__flexible__ else b"")
    broker = cast(Broker, SimpleNamespace(settings=SETTINGS, delegation_tokens=None))
    peer = Peer("127.0.0.1", 1, listener, principal)
    buffers = await Dispatcher(broker, Metrics()).answer(bytearray(header + body.getvalue()), peer)
    return b"".join(buffers or ())[5 if asked.__flexible__ else 4 :]


def text(value: str, version: int) -> bytes:
    """A string as classic versions (0 and 1) or flexible ones have it."""
    length = struct.pack(">h", len(value)) if version < 2 else bytes((len(value) + 1,))
    return length + value.encode()


def expected(api_key: int, version: int, code: int, owner: str = "alice", requester: str = "alice") -> bytes:
    error, tags = struct.pack(">h", code), b"\0" if version >= 2 else b""
    empty = b"\1" if version >= 2 else b"\0\0\0\0"
    if api_key == CREATE:
        names = text("User", version) + text(owner, version)
        if version >= 3:
            names += text("User", version) + text(requester, version)
        return error + names + NO_TIME * 3 + text("", version) + empty + NO_THROTTLE + tags
    if api_key == DESCRIBE:
        return error + empty + NO_THROTTLE + tags
    return error + NO_TIME + NO_THROTTLE + tags


@pytest.mark.parametrize(
    ("listener", "name", "code"),
    [
        ("PLAINTEXT", "ANONYMOUS", NOT_ALLOWED),
        ("SSL", "ANONYMOUS", NOT_ALLOWED),
        ("SSL", "alice", AUTH_DISABLED),
        ("SASL_PLAINTEXT", "alice", AUTH_DISABLED),
        ("SASL_SSL", "alice", AUTH_DISABLED),
    ],
)
@pytest.mark.parametrize(
    ("api_key", "version"), [(key, version) for key, newest in NEWEST.items() for version in range(newest + 1)]
)
async def test_every_version_says_why_there_are_no_tokens(
    api_key: int, version: int, listener: str, name: str, code: int
) -> None:
    asked = request(api_key, version)
    owner = "bob" if api_key == CREATE and version >= 3 else name

    assert await answer(asked, listener, f"User:{name}") == expected(api_key, version, code, owner, name)


@pytest.mark.parametrize(("listener", "code"), [("PLAINTEXT", NOT_ALLOWED), ("SASL_SSL", INVALID_PRINCIPAL_TYPE)])
async def test_a_renewer_has_to_be_a_user_where_tokens_may_be_asked_for(listener: str, code: int) -> None:
    asked = CreateDelegationTokenRequest(
        owner_principal_type=None,
        owner_principal_name=None,
        renewers=(CreatableRenewers(principal_type="Group", principal_name="g"),),
        max_lifetime=DEFAULT,
    )

    assert await answer(asked, listener) == expected(CREATE, 3, code)


# ---- with a secret


class Tokens:
    """A broker that issues tokens, and what its users ask of it."""

    def __init__(self, rules: AclRules) -> None:
        self.clock = FakeClock()
        client = cast(ZooKeeperClient, FakeZooKeeper().client())
        self.manager = DelegationTokenManager(client, "secret", SETTINGS, self.clock)
        self._broker = cast(Broker, SimpleNamespace(settings=SETTINGS, delegation_tokens=self.manager))
        self._authorizer = Authorizer(rules, ())

    async def ask(self, user: str, request: Any, by_token: bool = False) -> Any:
        login = Authentication({"any": lambda: LoggedIn(user, 1 if by_token else None)})
        login.choose("any", bare=False)
        context = RequestContext(
            *(
                self._broker,
                request.__api_key__,
                request.__version__,
                1,
                None,
                "127.0.0.1",
                "SASL_SSL",
                login.principal,
            ),
            authentication=login,
            rights=self._authorizer.rights_of(login.principal, "127.0.0.1"),
        )
        return await handle(context, request)

    async def create(self, user: str, owner: str | None = None, *renewers: str) -> Any:
        return await self.ask(user, creation(owner, *renewers))

    async def seen_by(self, user: str, *owners: str) -> set[str]:
        """Owners of the tokens that a user gets to see, of all owners if none is named."""
        named = [DescribeDelegationTokenOwner(principal_type="User", principal_name=owner) for owner in owners]
        answer = await self.ask(user, DescribeDelegationTokenRequest(owners=tuple(named) or None))
        assert answer.error_code is ErrorCode.none
        assert all(each.hmac == self.manager.hmac_of(each.token_id) for each in answer.tokens)
        return {each.principal_name for each in answer.tokens}


class LoggedIn:
    """The exchange of somebody who needs no more tokens."""

    def __init__(self, user: str, token_expiry_ms: Timestamp | None) -> None:
        self.user: str | None = user
        self.token_expiry_ms = token_expiry_ms
        self.has_delegation_token = token_expiry_ms is not None

    def respond(self, token: bytes) -> bytes:
        raise AssertionError(f"nothing is to be said, but {token!r} was")


def creation(owner: str | None = None, *renewers: str) -> CreateDelegationTokenRequest:
    return CreateDelegationTokenRequest(
        owner_principal_type="User" if owner else None,
        owner_principal_name=owner,
        renewers=tuple(CreatableRenewers(principal_type="User", principal_name=each) for each in renewers),
        max_lifetime=DEFAULT,
    )


@pytest.fixture
async def tokens() -> AsyncIterator[Tokens]:
    rules = AclRules()
    for user, operation in {"maker": AclOperation.CREATE_TOKENS, "auditor": AclOperation.DESCRIBE_TOKENS}.items():
        entry = AclEntry(f"User:{user}", "*", operation, AclPermission.ALLOW)
        rules.replace(ResourcePattern(ResourceType.USER, "User:alice"), [*rules_of_alice(rules), entry])
    running = Tokens(rules)
    await running.manager.start()
    yield running
    await running.manager.stop()


def rules_of_alice(rules: AclRules) -> list[AclEntry]:
    return [acl.entry for acl in rules.selected(EVERY_ACL)]


async def test_a_token_is_made_for_oneself_and_with_the_right_for_others(tokens: Tokens) -> None:
    own = await tokens.create("alice")
    for_alice = await tokens.create("maker", "alice")
    refused = await tokens.create("bob", "alice")

    assert (own.error_code, own.principal_name, own.hmac) == (0, "alice", tokens.manager.hmac_of(own.token_id))
    assert (for_alice.error_code, for_alice.principal_name) == (0, "alice")
    assert for_alice.token_requester_principal_name == "maker"
    assert (refused.error_code, refused.token_id, refused.hmac) == (AUTHORIZATION_FAILED, "", b"")
    assert len(tokens.manager.tokens()) == 2


async def test_a_login_by_a_token_manages_no_tokens(tokens: Tokens) -> None:
    assert (await tokens.ask("alice", creation(), by_token=True)).error_code == NOT_ALLOWED
    assert tokens.manager.tokens() == ()


async def test_tokens_are_shown_to_those_they_concern_and_to_those_with_the_right(tokens: Tokens) -> None:
    await tokens.create("alice", None, "ben")
    await tokens.create("carol")

    assert await tokens.seen_by("alice") == await tokens.seen_by("ben") == await tokens.seen_by("auditor") == {"alice"}
    assert await tokens.seen_by("carol") == {"carol"}
    assert await tokens.seen_by("mallory") == await tokens.seen_by("alice", "carol") == set()
    assert (await tokens.ask("alice", DescribeDelegationTokenRequest(owners=()))).tokens == ()


async def test_owner_and_renewers_alone_renew_and_expire(tokens: Tokens) -> None:
    made = await tokens.create("maker", "alice", "ben")
    renewal = RenewDelegationTokenRequest(hmac=made.hmac, renew_period=DEFAULT)
    ending = ExpireDelegationTokenRequest(hmac=made.hmac, expiry_time_period=DEFAULT)
    tokens.clock.advance(60)

    assert (await tokens.ask("maker", renewal)).error_code == OWNER_MISMATCH
    assert (await tokens.ask("maker", ending)).error_code == OWNER_MISMATCH
    renewed = await tokens.ask("ben", renewal)
    assert renewed.expiry_timestamp - made.expiry_timestamp == timedelta(seconds=60)
    assert (await tokens.ask("alice", ending)).error_code is ErrorCode.none
    assert (await tokens.ask("alice", renewal)).error_code == NOT_FOUND
