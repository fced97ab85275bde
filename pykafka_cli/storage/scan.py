"""Going through the batches of a segment with their bytes, in large reads: for recovery, cleaning and dumps."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pykafka_cli.protocol.records.batch import (
    HEADER_SIZE,
    LEGACY_HEADER_SIZE,
    LOG_OVERHEAD,
    MAGIC_AT,
    BatchHeader,
    CorruptRecords,
    batch_size_at,
    read_header,
    unpack_header,
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
            raise CorruptRecords(f"a batch of {header.size} bytes, of which {left} are left")
        if at + header.size > len(data):
            data, start, at = read_at(position, max(header.size, min(left, _CHUNK))), position, 0
        yield ScannedBatch(position, header, data, at)
        position += header.size


def scan_as_stored(
    read_at: Callable[[int, int], bytes], size: int, name: str, position: int = 0
) -> Iterator[ScannedBatch]:
    """Every batch that is whole by its length, whatever else its header says; ends before the first that is cut short.

    read_at  position and number of bytes to bytes; may read beyond `size`
    name     of the file, for the message
    raises   CorruptRecords, in the words of Kafka's FileLogInputStream, where no batch can be
    """
    data, start = b"", position
    while size - position > MAGIC_AT + 1:
        at = position - start
        if at + HEADER_SIZE > len(data):
            data, start, at = read_at(position, max(HEADER_SIZE, min(size - position, _CHUNK))), position, 0
        length = batch_size_at(data, at) or 0
        if length < LEGACY_HEADER_SIZE[0]:
            raise CorruptRecords(
                f"Found record size {length - LOG_OVERHEAD} smaller than minimum record overhead "
                f"({LEGACY_HEADER_SIZE[0] - LOG_OVERHEAD}) in file {name}."
            )
        if length > size - position:
            return
        if at + length > len(data):
            data, start, at = read_at(position, max(length, min(size - position, _CHUNK))), position, 0
        yield ScannedBatch(position, unpack_header(data, at), data, at)
        position += length
