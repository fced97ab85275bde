"""`pk dump-log`: the records of a batch, as they are read and as the script prints them."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pykafka_cli.output import dump_log as lines
from pykafka_cli.protocol.java_strings import JAVA_REPLACE
from pykafka_cli.protocol.records.batch import HEADER_SIZE, BatchHeader, CorruptRecords, advance_sequence, crc_is_valid
from pykafka_cli.protocol.records.compression import MAX_UNCOMPRESSED, decompress
from pykafka_cli.protocol.records.legacy import StoredMessage, messages_of
from pykafka_cli.protocol.records.record import records_of
from pykafka_cli.rules.java_json import json_text
from pykafka_cli.rules.record_decoders import Decoder, control_record, text_of
from pykafka_cli.storage.scan import ScannedBatch

INDENT = "| "
_HALF = 1 << 63
COMPILED_FROM = 1 << 20
"""Bytes of a file from which on aiokafka's compiled reader is worth its import."""


@dataclass(slots=True)
class Gaps:
    """Neighbours whose offsets do not follow each other, of which a compacted log may have millions.

    last    the offset that was seen last; -1 before the first
    found   an offset and the next, one pair after the other
    """

    last: int = -1
    found: "array[int]" = field(default_factory=lambda: array("q"))

    def step_to(self, offset: int) -> None:
        """For an offset that is not the one after `last`."""
        if self.last != -1:
            # A damaged offset may lie beyond a long, where Java's arithmetic comes out at the other end.
            self.found.extend((each + _HALF) % (2 * _HALF) - _HALF for each in (self.last, offset))

    def latest_first(self) -> Iterator[tuple[int, int]]:
        found = self.found
        return ((found[at], found[at + 1]) for at in range(len(found) - 2, -1, -2))


@dataclass(frozen=True, slots=True)
class Shown:
    """What is printed of records. `decode` is None when keys and values are not."""

    records: bool
    metadata: bool
    decode: Decoder | None


def is_valid(batch: ScannedBatch) -> bool:
    header = batch.header
    is_whole = header.magic < 2 or header.size >= HEADER_SIZE
    return is_whole and crc_is_valid(batch.data, batch.at, header)


def records_in(batch: ScannedBatch, *, compiled: bool = False) -> Iterable[Any]:
    """The records of a batch; of formats 0 and 1 StoredMessage, else what has offset, timestamp, key, value, headers.

    compiled  many are to be read
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
    return records_of(header, payload, errors=JAVA_REPLACE)


def sizes(record: Any) -> tuple[int, int]:
    """Of key and value; -1 for what is null."""
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


def batch_text(out: list[str], batch: ScannedBatch) -> None:
    """Append a batch's line, or as much of it as the script prints.

    raises  CorruptRecords for what no batch can say of itself
    """
    header = batch.header
    out.append(lines.batch_begins(header))
    check_header(header)
    out.append(lines.batch_ends(header, batch.position, is_valid=is_valid(batch)))


def check_header(header: BatchHeader) -> None:
    """raises  CorruptRecords, in Kafka's words"""
    if header.magic < 0:
        raise CorruptRecords(f"Invalid magic value {header.magic}")
    if lines.codec(header) is None:
        raise CorruptRecords(f"Unknown compression type id: {header.attributes & 7}")


def record_text(out: list[str], batch: ScannedBatch, shown: Shown, gaps: Gaps, *, compiled: bool) -> None:
    """Append the lines of a batch's records.

    raises  CorruptRecords, and what the decoder raises, after as much of the text as the script prints
    """
    header = batch.header
    base_sequence, first_offset = header.base_sequence, header.base_offset
    kind, is_legacy, is_control = lines.timestamp_type(header), header.magic < 2, header.is_control
    decode = None if is_control else shown.decode
    for record in records_in(batch, compiled=compiled):
        offset = record.offset
        if offset != gaps.last + 1:
            gaps.step_to(offset)
        gaps.last = offset
        text = INDENT
        if shown.metadata:
            key_size, value_size = sizes(record)
            text = f"| offset: {offset} {kind}: {record.timestamp} keySize: {key_size} valueSize: {value_size}"
            if is_legacy:
                text += f" isValid: {lines.boolean(record.is_valid)} crc: {record.crc}}}"
            else:
                sequence = advance_sequence(base_sequence, offset - first_offset) if base_sequence >= 0 else -1
                names = ",".join([name for name, _ in record.headers]) if record.headers else ""
                text += f" sequence: {sequence} headerKeys: [{names}]"
            out.append(text)
            if is_control:
                out.append(_control_text(control_record(record.key, record.value)))
            text = " "
        if decode:
            shown_key, payload = decode(offset, record.key, record.value)
            if shown_key is not None:
                out.append(f"{text}key: {text_of(shown_key)}")
            if payload is not None:
                out.append(f" payload: {text_of(payload)}")
        out.append("\n")


def _control_text(said: dict[str, Any]) -> str:
    parts = (
        f"{name} {json_text(value)}" if isinstance(value, dict) else f"{name}: {value}" for name, value in said.items()
    )
    return " " + " ".join(parts)
