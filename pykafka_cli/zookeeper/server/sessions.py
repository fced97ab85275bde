"""Sessions: their ids, passwords and timeouts, and which have expired. Pure: time is an argument.

Deadlines are rounded up to whole ticks, so a session expires up to a tick after its timeout, and keeping thousands
alive
only means moving each to the bucket of its tick. A session is open until it expires, then closing until the transaction
that ends it, and its requests are no longer served.

Its password is not stored: it is computed from the id, in the same way in every ZooKeeper, so a session survives a
restart of its server. It prevents mistakes, and is no protection.
Source: org.apache.zookeeper.server.{SessionTrackerImpl, ExpiryQueue, ZooKeeperServer}.
"""

from collections.abc import Mapping

from pykafka_cli.model import Milliseconds
from pykafka_cli.zookeeper.protocol.errors import SessionExpired, UnknownSession

_PASSWORD_SEED = 0xB3415C00
_STANDALONE_ID = 1  # the first byte of a standalone ZooKeeper's session ids


class Session:
    """One client's session; `deadline_ms` is when it expires without a message."""

    __slots__ = ("closing", "deadline_ms", "id", "timeout_ms")

    def __init__(self, session_id: int, timeout_ms: Milliseconds) -> None:
        self.id = session_id
        self.timeout_ms = timeout_ms
        self.deadline_ms = 0
        self.closing = False


class Sessions:
    """All sessions that are open or closing. Times are monotonic, in ms."""

    def __init__(
        self,
        tick_ms: Milliseconds,
        timeouts: Mapping[int, int],
        *,
        now_ms: int,
        wall_ms: int,
        server_id: int = _STANDALONE_ID,
    ) -> None:
        """Track the sessions in `timeouts`, each with its full timeout; `wall_ms`, `server_id` make new ids unique."""
        self._tick_ms = tick_ms
        self._by_id: dict[int, Session] = {}
        self._buckets: dict[int, dict[int, Session]] = {}
        self._next_id = signed(server_id << 56) | (wall_ms << 24 & 0xFFFFFFFFFFFFFFFF) >> 8
        for session_id, timeout_ms in timeouts.items():
            self.open(session_id, Milliseconds(timeout_ms), now_ms)

    def __len__(self) -> int:
        return len(self._by_id)

    def new_id(self) -> int:
        """An unused id."""
        while self._next_id in self._by_id:
            self._next_id += 1
        self._next_id += 1
        return self._next_id - 1

    def open(self, session_id: int, timeout_ms: Milliseconds, now_ms: int) -> None:
        """Start to track a session."""
        session = self._by_id[session_id] = Session(session_id, timeout_ms)
        self._put(session, now_ms + timeout_ms)

    def touch(self, session_id: int, now_ms: int, timeout_ms: Milliseconds | None = None) -> bool:
        """Extend a session after a message, perhaps with a new `timeout_ms`; False if it is not open."""
        session = self._by_id.get(session_id)
        if session is None or session.closing:
            return False
        if timeout_ms is not None:
            session.timeout_ms = timeout_ms
        deadline_ms = self.next_tick(now_ms + session.timeout_ms)
        if deadline_ms != session.deadline_ms:
            self._take(session)
            self._put(session, now_ms + session.timeout_ms)
        return True

    def check(self, session_id: int) -> None:
        """Raise UnknownSession or SessionExpired unless requests of this session may be served."""
        session = self._by_id.get(session_id)
        if session is None:
            raise UnknownSession(f"there is no session {session_id:#x}")
        if session.closing:
            raise SessionExpired(f"the session {session_id:#x} is being closed")

    def timeout_ms(self, session_id: int) -> Milliseconds:
        """The timeout of a session; 0 for an unknown id."""
        session = self._by_id.get(session_id)
        return session.timeout_ms if session else Milliseconds(0)

    def close(self, session_id: int) -> None:
        """The session is closing from now on: its further requests are not served."""
        if session := self._by_id.get(session_id):
            session.closing = True

    def remove(self, session_id: int) -> None:
        """Forget a session."""
        if session := self._by_id.pop(session_id, None):
            self._take(session)

    def expire(self, now_ms: int) -> list[int]:
        """The sessions whose deadline has passed; they are closing from now on, and are returned once."""
        expired: list[int] = []
        for deadline_ms in sorted(deadline for deadline in self._buckets if deadline <= now_ms):
            for session in self._buckets.pop(deadline_ms).values():
                if not session.closing:
                    session.closing = True
                    expired.append(session.id)
        return expired

    def postpone(self, ms: int, now_ms: int) -> None:
        """Move every deadline back by `ms`: the server was blocked that long and could not read from clients."""
        sessions = list(self._by_id.values())
        self._buckets.clear()
        for session in sessions:
            self._put(session, max(session.deadline_ms + ms, now_ms))

    def next_tick(self, now_ms: int) -> int:
        """The first whole tick after `now_ms`."""
        return (now_ms // self._tick_ms + 1) * self._tick_ms

    def by_deadline(self) -> list[tuple[int, list[int]]]:
        """(deadline in ms, ids of the sessions that expire then), soonest first."""
        return [(deadline, list(sessions)) for deadline, sessions in sorted(self._buckets.items())]

    def _put(self, session: Session, due_ms: int) -> None:
        session.deadline_ms = self.next_tick(due_ms)
        self._buckets.setdefault(session.deadline_ms, {})[session.id] = session

    def _take(self, session: Session) -> None:
        bucket = self._buckets.get(session.deadline_ms)
        if bucket is not None:
            bucket.pop(session.id, None)
            if not bucket:
                del self._buckets[session.deadline_ms]


def password_of(session_id: int) -> bytes:
    """The 16 bytes that a client must send to take over the session.

    They are the output of java.util.Random, seeded with the id and a constant: a linear congruential generator of 48
    bits, of which each step yields the upper 32, least significant byte first.
    """
    state = (session_id ^ _PASSWORD_SEED ^ 0x5DEECE66D) & 0xFFFFFFFFFFFF
    password = bytearray()
    for _ in range(4):
        state = (state * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF
        password += (state >> 16).to_bytes(4, "little")
    return bytes(password)


def signed(number: int) -> int:
    """The lower 64 bits as a signed integer."""
    return (number + (1 << 63) & 0xFFFFFFFFFFFFFFFF) - (1 << 63)


def printed(session_id: int) -> str:
    """An id as ZooKeeper prints it, without 0x: its 64 bits, unsigned."""
    return f"{session_id & 0xFFFFFFFFFFFFFFFF:x}"
