"""How much memory clients may hold: requests that arrive slowly, and responses that are not read.

    requests under way    queued.max.request.bytes, or 16 MiB where it is not set. Above that only the oldest one grows
                          further, up to socket.request.max.bytes, and the sockets of the others are not read
    answers unread        16 MiB. Above that fetches wait; at sixteen times as much an answer is given up with its
                          connection

Requests that have arrived whole are not counted here: of each connection one is served, as by Kafka, and what is read
ahead of it is bounded for each connection and for all together (limits.py). Beyond that, a connection is read until one
request waits.

While a connection waits for memory, those that hold some without making progress are closed, so a wait ends.
"""

from collections.abc import Iterable
from typing import Protocol

from pykafka_cli.broker.clock import Clock, Timer
from pykafka_cli.model import Seconds
from pykafka_cli.properties.broker import BrokerSettings

UNDER_WAY_BYTES = 16 * 1024 * 1024
UNREAD_BYTES = 16 * 1024 * 1024
HOPELESS = 16  # times UNREAD_BYTES; so much is only reached when many waits end at once
SMALL_BYTES = 64 * 1024
"""A request of this size or less is received in any case, until twice the limit is held."""

PATIENCE_S = Seconds(2.0)
"""While others wait, a holder must transfer SMALL_BYTES within this time."""


class Holder(Protocol):
    """A connection."""

    @property
    def progress(self) -> int:
        """Bytes received and sent; it grows while the client does its part."""

    @property
    def is_muted(self) -> bool:
        """Whether the client cannot get on with its request, since the broker does not listen to it for a while."""

    def end(self, kind: str, why: str) -> None: ...
    def memory_freed(self) -> None:
        """Notify the connection that there may be memory again."""


class Memory:
    """The memory that all connections of a broker hold."""

    def __init__(self, settings: BrokerSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._under_way: dict[Holder, int] = {}  # the oldest first
        self._unread: dict[Holder, int] = {}
        self._arriving = self._leaving = 0  # sums of the two
        self._to_receive: dict[Holder, None] = {}
        self._to_answer: dict[Holder, None] = {}
        self._progress: dict[Holder, int] = {}
        self._timer: Timer | None = None
        self._is_waking = False

    # Requests.

    def receive(self, holder: Holder, size: int) -> None:
        """`holder` has `size` bytes of an incomplete request; 0: of none."""
        self._arriving += size - self._under_way.get(holder, 0)
        if size:
            self._under_way[holder] = size
        elif self._under_way.pop(holder, 0):
            self._let_receive()

    def may_receive(self, holder: Holder) -> bool:
        """Whether more of its request may be read; if not, `memory_freed` is called when it is worth another call."""
        size = self._under_way.get(holder, 0)
        small = size <= SMALL_BYTES and self._arriving < 2 * self._limit
        if not size or small or self._arriving < self._limit or next(iter(self._under_way)) is holder:
            return True
        self._to_receive[holder] = None
        self._watch()
        return False

    def _let_receive(self) -> None:
        waiting, self._to_receive = self._to_receive, {}
        for holder in waiting:
            holder.memory_freed()

    @property
    def _limit(self) -> int:
        given = self._settings.queued_max_request_bytes
        return given if given > 0 else UNDER_WAY_BYTES

    # Answers.

    def send(self, holder: Holder, size: int) -> None:
        """`holder` has `size` bytes that its socket does not accept; 0: none."""
        before = self._unread.pop(holder, 0)
        self._leaving += size - before
        if size:
            self._unread[holder] = size
        if size < before:
            self._let_answer()

    def may_answer(self, holder: Holder) -> bool:
        """Whether a large answer may be made; if not, `memory_freed` is called when it is worth another call."""
        if self._leaving < UNREAD_BYTES:
            self._let_answer()
            return True
        self._to_answer[holder] = None
        self._watch()
        return False

    def _let_answer(self) -> None:
        """Notify those that wait, one in each turn of the loop, since each may fill the memory that is free."""
        if self._to_answer and self._leaving < UNREAD_BYTES and not self._is_waking:
            self._is_waking = True
            self._clock.call_later(Seconds(0), self._let_one_answer)

    def _let_one_answer(self) -> None:
        self._is_waking = False
        if self._to_answer and self._leaving < UNREAD_BYTES:
            holder = next(iter(self._to_answer))
            del self._to_answer[holder]
            holder.memory_freed()
            self._let_answer()

    @property
    def is_hopeless(self) -> bool:
        return self._leaving >= HOPELESS * UNREAD_BYTES

    # Both.

    def forget(self, holder: Holder) -> None:
        """The connection is closed."""
        self._to_receive.pop(holder, None)
        self._to_answer.pop(holder, None)
        self.receive(holder, 0)
        self.send(holder, 0)

    def _watch(self) -> None:
        """Watch who makes progress while somebody waits."""
        if self._timer is None:
            self._progress = {each: each.progress for each in self._holders()}
            self._timer = self._clock.call_later(PATIENCE_S, self._judge)

    def _holders(self) -> Iterable[Holder]:
        """The holders that wait for their clients: to read responses, or to send the rest of a request."""
        arriving = (each for each in self._under_way if each not in self._to_receive and not each.is_muted)
        return [*self._unread, *arriving]

    def _judge(self) -> None:
        """Close the connections that have made no progress since others began to wait."""
        self._timer = None
        if not self._to_receive and not self._to_answer:
            return
        before = self._progress
        for holder in [each for each in self._holders() if each in before]:
            if holder.progress - before[holder] < SMALL_BYTES:
                why = f"others wait for the memory that it holds, and it does not get on in {PATIENCE_S:g} s"
                holder.end("memory", why)
        if self._to_receive or self._to_answer:
            self._watch()
