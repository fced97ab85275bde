"""Record batches: the unit in which records travel and are stored, with the header read and re-stamped in place.

Format 2 (magic 2), big-endian, 61 bytes of header and then the records, compressed as one block or plain:

    0  base_offset        int64   offset of the first record
    8  batch_length       int32   bytes after this field
    12 leader_epoch       int32   of the leader that appended it; not covered by the CRC, nor is what is before it
    16 magic              int8    2
    17 crc                uint32  CRC-32C of everything from `attributes` on
    21 attributes         int16   bits 0-2 codec, 3 LogAppendTime, 4 transactional, 5 control, 6 delete horizon set
    23 last_offset_delta  int32   last offset - base_offset
    27 base_timestamp     int64   the records' timestamps are relative to it (delete horizon instead, when bit 6 is set)
    35 max_timestamp      int64
    43 producer_id        int64   -1 without idempotence
    51 producer_epoch     int16
    53 base_sequence      int32
    57 record_count       int32

Formats 0 and 1 keep `magic` at the same place, so a log that holds both can be walked; see legacy.py.
The walk looks at headers alone and never copies record bytes. Source: KIP-98, DefaultRecordBatch.
"""

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from crc32c import crc32c

from pykafka_cli.model import LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp
from pykafka_cli.protocol.buffers import Buffer

HEADER = struct.Struct(">qiibIhiqqqhii")
HEADER_SIZE = HEADER.size  # 61
LOG_OVERHEAD = 12  # base_offset and batch_length, in every format
LEGACY_HEADER_SIZE = (14 + LOG_OVERHEAD, 22 + LOG_OVERHEAD)  # the smallest messages of formats 0 and 1
NO_TIMESTAMP = Timestamp(-1)
NO_PRODUCER_ID = ProducerId(-1)
NO_PRODUCER_EPOCH = ProducerEpoch(-1)
NO_SEQUENCE = -1
NO_LEADER_EPOCH = LeaderEpoch(-1)

MAGIC_AT = 16
CRC_AT = 17
ATTRIBUTES_AT = 21
MAX_TIMESTAMP_AT = 35
PRODUCER_AT = 43

CODEC_MASK = 0x07
LOG_APPEND_TIME = 0x08
TRANSACTIONAL = 0x10
CONTROL = 0x20
DELETE_HORIZON = 0x40

_PREFIX = struct.Struct(">qi")
_INT32 = struct.Struct(">i")
_UINT32 = struct.Struct(">I")
_INT64 = struct.Struct(">q")
_ATTRIBUTES = struct.Struct(">h")
_PRODUCER = struct.Struct(">qhi")  # id, epoch, base sequence
_LEGACY = struct.Struct(">qiIbbq")  # offset, size, crc, magic, attributes, timestamp (format 1)
_MAX_SEQUENCE = 0x7FFFFFFF


class CorruptRecords(ValueError):
    """Bytes that are no record batch, or one whose contents contradict its header."""


class ImpossibleOffsets(CorruptRecords):
    """A header whose offsets are negative."""


class Compression(IntEnum):
    """The codec of a batch, as numbered in its attributes."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


class BatchHeader(NamedTuple):
    """The header of one batch. For formats 0 and 1 the fields they lack have their "none" values."""

    base_offset: Offset
    batch_length: int
    leader_epoch: LeaderEpoch
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: Timestamp
    max_timestamp: Timestamp
    producer_id: ProducerId
    producer_epoch: ProducerEpoch
    base_sequence: int
    record_count: int

    @property
    def size(self) -> int:
        """Bytes of the whole batch."""
        return self.batch_length + LOG_OVERHEAD

    @property
    def last_offset(self) -> Offset:
        return Offset(self.base_offset + self.last_offset_delta)

    @property
    def next_offset(self) -> Offset:
        return Offset(self.base_offset + self.last_offset_delta + 1)

    @property
    def last_sequence(self) -> int:
        """Sequence of the last record, which wraps from 2147483647 to 0; -1 without idempotence."""
        return advance_sequence(self.base_sequence, self.last_offset_delta) if self.base_sequence >= 0 else NO_SEQUENCE

    @property
    def compression(self) -> Compression:
        """raises CorruptRecords for a codec that does not exist."""
        try:
            return Compression(self.attributes & CODEC_MASK)
        except ValueError:
            raise CorruptRecords(f"unknown compression codec {self.attributes & CODEC_MASK}") from None

    @property
    def is_log_append_time(self) -> bool:
        return bool(self.attributes & LOG_APPEND_TIME)

    @property
    def is_transactional(self) -> bool:
        return bool(self.attributes & TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        return bool(self.attributes & CONTROL)

    @property
    def delete_horizon_ms(self) -> Timestamp | None:
        """When the cleaner may drop this batch's tombstones and markers; None before it has seen them once."""
        return self.base_timestamp if self.attributes & DELETE_HORIZON else None

    @property
    def has_producer_id(self) -> bool:
        return self.producer_id > NO_PRODUCER_ID


def advance_sequence(sequence: int, by: int) -> int:
    """`sequence` + `by`, wrapping from 2147483647 to 0 as DefaultRecordBatch.incrementSequence does."""
    return (sequence + by) & _MAX_SEQUENCE


def retreat_sequence(sequence: int, by: int) -> int:
    """`sequence` - `by`, the other way round, as DefaultRecordBatch.decrementSequence does."""
    return sequence - by if sequence >= by else _MAX_SEQUENCE - (by - sequence) + 1


def read_header(data: Buffer, position: int = 0) -> BatchHeader:
    """The header of the batch that starts at `position`, of any format; the CRC is not looked at.

    raises  CorruptRecords when fewer bytes are there than the smallest batch has, or the header cannot be true
    """
    try:
        magic = data[position + MAGIC_AT]
    except IndexError:
        raise CorruptRecords(f"{len(data) - position} bytes are too few for a batch") from None
    if magic != 2:
        return _read_legacy_header(data, position, magic)
    if len(data) - position < HEADER_SIZE:
        raise CorruptRecords(f"{len(data) - position} bytes are too few for the header of a batch")
    header = BatchHeader._make(HEADER.unpack_from(data, position))
    if header.batch_length < HEADER_SIZE - LOG_OVERHEAD:
        raise CorruptRecords(f"batch length {header.batch_length} is less than its header takes")
    if header.base_offset < 0 or header.last_offset_delta < 0:
        raise ImpossibleOffsets(f"offsets {header.base_offset} + {header.last_offset_delta} cannot be")
    return header


def _read_legacy_header(data: Buffer, position: int, magic: int) -> BatchHeader:
    if magic > 1:
        raise CorruptRecords(f"unknown record format (magic) {magic}")
    header = unpack_header(data, position)
    if header.batch_length < LEGACY_HEADER_SIZE[magic] - LOG_OVERHEAD or header.base_offset < 0:
        raise CorruptRecords(f"message of {header.batch_length} bytes at offset {header.base_offset} cannot be")
    return header


def unpack_header(data: Buffer, position: int = 0) -> BatchHeader:
    """The header, whatever its fields say: for looking at what is damaged.

    A magic above 2 is read as 2, and a negative one (the byte has a sign) as 1, as Kafka does.
    raises  CorruptRecords when fewer bytes are there than a header of that format takes
    """
    left = len(data) - position
    magic = data[position + MAGIC_AT] if left > MAGIC_AT else 0
    if 2 <= magic < 0x80:
        if left < HEADER_SIZE:
            raise CorruptRecords(f"{left} bytes are too few for the header of a batch")
        return BatchHeader._make(HEADER.unpack_from(data, position))
    if left < LEGACY_HEADER_SIZE[1 if magic else 0]:
        raise CorruptRecords(f"{left} bytes are too few for a message of format {magic}")
    if magic:
        offset, size, crc, magic, attributes, timestamp = _LEGACY.unpack_from(data, position)
    else:
        (offset, size), (crc,) = _PREFIX.unpack_from(data, position), _UINT32.unpack_from(data, position + LOG_OVERHEAD)
        attributes, timestamp = data[position + MAGIC_AT + 1], NO_TIMESTAMP
    # The one offset of a wrapper is that of its last inner message; the first is known only after decompression.
    return BatchHeader(
        offset,
        size,
        NO_LEADER_EPOCH,
        magic,
        crc,
        attributes & 0x0F,
        0,
        timestamp,
        timestamp,
        NO_PRODUCER_ID,
        NO_PRODUCER_EPOCH,
        NO_SEQUENCE,
        1,
    )


def batch_size_at(data: Buffer, position: int) -> int | None:
    """Bytes of the batch that starts at `position`; None when fewer than 12 bytes are left."""
    if len(data) - position < LOG_OVERHEAD:
        return None
    return int(_INT32.unpack_from(data, position + 8)[0]) + LOG_OVERHEAD


def walk(data: Buffer, position: int = 0) -> Iterator[tuple[int, BatchHeader]]:
    """(position, header) of each whole batch; a batch cut short at the end is left out.

    raises  CorruptRecords at the first header that cannot be true
    """
    end = len(data)
    while end - position >= LEGACY_HEADER_SIZE[0]:
        size = batch_size_at(data, position)
        if size is not None and size > end - position:
            if size < LEGACY_HEADER_SIZE[0]:
                raise CorruptRecords(f"batch length {size} at byte {position} cannot be")
            return
        header = read_header(data, position)
        yield position, header
        position += header.size


def whole_batches_end(data: Buffer, position: int = 0) -> int:
    """Where the last whole batch of `data` ends, by lengths alone; it ends before bytes that cannot be a batch."""
    end = len(data)
    unpack = _INT32.unpack_from
    while position + LOG_OVERHEAD <= end:
        following = position + int(unpack(data, position + 8)[0]) + LOG_OVERHEAD
        if following > end or following <= position + LOG_OVERHEAD:
            break
        position = following
    return position


def crc_is_valid(data: Buffer, position: int, header: BatchHeader) -> bool:
    """Whether the stored checksum is that of the bytes: CRC-32C in format 2, CRC-32 before."""
    with memoryview(data) as view:
        if header.magic == 2:
            return int(crc32c(view[position + ATTRIBUTES_AT : position + header.size])) == header.crc
        return zlib.crc32(view[position + MAGIC_AT : position + header.size]) == header.crc


def stamp(data: bytearray | memoryview, position: int, *, base_offset: Offset, leader_epoch: LeaderEpoch) -> None:
    """Give a batch its place in the log; neither field is covered by the CRC."""
    _INT64.pack_into(data, position, base_offset)
    _INT32.pack_into(data, position + LOG_OVERHEAD, leader_epoch)


def stamp_timestamp_type(
    data: bytearray | memoryview, position: int, header: BatchHeader, *, log_append_time_ms: Timestamp | None
) -> BatchHeader:
    """Mark a batch as LogAppendTime with that time, or (None) as CreateTime, and seal it again. Returns its header."""
    attributes, max_timestamp = header.attributes & ~LOG_APPEND_TIME, header.max_timestamp
    if log_append_time_ms is not None:
        attributes, max_timestamp = attributes | LOG_APPEND_TIME, log_append_time_ms
    _ATTRIBUTES.pack_into(data, position + ATTRIBUTES_AT, attributes)
    return stamp_max_timestamp(data, position, header._replace(attributes=attributes), max_timestamp)


def stamp_max_timestamp(
    data: bytearray | memoryview, position: int, header: BatchHeader, max_timestamp: Timestamp
) -> BatchHeader:
    """Set the largest timestamp of a batch, and seal it again. Returns its header."""
    _INT64.pack_into(data, position + MAX_TIMESTAMP_AT, max_timestamp)
    return header._replace(max_timestamp=max_timestamp, crc=seal(data, position, header.batch_length))


def with_payload(header: BatchHeader, payload: Buffer, codec: Compression) -> bytearray:
    """A batch with this header but other records, which `codec` has compressed."""
    length = HEADER_SIZE - LOG_OVERHEAD + len(payload)
    attributes = header.attributes & ~CODEC_MASK | codec
    batch = bytearray(HEADER.pack(*header._replace(batch_length=length, attributes=attributes)))
    batch += payload
    seal(batch, 0, length)
    return batch


def forget_origin(data: bytearray, attributes: int) -> None:
    """Give the only batch in `data` these attributes, and neither place nor producer, as a new one has none."""
    stamp(data, 0, base_offset=Offset(0), leader_epoch=NO_LEADER_EPOCH)
    _ATTRIBUTES.pack_into(data, ATTRIBUTES_AT, attributes)
    _PRODUCER.pack_into(data, PRODUCER_AT, NO_PRODUCER_ID, NO_PRODUCER_EPOCH, NO_SEQUENCE)
    seal(data, 0, len(data) - LOG_OVERHEAD)


def seal(data: bytearray | memoryview, position: int, batch_length: int) -> int:
    """Compute and store the CRC of a format 2 batch; returns it."""
    with memoryview(data) as view:
        crc = int(crc32c(view[position + ATTRIBUTES_AT : position + batch_length + LOG_OVERHEAD]))
    _UINT32.pack_into(data, position + CRC_AT, crc)
    return crc
