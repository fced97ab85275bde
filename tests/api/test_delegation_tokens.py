"""Delegation tokens, which this broker does not issue: rejected as by Kafka without delegation.token.secret.key, in
every version, with the bytes of its responses."""

import io
import struct
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kio.index import load_request_schema
from kio.schema.create_delegation_token.v3.request import CreatableRenewers, CreateDelegationTokenRequest
from kio.serial import entity_writer
from kio.static.primitive import i64Timedelta

from pykafka_cli.broker.context import Broker
from pykafka_cli.broker.dispatch import Dispatcher
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.connection import Peer
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.protocol import first_versions
from tests.support.samples import sample

CREATE, RENEW, EXPIRE, DESCRIBE = 38, 39, 40, 41
AUTH_DISABLED, NOT_ALLOWED, INVALID_PRINCIPAL_TYPE = 61, 64, 67
NEWEST = {CREATE: 3, RENEW: 2, EXPIRE: 2, DESCRIBE: 3}
NO_TIME = struct.pack(">q", -1)
NO_THROTTLE = b"\0\0\0\0"
SETTINGS = BrokerSettings(
    Property(name, text, 0)
    for name, text in {
        "zookeeper.connect": "z",
        "listeners": "PLAINTEXT://:1,SSL://:2,KNOWN://:3,SASL_PLAINTEXT://:4,SASL_SSL://:5",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SSL:SSL,KNOWN:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,"
        "SASL_SSL:SASL_SSL",
        "listener.name.known.ssl.client.auth": "required",
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
    broker = cast(Broker, SimpleNamespace(settings=SETTINGS))
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
    ("listener", "code"),
    [
        ("PLAINTEXT", NOT_ALLOWED),
        ("SSL", NOT_ALLOWED),
        ("KNOWN", AUTH_DISABLED),
        ("SASL_PLAINTEXT", AUTH_DISABLED),
        ("SASL_SSL", AUTH_DISABLED),
    ],
)
@pytest.mark.parametrize(
    ("api_key", "version"), [(key, version) for key, newest in NEWEST.items() for version in range(newest + 1)]
)
async def test_every_version_says_why_there_are_no_tokens(api_key: int, version: int, listener: str, code: int) -> None:
    asked = request(api_key, version)
    owner = "bob" if api_key == CREATE and version >= 3 else "alice"

    assert await answer(asked, listener) == expected(api_key, version, code, owner)


@pytest.mark.parametrize(("listener", "code"), [("PLAINTEXT", NOT_ALLOWED), ("SASL_SSL", INVALID_PRINCIPAL_TYPE)])
async def test_a_renewer_has_to_be_a_user_where_tokens_may_be_asked_for(listener: str, code: int) -> None:
    asked = CreateDelegationTokenRequest(
        owner_principal_type=None,
        owner_principal_name=None,
        renewers=(CreatableRenewers(principal_type="Group", principal_name="g"),),
        max_lifetime=i64Timedelta.parse(timedelta(milliseconds=-1)),
    )

    assert await answer(asked, listener) == expected(CREATE, 3, code)
