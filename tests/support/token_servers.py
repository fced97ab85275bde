"""An issuer of tokens of OAuth by https: gives them to who knows its own secret, and publishes its keys."""

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc import jwt
from joserfc.jwk import ECKey


class TokenServer(ThreadingHTTPServer):
    """Knows a client NAME by the secret NAME-secret.

    may_answer    cleared: requests for tokens are accepted, and not answered before it is set
    given         whose tokens were issued, in order
    """

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext, *, lasts_s: int = 600) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.key = ECKey.generate_key("P-256", {"kid": "one"})
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.given: list[str] = []
        self._lasts_s = lasts_s

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_port}"

    def token(self, user: str) -> str:
        now = int(time.time())
        claims = {"sub": user, "iat": now - 5, "exp": now + self._lasts_s}
        return jwt.encode({"alg": "ES256", "kid": "one"}, claims, self.key)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, TokenServer)
        self._send(200, {"keys": [self.server.key.as_dict(private=False)]})

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, TokenServer)
        self.rfile.read(int(self.headers["Content-Length"]))
        scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
        user, _, secret = base64.b64decode(credentials).decode().partition(":")
        server.may_answer.wait()
        if (scheme, secret) != ("Basic", f"{user}-secret"):
            self._send(401, {"error": "invalid_client"})
            return
        server.given.append(user)
        self._send(200, {"access_token": server.token(user), "token_type": "Bearer"})

    def _send(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@contextmanager
def serving_tokens(tls: ssl.SSLContext) -> Iterator[TokenServer]:
    server = TokenServer(tls)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.may_answer.set()
        server.shutdown()
        thread.join()
        server.server_close()
