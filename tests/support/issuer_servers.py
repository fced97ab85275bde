"""Servers of the keys of an issuer of tokens, without TLS and with it."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from joserfc.jwk import ECKey

from tests.support.certificates import Authority, pem_store


def published(*names: str) -> bytes:
    """New keys of these names, as a server answers with them."""
    return key_set(*(ECKey.generate_key("P-256", {"kid": name}) for name in names))


def key_set(*keys: ECKey) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


class IssuerServer(HTTPServer):
    """Answers with `content`, or with an error if there is none."""

    scheme = "http"

    def __init__(self, port: int = 0, content: bytes | None = None) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.content, self.requests = content, 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}/keys"


class SecureIssuerServer(IssuerServer):
    """The same with TLS; this authority vouches for it."""

    scheme = "https"

    def __init__(self, authority: Authority, folder: Path, port: int = 0, content: bytes | None = None) -> None:
        super().__init__(port, content)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(pem_store(folder / "issuer.pem", authority.identity("CN=issuer")))
        self.socket = tls.wrap_socket(self.socket, server_side=True)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, IssuerServer)
        server.requests += 1
        self.send_response(200 if server.content is not None else 503)
        self.end_headers()
        self.wfile.write(server.content or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@contextmanager
def serving(server: IssuerServer) -> Iterator[IssuerServer]:
    """Answer until the end of the block."""
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
