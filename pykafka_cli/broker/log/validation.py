"""Validates batches before they are appended; pure functions over their bytes.

Here are the rules for headers and whole batches; record_checks.py has those for the records in them.
Source: LogValidator, UnifiedLog.analyzeAndValidateRecords.
"""

from typing import NamedTuple

from pykafka_cli.broker.errors import (
    CorruptMessage,
    InvalidRecord,
    MessageTooLarge,
    RecordListTooLarge,
    UnsupportedCompressionType,
)
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.broker.log.record_checks import checked_records, needs_other_codec, plain_records, recompressed
from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.records.batch import (
    CODEC_MASK,
    LOG_APPEND_TIME,
    LOG_OVERHEAD,
    BatchHeader,
    Compression,
    CorruptRecords,
    ImpossibleOffsets,
    batch_size_at,
    crc_is_valid,
    read_header,
    stamp_timestamp_type,
    walk,
)


class UnexpectedAppendOffset(Exception):
    """Batches for a follower that begin below its log end."""

    def __init__(self, message: str, first_offset: Offset, last_offset: Offset) -> None:
        super().__init__(message)
        self.first_offset = first_offset
        self.last_offset = last_offset


class CheckedBatch(NamedTuple):
    """A client's batch as it is to be stored, and its header, after every check of its bytes."""

    data: bytearray | memoryview
    header: BatchHeader


def checked_batch(
    data: bytearray | memoryview, config: TopicConfig, now_ms: Timestamp, where: object, *, only_if_quick: bool = False
) -> CheckedBatch:
    """Check a client's batch and its records. raises what `admit` does; TakesLong only if `only_if_quick`"""
    header = only_batch(data, where)
    check_batch(data, header, config, where)
    return CheckedBatch(*checked_records(data, header, config, now_ms, where, only_if_quick=only_if_quick))


def admit(
    data: bytearray | memoryview | CheckedBatch,
    config: TopicConfig,
    origin: AppendOrigin,
    now_ms: Timestamp,
    where: object,
) -> tuple[bytearray | memoryview, BatchHeader, Timestamp | None]:
    """Every rule for what a leader appends: (the one batch as it is to be stored, its header, LogAppendTime if set).

    The bytes are those that came, with their timestamp type set in place; other ones only where the codec changes, or
    records have an unusual form. What a coordinator appends was built here, and is not looked into.
    raises  CorruptMessage, InvalidRecord, InvalidTimestamp, MessageTooLarge, RecordListTooLarge,
            UnsupportedCompressionType
    """
    if isinstance(data, CheckedBatch):
        data, header = data
    elif origin is AppendOrigin.CLIENT:
        header = only_batch(data, where)
        check_batch(data, header, config, where)
        data, header = checked_records(data, header, config, now_ms, where)
    else:
        header = read_header(data)
        if header.size > config.max_message_bytes:
            raise _too_large(header, config, where)
        if needs_other_codec(header, config):
            data, header = recompressed(header, plain_records(data, header), config, where)
    size = header.batch_length + LOG_OVERHEAD
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
    except ImpossibleOffsets as error:
        raise InvalidRecord(f"{where}: {error}") from None
    except CorruptRecords as error:
        raise CorruptMessage(f"{where}: {error}") from None
    if header.magic != 2:
        raise InvalidRecord(f"{where}: message format {header.magic} is no longer written; produce version 3 needs 2")
    following = batch_size_at(data, size)
    if following is not None and 0 < following <= len(data) - size:
        raise InvalidRecord(f"{where}: more than one record batch was sent for the partition")
    return header


def check_batch(data: Buffer, header: BatchHeader, config: TopicConfig, where: object) -> None:
    """The rules for a client's whole batch, in Kafka's order.

    raises  InvalidRecord, MessageTooLarge, CorruptMessage
    """
    attributes = header.attributes
    if header.base_offset != 0:
        raise InvalidRecord(f"{where}: the batch's base offset is {header.base_offset}, a producer sends 0")
    if header.size > config.max_message_bytes:
        raise _too_large(header, config, where)
    if not crc_is_valid(data, 0, header):
        raise CorruptMessage(f"Record is corrupt (stored crc = {header.crc}) in topic partition {where}.")
    if attributes & CODEC_MASK > Compression.ZSTD:
        raise UnsupportedCompressionType(f"{where}: unknown compression codec {attributes & CODEC_MASK}")
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


def _too_large(header: BatchHeader, config: TopicConfig, where: object) -> MessageTooLarge:
    return MessageTooLarge(
        f"The record batch size in the append to {where} is {header.size} bytes which exceeds the maximum "
        f"configured value of {config.max_message_bytes}."
    )
