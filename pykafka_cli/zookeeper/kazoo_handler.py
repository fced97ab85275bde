"""How kazoo runs here: callbacks in its connection thread, a wake-up that never blocks the sender of a request, and
connections as ClientSecurity describes them.

kazoo queues a request and then writes one byte into a socket pair, from which its connection thread reads one byte for
each request that it puts on the wire. Without a connection nothing reads; after about 280 bytes the pair is full, and
the next write blocks the
requesting thread, which here is the event loop.

kazoo is kept, rather than replaced by an asyncio client on zookeeper/protocol: it has been proven with real ensembles
for years, and this was its only call that could block. `create_socket_pair` is part of its handlers'
interface (kazoo.interfaces.IHandler), so a counting pair solves it.
"""

import contextlib
import logging
import socket
import ssl
import threading
from typing import Any

import kazoo.exceptions
from kazoo.client import KazooClient
from kazoo.handlers.threading import SequentialThreadingHandler

from pykafka_cli.zookeeper.client_security import ClientSecurity, ZooKeeperLogin

_log = logging.getLogger(__name__)


def kazoo_client(hosts: str, timeout: float, security: ClientSecurity) -> KazooClient:
    """kazoo's client, which connects again for as long as it takes. Its `handler` is an InThread."""
    login = security.login
    client = KazooClient(
        hosts=hosts,
        timeout=timeout,
        handler=InThread(security.tls),
        connection_retry={"max_tries": -1, "delay": 0.05, "backoff": 2, "max_delay": 0.4},
        logger=logging.getLogger("kazoo"),
        sasl_options=None if login is None else _sasl_options(login),
    )
    if login is not None:
        _Logins(client, login.user).watch()
    return client


def _sasl_options(login: ZooKeeperLogin) -> dict[str, str | bytes]:
    # pure-sasl does not say that its names are UTF-8, so that servers take them for ISO 8859-1 (RFC 2831, 2.1.2.1).
    return {"mechanism": "DIGEST-MD5", "username": _octets(login.user), "password": _octets(login.password)}


def _octets(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


class _Logins:
    """Changes when kazoo gives up after a failed login.

    kazoo gives up if the server has rejected the login, but also if the connection was lost meanwhile, which is no
    different from any other loss. A client that has logged in before retries as well: a server may have been given
    the wrong users by mistake, and a broker should survive that.
    """

    def __init__(self, client: KazooClient, user: str) -> None:
        self._connection = client._connection
        self._authenticate = self._connection._authenticate_with_sasl
        self._user = user
        self._has_logged_in = False

    def watch(self) -> None:
        self._connection._authenticate_with_sasl = self._log_in

    def _log_in(self, host: str, timeout: float) -> None:
        try:
            self._authenticate(host, timeout)
        except (kazoo.exceptions.KazooException, self._connection.handler.timeout_exception) as error:
            cause = error.__cause__
            is_lost = isinstance(error, self._connection.handler.timeout_exception) or isinstance(
                cause, kazoo.exceptions.ConnectionDropped
            )
            if is_lost:
                raise kazoo.exceptions.ConnectionDropped("the connection was lost during the login") from error
            _log.error("ZooKeeper has rejected the login of %s", self._user)
            if self._has_logged_in:
                raise kazoo.exceptions.ConnectionDropped("the login was rejected") from error
            raise kazoo.exceptions.AuthFailedError("the login was rejected") from error
        self._has_logged_in = True


class InThread(SequentialThreadingHandler):  # type: ignore[misc]
    """Lets kazoo's connection thread run its callbacks itself, immediately: they must be quick.

    kazoo's own handler has one thread for responses and one for watches, which loses their order.
    `last_failure` says why the last attempt to connect failed, if it did.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.last_failure: str | None = None
        self._tls = tls

    def create_connection(self, *, address: tuple[str, int], hostname: str, timeout: float, **_: Any) -> socket.socket:
        """A connection; kazoo's own TLS is not used, as it reads stores of PEM only."""
        plain = None
        try:
            plain = socket.create_connection(address, timeout)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected = plain if self._tls is None else self._tls.wrap_socket(plain, server_hostname=hostname)
        except OSError as error:
            if plain is not None:
                plain.close()
            self.last_failure = _reason(error) if isinstance(error, ssl.SSLError) else None
            raise
        self.last_failure = None
        return connected

    def select(self, *args: Any) -> Any:
        """What can be read or written; what TLS has decrypted already can be read, whatever the socket says."""
        decrypted = [each for each in args[0] if isinstance(each, ssl.SSLSocket) and each.pending()]
        if not decrypted:
            return super().select(*args)
        waiting = [each for each in args[0] if each not in decrypted]
        others = super().select(waiting, *args[1:3], 0)
        return [*decrypted, *others[0]], others[1], others[2]

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def dispatch_callback(self, callback: Any) -> None:
        callback.func(*callback.args)

    def create_socket_pair(self) -> "tuple[CountedWakeUps, CountedWakeUps]":
        wake_ups = CountedWakeUps()
        return wake_ups, wake_ups


class CountedWakeUps:
    """Both ends of kazoo's socket pair: sent bytes are counted, and one real byte is in the pair while any are unread.

    `send` and `recv` return immediately, on any thread, however many bytes are unread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._reading, self._writing = socket.socketpair()
        self._reading.setblocking(False)
        self._writing.setblocking(False)

    def fileno(self) -> int:
        """For kazoo's select: readable while `recv` has a byte to give."""
        return self._reading.fileno()

    def send(self, data: bytes) -> int:
        with self._lock:
            if self._count == 0:
                self._writing.send(b"\0")
            self._count += len(data)
        return len(data)

    def recv(self, _size: int) -> bytes:
        """One byte; raises BlockingIOError when there is none, as a socket does."""
        with self._lock:
            if self._count == 0:
                raise BlockingIOError("no byte was sent")
            self._count -= 1
            if self._count == 0:
                with contextlib.suppress(OSError):  # closed meanwhile
                    self._reading.recv(1)
        return b"\0"

    def close(self) -> None:
        self._reading.close()
        self._writing.close()


def _reason(error: ssl.SSLError) -> str:
    """Why TLS did not begin."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return f"TLS did not begin: {(error.reason or str(error)).replace('_', ' ').lower()}"
