"""Reads what a server of tokens or keys sends by HTTP: within a time, up to a size, and only from where it should be.

urllib's timeout is for each wait alone, so that a server which sends a byte now and then would be read forever; here,
its connection is shut down at a deadline, the TLS handshake included. Proxies are those of the environment.
"""

import http.client
import socket
import ssl
import threading
import urllib.error
import urllib.request
from functools import partial
from typing import Any

from pykafka_cli.model import Seconds

MOST_BYTES = 1 << 20
_MOST_BYTES_OF_ERROR = 1 << 16


class BadStatus(OSError):
    """The server responded, but not with what was requested.

    body    what it sent about that
    """

    def __init__(self, status: int, reason: str, body: bytes) -> None:
        super().__init__(f"{status} {reason}")
        self.status, self.body = status, body


def read_url(
    request: urllib.request.Request, *, tls: ssl.SSLContext | None, timeout: Seconds, within: Seconds
) -> bytes:
    """The body of a response. Blocks.

    tls        for https; None for the system's trust
    timeout    seconds for each wait
    within     seconds for the connection as a whole
    raises     OSError, of which BadStatus is one; ValueError if there is too much
    """
    with _Deadline(within) as deadline:
        opener = urllib.request.build_opener(_Http(deadline), _Https(tls, deadline), _Redirects())
        try:
            with opener.open(request, timeout=timeout) as answer:
                data: bytes = answer.read(MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise BadStatus(error.code, str(error.reason), _text_of(error)) from None
        except (OSError, http.client.HTTPException) as error:
            if deadline.is_over:
                raise TimeoutError(f"it takes longer than {within:g} s") from None
            if not isinstance(error, OSError):
                raise OSError(f"it does not speak HTTP ({type(error).__name__})") from None
            raise
        if deadline.is_over:
            raise TimeoutError(f"it takes longer than {within:g} s")
    if len(data) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES} bytes")
    return data


def _text_of(error: urllib.error.HTTPError) -> bytes:
    try:
        return error.read(_MOST_BYTES_OF_ERROR)
    except (OSError, http.client.HTTPException):
        return b""


class _Deadline:
    """Shuts down connections that are open when the time is up."""

    def __init__(self, within: Seconds) -> None:
        self.is_over = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(within, self._end)
        self._timer.daemon = True

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for each in self._sockets:
                each.close()
            self._sockets.clear()

    def watch(self, connected: socket.socket) -> None:
        with self._lock:
            self._sockets.append(connected.dup())  # TLS takes the original over
            if self.is_over:
                self._shut_down()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            self._shut_down()

    def _shut_down(self) -> None:
        for each in self._sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:  # the server has been faster
                continue


class _Watched(http.client.HTTPConnection):
    deadline: _Deadline

    def connect(self) -> None:
        super().connect()
        self.deadline.watch(self.sock)


class _WatchedTls(http.client.HTTPSConnection, _Watched):
    """Connects as _Watched does, then shakes hands."""


def _watched(kind: type[_Watched], deadline: _Deadline, *arguments: Any, **named: Any) -> _Watched:
    made = kind(*arguments, **named)
    made.deadline = deadline
    return made


class _Http(urllib.request.HTTPHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_watched, _Watched, self._deadline), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, tls: ssl.SSLContext | None, deadline: _Deadline) -> None:
        super().__init__(context=tls)
        self._tls, self._deadline = tls, deadline

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_watched, _WatchedTls, self._deadline), req, context=self._tls)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """No credentials go elsewhere, and what https protects is not read by http instead."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        schemes = ("https:",) if req.type == "https" else ("https:", "http:")
        if req.data is not None or not newurl.startswith(schemes):
            raise urllib.error.HTTPError(
                req.full_url, code, f"it redirects to {newurl}, which is not followed", headers, fp
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)
