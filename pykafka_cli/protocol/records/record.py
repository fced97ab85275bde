"""Records inside a batch of format 2: building batches from them and reading them back.

    length           varint   bytes after this field
    attributes       int8     unused
    timestamp_delta  varlong  timestamp - the batch's base_timestamp
    offset_delta     varint   offset - the batch's base_offset
    key              varint length (-1: null), bytes
    value            varint length (-1: null), bytes
    headers          varint count, then key (varint length, UTF-8) and value (varint length or -1, bytes) each

Varints are zigzag (KIP-98). This is for records that the broker itself writes or must understand (coordinators,
cleaning, conversions); what clients produce and fetch passes as whole batches.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pykafka_cli.model import LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.java_strings import java_utf_8
from pykafka_cli.protocol.records import legacy
from pykafka_cli.protocol.records.batch import (
    CONTROL,
    DELETE_HORIZON,
    HEADER,
    HEADER_SIZE,
    LOG_APPEND_TIME,
    LOG_OVERHEAD,
    NO_LEADER_EPOCH,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_SEQUENCE,
    NO_TIMESTAMP,
    TRANSACTIONAL,
    BatchHeader,
    Compression,
    CorruptRecords,
    read_header,
    seal,
    walk,
)
from pykafka_cli.protocol.records.compression import MAX_UNCOMPRESSED, compress, decompress


class Record(NamedTuple):
    """A record as a batch contains it; `timestamp` is in milliseconds since the epoch, -1 without one."""

    offset: Offset
    timestamp: Timestamp
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def build_batch(
    records: Sequence[Record],
    *,
    base_offset: Offset | None = None,
    last_offset: Offset | None = None,
    leader_epoch: LeaderEpoch = NO_LEADER_EPOCH,
    compression: Compression = Compression.NONE,
    compression_level: int | None = None,
    log_append_time_ms: Timestamp | None = None,
    delete_horizon_ms: Timestamp | None = None,
    producer_id: ProducerId = NO_PRODUCER_ID,
    producer_epoch: ProducerEpoch = NO_PRODUCER_EPOCH,
    base_sequence: int = NO_SEQUENCE,
    transactional: bool = False,
    control: bool = False,
) -> bytearray:
    """A batch with these records, sealed. Their offsets may have gaps (cleaning leaves them) but must grow.

    base_offset, last_offset   default to those of the first and last record; the cleaner keeps the original batch's
    log_append_time_ms         marks the batch as LogAppendTime; the records' own times are still stored
    delete_horizon_ms          see KIP-534
    """
    base = base_offset if base_offset is not None else records[0].offset
    last = last_offset if last_offset is not None else records[-1].offset
    base_timestamp = records[0].timestamp if records else NO_TIMESTAMP
    max_timestamp = max((record.timestamp for record in records), default=NO_TIMESTAMP)
    attributes = int(compression) | (TRANSACTIONAL if transactional else 0) | (CONTROL if control else 0)
    if delete_horizon_ms is not None:
        attributes, base_timestamp = attributes | DELETE_HORIZON, delete_horizon_ms
    if log_append_time_ms is not None:
        attributes, max_timestamp = attributes | LOG_APPEND_TIME, log_append_time_ms

    batch = bytearray(HEADER_SIZE)
    payload = batch if compression is Compression.NONE else bytearray()
    for record in records:
        append_record(payload, record, base_offset=base, base_timestamp=base_timestamp)
    if payload is not batch:
        batch += compress(compression, payload, compression_level)
    length = len(batch) - LOG_OVERHEAD
    header = (base, length, leader_epoch, 2, 0, attributes, last - base, base_timestamp, max_timestamp)
    HEADER.pack_into(batch, 0, *header, producer_id, producer_epoch, base_sequence, len(records))
    seal(batch, 0, length)
    return batch


def build_empty_batch(header: BatchHeader) -> bytearray:
    """The batch of `header` without its records: what cleaning leaves to keep a producer's sequence."""
    attributes = header.attributes & (LOG_APPEND_TIME | TRANSACTIONAL | CONTROL)
    fields = header._replace(
        batch_length=HEADER_SIZE - LOG_OVERHEAD, attributes=attributes, base_timestamp=NO_TIMESTAMP, record_count=0
    )
    batch = bytearray(HEADER.pack(*fields))
    seal(batch, 0, fields.batch_length)
    return batch


def append_record(output: bytearray, record: Record, *, base_offset: Offset, base_timestamp: Timestamp) -> None:
    """Write one record at the end of `output`."""
    offset, timestamp, key, value, headers = record
    parts = [b"\0", _VARINT[timestamp - base_timestamp], _VARINT[offset - base_offset]]
    parts += (_NULL,) if key is None else (_VARINT[len(key)], key)
    parts += (_NULL,) if value is None else (_VARINT[len(value)], value)
    parts.append(_VARINT[len(headers)])
    for name, content in headers:
        encoded = name.encode()
        parts += (_VARINT[len(encoded)], encoded)
        parts += (_NULL,) if content is None else (_VARINT[len(content)], content)
    body = b"".join(parts)
    output += _VARINT[len(body)]
    output += body


def read_records(data: Buffer, position: int = 0, *, limit: int = MAX_UNCOMPRESSED) -> list[Record]:
    """The records of the batch that starts at `position`, of any format.

    Formats 0 and 1 give the inner messages of a compressed wrapper with their absolute offsets.
    raises  CorruptRecords when the bytes are not what the header promises (the CRC is not looked at)
    """
    header = read_header(data, position)
    if position + header.size > len(data):
        raise CorruptRecords(f"a batch of {header.size} bytes, {len(data) - position} are there")
    with memoryview(data) as view, view[position : position + header.size] as batch:
        if header.magic < 2:
            return [Record(*message) for message in legacy.read_messages(batch, header, limit)]
        with batch[HEADER_SIZE:] as stored:
            return _read_all(header, decompress(header.compression, stored, limit))


def records_in(data: Buffer) -> Iterator[Record]:
    """All records of all whole batches in `data`, control records left out."""
    for position, header in walk(data):
        if not header.is_control:
            yield from read_records(data, position)


def _read_all(header: BatchHeader, payload: Buffer) -> list[Record]:
    # One record takes 7 bytes at least, so a false count cannot make us allocate.
    if header.record_count > len(payload) // 7:
        raise CorruptRecords(f"{header.record_count} records cannot be in {len(payload)} bytes")
    if not header.record_count and len(payload):
        raise CorruptRecords(f"{len(payload)} bytes in a batch without records")
    return list(records_of(header, payload))


def payload_of(records: Iterable[Record], *, base_offset: Offset, base_timestamp: Timestamp) -> bytearray:
    """The records as they stand in a batch that is not compressed."""
    payload = bytearray()
    for record in records:
        append_record(payload, record, base_offset=base_offset, base_timestamp=base_timestamp)
    return payload


def records_of(header: BatchHeader, payload: Buffer) -> Iterator[Record]:
    """The records of a batch of format 2, one by one, from their decompressed bytes.

    In header keys, U+FFFD is in place of what is not UTF-8, as in Java.
    raises  CorruptRecords, in the words of Kafka's DefaultRecord, at the first that cannot be read
    """
    if header.record_count < 0:
        raise CorruptRecords(f"Found invalid record count {header.record_count} in magic v{header.magic} batch")
    base_offset, base_timestamp = header.base_offset, header.base_timestamp
    append_time = header.max_timestamp if header.is_log_append_time else None
    size, position = len(payload), 0
    for left in range(header.record_count - 1, -1, -1):
        try:
            length, start = _read_varint(payload, position)
        except IndexError:
            raise CorruptRecords("Incorrect declared batch size, premature EOF reached") from None
        end = start + length
        if end > size:
            raise CorruptRecords(
                f"Invalid record size: expected {length} bytes in record payload, but instead the buffer has only "
                f"{size - start} remaining bytes."
            )
        try:
            timestamp_delta, position = _read_varlong(payload, start + 1)
            offset_delta, position = _read_varint(payload, position)
            key, position = _read_bytes(payload, position)
            value, position = _read_bytes(payload, position)
            count, position = _read_varint(payload, position)
            headers: tuple[tuple[str, bytes | None], ...] = ()
            if count:
                headers, position = _read_headers(payload, position, count)
        except IndexError:
            raise CorruptRecords("Found invalid record structure") from None
        if position != end:
            raise CorruptRecords(
                f"Invalid record size: expected to read {length} bytes in record payload, but instead read "
                f"{position - start}"
            )
        if not left and position < size:
            raise CorruptRecords("Incorrect declared batch size, records still remaining in file")
        timestamp = Timestamp(base_timestamp + timestamp_delta) if append_time is None else append_time
        yield Record(Offset(base_offset + offset_delta), timestamp, key, value, headers)


def _read_headers(payload: Buffer, position: int, count: int) -> tuple[tuple[tuple[str, bytes | None], ...], int]:
    if count < 0:
        raise CorruptRecords(f"Found invalid number of record headers {count}")
    if count > len(payload) - position:
        raise CorruptRecords(
            f"Found invalid number of record headers. {count} is larger than the remaining size of the buffer"
        )
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        length, position = _read_varint(payload, position)
        if length < 0:
            raise CorruptRecords(f"Invalid negative header key size {length}")
        name, position = _take(payload, position, length)
        value, position = _read_bytes(payload, position)
        headers.append((java_utf_8(name), value))
    return tuple(headers), position


def _read_bytes(payload: Buffer, position: int) -> tuple[bytes | None, int]:
    length, position = _read_varint(payload, position)
    return (None, position) if length < 0 else _take(payload, position, length)


def _take(payload: Buffer, position: int, length: int) -> tuple[bytes, int]:
    end = position + length
    if end > len(payload):
        raise IndexError(end)
    return bytes(payload[position:end]), end


def _read_varint(data: Buffer, position: int) -> tuple[int, int]:
    byte = data[position]
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), position + 1
    return _read_long_form(data, position, bits=32)


def _read_varlong(data: Buffer, position: int) -> tuple[int, int]:
    return _read_long_form(data, position, bits=64)


def _read_long_form(data: Buffer, position: int, *, bits: int) -> tuple[int, int]:
    # Bits above those of the type are lost, as in Java.
    value, byte = 0, 0x80
    for shift in range(0, bits, 7):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            value &= (1 << bits) - 1
            return (value >> 1) ^ -(value & 1), position
    raise CorruptRecords(f"variable-length integer of more than {bits // 7 + 1} bytes")


def _varint(value: int) -> bytes:
    raw = (value << 1) ^ (value >> 63)
    encoded = bytearray()
    while raw > 0x7F:
        encoded.append(raw & 0x7F | 0x80)
        raw >>= 7
    encoded.append(raw)
    return bytes(encoded)


class _Varints(dict[int, bytes]):
    """Varints by value: the frequent ones are at hand."""

    def __missing__(self, value: int) -> bytes:
        return _varint(value)


_VARINT = _Varints((value, _varint(value)) for value in range(256))
_NULL = _varint(-1)
