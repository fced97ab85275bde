"""A connection's way to a name, whatever the mechanism."""

import base64
from pathlib import Path

import pytest

from pykafka_cli.broker.errors import IllegalSaslState, SaslAuthenticationFailed, UnsupportedSaslMechanism
from pykafka_cli.broker.network.authentication import Authentication, Authenticator
from pykafka_cli.broker.network.mechanisms import Issuers
from pykafka_cli.broker.network.sasl import BadToken, OAuthBearerServer, ValidToken
from pykafka_cli.model import Timestamp
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from tests.fakes.clock import FakeClock

MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
LOGIN = f'{MODULE} required username="broker" user_alice="secret" user_bob="secret";'
ALICE = b"\0alice\0secret"


@pytest.fixture(autouse=True)
def no_java_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_OPTS", raising=False)


def authenticator(**more: str) -> Authenticator:
    given = {
        "zookeeper.connect": "localhost:2181",
        "listeners": "PLAINTEXT://:1,SASL_PLAINTEXT://:2",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
        **more,
    }
    settings, clock = BrokerSettings(Property(name, text, 0) for name, text in given.items()), FakeClock()
    return Authenticator(settings, "SASL_PLAINTEXT", clock, Issuers(clock))


def login(**more: str) -> Authentication:
    return authenticator(**{"listener.name.sasl_plaintext.plain.sasl.jaas.config": LOGIN, **more}).begin(lambda _: {})


def test_who_has_shown_a_password_has_a_name() -> None:
    it = login()
    assert (it.principal, it.is_complete) == ("User:ANONYMOUS", False)

    it.choose("PLAIN", bare=False)
    assert not it.takes_bare_tokens
    it.respond(ALICE)

    assert (it.principal, it.is_complete, it.is_refused) == ("User:alice", True, False)


def test_bare_tokens_end_with_the_login() -> None:
    it = login()

    it.choose("PLAIN", bare=True)
    assert it.takes_bare_tokens
    it.respond(ALICE)

    assert not it.takes_bare_tokens


def test_a_mechanism_that_is_not_offered_is_rejected_with_those_that_are() -> None:
    it = login()

    with pytest.raises(UnsupportedSaslMechanism):
        it.choose("GSSAPI", bare=False)

    assert it.is_refused
    assert it.mechanisms == ("PLAIN", "SCRAM-SHA-256")


def test_a_wrong_password_ends_it() -> None:
    it = login()
    it.choose("PLAIN", bare=False)

    with pytest.raises(SaslAuthenticationFailed, match="Invalid username or password"):
        it.respond(b"\0alice\0guess")

    assert (it.principal, it.is_refused) == ("User:ANONYMOUS", True)


def test_a_user_without_a_credential_gets_no_more_than_that() -> None:
    it = login()
    it.choose("SCRAM-SHA-256", bare=False)

    first = it.respond(b"n,,n=alice,r=x").decode()
    nonce = first.partition(",")[0]
    with pytest.raises(SaslAuthenticationFailed, match="due to invalid credentials with SASL mechanism SCRAM-SHA-256"):
        it.respond(f"c=biws,{nonce},p={base64.b64encode(bytes(32)).decode()}".encode())


def test_tokens_out_of_turn_are_rejected() -> None:
    it = login()

    with pytest.raises(IllegalSaslState):
        it.respond(ALICE)
    assert it.is_refused


def test_a_second_mechanism_is_rejected() -> None:
    it = login()
    it.choose("SCRAM-SHA-256", bare=False)

    with pytest.raises(IllegalSaslState):
        it.choose("PLAIN", bare=False)
    assert it.is_refused


def test_all_listeners_may_have_the_same_users() -> None:
    it = authenticator(**{"plain.sasl.jaas.config": LOGIN}).begin(lambda _: {})
    it.choose("PLAIN", bare=False)

    it.respond(ALICE)

    assert it.is_complete


@pytest.mark.parametrize("entry", ["KafkaServer", "sasl_plaintext.KafkaServer"])
def test_users_may_stand_in_the_file_that_java_is_given(
    entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "jaas.conf"
    file.write_text(f"{entry} {{\n  a.ScramLoginModule required;\n  {LOGIN}\n}};\n")
    monkeypatch.setenv("KAFKA_OPTS", f"-Djava.security.auth.login.config={file}")
    it = authenticator().begin(lambda _: {})
    it.choose("PLAIN", bare=False)

    it.respond(ALICE)

    assert it.is_complete


def test_a_listener_may_have_mechanisms_of_its_own() -> None:
    it = login(**{"listener.name.sasl_plaintext.sasl.enabled.mechanisms": "SCRAM-SHA-512"})

    assert it.mechanisms == ("SCRAM-SHA-512",)


def test_why_a_token_is_rejected_is_for_the_log_and_not_for_the_client() -> None:
    def check(_token: str) -> ValidToken:
        raise BadToken("it expired at 5")

    it = Authentication({"OAUTHBEARER": lambda: OAuthBearerServer(check)})
    it.choose("OAUTHBEARER", bare=False)

    assert it.respond(b"n,,\1auth=Bearer a.b.c\1\1") == b'{"status":"invalid_token"}'
    assert (it.is_refused, it.rejection) == (False, "its login by OAUTHBEARER was rejected: 'it expired at 5'")
    with pytest.raises(SaslAuthenticationFailed, match="invalid_token"):
        it.respond(b"\1")
    assert (it.is_refused, it.rejection) == (True, "its login by OAUTHBEARER was rejected: 'it expired at 5'")


class TokenExchange:
    """Lets in whoever is named, until 5."""

    def __init__(self) -> None:
        self.user: str | None = None
        self.token_expiry_ms: Timestamp | None = Timestamp(5)
        self.has_delegation_token = True

    def respond(self, token: bytes) -> bytes:
        self.user = token.decode()
        return b""


def login_by_token() -> Authentication:
    it = Authentication({"SCRAM-SHA-256": TokenExchange, "SCRAM-SHA-512": TokenExchange})
    it.choose("SCRAM-SHA-256", bare=False)
    assert it.expiry_ms is None
    it.respond(b"alice")
    assert (it.is_by_token, it.expiry_ms) == (True, 5)
    return it


def test_a_login_that_ends_may_be_renewed() -> None:
    it = login_by_token()

    it.choose("SCRAM-SHA-256", bare=False)
    assert not it.is_complete
    it.respond(b"alice")

    assert (it.principal, it.is_complete, it.is_refused) == ("User:alice", True, False)


@pytest.mark.parametrize(
    ("mechanism", "user", "words"),
    [
        ("SCRAM-SHA-256", b"bob", "Cannot change principals during re-authentication from User.alice: User.bob"),
        ("SCRAM-SHA-512", b"alice", "'SCRAM-SHA-512' requested by client is not supported for re-authentication of"),
    ],
)
def test_a_login_is_renewed_by_the_same_user_in_the_same_way(mechanism: str, user: bytes, words: str) -> None:
    it = login_by_token()
    it.choose(mechanism, bare=False)

    with pytest.raises(SaslAuthenticationFailed, match=words):
        it.respond(user)
    assert (it.principal, it.is_complete, it.is_refused) == ("User:ANONYMOUS", False, True)


@pytest.mark.parametrize(
    ("limit_ms", "ends_ms"),
    [("", None), ("0", None), ("1000", 1000), ("10000", 10_000)],
    ids=["unset", "0", "1 s", "10 s"],
)
def test_a_login_ends_after_the_time_that_is_set(limit_ms: str, ends_ms: int | None) -> None:
    it = login(**({"connections.max.reauth.ms": limit_ms} if limit_ms else {}))
    it.choose("PLAIN", bare=False)
    it.respond(ALICE)

    assert it.expiry_ms == (None if ends_ms is None else FakeClock().now_ms() + ends_ms)
    assert not it.is_by_token


def test_a_mechanism_on_a_listener_may_have_another_time() -> None:
    own = "listener.name.sasl_plaintext.plain.connections.max.reauth.ms"
    it = login(**{"connections.max.reauth.ms": "1000", own: "5000"})
    it.choose("PLAIN", bare=False)
    it.respond(ALICE)

    assert it.expiry_ms == FakeClock().now_ms() + 5000


def test_the_end_of_a_token_counts_if_it_comes_before_that_time() -> None:
    it = Authentication({"SCRAM-SHA-256": TokenExchange}, lambda: 0, lambda _: 1000)
    it.choose("SCRAM-SHA-256", bare=False)
    it.respond(b"alice")

    assert it.expiry_ms == 5


def test_who_logs_in_again_has_another_such_time_and_no_name_in_between() -> None:
    it = login(**{"connections.max.reauth.ms": "1000"})
    for _ in range(2):
        it.choose("PLAIN", bare=False)
        assert (it.principal, it.expiry_ms) == ("User:ANONYMOUS", None)
        it.respond(ALICE)
        assert (it.principal, it.expiry_ms) == ("User:alice", FakeClock().now_ms() + 1000)
    it.choose("PLAIN", bare=False)
    with pytest.raises(SaslAuthenticationFailed, match="Cannot change principals during re-authentication"):
        it.respond(b"\0bob\0secret")
