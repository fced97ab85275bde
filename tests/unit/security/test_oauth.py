"""Tokens, from a server of the test's own and from nobody."""

import base64
import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.model import Seconds
from pykafka_cli.properties.jaas import Login
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.oauth import Endpoint, extensions, token_source, unsecured_token
from pykafka_cli.transport.sasl import SaslFailure
from pykafka_cli.wall_clock import now_ms
from tests.support.web_servers import RawServer, failed, ok, raw_server

NOW = 1_700_000_000.5


GIVEN = ok(b'{"access_token": "a.b.c", "expires_in": 300}')


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server(GIVEN) as running:
        yield running


def source(url: str, its: dict[str, str], **properties: str) -> Callable[[], str]:
    settings = {"sasl.oauthbearer.token.endpoint.url": url, "sasl.login.retry.backoff.max.ms": "0"} | properties
    return token_source(SecuritySettings(settings), Login("a.OAuthBearerLoginModule", its), now_ms)


CLIENT = {"clientId": "me", "clientSecret": "s/e+c"}


def test_a_server_is_asked_with_the_clients_own_credentials(server: RawServer) -> None:
    assert source(server.url, CLIENT | {"scope": " read write "})() == "a.b.c"

    assert "Authorization: Basic " + base64.b64encode(b"me:s/e+c").decode() in server.requests[0]
    assert server.requests[0].endswith("\r\n\r\ngrant_type=client_credentials&scope=read+write")


def test_credentials_are_encoded_where_the_server_wants_that(server: RawServer) -> None:
    source(server.url, CLIENT, **{"sasl.oauthbearer.header.urlencode": "true"})()

    assert "Authorization: Basic " + base64.b64encode(b"me:s%2Fe%2Bc").decode() in server.requests[0]


def test_a_refusal_is_reported_in_the_servers_words(server: RawServer) -> None:
    server.response = failed(401, b'{"error": "invalid_client", "error_description": "no such\\n\\u001b[1m client"}')

    with pytest.raises(SaslFailure, match=rf"no token from {server.url}: invalid_client - no such  \[1m client"):
        source(server.url, CLIENT)()


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[" * 100_000, b"[]", b'{"token": "a.b.c"}', b"\xff", b""],
    ids=["html", "deep", "list", "another name", "no text", "nothing"],
)
def test_an_answer_without_a_token_is_no_token(body: bytes, server: RawServer) -> None:
    server.response = ok(body)

    with pytest.raises(SaslFailure, match=r"no token from http.*the response has no access_token"):
        source(server.url, CLIENT)()


@pytest.mark.parametrize("lie", [r"a b", r"a\u0001auth=Bearer x", r"a\nb", "", r"\u00e9"])
def test_what_a_login_could_not_carry_is_no_token(lie: str, server: RawServer) -> None:
    """It would otherwise become another part of the client's message."""
    server.response = ok(b'{"access_token": "%s"}' % lie.encode())

    with pytest.raises(SaslFailure, match="what it sent cannot be one") as failure:
        source(server.url, CLIENT)()
    assert "Bearer" not in str(failure.value)


def test_a_server_that_is_not_there_is_reported_as_such(unused_tcp_port: int) -> None:
    with pytest.raises(SaslFailure, match="Connection refused"):
        source(f"http://127.0.0.1:{unused_tcp_port}/", CLIENT)()


@pytest.mark.parametrize("response", [failed(503), failed(429), b""], ids=["busy", "too many", "reset"])
def test_a_problem_that_passes_is_waited_for(response: bytes, server: RawServer) -> None:
    server.response = response
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            server.response = GIVEN

    endpoint = Endpoint(
        urllib.request.Request(server.url, b"x"), None, Seconds(60), Seconds(60), (100, 10_000), pause, lambda: 0.0
    )

    assert endpoint.token() == "a.b.c"
    assert pauses == [0.1, 0.2, 0.4]


def test_a_problem_that_does_not_pass_is_reported_in_the_end(server: RawServer) -> None:
    server.response = failed(503)
    now = 0.0

    def pause(seconds: float) -> None:
        nonlocal now
        now += seconds

    endpoint = Endpoint(
        urllib.request.Request(server.url, b"x"), None, Seconds(60), Seconds(60), (100, 1000), pause, lambda: now
    )

    with pytest.raises(SaslFailure, match=f"no token from {server.url}: 503"):
        endpoint.token()
    assert now == 1.0
    assert len(server.requests) == 5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 302])
def test_a_rejection_is_final(status: int, server: RawServer) -> None:
    server.response = failed(status)

    with pytest.raises(SaslFailure, match=str(status)):
        source(server.url, CLIENT, **{"sasl.login.retry.backoff.max.ms": "60000"})()
    assert len(server.requests) == 1


def test_a_token_in_a_file_is_read_for_each_login(tmp_path: Path) -> None:
    file = tmp_path / "token"
    tokens = source(file.as_uri(), {})
    with pytest.raises(SaslFailure, match="no token from file"):
        tokens()
    for text in ("one", "two"):
        file.write_text(f" {text}\n")
        assert tokens() == text
    file.write_text("not one")

    with pytest.raises(SaslFailure, match="what it sent cannot be one"):
        tokens()


def test_a_url_of_another_kind_is_rejected() -> None:
    with pytest.raises(BadClientSetting, match="is not a URL of file:, https: or http:"):
        source("ftp://127.0.0.1/token", CLIENT)


def test_a_url_with_a_login_is_rejected_and_the_login_not_shown() -> None:
    with pytest.raises(BadClientSetting) as rejected:
        source("https://alice:a-secret@127.0.0.1/token", CLIENT)

    assert "https://[hidden]@127.0.0.1/token has a login, which is not sent" in str(rejected.value)


@pytest.mark.parametrize("missing", CLIENT)
def test_credentials_that_are_missing_are_named(missing: str) -> None:
    with pytest.raises(BadClientSetting, match=f"sasl.jaas.config has no {missing}"):
        source("http://127.0.0.1:1/", {name: value for name, value in CLIENT.items() if name != missing})


def claims_of(options: dict[str, str]) -> dict[str, Any]:
    header, claims, signature = unsecured_token(options, NOW).split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "none"}
    assert signature == ""
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return found


def test_a_token_that_nobody_signed_has_the_claims_that_are_named() -> None:
    options = {
        "unsecuredLoginStringClaim_sub": "alice",
        "unsecuredLoginNumberClaim_age": "7",
        "unsecuredLoginListClaim_scope": "|a|b",
        "unsecuredLoginListClaim_none": "",
        "unsecuredLoginLifetimeSeconds": "60",
        "unsecuredLoginExtension_trace": "1",
    }

    assert claims_of(options) == {
        "sub": "alice", "age": 7.0, "scope": ["a", "b"], "none": [], "iat": int(NOW), "exp": int(NOW) + 60,
    }  # fmt: skip


def test_the_principals_claim_may_have_another_name() -> None:
    options = {"unsecuredLoginPrincipalClaimName": "user", "unsecuredLoginStringClaim_user": "alice"}

    assert claims_of(options)["user"] == "alice"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unsecuredLoginStringClaim_x": "y"}, "No value in JWT for claim sub"),
        ({"unsecuredLoginNumberClaim_exp": "1"}, "Cannot explicitly set the 'exp' claim"),
        ({"unsecuredLoginNumberClaim_age": "old"}, "could not convert string to float: 'old'"),
        ({"unsecuredLoginLifetimeSeconds": "long"}, "invalid literal for int"),
    ],
)
def test_claims_that_cannot_be_are_rejected(options: dict[str, str], message: str) -> None:
    with pytest.raises(BadClientSetting, match=message):
        unsecured_token(options, NOW)


def test_without_a_server_and_without_claims_it_is_said_what_is_needed() -> None:
    with pytest.raises(BadClientSetting, match=r"OAUTHBEARER needs sasl\.oauthbearer\.token\.endpoint\.url"):
        token_source(SecuritySettings({}), Login("a.B", {}), now_ms)


def test_extensions_go_beside_either_kind_of_token() -> None:
    its = Login("a.B", {"extension_a": "1", "unsecuredLoginExtension_b": "2", "clientId": "me"})

    assert extensions(its) == {"a": "1", "b": "2"}
