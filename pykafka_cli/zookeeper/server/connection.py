"""One client's TCP connection: frames in, responses and events out, isolated from other connections.

Requests of a client are served in order. It gets turns of a few requests, and none while too many bytes of responses
are unsent: so one that floods or does not read costs bounded memory, and delays only itself. Watch events cannot be
held
back like that; a client that lets them pile up is disconnected. The first bytes may instead be a four-letter word; its
response ends the connection.
Source: org.apache.zookeeper.server.NIOServerCnxn.
"""

import asyncio
import logging
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol, cast

from pykafka_cli.model import Milliseconds, Seconds, Timestamp
from pykafka_cli.repeated_lines import RepeatedLines
from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.framing import FrameReader, FrameTooLarge
from pykafka_cli.zookeeper.protocol.records import Id
from pykafka_cli.zookeeper.protocol.requests import ConnectRequest, OpCode, read_connect_request
from pykafka_cli.zookeeper.server.digest_md5 import DigestMd5Server
from pykafka_cli.zookeeper.server.pipeline import Delivery, Rejected
from pykafka_cli.zookeeper.server.sessions import printed
from pykafka_cli.zookeeper.server.statistics import ConnectionStatistics, ServerStatistics

_log = logging.getLogger(__name__)

REQUESTS_PER_TURN = 100
UNSENT_TO_PAUSE = 256 * 1024
"""Unsent bytes of responses above which no further request is read."""
UNSENT_TO_GIVE_UP = 32 * 1024 * 1024
"""Unsent bytes above which the client is disconnected; beyond the pause, these can only be events."""
LONGEST_CONNECT_REQUEST = 4096
"""Maximum size of a frame from a client without a session; a connect request has 45 bytes."""
_TIME_TO_LEAVE = Seconds(5.0)  # seconds for a closed connection to accept what was sent to it

_WORD_LENGTH = 4
_MAPPED = "::ffff:"  # an IPv4 address as a socket for both kinds shows it


class Phase(Enum):
    """OPENING: expects a connect request or a four-letter word. OPEN: expects requests. LEAVING: nothing is read."""

    OPENING = auto()
    OPEN = auto()
    LEAVING = auto()


class Host(Protocol):
    """What a connection needs of its server."""

    statistics: ServerStatistics
    lines: RepeatedLines

    def monotonic(self) -> float: ...
    def now_ms(self) -> Timestamp: ...
    def call_later(self, delay: Seconds, callback: Callable[[], object]) -> object: ...

    def admit(self, connection: "Connection") -> str | None:
        """Count a new connection, or return why it must be rejected."""

    def forget(self, connection: "Connection") -> None:
        """The connection is closed."""

    def hold(self, connection: "Connection", size: int) -> None:
        """Note how many bytes of memory the connection takes."""

    def connect(
        self, connection: "Connection", request: ConnectRequest, read_only: bool | None, received_at: float
    ) -> None: ...
    def submit(self, connection: "Connection", frame: bytes, received_at: float) -> None: ...

    def four_letter_word(self, word: bytes, asking: "Connection") -> str | None:
        """The response to a word; None if it is not one."""


class Connection(asyncio.Protocol):
    """One connection; the pipeline's Client and watcher."""

    is_secure = False
    """Whether it uses TLS."""

    def __init__(self, host: Host, frame_limit: int) -> None:
        self.session_id = 0
        self.identities: list[Id] = []
        self.login: DigestMd5Server | None = None
        self.peer: tuple[str, int] = ("?", 0)
        self.statistics = ConnectionStatistics(host.now_ms())
        self.connected_at = host.monotonic()
        self._host = host
        self._frame_limit = frame_limit
        self._reader = FrameReader()
        self._reader.limit_to(min(frame_limit, LONGEST_CONNECT_REQUEST), "the limit before there is a session")
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._phase = Phase.OPENING
        self._ending = False
        self._congested = False
        self._unsent = 0  # bytes expected and not yet passed to the transport
        self._outgoing: list[bytes] = []
        self._flushing = False
        self._turn: asyncio.Handle | None = None
        self._received_at = self.connected_at

    def __str__(self) -> str:
        return f"/{self.peer[0]}:{self.peer[1]}"

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if peer is None:  # it was reset before it was accepted
            self.abort()
            return
        host, port = peer[:2]
        self.peer = (address_text(host), port)
        self.identities.append(Id("ip", self.peer[0]))
        self._transport.set_write_buffer_limits(high=UNSENT_TO_PAUSE)
        if refusal := self._host.admit(self):
            self.end(refusal, cause="limit")

    def data_received(self, data: bytes) -> None:
        if self._ending:
            return
        self._received_at = self._host.monotonic()
        self._reader.feed(data)
        if self._turn is None:
            self._serve_turn()
        self._count_held()

    def pause_writing(self) -> None:
        self._congested = True

    def resume_writing(self) -> None:
        self._congested = False
        self._count_held()
        self._continue_reading()

    def eof_received(self) -> bool:
        # The transport closes itself once everything is sent; a client that does not read is not waited for.
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._host.call_later(_TIME_TO_LEAVE, self.abort)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ending:
            _log.debug("Connection %s closed by its client%s", self, f": {exc}" if exc else "")
            self._ending = True
            self._host.statistics.dropped_connections += 1
        if self._turn is not None:
            self._turn.cancel()
        self._transport = None
        self._outgoing.clear()
        self._host.forget(self)

    # What the pipeline calls.

    def expect(self, size: int, *, last: bool) -> None:
        """Note that `size` bytes will be delivered later; after the `last` ones, no request is read."""
        self._unsent += size
        self.statistics.outstanding += 1
        if last:
            self._phase = Phase.LEAVING

    def deliver(self, delivery: Delivery) -> None:
        """Send what was expected; close the connection afterwards if the delivery says why."""
        self.statistics.outstanding -= 1
        if self._transport is None:
            return
        self._outgoing.append(delivery.frame)
        self._count_answer(delivery)
        if delivery.end is not None:
            self._host.statistics.failed_authentications += delivery.kind in (OpCode.AUTH, OpCode.SASL)
            self._flush()
            level = logging.DEBUG if delivery.kind is OpCode.CLOSE_SESSION else logging.INFO
            self.end(delivery.end, level, cause=delivery.kind.name if delivery.kind is not None else "closed")
        elif not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def postpone(self, size: int) -> None:
        """Count bytes of requests that wait for the outcome of earlier ones; negative ones do so no longer."""
        self._unsent += size
        if size < 0 and self._turn is None:
            self._continue_reading()

    def end(self, reason: str, level: int = logging.INFO, *, cause: str = "closed") -> None:
        """Close the connection once everything is sent. The reason goes to the log.

        cause    a word for the kind of reason; the log counts those that repeat
        """
        if self._ending:
            return
        self._ending = True
        line = f"Closing connection {self} of session 0x{printed(self.session_id)}: {reason}"
        self._host.lines.log(_log, level, cause, self.peer[0], line)
        if self._transport is not None:
            self._transport.close()
            self._host.call_later(_TIME_TO_LEAVE, self.abort)

    def abort(self) -> None:
        """Drop the connection with everything that is unsent."""
        self._ending = True
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_reading(self) -> bool:
        """Whether requests are read from the network."""
        return self._transport is not None and self._transport.is_reading()

    # Serving requests.

    def _serve_turn(self) -> None:
        """Serve some of the requests that have arrived, then give other connections their turn."""
        self._turn = None
        self._flushing = True
        try:
            for _ in range(REQUESTS_PER_TURN):
                if self._ending or self._is_congested() or not self._serve_one():
                    break
        except (FrameTooLarge, MarshallingError, Rejected) as error:
            self._flush()
            self.end(str(error), cause=type(error).__name__)
        except Exception:
            # Our bug, which must only close this connection: its client would wait for a response forever.
            _log.exception("A request of session 0x%s failed", printed(self.session_id))
            self.abort()
        self._flush()
        self._continue_reading()

    def _serve_one(self) -> bool:
        """Serve the next request if it has arrived completely."""
        if self._phase is Phase.OPENING and self._answer_word():
            return False
        frame = self._reader.take()
        if frame is None:
            return False
        self.statistics.received += 1
        self._host.statistics.received += 1
        if self._phase is Phase.OPEN:
            self._host.submit(self, frame, self._received_at)
        elif self._phase is Phase.OPENING:
            request, read_only = read_connect_request(frame)
            self._phase = Phase.OPEN
            self._reader.limit_to(self._frame_limit)
            self._host.connect(self, request, read_only, self._received_at)
        return True

    def _answer_word(self) -> bool:
        """Respond to a four-letter word and close; return whether the connection began with one."""
        word = self._reader.opening
        if len(word) < _WORD_LENGTH or (answer := self._host.four_letter_word(word, self)) is None:
            return False
        data = answer.encode()
        self._unsent += len(data)
        self._outgoing.append(data)
        self._flush()
        self.end(f"it sent {word.decode('latin-1')}", logging.DEBUG)
        return True

    def _is_congested(self) -> bool:
        return self._congested or self._unsent > UNSENT_TO_PAUSE

    def _continue_reading(self) -> None:
        """Continue reading, or pause while requests wait, and schedule their turn."""
        transport = self._transport
        if self._ending or transport is None or transport.is_closing():
            return
        waiting, congested = self._reader.has_frame, self._is_congested()
        if waiting or congested:
            if transport.is_reading():
                transport.pause_reading()
        elif not transport.is_reading():
            transport.resume_reading()
        if waiting and not congested and self._turn is None:
            self._turn = self._loop.call_soon(self._serve_turn)

    # Sending.

    def _flush(self) -> None:
        """Write everything to the network in one piece."""
        self._flushing = False
        if self._transport is None or not self._outgoing:
            return
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        self._unsent -= len(data)
        self._transport.write(data)
        waiting = self._transport.get_write_buffer_size()
        if waiting:
            self._count_held()
        if waiting > UNSENT_TO_GIVE_UP:
            self.end(f"it does not read: {waiting} bytes are unread", cause="unread")
            self.abort()
        elif self._turn is None:
            self._continue_reading()

    def _count_held(self) -> None:
        """Report to the server how much memory this connection takes: incomplete requests and unread responses."""
        if self._transport is not None:
            self._host.hold(self, self._reader.buffered + self._transport.get_write_buffer_size())

    def _count_answer(self, delivery: Delivery) -> None:
        self.statistics.sent += 1
        self._host.statistics.sent += 1
        if delivery.kind is None:
            return
        now = self._host.monotonic()
        latency_ms = Milliseconds(int((now - delivery.received_at) * 1000))
        statistics = self.statistics
        statistics.latencies.add(latency_ms)
        self._host.statistics.latencies.add(latency_ms)
        self._host.statistics.response_sizes.add(len(delivery.frame))
        statistics.last_operation = delivery.kind.name
        statistics.last_xid = delivery.xid
        statistics.last_zxid = delivery.zxid
        statistics.last_latency_ms = latency_ms
        statistics.last_response_ms = int(now * 1000)


def address_text(host: str) -> str:
    """The address of a peer; one of IPv4 as it is, although the socket is for both kinds."""
    return host.removeprefix(_MAPPED)
