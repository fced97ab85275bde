"""The receiving half of a broker's connection: bytes in, frames out; no sockets.

    frame    size int32, then that many bytes: a request from its header on

Bytes are received into memory that this module hands out (asyncio.BufferedProtocol's way): a frame under way gets its
own bytearray and is received straight into it, to its last byte and no further; what follows is received into
`scratch`, where many small frames may arrive at once. One scratch serves any number of receivers, as long as
`buffer_updated` follows upon each `get_buffer` before another receiver's turn.
"""

import struct
from collections.abc import Sequence

from pykafka_cli.protocol.errors import ProtocolError

SCRATCH_BYTES = 64 * 1024
_SIZE = struct.Struct(">i")
_NOTHING: Sequence[bytearray] = ()

# A size is only a promise: memory follows what has arrived, doubling up to so much more at a time.
_FIRST_ALLOCATION = 64 * 1024
_ZEROS = memoryview(bytes(1024 * 1024))

# Only records can be so many bytes: what other requests say fits in much less (MOST_ELEMENTS).
_MOST_WITHOUT_RECORDS = 16 * 1024 * 1024
_PRODUCE = b"\0\0"  # what its requests begin with


class FrameReceiver:
    """Frames of one connection.

    under_way  bytes that are held for a frame which is not whole yet
    refusal    what was wrong with a size: negative or above the limit. Nothing comes after it, since where the next
               frame begins is not known; frames that were whole before are good.
    """

    def __init__(self, max_size: int, scratch: bytearray | None = None) -> None:
        self.limit_to(max_size, "socket.request.max.bytes")
        self._scratch = bytearray(SCRATCH_BYTES) if scratch is None else scratch
        self._carry = b""  # fewer than four bytes: a size that has not arrived whole
        self._frame: bytearray | None = None
        self._size = self._filled = self.under_way = 0
        self.refusal: ProtocolError | None = None

    def limit_to(self, size: int, name: str) -> None:
        """Refuse larger frames from the next one on; `name` is the key that says so."""
        self._limit, self._limit_name = size, name

    def get_buffer(self) -> memoryview:
        """Where the next bytes are to go; there is always room for one."""
        if self._frame is None:
            if not self._carry:
                return memoryview(self._scratch)
            self._scratch[: len(self._carry)] = self._carry
            return memoryview(self._scratch)[len(self._carry) :]
        if self._filled == len(self._frame):
            # Not in buffer_updated: there the caller may still hold a view, which forbids to grow.
            self._frame += _ZEROS[: min(self._size - self._filled, self._filled)]
            self.under_way = len(self._frame)
        return memoryview(self._frame)[self._filled :]

    def buffer_updated(self, received: int) -> Sequence[bytearray]:
        """Take note of `received` bytes in the last buffer; return the frames that are whole now, sizes left out."""
        if self.refusal is not None:
            return _NOTHING
        if self._frame is None:
            return self._split(len(self._carry) + received)
        self._filled += received
        if self._size > _MOST_WITHOUT_RECORDS and self._filled >= len(_PRODUCE) and self._frame[:2] != _PRODUCE:
            self.refusal = self._refuse_without_records(int.from_bytes(self._frame[:2], "big"))
            return _NOTHING
        if self._filled < self._size:
            return _NOTHING
        frame, self._frame, self.under_way = self._frame, None, 0
        return (frame,)

    def receive(self, data: bytes) -> list[bytearray]:
        """All of `data` through the two calls above: for callers that have bytes and no socket."""
        frames: list[bytearray] = []
        rest = memoryview(data)
        while rest and self.refusal is None:
            with self.get_buffer() as buffer:
                size = min(len(buffer), len(rest))
                buffer[:size] = rest[:size]
            frames += self.buffer_updated(size)
            rest = rest[size:]
        return frames

    def _split(self, end: int) -> list[bytearray]:
        """The frames in scratch[:end]; what is left of the bytes begins the next one."""
        scratch, position = self._scratch, 0
        frames: list[bytearray] = []
        while end - position >= _SIZE.size:
            (size,) = _SIZE.unpack_from(scratch, position)
            if not 0 <= size <= self._limit:
                self.refusal = self._refuse(size, bytes(scratch[position : min(end, position + 8)]))
                return frames
            body = position + _SIZE.size
            arrived = end - body
            if arrived < size:
                self._frame = bytearray(min(size, max(_FIRST_ALLOCATION, arrived)))
                self._frame[:arrived] = scratch[body:end]
                self._size, self._filled, self._carry = size, arrived, b""
                self.under_way = len(self._frame)
                return frames
            position = body + size
            frames.append(scratch[body:position])
        self._carry = bytes(scratch[position:end])
        return frames

    def _refuse_without_records(self, api_key: int) -> ProtocolError:
        self._frame, self.under_way = None, 0
        return ProtocolError(
            f"a request of {self._size} bytes for API {api_key}; requests without records have at most "
            f"{_MOST_WITHOUT_RECORDS}"
        )

    def _refuse(self, size: int, start: bytes) -> ProtocolError:
        limit = f", more than {self._limit_name}={self._limit}" if size > 0 else ""
        return ProtocolError(f"a request of {size} bytes{limit}{_guess(start)}")


def _guess(start: bytes) -> str:
    """What the first bytes of a stream that is not Kafka's may be."""
    if start[:4] in (b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI"):
        return "; it looks like HTTP"
    if start[:2] == b"\x16\x03":
        return "; it looks like TLS, which this listener does not speak"
    return ""
