"""Logins by DIGEST-MD5, with pure-sasl, which is kazoo's, as the client; Java's is in tests/compat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from puresasl.client import SASLClient

from pykafka_cli.zookeeper.server.digest_md5 import LONGEST_TOKEN, DigestMd5Server, LoginRefused
from tests.support.counted_calls import counted

PASSWORDS = {"alice": 'alice "s" \\ secret', "jörg": "größe", "юля": "пароль"}
NONCE = "bm9uY2U="


def client(user: str, password: str) -> SASLClient:
    # Bytes in ISO 8859-1, as the client does not say that its response is UTF-8.
    return SASLClient(
        "zk-sasl-md5",
        service="zookeeper",
        mechanism="DIGEST-MD5",
        username=user.encode("latin-1"),
        password=password.encode("latin-1"),
    )


def response_of(user: str, password: str) -> tuple[DigestMd5Server, SASLClient, bytes]:
    server, asking = DigestMd5Server(PASSWORDS, NONCE), client(user, password)
    challenge = server.respond(b"")
    return server, asking, asking.process(challenge)


@pytest.mark.parametrize("user", ["alice", "jörg"])
def test_a_user_logs_in_and_the_server_proves_itself(user: str) -> None:
    server, asking, response = response_of(user, PASSWORDS[user])

    assert asking.process(server.respond(response)) is None
    assert asking.complete
    assert server.user == user


@pytest.mark.parametrize(
    ("user", "password"), [("alice", "guess"), ("mallory", "guess"), ("mallory", ""), ("alice", ""), ("", "")]
)
def test_wrong_passwords_and_unknown_users_are_told_apart_by_nobody(user: str, password: str) -> None:
    server, _, response = response_of(user or "nobody", password or "x")

    with pytest.raises(LoginRefused) as refused:
        server.respond(response)

    assert str(refused.value) == "unknown user or wrong password"
    assert server.user is None


def test_work_does_not_tell_who_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = []
    for user in ("alice", "jörg", "nobody"):
        server, _, response = response_of(user, "a guess")
        with counted(monkeypatch) as calls, pytest.raises(LoginRefused):
            server.respond(response)
        spent.append(calls)

    assert spent[0]["md5"] > 0
    assert spent[0] == spent[1] == spent[2]


def test_an_empty_password_logs_no_unknown_user_in() -> None:
    server = DigestMd5Server({}, NONCE)
    asking = SASLClient("zk-sasl-md5", "zookeeper", callback=lambda _: b"", mechanism="DIGEST-MD5", username="mallory")
    response = asking.process(server.respond(b""))

    with pytest.raises(LoginRefused, match="unknown user"):
        server.respond(response)


def test_a_response_cannot_be_replayed() -> None:
    server, _, response = response_of("alice", PASSWORDS["alice"])
    server.respond(response)
    another = DigestMd5Server(PASSWORDS, "another")
    another.respond(b"")

    with pytest.raises(LoginRefused, match="the login is over"):
        server.respond(response)
    with pytest.raises(LoginRefused, match="nonce in the client's response is not another"):
        another.respond(response)


def test_one_attempt_is_all_that_a_connection_has() -> None:
    server, _, wrong = response_of("alice", "guess")
    with pytest.raises(LoginRefused, match="wrong password"):
        server.respond(wrong)

    with pytest.raises(LoginRefused, match="the login is over"):
        server.respond(wrong)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (b"nc=00000001", b"nc=00000002", "nc in the client's response is not 00000001"),
        (b"qop=auth", b"qop=auth-conf", "qop in the client's response is not auth"),
        (b"zookeeper/", b"imap/", "digest-uri in the client's response is not zookeeper/zk-sasl-md5"),
        (b"username=", b"user=", "username is missing in the client's response"),
        (b"qop=auth", b"nc=00000001", "the client's response has two of nc"),
        (b"qop=auth", b"qop=auth,authzid=super", "unknown user or wrong password"),
        (b"qop=auth", b"qop", "the client's response is malformed"),
        (b"qop=auth", b'qop="auth', "the client's response is malformed"),
        (b"qop=auth", b"charset=utf-8,x=\xff", "the client's response is not UTF-8"),
    ],
)
def test_what_violates_the_mechanism_is_refused(before: bytes, after: bytes, reason: str) -> None:
    server, _, response = response_of("alice", PASSWORDS["alice"])

    with pytest.raises(LoginRefused) as refused:
        server.respond(response.replace(before, after))

    assert str(refused.value) == reason


def test_a_client_that_begins_with_a_response_is_refused() -> None:
    with pytest.raises(LoginRefused, match="no initial response"):
        DigestMd5Server(PASSWORDS, NONCE).respond(b'username="alice"')


def test_a_huge_token_is_refused_unread() -> None:
    server = DigestMd5Server(PASSWORDS, NONCE)
    server.respond(b"")

    with pytest.raises(LoginRefused, match=f"more than {LONGEST_TOKEN}"):
        server.respond(b"x" * (LONGEST_TOKEN + 1))


@given(st.binary(max_size=300) | st.text('=,"\\ anx', max_size=60).map(str.encode))
def test_any_bytes_are_refused(token: bytes) -> None:
    server = DigestMd5Server(PASSWORDS, NONCE)
    server.respond(b"")

    with pytest.raises(LoginRefused):
        server.respond(token)
