"""Message formats 0 and 1, which Kafka wrote until 0.11: old clients send and fetch them, old logs hold them.

    offset int64 | size int32 | crc uint32 (CRC-32 of the rest) | magic int8 | attributes int8
    | timestamp int64 (format 1) | key int32 length (-1: null), bytes | value int32 length (-1: null), bytes

A compressed message's value is a message set; the wrapper has the offset (and in format 1 the time) of its last inner
message. In format 1 inner offsets are relative: 0, 1, 2 ... up to the wrapper's offset. The frames of lz4 in format 0
carry a header checksum over the wrong bytes (KAFKA-3160). Source: LegacyRecord, AbstractLegacyRecordBatch.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.records.batch import (
    LEGACY_HEADER_SIZE,
    LOG_APPEND_TIME,
    LOG_OVERHEAD,
    MAGIC_AT,
    NO_TIMESTAMP,
    BatchHeader,
    Compression,
    CorruptRecords,
    batch_size_at,
    crc_is_valid,
    unpack_header,
    walk,
)
from pykafka_cli.protocol.records.compression import compress, decompress, with_lz4_checksum

_INT32 = struct.Struct(">i")
_PREFIX = struct.Struct(">qiIbb")  # offset, size, crc, magic, attributes
_TIMESTAMP = struct.Struct(">q")
_NULL = _INT32.pack(-1)
_NO_HEADERS: tuple[tuple[str, bytes | None], ...] = ()

Stored = tuple[Offset, Timestamp, bytes | None, bytes | None]
Message = tuple[Offset, Timestamp, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]


class WrongChecksum(CorruptRecords):
    """A message within a compressed one whose CRC is not that of its bytes."""


def read_messages(data: Buffer, header: BatchHeader, limit: int) -> list[Message]:
    """(offset, timestamp, key, value, no headers) of one stored message, or of those inside a compressed one.

    raises  CorruptRecords; WrongChecksum for an inner message
    """
    key, value = _key_and_value(data, header)
    codec = header.compression
    if codec is Compression.NONE:
        return [(header.base_offset, header.max_timestamp, key, value, _NO_HEADERS)]
    if codec is Compression.ZSTD:
        raise CorruptRecords(f"zstd in message format {header.magic} is not supported")
    if value is None:
        raise CorruptRecords("a compressed message without a value")
    if codec is Compression.LZ4 and header.magic == 0:
        value = with_lz4_checksum(value, over_magic=False)
    inner = list(_inner_messages(decompress(codec, value, limit), header))
    if not inner:
        raise CorruptRecords("a compressed message with nothing inside")
    # Format 1 counts from the first inner message; some old producers wrote absolute offsets, which end as the wrapper.
    shift = header.base_offset - inner[-1][0] if header.magic else 0
    return [
        (Offset(offset + shift), timestamp, key, value, headers) for offset, timestamp, key, value, headers in inner
    ]


def _inner_messages(payload: Buffer, wrapper: BatchHeader) -> Iterator[Message]:
    data = bytes(payload)
    for position, header in walk(data):
        if header.magic != wrapper.magic or header.compression is not Compression.NONE:
            raise CorruptRecords("a message inside a compressed one has another format, or is compressed itself")
        if not crc_is_valid(data, position, header):
            raise WrongChecksum(f"wrong checksum of the inner message at byte {position}")
        key, value = _key_and_value(data[position : position + header.size], header)
        timestamp = wrapper.max_timestamp if wrapper.attributes & LOG_APPEND_TIME else header.max_timestamp
        yield header.base_offset, timestamp if header.magic else NO_TIMESTAMP, key, value, _NO_HEADERS


def _key_and_value(message: Buffer, header: BatchHeader) -> tuple[bytes | None, bytes | None]:
    key, position = _nullable_bytes(message, _key_at(header))
    value, position = _nullable_bytes(message, position)
    if position != header.size or header.size < LEGACY_HEADER_SIZE[header.magic]:
        raise CorruptRecords(f"message of {header.size} bytes ends at byte {position}")
    return key, value


def _nullable_bytes(message: Buffer, position: int) -> tuple[bytes | None, int]:
    if position + 4 > len(message):
        raise CorruptRecords(f"message cut short at byte {position}")
    (length,) = _INT32.unpack_from(message, position)
    position += 4
    if length < 0:
        return None, position
    if length > len(message) - position:
        raise CorruptRecords(f"field of {length} bytes, {len(message) - position} are left")
    return bytes(message[position : position + length]), position + length


class StoredMessage(NamedTuple):
    """A message as stored: its checksum and whether it is right, and sizes that may be wrong.

    fields  from the size of the key on
    """

    offset: Offset
    timestamp: Timestamp
    crc: int
    is_valid: bool
    key_size: int
    value_size: int
    fields: bytes

    @property
    def key(self) -> bytes | None:
        """raises  CorruptRecords if it would be longer than the message"""
        return self._field(4, self.key_size)

    @property
    def value(self) -> bytes | None:
        """raises  CorruptRecords if it would be longer than the message"""
        return self._field(8 + max(0, self.key_size), self.value_size)

    def _field(self, position: int, size: int) -> bytes | None:
        if size < 0:
            return None
        if size > len(self.fields) - position:
            raise CorruptRecords(f"newLimit > capacity: ({size} > {len(self.fields) - position})")
        return self.fields[position : position + size]


def messages_of(data: Buffer, header: BatchHeader, limit: int) -> Iterator[StoredMessage]:
    """What `read_messages` reads, as far as it can be read: for looking at what is damaged.

    raises  CorruptRecords, in the words of Kafka's AbstractLegacyRecordBatch where it has some
    """
    codec = header.compression
    if codec is Compression.NONE:
        yield _as_it_stands(data, 0, header, header.base_offset, header.max_timestamp)
        return
    key_end = _nullable_bytes(data, _key_at(header))[1]
    value = _nullable_bytes(data, key_end)[0]
    if codec is Compression.ZSTD or not 0 <= header.magic < 2:
        what = "compressionType" if codec is Compression.ZSTD else "magic"
        raise CorruptRecords(f"Invalid wrapper {what} found in legacy deep record iterator {header.magic}")
    if value is None:
        raise CorruptRecords(f"Found invalid compressed record set with null value (magic = {header.magic})")
    if codec is Compression.LZ4 and header.magic == 0:
        value = with_lz4_checksum(value, over_magic=False)
    payload, position = bytes(decompress(codec, value, limit)), 0
    inner: list[tuple[int, BatchHeader]] = []
    while len(payload) - position >= LOG_OVERHEAD:
        if (size := batch_size_at(payload, position) or 0) < LEGACY_HEADER_SIZE[0]:
            raise CorruptRecords("Record size is less than the minimum record overhead (14)")
        if position + size > len(payload):
            break
        inner.append((position, unpack_header(payload, position)))
        position += size
    if not inner:
        raise CorruptRecords("Found invalid compressed record set with no inner records")
    last = inner[-1][1].base_offset
    if header.magic and 0 != header.base_offset < last:
        raise CorruptRecords(
            f"Found invalid wrapper offset in compressed v1 message set, wrapper offset '{header.base_offset}' is less "
            f"than the last inner message offset '{last}' and it is not zero."
        )
    shift = header.base_offset - last if header.magic and header.base_offset else 0
    append_time = header.max_timestamp if header.attributes & LOG_APPEND_TIME else None
    for position, each in inner:
        timestamp = each.max_timestamp if append_time is None or not each.magic else append_time
        yield _as_it_stands(payload, position, each, Offset(each.base_offset + shift), timestamp)


def _as_it_stands(
    data: Buffer, position: int, header: BatchHeader, offset: Offset, timestamp: Timestamp
) -> StoredMessage:
    message = bytes(data[position : position + header.size])
    fields = message[_key_at(header) :]
    try:
        (key_size,) = _INT32.unpack_from(fields)
        (value_size,) = _INT32.unpack_from(fields, 4 + max(0, key_size))
    except struct.error:
        raise CorruptRecords(f"message at offset {offset} ends within its key") from None
    return StoredMessage(offset, timestamp, header.crc, crc_is_valid(message, 0, header), key_size, value_size, fields)


def _key_at(header: BatchHeader) -> int:
    return MAGIC_AT + 2 + (8 if header.magic else 0)


def build_message_set(
    messages: Sequence[Stored],
    *,
    magic: int,
    compression: Compression = Compression.NONE,
    log_append_time_ms: Timestamp | None = None,
) -> bytes:
    """(offset, timestamp, key, value) of each message, at least one: in sequence, or in a compressed one.

    log_append_time_ms   the time of all of them, marked as LogAppendTime (format 1)
    """
    attributes = LOG_APPEND_TIME if magic and log_append_time_ms is not None else 0
    if log_append_time_ms is not None:
        messages = [(offset, log_append_time_ms, key, value) for offset, _, key, value in messages]
    if compression is Compression.NONE:
        return _joined(messages, magic, attributes)
    first, last = messages[0][0], messages[-1][0]
    start = first if magic else 0
    inner = [(Offset(offset - start), timestamp, key, value) for offset, timestamp, key, value in messages]
    payload = compress(compression, _joined(inner, magic, attributes))
    if compression is Compression.LZ4 and not magic:
        payload = with_lz4_checksum(payload, over_magic=True)
    latest = max(timestamp for _, timestamp, _, _ in messages)
    return _joined([(last, latest, None, payload)], magic, attributes | compression)


def _joined(messages: Iterable[Stored], magic: int, attributes: int) -> bytes:
    parts: list[bytes] = []
    for offset, timestamp, key, value in messages:
        rest = b"".join(
            (
                _TIMESTAMP.pack(timestamp) if magic else b"",
                _NULL if key is None else _INT32.pack(len(key)) + key,
                _NULL if value is None else _INT32.pack(len(value)) + value,
            )
        )
        crc = zlib.crc32(rest, zlib.crc32(bytes((magic, attributes))))
        parts += (_PREFIX.pack(offset, len(rest) + 6, crc, magic, attributes), rest)
    return b"".join(parts)
