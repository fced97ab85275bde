"""Tokens, from a server of the test's own and from nobody."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from pykafka_cli.clients.settings import BadClientSetting
from pykafka_cli.properties.jaas import Login
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.oauth import bearer_token, extensions, unsecured_token
from pykafka_cli.transport.sasl import SaslFailure

NOW = 1_700_000_000.5


class Server(HTTPServer):
    """Answers every request with `status` and `body`; what it was asked is in `asked`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.body = 200, b'{"access_token": "a.b.c", "expires_in": 300}'
        self.asked: list[tuple[dict[str, str], str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/token"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:  # the library's name
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def token(url: str, its: dict[str, str], **properties: str) -> str:
    settings = {"sasl.oauthbearer.token.endpoint.url": url} | properties
    return bearer_token(SecuritySettings(settings), Login("a.OAuthBearerLoginModule", its))


CLIENT = {"clientId": "me", "clientSecret": "s/e+c"}


def test_a_server_is_asked_with_the_clients_own_credentials(server: Server) -> None:
    assert token(server.url, CLIENT | {"scope": " read write "}) == "a.b.c"

    headers, body = server.asked[0]
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"me:s/e+c").decode()
    assert body == "grant_type=client_credentials&scope=read+write"


def test_credentials_are_encoded_where_the_server_wants_that(server: Server) -> None:
    token(server.url, CLIENT, **{"sasl.oauthbearer.header.urlencode": "true"})

    assert server.asked[0][0]["Authorization"] == "Basic " + base64.b64encode(b"me:s%2Fe%2Bc").decode()


def test_a_refusal_is_reported_in_the_servers_words(server: Server) -> None:
    server.status, server.body = 401, b'{"error": "invalid_client", "error_description": "no such client"}'

    with pytest.raises(SaslFailure, match=f"no token from {server.url}: 401 invalid_client - no such client"):
        token(server.url, CLIENT)


@pytest.mark.parametrize("body", [b"<html>", b"[" * 100_000], ids=["html", "deep"])
def test_an_answer_without_a_token_is_no_token(body: bytes, server: Server) -> None:
    server.body = body

    with pytest.raises(SaslFailure, match="the response has no access_token"):
        token(server.url, CLIENT)


def test_a_server_that_is_not_there_is_reported_as_such(unused_tcp_port: int) -> None:
    with pytest.raises(SaslFailure, match="Connection refused"):
        token(f"http://127.0.0.1:{unused_tcp_port}/", CLIENT)


@pytest.mark.parametrize("missing", CLIENT)
def test_credentials_that_are_missing_are_named(missing: str) -> None:
    with pytest.raises(BadClientSetting, match=f"sasl.jaas.config has no {missing}"):
        token("http://127.0.0.1:1/", {name: value for name, value in CLIENT.items() if name != missing})


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
        bearer_token(SecuritySettings({}), Login("a.B", {}))


def test_extensions_go_beside_either_kind_of_token() -> None:
    its = Login("a.B", {"extension_a": "1", "unsecuredLoginExtension_b": "2", "clientId": "me"})

    assert extensions(its) == {"a": "1", "b": "2"}
