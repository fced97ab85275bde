"""Reads a batch for kafka-dump-log: its records, and gaps between their offsets."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pykafka_cli.model import Offset
from pykafka_cli.protocol.records.batch import HEADER_SIZE, CorruptRecords, crc_is_valid
from pykafka_cli.protocol.records.compression import MAX_UNCOMPRESSED, decompress
from pykafka_cli.protocol.records.legacy import StoredMessage, messages_of
from pykafka_cli.protocol.records.record import records_of
from pykafka_cli.rules.record_decoders import Decoder
from pykafka_cli.storage.scan import ScannedBatch

_HALF = 1 << 63
COMPILED_FROM = 1 << 20
"""Size of a file from which aiokafka's compiled reader is worth its import."""


@dataclass(slots=True)
class Gaps:
    """Gaps between offsets of neighbors, of which a compacted log may have millions.

    last    the latest offset; -1 before the first
    found   pairs of an offset and the next one, flattened
    """

    last: int = -1
    found: "array[int]" = field(default_factory=lambda: array("q"))

    def step_to(self, offset: Offset) -> None:
        """Add an offset that does not follow `last`."""
        if self.last != -1:
            # A damaged offset may exceed a long, and Java's arithmetic overflows.
            self.found.extend((each + _HALF) % (2 * _HALF) - _HALF for each in (self.last, offset))

    def latest_first(self) -> Iterator[tuple[int, int]]:
        found = self.found
        return ((found[at], found[at + 1]) for at in range(len(found) - 2, -1, -2))


@dataclass(frozen=True, slots=True)
class Shown:
    """How to print records. `decode` is None if keys and values are not printed."""

    records: bool
    metadata: bool
    decode: Decoder | None


def is_valid(batch: ScannedBatch) -> bool:
    header = batch.header
    is_whole = header.magic < 2 or header.size >= HEADER_SIZE
    return is_whole and crc_is_valid(batch.data, batch.at, header)


def records_in(batch: ScannedBatch, *, compiled: bool = False) -> Iterable[Any]:
    """The records of a batch: StoredMessage for formats 0 and 1, otherwise with offset, timestamp, key, value, headers.

    compiled  whether to use the compiled reader, for many records
    raises    CorruptRecords, possibly after some records
    """
    header = batch.header
    if header.magic < 2:
        return messages_of(batch.bytes, header, MAX_UNCOMPRESSED)
    if not header.record_count:
        return ()
    payload = payload_of(batch)
    if compiled:
        from pykafka_cli.protocol.records.compiled import compiled_records

        if (records := compiled_records(header, payload)) is not None:
            return records
    return records_of(header, payload)


def sizes(record: Any) -> tuple[int, int]:
    """Sizes of key and value; -1 for null."""
    if isinstance(record, StoredMessage):
        return record.key_size, record.value_size
    key, value = record.key, record.value
    return -1 if key is None else len(key), -1 if value is None else len(value)


def payload_of(batch: ScannedBatch) -> bytes:
    stored = batch.bytes[HEADER_SIZE:]
    try:
        return bytes(decompress(batch.header.compression, stored, MAX_UNCOMPRESSED))
    except CorruptRecords as error:
        raise CorruptRecords(f"Failed to decompress record stream: {error}") from None


def latest_timestamp(batch: ScannedBatch) -> int:
    return max((record.timestamp for record in records_in(batch)), default=-1)
