"""Decides which requests are accepted.

A page of another site may send requests to this address, and a name of another site may be made to point to it (DNS
rebinding). So Host must be one of ours, and so must Origin if a browser sends one; requests that change something need
the token
of our own pages; and our pages run no script but ours.
"""

import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_HTTP_PORT = 80


TOKEN_FIELD = "csrf_token"
MOST_FORM_BYTES = 2 << 20


class FormTooLarge(Exception):
    """A request body is larger than any form."""


class Token:
    """The token that requests which change something must carry; new each time the server starts."""

    def __init__(self) -> None:
        self.text = secrets.token_urlsafe(32)

    def is_in(self, form: Mapping[str, str]) -> bool:
        return hmac.compare_digest(form.get(TOKEN_FIELD, "").encode(), self.text.encode())


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, one per name.

    raises    FormTooLarge
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_FORM_BYTES:
            raise FormTooLarge
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


class Guard:
    """Rejects requests of other sites or for other hosts, and sets the headers of all responses.

    port    the server's port
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))
        if port == _HTTP_PORT:  # browsers omit the default port
            self._hosts |= {"127.0.0.1", "localhost", "[::1]"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        if problem := self._problem(Headers(scope=scope)):
            await PlainTextResponse(f"{problem}\n", 403)(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    def _problem(self, headers: Headers) -> str | None:
        host = headers.get("Host", "").lower()
        if host not in self._hosts:
            return f"This server is not {host or 'without a name'}: open it at the address that pk ui has printed."
        origin = headers.get("Origin")
        if origin is not None and origin.lower().removeprefix("http://") not in self._hosts:
            return f"Pages of {origin} may not use this server."
        if headers.get("Sec-Fetch-Site") == "cross-site" and headers.get("Sec-Fetch-Mode") != "navigate":
            return "Pages of other sites may not use this server."
        return None
