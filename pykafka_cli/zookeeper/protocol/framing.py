"""Frames of a ZooKeeper connection: an int32 length, then that many bytes. Bytes in, frames out; no sockets.

A connection may instead begin with four letters, such as `ruok`, where the first length would be: see `opening`.
"""

from struct import Struct

from pykafka_cli.zookeeper.protocol.errors import KeeperError

_LENGTH = Struct(">i")

DEFAULT_LIMIT = 0xFFFFF
"""jute.maxbuffer's default: the largest frame, in bytes, that is accepted from a peer."""


class FrameTooLarge(KeeperError):
    """A length is negative or above the limit; the rest cannot be trusted, so the connection must be closed."""


class FrameReader:
    """The receiving half of a connection.

    Holds at most one frame's worth of bytes beyond what `take` requested, so the caller bounds memory by not
    feeding while frames wait.
    """

    __slots__ = ("_limit", "_limit_name", "_pending", "_position")

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.limit_to(limit)
        self._pending = bytearray()
        self._position = 0  # bytes of _pending that were taken; cut off when more arrive

    def limit_to(self, limit: int, limit_name: str = "jute.maxbuffer") -> None:
        """Reject larger frames, starting with the next one."""
        self._limit, self._limit_name = limit, limit_name

    def feed(self, data: bytes) -> None:
        """Add bytes that arrived."""
        if self._position:
            del self._pending[: self._position]
            self._position = 0
        self._pending += data

    @property
    def opening(self) -> bytes:
        """The first four bytes not yet taken (or fewer, if fewer have arrived): a length, or a four-letter word."""
        return bytes(self._pending[self._position : self._position + 4])

    @property
    def buffered(self) -> int:
        """Bytes fed and not yet taken."""
        return len(self._pending) - self._position

    @property
    def has_frame(self) -> bool:
        """Whether `take` would return a frame, or raise."""
        available = len(self._pending) - self._position - 4
        if available < 0:
            return False
        length: int = _LENGTH.unpack_from(self._pending, self._position)[0]
        return length <= available or length > self._limit

    def take(self) -> bytes | None:
        """The next whole frame without its length, or None until more bytes are fed; raises FrameTooLarge."""
        start = self._position + 4
        available = len(self._pending) - start
        if available < 0:
            return None
        (length,) = _LENGTH.unpack_from(self._pending, self._position)
        if length < 0 or length > self._limit:
            raise FrameTooLarge(f"a frame of {length} bytes was announced, {self._limit_name} is {self._limit}")
        if available < length:
            return None
        self._position = start + length
        return bytes(memoryview(self._pending)[start : start + length])


def frame(body: bytes) -> bytes:
    """Return `body` as a frame."""
    return _LENGTH.pack(len(body)) + body
