"""One client's connection: frames in, responses out in the order of requests.

Requests of one connection are served one at a time, as Kafka does, so that responses are in order and a slow one delays
only its own client; those that wait are read ahead up to a limit (limits.py), beyond which the socket is not read. A
client that sends many at once gets turns of a few requests, so that it does not delay the others either. One that does
not read its responses is not served further: the next request waits until the socket takes more. So the memory of one
connection is bounded: some requests ahead, one response. Of one that has not logged in no request is read ahead, and
none is kept while its rejection waits.
"""

import asyncio
import logging
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.authentication import ANONYMOUS, Authentication
from pykafka_cli.broker.network.connection_rates import NOT_AT_ALL, ConnectionRates, Hold
from pykafka_cli.broker.network.limits import READ_AHEAD_BYTES, READ_AHEAD_REQUESTS, ConnectionLimits, Intake
from pykafka_cli.broker.network.memory import Memory
from pykafka_cli.broker.network.pace import Pace
from pykafka_cli.broker.security.authorizer import Rights
from pykafka_cli.model import NO_TIME, Seconds
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.framing import SCRATCH_BYTES, FrameReceiver
from pykafka_cli.protocol.hot_path.wire import size_of
from pykafka_cli.repeated_lines import RepeatedLines
from pykafka_cli.rules.principal_names import NoPrincipalRule

_log = logging.getLogger(__name__)

_SIZE = struct.Struct(">i")
_FETCH = bytes((0, ApiKey.FETCH))  # what its requests begin with
_IPV4_IN_IPV6 = "::ffff:"

# Answers to requests that came together leave together, up to this size.
_TOGETHER_BYTES = 64 * 1024

# So many are served before other connections get their turn: what waits for nothing would never yield.
REQUESTS_PER_TURN = 32

# How long requests may take that came before the end of their connection: a client that wants no responses sends and
# leaves.
_LAST_REQUESTS_SECONDS = Seconds(5.0)


@dataclass(slots=True)
class Peer:
    """The peer.

    host              an address
    principal         what authentication made of it
    authentication    on a listener that requires a login
    pace              of large responses, where the client must not have them faster
    rights            what the principal may do; None before the first request, or without an authorizer
    silence           how long it is not listened to after the response to the current request, by its quotas
    """

    host: str
    port: int
    listener_name: str
    principal: str = ANONYMOUS
    authentication: Authentication | None = None
    pace: Pace | None = None
    rights: Rights | None = None
    silence: Seconds = NO_TIME

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port} on {self.listener_name}"


class Disconnect(Exception):
    """A connection must be closed though what came over it was well-formed. `kind` is a word for the metrics."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


Answer: TypeAlias = Callable[[bytearray, Peer], Awaitable[list[Buffer] | None]]
"""Serves one request; None: no response is wanted. Raises ProtocolError or Disconnect to end the connection."""


@dataclass(slots=True)
class Service:
    """The parts that the connections of one listener share."""

    listener_name: str
    answer: Answer
    clock: Clock
    metrics: Metrics
    limits: ConnectionLimits
    rates: ConnectionRates
    intake: Intake
    memory: Memory
    lines: RepeatedLines
    max_request_bytes: int
    begin_login: Callable[[], Authentication] | None = None
    max_login_bytes: int = 524_288
    principal_of: Callable[[asyncio.BaseTransport], str] = lambda _: ANONYMOUS
    scratch: bytearray = field(default_factory=lambda: bytearray(SCRATCH_BYTES))
    connections: dict["Connection", None] = field(default_factory=dict)
    workers: dict[asyncio.Task[None], None] = field(default_factory=dict)


class Connection(asyncio.BufferedProtocol):
    """An accepted connection, from asyncio's point of view."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._receiver = FrameReceiver(service.max_request_bytes, service.scratch)
        self._waiting: deque[bytearray] = deque()
        self._waiting_bytes = 0
        self._worker: asyncio.Task[None] | None = None
        self._arrival: asyncio.Future[None] | None = None  # of a request, when all that came are served
        self._in_turn = 0  # requests served since others had their turn
        self._unsent: list[Buffer] = []
        self._unsent_bytes = 0
        self._sending_is_due = False
        self._writable: asyncio.Future[None] | None = None  # while the socket accepts nothing more
        self._reading = True
        self._received = 0
        self._is_login_limited = False  # a client that has not logged in may send less
        self._room: asyncio.Future[None] | None = None  # while an answer has to wait for memory
        self._muted: asyncio.Future[None] | None = None  # while the client has to be silent
        self._is_admitted = False  # counted among the connections of the limits
        self.hold = NOT_AT_ALL
        self._is_last = False  # nothing is served after the current request
        self._last_active = self._last_sent = service.clock.monotonic()

    # What asyncio calls.

    def admit(self, host: str, port: int) -> bool:
        """Count the connection; return whether the limits allow it."""
        self.peer = Peer(host.removeprefix(_IPV4_IN_IPV6), port, self._service.listener_name)
        refusal = self._service.limits.take(self.peer.host, self.peer.listener_name)
        if refusal is not None:
            self._service.metrics.connections_refused += 1
            self._log(logging.WARNING, "limit", f"Refusing the connection from {self.peer}: {refusal} is reached")
            return False
        self._is_admitted = True
        self.hold = self._service.rates.take(self.peer.host, self.peer.listener_name)
        return True

    def forget(self) -> None:
        """The connection is closed, or has never been made: it counts no longer."""
        if self._is_admitted:
            self._service.limits.give_back(self.peer.host, self.peer.listener_name)
            self._is_admitted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        host, port = (peer or ("unknown", 0))[:2]
        # With TLS, it was counted before the handshake.
        if peer is None or not (self._is_admitted or self.admit(str(host), port)):
            self._transport.abort()  # no peer: it was reset before it was accepted
            return
        try:
            self.peer.principal = self._service.principal_of(transport)
        except (NoPrincipalRule, ValueError) as error:
            why = f"its certificate names no user: {error}"
            self._log(logging.WARNING, "certificate", f"Refusing the connection from {self.peer}: {why}")
            self._transport.abort()
            return
        if self._service.begin_login is not None:
            self.peer.authentication = self._service.begin_login()
            self._receiver.limit_to(self._service.max_login_bytes, "sasl.server.max.receive.size")
            self._is_login_limited = True
        metrics = self._service.metrics
        metrics.connections_opened += 1
        metrics.connections_open += 1
        self._service.connections[self] = None
        # Kept, since to find the running loop takes a system call (getpid), which small requests would feel.
        self._loop = asyncio.get_running_loop()
        # One task for all requests: many of them are so small that starting a task for each would show.
        self._worker = self._loop.create_task(self._serve())
        self._service.workers[self._worker] = None
        self._worker.add_done_callback(self._service.workers.pop)
        if self.hold.wait:
            self._hold(self.hold)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return self._receiver.get_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        self._last_active = self._service.clock.monotonic()
        self._received += nbytes
        held = self._receiver.under_way
        for frame in self._receiver.buffer_updated(nbytes):
            if not self._is_last:
                self._waiting.append(frame)
                self._waiting_bytes += len(frame)
                self._service.intake.add(len(frame))
        if held or self._receiver.under_way:
            self._service.memory.receive(self, self._receiver.under_way)
        if self._receiver.refusal is not None or self._has_read_enough():
            self._pause_reading()
        if self._waiting or self._receiver.refusal is not None:
            self._wake_worker()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()
        self._service.memory.send(self, self._transport.get_write_buffer_size())
        if self._is_login_limited:
            self._pause_reading()

    def resume_writing(self) -> None:
        self._last_active = self._service.clock.monotonic()
        self._service.memory.send(self, 0)
        self._stop_waiting_to_write()
        self._resume_reading()

    def eof_received(self) -> bool:
        # The transport closes itself, once all that was sent has left; a client that does not read is not waited for.
        if self._transport.get_write_buffer_size():
            self._service.clock.call_later(_LAST_REQUESTS_SECONDS, self._transport.abort)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.forget()
        if self not in self._service.connections:
            return  # rejected when it was made
        del self._service.connections[self]
        self._service.memory.forget(self)
        self.memory_freed()
        self._service.metrics.connections_open -= 1
        self._log_loss(exc)
        self._stop_waiting_to_write()
        if self.worker is not None:
            self._service.clock.call_later(Seconds(0.0) if exc else _LAST_REQUESTS_SECONDS, self.worker.cancel)
        else:
            self._is_last = True
            self._wake_worker()

    # What the listener calls.

    @property
    def worker(self) -> asyncio.Task[None] | None:
        """The task that serves requests, while it has one."""
        is_idle = self._worker is None or self._worker.done() or self._is_waiting_for_requests()
        return None if is_idle else self._worker

    def is_idle(self, since: float) -> bool:
        """Whether nothing has come or left after `since` (monotonic seconds).

        A request that waits does not count, as with Kafka: its client may be gone, which nobody sees while
        enough requests wait for the socket not to be read.
        """
        return max(self._last_active, self._last_sent) < since

    @property
    def progress(self) -> int:
        return self._received - (self._transport.get_write_buffer_size() if self._writable is not None else 0)

    @property
    def is_muted(self) -> bool:
        """Whether quotas keep it silent."""
        return self._muted is not None

    def memory_freed(self) -> None:
        """There may be memory again, for what is received or for an answer."""
        self._resume_reading()
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def finish(self) -> None:
        """Respond to the request that is being served, if any, and close."""
        self._is_last = True
        self._unmute()
        self._pause_reading()
        self._wake_worker()

    def end(self, kind: str, why: str, level: int = logging.INFO, *, at_once: bool = False) -> None:
        """Close, for a reason that goes into the log and, as `kind`, into the metrics.

        at_once    responses on their way are lost, as they are if the client reads none, or if this is not the first
                   reason to close
        """
        if self._transport.is_closing():
            self._transport.abort()
            return
        self._service.metrics.connections_ended[kind] += 1
        self._log(level, kind, f"Closing the connection from {self.peer}: {why}")
        self._is_last = True
        if at_once or self._writable is not None:
            self._transport.abort()
        else:
            self._send()
            self._transport.close()

    def _log_loss(self, exc: Exception | None) -> None:
        login = self.peer.authentication
        if login is not None and login.rejection and not self._is_last:
            line = f"The client has closed the connection from {self.peer}: {login.rejection}"
            self._log(logging.INFO, "authentication", line)
        else:
            _log.debug("Connection from %s is closed%s", self.peer, f": {exc}" if exc else "")

    def _log(self, level: int, kind: str, line: str) -> None:
        self._service.lines.log(_log, level, kind, self.peer.host, line)

    # Serving.

    async def _serve(self) -> None:
        """Serve the requests of the connection until its end."""
        try:
            while not self._is_last and (self._waiting or await self._has_another()):
                if self._in_turn == REQUESTS_PER_TURN:
                    self._in_turn = 0
                    await asyncio.sleep(0)
                    continue
                self._in_turn += 1
                frame = self._waiting.popleft()
                self._taken(frame)
                self._resume_reading()
                if frame[:2] == _FETCH and not await self._has_room():
                    continue
                buffers = await self._service.answer(frame, self.peer)
                del frame  # both may be large, and the waits below long
                if self.peer.authentication is not None and self.peer.authentication.delay:
                    await self._mute(self.peer.authentication.delay)
                if buffers is not None:
                    size = size_of(buffers)
                    if size > _TOGETHER_BYTES and self._service.memory.is_hopeless:
                        raise Disconnect("memory", "too many answers wait for clients that do not read")
                    if self.peer.pace is not None:
                        await self._keep_pace(self.peer.pace, size)
                    self._add(buffers, size)
                    del buffers
                if self._is_login_limited and self.peer.authentication and self.peer.authentication.is_complete:
                    self._is_login_limited = False
                    self._receiver.limit_to(self._service.max_request_bytes, "socket.request.max.bytes")
                if self.peer.authentication is not None and self.peer.authentication.is_refused:
                    raise Disconnect("authentication", self.peer.authentication.rejection)
                if self._writable is not None:
                    await self._writable
                if self.peer.silence:
                    silence, self.peer.silence = self.peer.silence, NO_TIME
                    await self._mute(silence)
            self._send()
            self._transport.close()
        except ProtocolError as error:
            self.end("protocol", str(error), logging.WARNING)
        except Disconnect as error:
            self.end(error.kind, str(error))
        except Exception:
            _log.exception("A request from %s could not be served", self.peer)
            self.end("failure", "a mistake in the broker", logging.ERROR)
        finally:
            self._is_last = True
            while self._waiting:
                self._taken(self._waiting.popleft())

    async def _has_another(self) -> bool:
        """Wait for the next request, once all that came are served; False if the connection ends without it."""
        while not self._waiting:
            self._send()
            if self._receiver.refusal is not None:
                raise self._receiver.refusal
            if self._is_last or self._transport.is_closing():
                return False
            self._in_turn = 0
            self._arrival = self._loop.create_future()
            await self._arrival
        return True

    def _is_waiting_for_requests(self) -> bool:
        return self._arrival is not None and not self._arrival.done()

    def _wake_worker(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def _hold(self, hold: Hold) -> None:
        """Serve a new connection later, or close it later."""
        self._muted = self._loop.create_future()
        self._pause_reading()
        self._service.clock.call_later(hold.wait, self._refuse if hold.is_closed else self._let_go)

    def _let_go(self) -> None:
        self._muted = None
        self._resume_reading()

    def _refuse(self) -> None:
        self.end("rate", f"{self.peer.host} makes more connections than its connection_creation_rate", logging.DEBUG)

    async def _mute(self, silence: Seconds) -> None:
        """Send what there is to be sent, and then serve and read nothing for a while."""
        self._send()
        muted = self._muted = self._loop.create_future()
        self._pause_reading()
        timer = self._service.clock.call_later(silence, self._unmute)
        try:
            await muted
        finally:
            timer.cancel()
            self._muted = None
            self._resume_reading()

    def _unmute(self) -> None:
        if self._muted is not None and not self._muted.done():
            self._muted.set_result(None)

    async def _has_room(self) -> bool:
        """Wait while there is no memory for a large answer; False if the connection is closed."""
        while not self._transport.is_closing():
            if self._service.memory.may_answer(self):
                return True
            self._room = self._loop.create_future()
            await self._room
        return False

    async def _keep_pace(self, pace: Pace, size: int) -> None:
        """Wait until a response of that many bytes may be sent."""
        clock = self._service.clock
        delay = pace.delay(size, self._last_active)
        if delay:
            await clock.sleep(delay)
        pace.sent(size, clock.monotonic())

    def _add(self, buffers: list[Buffer], size: int) -> None:
        """Send a response of `size` bytes at once, or together with the next if that request has arrived already."""
        self._service.metrics.response_bytes += size
        self._unsent += (_SIZE.pack(size), *buffers)
        self._unsent_bytes += size
        if not self._waiting or self._unsent_bytes >= _TOGETHER_BYTES:
            self._send()
        elif not self._sending_is_due:
            # The next request may have to wait for something; this response must not wait with it.
            self._sending_is_due = True
            self._loop.call_soon(self._send_what_is_due)

    def _send_what_is_due(self) -> None:
        self._sending_is_due = False
        self._send()

    def _send(self) -> None:
        buffers, size = self._unsent, self._unsent_bytes
        if not buffers:
            return
        self._unsent, self._unsent_bytes = [], 0
        self._last_sent = self._service.clock.monotonic()
        if self._transport.is_closing():
            return
        if size < _TOGETHER_BYTES:
            self._transport.write(b"".join(buffers))
        else:
            self._transport.writelines(buffers)

    def _stop_waiting_to_write(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _taken(self, frame: bytearray) -> None:
        self._waiting_bytes -= len(frame)
        self._service.intake.remove(len(frame))
        self._service.metrics.request_bytes += len(frame)

    def _has_read_enough(self) -> bool:
        if self._muted is not None or (self._receiver.under_way and not self._service.memory.may_receive(self)):
            return True
        if self._is_login_limited:
            return bool(self._waiting) or self._writable is not None
        return bool(self._waiting) and (
            len(self._waiting) >= READ_AHEAD_REQUESTS
            or self._waiting_bytes >= READ_AHEAD_BYTES
            or self._service.intake.is_full
        )

    def _pause_reading(self) -> None:
        if self._reading and not self._transport.is_closing():
            self._reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._reading and not self._is_last and self._receiver.refusal is None and not self._has_read_enough():
            self._reading = True
            if not self._transport.is_closing():
                self._transport.resume_reading()
