"""Going through the batches of a segment with their bytes, in large reads: for recovery and cleaning."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pykafka_cli.protocol.records.batch import (
    HEADER_SIZE,
    LEGACY_HEADER_SIZE,
    BatchHeader,
    CorruptRecords,
    read_header,
)

_CHUNK = 1 << 20


class ScannedBatch(NamedTuple):
    """One batch: where it is in the segment, its header, and the bytes that have it from `at` on."""

    position: int
    header: BatchHeader
    data: bytes
    at: int

    @property
    def bytes(self) -> memoryview:
        """The batch alone."""
        return memoryview(self.data)[self.at : self.at + self.header.size]


def scan(read_at: Callable[[int, int], bytes], size: int, position: int = 0) -> Iterator[ScannedBatch]:
    """Every batch from `position`, where one begins, up to `size`.

    read_at  position and number of bytes to bytes
    raises   CorruptRecords where no batch can be, or one is cut short; checksums are not looked at
    """
    data, start = b"", position
    while position < size:
        left = size - position
        if left < LEGACY_HEADER_SIZE[0]:
            raise CorruptRecords(f"{left} bytes are too few for a batch")
        at = position - start
        if at + HEADER_SIZE > len(data):
            data, start, at = read_at(position, min(left, _CHUNK)), position, 0
        header = read_header(data, at)
        if header.size > left:
            raise CorruptRecords(f"a batch of {header.size} bytes, of which {left} are there")
        if at + header.size > len(data):
            data, start, at = read_at(position, max(header.size, min(left, _CHUNK))), position, 0
        yield ScannedBatch(position, header, data, at)
        position += header.size
