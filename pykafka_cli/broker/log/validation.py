"""Validates batches before they are appended; pure functions over their bytes.

The header decides nearly everything. Records are looked into only where a topic asks for more than its header can
tell: a compacted topic (keys), message.timestamp.before.max.ms (the smallest timestamp), another codec than the
producer's. Source: LogValidator, UnifiedLog.analyzeAndValidateRecords.
"""

from collections.abc import Sequence

from pykafka_cli.broker.errors import (
    CorruptMessage,
    InvalidRecord,
    InvalidTimestamp,
    MessageTooLarge,
    RecordListTooLarge,
    UnsupportedCompressionType,
)
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.records.batch import (
    CODEC_MASK,
    LOG_APPEND_TIME,
    NO_TIMESTAMP,
    BatchHeader,
    Compression,
    CorruptRecords,
    batch_size_at,
    crc_is_valid,
    read_header,
    stamp_timestamp_type,
    walk,
)
from pykafka_cli.protocol.records.record import Record, build_batch, read_records

UNBOUNDED_MS = 9223372036854775807
"""The default of message.timestamp.before.max.ms and .after.max.ms: no bound."""

_TARGET_CODEC = {
    "uncompressed": Compression.NONE,
    "gzip": Compression.GZIP,
    "snappy": Compression.SNAPPY,
    "lz4": Compression.LZ4,
    "zstd": Compression.ZSTD,
}


class UnexpectedAppendOffset(Exception):
    """Batches for a follower that begin below its log end."""

    def __init__(self, message: str, first_offset: Offset, last_offset: Offset) -> None:
        super().__init__(message)
        self.first_offset = first_offset
        self.last_offset = last_offset


def admit(
    data: bytearray | memoryview, config: TopicConfig, origin: AppendOrigin, now_ms: Timestamp, where: object
) -> tuple[bytearray | memoryview, BatchHeader, Timestamp | None]:
    """Every rule for what a leader appends: (the one batch as it is to be stored, its header, LogAppendTime if set).

    The bytes are those that came, with their timestamp type set in place; other ones only where the codec changes.
    raises  CorruptMessage, InvalidRecord, InvalidTimestamp, MessageTooLarge, RecordListTooLarge,
            UnsupportedCompressionType
    """
    header = only_batch(data, where)
    check_batch(data, header, config, origin, where)
    check_timestamps(data, header, config, now_ms, where)
    if config.compacts and not header.is_control and origin is not AppendOrigin.COORDINATOR:  # whose records have keys
        check_keys(data, where)
    codec = needs_other_codec(header, config)
    if codec is not None:
        data = recompress(data, header, codec, config, where)
        header = read_header(data)
    size = header.size
    if size != len(data):
        data = memoryview(data)[:size]
    if size > config.segment_bytes:
        raise RecordListTooLarge(f"{where}: a batch of {size} bytes does not fit a segment of {config.segment_bytes}")
    if config.message_timestamp_type == "LogAppendTime":
        return data, stamp_timestamp_type(data, 0, header, log_append_time_ms=now_ms), now_ms
    if header.attributes & LOG_APPEND_TIME:
        header = stamp_timestamp_type(data, 0, header, log_append_time_ms=None)
    return data, header, None


def follower_batches(data: Buffer, log_end: Offset, where: object) -> list[tuple[int, BatchHeader]]:
    """(position, header) of the whole batches that a leader sent, each sound and after the one before.

    raises  CorruptMessage; UnexpectedAppendOffset when they begin below `log_end`, or go back
    """
    expected = log_end
    try:
        found = list(walk(data))
    except CorruptRecords as error:
        raise CorruptMessage(f"{where}: {error}") from None
    for position, header in found:
        if not crc_is_valid(data, position, header):
            raise CorruptMessage(f"Record is corrupt (stored crc = {header.crc}) in topic partition {where}.")
        if header.base_offset < expected:
            raise UnexpectedAppendOffset(
                f"{where}: a batch from offset {header.base_offset} on came, the next offset here is {expected}",
                found[0][1].base_offset,
                found[-1][1].last_offset,
            )
        expected = header.next_offset
    return found


def only_batch(data: Buffer, where: object) -> BatchHeader:
    """The header of the one batch that a client may send per partition.

    A truncated batch does not count, as for Kafka; bytes after the first that are too few for another are
    ignored. raises  InvalidRecord, CorruptMessage
    """
    size = batch_size_at(data, 0)
    if size is None or size > len(data):
        raise InvalidRecord(f"{where}: no complete record batch was sent")
    try:
        header = read_header(data)
    except CorruptRecords as error:
        raise CorruptMessage(f"{where}: {error}") from None
    if header.magic != 2:
        raise InvalidRecord(f"{where}: message format {header.magic} is no longer written; produce version 3 needs 2")
    following = batch_size_at(data, size)
    if following is not None and 0 < following <= len(data) - size:
        raise InvalidRecord(f"{where}: more than one record batch was sent for the partition")
    return header


def check_batch(data: Buffer, header: BatchHeader, config: TopicConfig, origin: AppendOrigin, where: object) -> None:
    """The rules for a whole batch, in Kafka's order.

    raises  InvalidRecord, MessageTooLarge, CorruptMessage
    """
    attributes = header.attributes
    if origin is AppendOrigin.CLIENT and header.base_offset != 0:
        raise InvalidRecord(f"{where}: the batch's base offset is {header.base_offset}, a producer sends 0")
    if header.size > config.max_message_bytes:
        raise MessageTooLarge(
            f"The record batch size in the append to {where} is {header.size} bytes which exceeds the maximum "
            f"configured value of {config.max_message_bytes}."
        )
    if not crc_is_valid(data, 0, header):
        raise CorruptMessage(f"Record is corrupt (stored crc = {header.crc}) in topic partition {where}.")
    if attributes & CODEC_MASK > Compression.ZSTD:
        raise UnsupportedCompressionType(f"{where}: unknown compression codec {attributes & CODEC_MASK}")
    if origin is not AppendOrigin.CLIENT:
        return
    if header.record_count <= 0 or header.record_count != header.last_offset_delta + 1:
        raise InvalidRecord(
            f"Inconsistent batch offset range [{header.base_offset}, {header.last_offset}] and count of records "
            f"{header.record_count} in topic partition {where}"
        )
    if header.is_control:
        raise InvalidRecord(f"Clients are not allowed to write control records in topic partition {where}")
    if header.has_producer_id and header.base_sequence < 0:
        raise InvalidRecord(
            f"Invalid sequence number {header.base_sequence} in record batch with producerId {header.producer_id} "
            f"in topic partition {where}"
        )


def check_timestamps(data: Buffer, header: BatchHeader, config: TopicConfig, now_ms: Timestamp, where: object) -> None:
    """The bounds of message.timestamp.{before,after}.max.ms, and who may say LogAppendTime.

    raises  InvalidTimestamp
    """
    if config.message_timestamp_type == "LogAppendTime":
        if header.attributes & LOG_APPEND_TIME:
            raise InvalidTimestamp(f"{where}: a producer must not set the timestamp type to LogAppendTime")
        return
    before, after = config.timestamp_before_max_ms, config.timestamp_after_max_ms
    if before == UNBOUNDED_MS and after == UNBOUNDED_MS:
        return

    def is_out_of_range(timestamp: Timestamp) -> bool:
        return timestamp != NO_TIMESTAMP and (now_ms - timestamp > before or timestamp - now_ms > after)

    if before == UNBOUNDED_MS and not is_out_of_range(header.max_timestamp):
        return  # the header has the first and the largest timestamp, not the smallest
    bounds = f"The timestamp should be within [{now_ms - before}, {now_ms + after}]"
    errors = [
        (index, f"Timestamp {record.timestamp} of message with offset {record.offset} is out of range. {bounds}")
        for index, record in enumerate(_records(data, where))
        if is_out_of_range(record.timestamp)
    ]
    if errors:
        raise InvalidTimestamp("One or more records have been rejected due to invalid timestamp", errors)


def check_keys(data: Buffer, where: object) -> None:
    """Every record of a compacted topic has a key. raises InvalidRecord."""
    errors = [
        (index, f"Compacted topic cannot accept message without key in topic partition {where}")
        for index, record in enumerate(_records(data, where))
        if record.key is None
    ]
    if errors:
        shown = ", ".join(f"RecordError(batchIndex={index}, message='{why}')" for index, why in errors[:3])
        raise InvalidRecord(
            f"One or more records have been rejected due to {len(errors)} record errors in total, "
            f"and only showing the first three errors at most: [{shown}]",
            errors,
        )


def needs_other_codec(header: BatchHeader, config: TopicConfig) -> Compression | None:
    """The codec that compression.type asks for when the batch has another; None when it stays as it is."""
    target = _TARGET_CODEC.get(config.compression_type)  # `producer` is in no table
    if target is None or target == header.attributes & CODEC_MASK or header.is_control:
        return None
    return target


def recompress(data: Buffer, header: BatchHeader, codec: Compression, config: TopicConfig, where: object) -> bytearray:
    """The same records under another codec. raises InvalidRecord, and MessageTooLarge when that made them too large."""
    batch = build_batch(
        _records(data, where),
        base_offset=header.base_offset,
        last_offset=header.last_offset,
        compression=codec,
        compression_level=_level(codec, config),
        producer_id=header.producer_id,
        producer_epoch=header.producer_epoch,
        base_sequence=header.base_sequence,
        transactional=header.is_transactional,
    )
    if len(batch) > config.max_message_bytes:
        raise MessageTooLarge(
            f"Message batch size is {len(batch)} bytes in append to partition {where} which exceeds the maximum "
            f"configured size of {config.max_message_bytes}."
        )
    return batch


def _level(codec: Compression, config: TopicConfig) -> int | None:
    match codec:
        case Compression.GZIP:
            return config.compression_gzip_level
        case Compression.ZSTD:
            return config.compression_zstd_level
        case _:
            return None


def _records(data: Buffer, where: object) -> Sequence[Record]:
    try:
        return read_records(data)
    except CorruptRecords as error:
        raise InvalidRecord(f"{where}: {error}") from None
