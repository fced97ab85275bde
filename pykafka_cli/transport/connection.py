"""One connection to one broker, the client side.

A frame, both ways, is its length (int32) and that many bytes:

    request   api key int16, version int16, correlation id int32, client id nullable string [, tagged fields], body
    answer    correlation id int32 [, tagged fields], body

The tagged fields are there from each API's first flexible version on; the response to ApiVersions never has them, so
that a client can read it whatever the broker is (KIP-511). A broker answers in the order it was asked, but answers are
matched by correlation id all the same, and any number of requests may be in flight.

Not here: which broker to ask, retries, and the APIs themselves. aiokafka is not imported either; a command that sends
one request must not pay for a client that can do everything.
"""

import asyncio
import importlib
import random
import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self, cast

from kio.serial import entity_reader
from kio.serial.errors import SerialError

from pykafka_cli.model import Seconds
from pykafka_cli.transport.errors import (
    AnswerUnreadable,
    AuthenticationFailed,
    BrokerUnreachable,
    ConnectionFailed,
    ConnectionLost,
    HostUnknown,
    NoAnswerInTime,
    NotKafka,
    TlsFailed,
    VersionUnsupported,
    another,
    reason_of,
    tls_failure,
)
from pykafka_cli.transport.messages import api_name, encoded, response_type_of, without_tagged_fields

if TYPE_CHECKING:
    from pykafka_cli.transport.sasl import SaslExchange

MAX_ANSWER_BYTES = 256 * 1024 * 1024
"""Above any response that a broker gives, below what the first bytes of HTTP or a TLS alert are when read as a
length."""

_DEFAULT_TIMEOUT = Seconds(30.0)

SASL_AUTHENTICATE = 36
_SHARE_OF_LOGIN = (0.85, 0.95)
"""The share of a login's lifetime after which the next one is due, as in Kafka's clients."""

API_VERSIONS = 18  # as in protocol/api_keys.py, which a command that only lists need not load

_HEADER = struct.Struct(">hhih")
_LENGTH = struct.Struct(">i")
_VERSIONS_HEAD = struct.Struct(">hi")
_VERSION_ENTRY = struct.Struct(">hhh")


class VersionRange(NamedTuple):
    """Versions of one API, both ends included."""

    min: int
    max: int


class Observer(Protocol):
    """Sees what goes over connections: whole frames without their lengths. `connection` is a number."""

    def opened(self, connection: int, address: str) -> None: ...

    def sent(self, connection: int, frame: bytes) -> None: ...

    def received(self, connection: int, frame: bytes) -> None: ...

    def ended(self, connection: int) -> None: ...


class Connection(asyncio.BufferedProtocol):
    """A connection that is open when you get it; `open` makes one.

    A request that is canceled, or that had no response in time, leaves the connection usable: its response is dropped
    when it comes. Everything else that goes wrong ends the connection and fails all that is in flight.

    observer    sees all frames of all connections
    """

    observer: ClassVar[Observer | None] = None

    def __init__(self, address: str, *, client_id: str | None, timeout: Seconds) -> None:
        self.address = address
        self.timeout = timeout
        self._client_id = b"" if client_id is None else client_id.encode()
        self._client_id_length = -1 if client_id is None else len(self._client_id)
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[int, asyncio.Future[memoryview]] = {}
        self._abandoned: set[int] = set()
        self._last_id = 0
        self._end: ConnectionFailed | None = None
        self.on_end: Callable[[], None] | None = None
        """Called when the connection has ended, whoever ended it."""
        self._drained: asyncio.Future[None] | None = None
        self._versions: Mapping[int, VersionRange] | None = None
        self._next_login: Callable[[], SaslExchange | None] | None = None
        self._login_due: float | None = None
        """When the next request has to wait for another login, by the loop's clock."""
        self._renewal: asyncio.Task[None] | None = None
        self._length = bytearray(_LENGTH.size)
        self._frame: bytearray | None = None  # None while its length is being read
        self._unfilled = memoryview(self._length)

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        *,
        client_id: str | None,
        tls: ssl.SSLContext | None = None,
        sasl: "SaslExchange | None" = None,
        next_login: "Callable[[], SaslExchange | None] | None" = None,
        timeout: Seconds = _DEFAULT_TIMEOUT,
        request_timeout: Seconds | None = None,
    ) -> Self:
        """Connect, shake hands over TLS, authenticate.

        next_login        makes another exchange, for brokers that let a login last for some time only (KIP-368)
        timeout           seconds for all of that
        request_timeout   seconds for each later answer; `timeout` if not given
        raises            BrokerUnreachable, Rejected, ConnectionLost
        """
        address = f"{host}:{port}"
        loop = asyncio.get_running_loop()
        connection: Self | None = None
        try:
            async with asyncio.timeout(timeout):
                _, connection = await loop.create_connection(
                    lambda: cls(address, client_id=client_id, timeout=timeout),
                    host,
                    port,
                    ssl=tls,
                    server_hostname=host if tls else None,
                )
                if sasl:
                    connection._next_login = next_login
                    await connection._authenticate(sasl)
                if request_timeout is not None:
                    connection.timeout = request_timeout
                return connection
        except TimeoutError:
            problem: ConnectionFailed = BrokerUnreachable(f"{address} did not answer within {timeout:g} s")
        except ssl.SSLError as error:
            problem = tls_failure(address, error)
        except socket.gaierror as error:
            problem = HostUnknown(f"cannot connect to {address}: {reason_of(error)}")
        except OSError as error:
            if reason := reason_of(error):
                problem = BrokerUnreachable(f"cannot connect to {address}: {reason}")
            elif tls:
                problem = TlsFailed(f"cannot connect to {address}: it aborted the TLS handshake")
            else:
                problem = BrokerUnreachable(f"cannot connect to {address}: {type(error).__name__}")
        except (ConnectionFailed, asyncio.CancelledError):
            if connection:
                connection.close()
            raise
        if connection:
            connection.close()
        raise problem

    # ---- asking

    async def request(
        self, request: Any, response_type: type[Any] | None = None, *, timeout: Seconds | None = None
    ) -> Any:
        """Send a kio request in its class's version and give kio's response of the same version.

        response_type   for messages that are not kio's own, where it is not the class XResponse of XRequest
        timeout         seconds; the connection's own if not given
        raises          ConnectionLost, NoAnswerInTime
        """
        if self._is_login_due():
            await self._log_in_again()
        return await self._response(request, response_type, timeout)

    async def _response(self, request: Any, response_type: type[Any] | None, timeout: Seconds | None) -> Any:
        request_type = type(request)
        answer = await self._ask(
            request_type.__api_key__,
            request_type.__version__,
            request_type.__header_schema__.__version__,
            encoded(request),
            timeout,
        )
        return self._decoded(answer, response_type or response_type_of(request_type))

    async def request_raw(
        self, api_key: int, api_version: int, header_version: int, body: bytes, *, timeout: Seconds | None = None
    ) -> memoryview:
        """Send `body` under a header of version 1 or 2 (2: a flexible API version); the response's body.

        What is not answered in time ends the connection, as in Kafka's clients: answers come in order, so nothing that
        is asked after it would fare better, and the system may not notice for hours that a peer vanished.
        """
        if self._is_login_due():
            await self._log_in_again()
        return await self._ask(api_key, api_version, header_version, body, timeout)

    async def _ask(
        self, api_key: int, api_version: int, header_version: int, body: bytes, timeout: Seconds | None
    ) -> memoryview:
        correlation_id = self._send(api_key, api_version, header_version, body)
        answer = self._waiting[correlation_id] = asyncio.get_running_loop().create_future()
        seconds = self.timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(seconds):
                if self._drained:
                    await asyncio.shield(self._drained)
                frame = await answer
        except TimeoutError:
            problem = f"{self.address} did not respond to {api_name(api_key)} within {seconds:g} s"
            self._waiting.pop(correlation_id, None)
            self._fail(ConnectionLost(problem))
            raise NoAnswerInTime(problem) from None
        finally:
            if self._waiting.pop(correlation_id, None):  # it is still to come
                self._abandoned.add(correlation_id)
        return frame if header_version < 2 or api_key == API_VERSIONS else without_tagged_fields(frame)

    async def send(self, request: Any) -> None:
        """Send a kio request that gets no response, Produce with acks=0; done once the system has all of its bytes.

        raises    ConnectionLost, also if the broker reads too little within the connection's time
        """
        if self._is_login_due():
            await self._log_in_again()
        request_type = type(request)
        header_version = request_type.__header_schema__.__version__
        self._send(request_type.__api_key__, request_type.__version__, header_version, encoded(request))
        if self._drained:
            try:
                async with asyncio.timeout(self.timeout):
                    await asyncio.shield(self._drained)
            except TimeoutError:
                end = ConnectionLost(f"{self.address} did not read a whole request within {self.timeout:g} s")
                self._fail(end)
                assert self._transport
                self._transport.abort()  # it would wait for what is unsent
        if self._end:
            raise another(self._end)

    async def api_versions(self) -> Mapping[int, VersionRange]:
        """The versions that the broker supports, by API key; requested once, in version 0, which all brokers accept."""
        if self._versions is None:
            if self._is_login_due():
                await self._log_in_again()
            return await self._ask_versions()
        return self._versions

    async def _ask_versions(self) -> Mapping[int, VersionRange]:
        answer = await self._ask(API_VERSIONS, 0, 1, b"", None)
        try:
            error_code, count = _VERSIONS_HEAD.unpack_from(answer)
            entries = answer[_VERSIONS_HEAD.size :][: count * _VERSION_ENTRY.size]
            versions = {key: VersionRange(low, high) for key, low, high in _VERSION_ENTRY.iter_unpack(entries)}
        except struct.error as error:
            raise self._malformed("ApiVersionsResponse 0", error) from error
        if error_code:
            raise VersionUnsupported(f"{self.address} rejected ApiVersions: error {error_code}")
        self._versions = versions
        return versions

    async def newest(self, api_key: int, ours: VersionRange) -> int:
        """The newest version of an API that both sides have.

        raises    VersionUnsupported, naming both ranges
        """
        theirs = (await self.api_versions()).get(api_key)
        if theirs is None:
            from pykafka_cli.protocol.api_keys import constant_of

            raise VersionUnsupported(f"The node does not support {constant_of(api_key)}")
        version = min(theirs.max, ours.max)
        if version < max(theirs.min, ours.min):
            raise VersionUnsupported(
                f"{self.address} has versions {theirs.min} to {theirs.max} of {api_name(api_key)}; "
                f"{ours.min} to {ours.max} are supported here"
            )
        return version

    def close(self) -> None:
        """End the connection; what is in flight fails with ConnectionLost."""
        self._fail(ConnectionLost(f"the connection to {self.address} was closed"))

    @property
    def is_open(self) -> bool:
        return self._end is None

    @property
    def tls(self) -> ssl.SSLObject | None:
        """Version and certificate, after a handshake; None on a connection without TLS."""
        return self._transport.get_extra_info("ssl_object") if self._transport else None

    def _decoded(self, answer: memoryview, response_type: type[Any]) -> Any:
        try:
            return entity_reader(response_type)(answer, 0)[0]
        except (SerialError, ValueError, LookupError, TypeError, OverflowError) as error:  # kio names only some
            return self._read_after_all(answer, response_type, error)

    def _read_after_all(self, answer: memoryview, response_type: type[Any], rejected: Exception) -> Any:
        from pykafka_cli.protocol.errors import ProtocolError
        from pykafka_cli.protocol.message_reading import read_rejected

        try:
            return read_rejected(response_type, answer, 0, rejected)
        except ProtocolError as error:
            raise self._malformed(f"{response_type.__name__} {response_type.__version__}", error) from error

    def _malformed(self, expected: str, error: Exception) -> AnswerUnreadable:
        """End the connection, as nothing that follows can be trusted either."""
        end = AnswerUnreadable(f"{self.address} sent an invalid {expected}: {error}")
        self._fail(end)
        return end

    def _send(self, api_key: int, api_version: int, header_version: int, body: bytes) -> int:
        assert self._transport
        if self._end is None and self._transport.is_closing():
            # It is lost, and connection_lost is about to be called; asyncio would log each write until then.
            self._fail(ConnectionLost(f"{self.address} closed the connection"))
        if self._end:
            raise another(self._end)
        self._last_id = self._last_id % 0x7FFFFFFF + 1
        header = _HEADER.pack(api_key, api_version, self._last_id, self._client_id_length) + self._client_id
        if header_version >= 2:
            header += b"\x00"
        self._transport.write(_LENGTH.pack(len(header) + len(body)) + header + body)
        if self.observer:
            self.observer.sent(id(self), header + body)
        return self._last_id

    async def _authenticate(self, exchange: "SaslExchange") -> None:
        """SaslHandshake 1, then SaslAuthenticate until both sides are done (KIP-43, KIP-152).

        From SaslAuthenticate 1 on, the broker may say how long the login lasts (KIP-368).
        """
        from kio.schema.sasl_handshake.v1 import SaslHandshakeRequest

        from pykafka_cli.transport.own_thread import in_own_thread
        from pykafka_cli.transport.sasl import SaslFailure

        try:
            authenticate = await self._newest_authenticate()
            handshake = await self._response(SaslHandshakeRequest(mechanism=exchange.mechanism), None, None)
            if handshake.error_code:
                raise AuthenticationFailed(
                    f"{self.address} does not support SASL mechanism {exchange.mechanism}; "
                    f"it offers {', '.join(handshake.mechanisms) or 'none'}"
                )
            answer: bytes | None = None
            # A mechanism may have to ask others first, for tickets or tokens.
            while (token := await in_own_thread(partial(exchange.respond, answer))) is not None:
                result = await self._response(authenticate(auth_bytes=token), None, None)
                if result.error_code:
                    raise AuthenticationFailed(result.error_message or f"{self.address} rejected the credentials")
                answer = result.auth_bytes
                if lifetime := getattr(result, "session_lifetime", None):
                    share = random.uniform(*_SHARE_OF_LOGIN)  # so that many clients do not come at once
                    self._login_due = asyncio.get_running_loop().time() + lifetime.total_seconds() * share
        except SaslFailure as failure:
            raise AuthenticationFailed(f"{self.address}: {failure}") from None

    async def _newest_authenticate(self) -> type[Any]:
        """The request of the newest version that both sides have; version 0 is older than what says so."""
        if self._versions is None:
            await self._ask_versions()
        assert self._versions is not None
        theirs = self._versions.get(SASL_AUTHENTICATE)
        module = f"kio.schema.sasl_authenticate.v{1 if theirs and theirs.max >= 1 else 0}"
        found: type[Any] = importlib.import_module(module).SaslAuthenticateRequest
        return found

    def _is_login_due(self) -> bool:
        """Whether a request has to wait for another login."""
        if self._renewal is not None:
            return True
        return self._login_due is not None and asyncio.get_running_loop().time() >= self._login_due

    async def _log_in_again(self) -> None:
        """Log in again, once for all requests that wait for it; they follow it, as nothing may come in between."""
        if self._renewal is None:
            self._renewal = asyncio.get_running_loop().create_task(self._renew_login())
        await asyncio.shield(self._renewal)

    async def _renew_login(self) -> None:
        self._login_due = None
        try:
            if self._end is None and self._next_login and (exchange := self._next_login()):
                await self._authenticate(exchange)
        except AuthenticationFailed as error:
            self._fail(error)
            raise
        finally:
            self._renewal = None

    # ---- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its class
        self._transport.set_write_buffer_limits(high=0)  # what waits in here would be lost when the process ends
        if self.observer:
            self.observer.opened(id(self), self.address)

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self._unfilled

    def buffer_updated(self, nbytes: int) -> None:
        self._unfilled = self._unfilled[nbytes:]
        if self._unfilled:
            return
        if self._frame is None:
            (length,) = _LENGTH.unpack(self._length)
            if not _LENGTH.size <= length <= MAX_ANSWER_BYTES:
                self._fail(NotKafka(f"{self.address} does not speak Kafka's protocol here; is it a TLS listener?"))
                return
            self._frame = bytearray(length)
            self._unfilled = memoryview(self._frame)
        else:
            frame, self._frame = memoryview(self._frame).toreadonly(), None
            self._unfilled = memoryview(self._length)
            if self.observer:
                self.observer.received(id(self), bytes(frame))
            self._deliver(int.from_bytes(frame[:4]), frame[4:])

    def _deliver(self, correlation_id: int, body: memoryview) -> None:
        if answer := self._waiting.pop(correlation_id, None):
            if not answer.done():
                answer.set_result(body)
        elif correlation_id in self._abandoned:
            self._abandoned.discard(correlation_id)
        else:
            self._fail(ConnectionLost(f"{self.address} sent a response to an unknown request ({correlation_id})"))

    def pause_writing(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._drained and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    def connection_lost(self, error: Exception | None) -> None:
        if isinstance(error, ssl.SSLError):  # in TLS 1.3 the broker checks our certificate after we are done
            self._fail(tls_failure(self.address, error))
            return
        why = f": {reason_of(error)}" if isinstance(error, OSError) else f": {error}" if error else ""
        self._fail(ConnectionLost(f"{self.address} closed the connection{why}"))

    def _fail(self, end: ConnectionFailed) -> None:
        if self._end is None:
            self._end = end
            if self.observer:
                self.observer.ended(id(self))
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(another(end))
            self._waiting.clear()
            self.resume_writing()
            if self._transport:
                self._transport.close()
            if self.on_end:
                self.on_end()
