"""The broker's halves of the mechanisms against our client's halves, and against what must not pass."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.acls import Principal
from pykafka_cli.broker.network.sasl import PlainServer, Refusal, ScramServer
from pykafka_cli.broker.security.delegation_tokens import DelegationTokenManager
from pykafka_cli.model import Timestamp
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.rules.scram_credentials import DIGESTS, SALT_BYTES, TokenLogin, salted_password, stored_credential
from pykafka_cli.transport.sasl import Plain, SaslFailure, Scram
from pykafka_cli.zookeeper.client import ZooKeeperClient
from tests.fakes.clock import FakeClock
from tests.fakes.zookeeper import FakeZooKeeper
from tests.support.costs import kept_blocks
from tests.support.counted_calls import counted

SALT = b"another salt"
PASSWORDS = {"alice": "alice-secret", "bob": ""}


def credential(mechanism: str, password: str = "alice-secret") -> str:
    return stored_credential(mechanism, salted_password(mechanism, password, SALT, 4096), SALT, 4096)


def scram(mechanism: str = "SCRAM-SHA-256", *users: str) -> ScramServer:
    known = {user: credential(mechanism) for user in users or ("alice", "a,b=c")}
    return ScramServer(mechanism, known.get, "server")


def test_a_password_that_is_known_lets_in() -> None:
    server = PlainServer(PASSWORDS)

    assert server.respond(Plain("alice", "alice-secret").respond(None) or b"") == b""
    assert server.user == "alice"


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (b"\0alice\0guess", "Authentication failed: Invalid username or password"),
        (b"\0mallory\0alice-secret", "Authentication failed: Invalid username or password"),
        (b"\0bob\0", "Authentication failed: password not specified"),
        (b"\0\0x", "Authentication failed: username not specified"),
        (b"bob\0alice\0alice-secret", "Client requested an authorization id that is different from username"),
        (b"alice", "Invalid SASL/PLAIN response: expected 3 tokens"),
        (b"\0\xff\0x", "Invalid SASL/PLAIN response: expected 3 tokens"),
    ],
)
def test_what_is_no_password_does_not(token: bytes, message: str) -> None:
    server = PlainServer(PASSWORDS)

    with pytest.raises(Refusal, match=message):
        server.respond(token)
    assert server.user is None


WHO = {"a user": ("alice", False), "no user": ("mallory", False), "a token": ("id", True), "no token": ("di", True)}


@pytest.mark.parametrize("mechanism", DIGESTS)
async def test_work_and_words_do_not_tell_who_exists(mechanism: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of users and of delegation tokens: what both brokers do and say in either step is the same for all."""
    manager = DelegationTokenManager(
        cast(ZooKeeperClient, FakeZooKeeper().client()), "key", BrokerSettings([Property("zookeeper.connect", "z", 0)]),
        FakeClock(),
    )  # fmt: skip
    await manager.start()
    ann = Principal("User", "ann")
    token = await manager.create(ann, ann, (), -1)
    users = {"alice": credential(mechanism)}
    spent, said = {}, {}
    for who, (name, is_token) in WHO.items():
        user = token.id if who == "a token" else name
        client = Scram(mechanism, user, "a guess", client_nonce="x", by_token=is_token)
        first = client.respond(None) or b""
        server = ScramServer(mechanism, users.get, "nonce", partial(manager.login, mechanism))
        with counted(monkeypatch) as at_first:
            challenge = server.respond(first)
        final = client.respond(challenge) or b""
        with counted(monkeypatch) as in_the_end, pytest.raises(Refusal) as refused:
            server.respond(final)
        spent[who] = at_first, in_the_end
        salt = base64.b64decode(re.sub(r".*,s=|,i=.*", "", challenge.decode()))
        said[who] = (
            re.sub(",s=.*,", ",s=,", challenge.decode()),
            str(refused.value),
            0 if user == "alice" else len(salt),
        )
    await manager.stop()

    assert spent["a user"][0]["digest"] > 0
    assert [who for who, calls in spent.items() if calls != spent["a user"]] == []
    assert {words[:2] for words in said.values()} == {said["a user"][:2]}
    assert {said[who][2] for who in ("no user", "a token", "no token")} == {SALT_BYTES}


def test_work_and_words_of_plain_do_not_tell_who_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    spent, said = [], []
    for user in ("alice", "mallory"):
        with counted(monkeypatch) as calls, pytest.raises(Refusal) as refused:
            PlainServer(PASSWORDS).respond(f"\0{user}\0guess".encode())
        spent.append(calls)
        said.append(str(refused.value))

    assert spent == [{"compare_digest": 1}] * 2
    assert said[0] == said[1]


@pytest.mark.parametrize("mechanism", DIGESTS)
def test_an_unknown_user_is_asked_for_a_proof_as_if_there_were_such_a_user(mechanism: str) -> None:
    """The same salt each time, another for another user, and in the end the words that a wrong password gets."""

    def outcome(user: str, password: str) -> tuple[str, str]:
        server, client = scram(mechanism), Scram(mechanism, user, password, client_nonce="x")
        first = server.respond(client.respond(None) or b"")
        with pytest.raises(Refusal) as refused:
            server.respond(client.respond(first) or b"")
        assert server.user is None
        return first.decode(), f"{type(refused.value).__name__} {refused.value}"

    stranger, again, other = outcome("mallory", "x"), outcome("mallory", "y"), outcome("trudy", "x")
    known = outcome("alice", "guess")

    assert stranger[0] == again[0] != other[0]
    assert {each[1] for each in (stranger, again, other)} == {known[1]}
    assert len({re.sub("s=[^,]+", "", each[0]) for each in (stranger, other, known)}) == 1


@pytest.mark.parametrize(("user", "password"), [("alice", "guess"), ("mallory", "guess"), ("mallory", "alice-secret")])
def test_whether_there_is_a_user_costs_no_more_and_no_less(
    user: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []

    def count(name: str, function: Callable[..., Any]) -> None:
        def counting(*given: Any) -> Any:
            counted.append(name)
            return function(*given)

        monkeypatch.setattr(f"pykafka_cli.broker.network.sasl.{name}", counting)

    for name, function in (("hmac.compare_digest", hmac.compare_digest), ("hashlib.new", hashlib.new)):
        count(name, function)
    with pytest.raises(Refusal):
        PlainServer(PASSWORDS).respond(f"\0{user}\0{password}".encode())
    assert counted == ["hmac.compare_digest"]

    server, client = scram(), Scram("SCRAM-SHA-256", user, password)
    first = server.respond(client.respond(None) or b"")
    counted.clear()
    with pytest.raises(Refusal):
        server.respond(client.respond(first) or b"")
    assert counted == ["hashlib.new", "hmac.compare_digest"]


@pytest.mark.parametrize("mechanism", DIGESTS)
def test_messages_of_another_login_let_nobody_in(mechanism: str) -> None:
    recorded: list[bytes] = []
    server, client = scram(mechanism), Scram(mechanism, "alice", "alice-secret")
    recorded.append(client.respond(None) or b"")
    recorded.append(client.respond(server.respond(recorded[0])) or b"")
    server.respond(recorded[1])
    assert server.user == "alice"

    later = ScramServer(mechanism, {"alice": credential(mechanism)}.get, "another-nonce")
    later.respond(recorded[0])
    with pytest.raises(Refusal):
        later.respond(recorded[1])
    assert later.user is None


@pytest.mark.parametrize(
    "first",
    [b"n,,n=%b,r=x", b"n,,n=alice,r=%b", b"n,,n=alice,r=x,a=%b", b"n,a=%b,n=%b,r=x"],
    ids=["user", "nonce", "extension", "whom to act as"],
)
def test_half_a_login_keeps_nothing_large(first: bytes) -> None:
    """A client may send its first message, as large as can be, and nothing more as long as it likes."""
    large = b"x" * 100_000
    message, server = first.replace(b"%b", large), scram()
    with kept_blocks(at_least=len(large) // 2, within="") as kept:
        assert server.respond(message).startswith(b"r=")

        assert kept() == []


def test_a_client_does_not_believe_a_server_without_the_credential() -> None:
    server, client = scram(), Scram("SCRAM-SHA-256", "alice", "alice-secret")
    challenge = server.respond(client.respond(None) or b"")
    client.respond(challenge)

    with pytest.raises(SaslFailure):
        client.respond(b"v=" + base64.b64encode(b"x" * 32))


@pytest.mark.parametrize(
    "first",
    [
        b"p=tls-unique,,n=alice,r=x",
        b"n,a=bob,n=alice,r=x",
        b"n,,n=alice",
        b"n,,n=,r=x",
        b"n,,m=1,n=alice,r=x",
        b"n,,n=alice,r=x\0",
        b"\xff",
        b"",
    ],
)
def test_what_is_no_first_message_is_rejected(first: bytes) -> None:
    with pytest.raises(Refusal):
        scram().respond(first)


@pytest.mark.parametrize(
    "final",
    [
        b"c=biws,r=xother,p=AAAA",
        b"c=biws,r=server,p=AAAA",
        b"c=eSws,r=xserver,p=AAAA",
        b"c=biws,r=xserver,p=AAAA",
        b"c=biws,r=xserver,p=" + base64.b64encode(b"x" * 32),
        b"c=biws,r=xserver,p=A",
        b"c=b,r=xserver,p=AAAA",
        b"c=biws,r=xserver",
        b"\xff",
        b"",
    ],
)
def test_what_is_no_final_message_is_rejected(final: bytes) -> None:
    server = scram()
    assert server.respond(b"n,,n=alice,r=x").startswith(b"r=xserver,s=")

    with pytest.raises(Refusal):
        server.respond(final)
    assert server.user is None


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=3))
def test_whatever_else_is_said_nobody_is_let_in(tokens: list[bytes]) -> None:
    for server in (PlainServer({}), scram()):
        for token in tokens:
            try:
                server.respond(token)
            except Refusal:
                break
        assert server.user is None


def token_server(mechanism: str = "SCRAM-SHA-256") -> ScramServer:
    """It knows a token `id` of alice's, with the password `hmac`, and a user `id` with another password."""
    tokens = {"id": TokenLogin("alice", credential(mechanism, "hmac"), Timestamp(5))}
    return ScramServer(mechanism, {"id": credential(mechanism)}.get, "server", tokens.get)


@pytest.mark.parametrize("mechanism", DIGESTS)
def test_a_token_is_a_login_of_its_owner(mechanism: str) -> None:
    server, client = token_server(mechanism), Scram(mechanism, "id", "hmac", by_token=True)

    server.respond(client.respond(server.respond(client.respond(None) or b"")) or b"")

    assert (server.user, server.token_expiry_ms) == ("alice", 5)


@pytest.mark.parametrize(
    ("user", "password", "by_token"), [("id", "hmac", False), ("id", "alice-secret", True), ("no-id", "hmac", True)]
)
def test_tokens_and_users_are_not_mistaken_for_each_other(user: str, password: str, by_token: bool) -> None:
    server, client = token_server(), Scram("SCRAM-SHA-256", user, password, by_token=by_token)

    with pytest.raises(Refusal):
        server.respond(client.respond(server.respond(client.respond(None) or b"")) or b"")
    assert server.user is None
