"""Checks the records of a batch before it is appended: nothing is stored that consumers cannot read.

`survey` checks every record. If all have the form in which clients write them, that and the header decide. Otherwise
the records are read one by one: to report which ones are invalid and why, or, if they are valid but unusual, to write
them in the usual form.

Kafka 3.9 accepts some batches that consumers cannot get past: compressed records with wrong lengths, or with bytes
after the last record. These are rejected here. It stores wrong offset deltas of uncompressed records, which are
corrected here. For what cannot be decompressed, its code is UNKNOWN_SERVER_ERROR, and INVALID_RECORD here.
Source: LogValidator, DefaultRecordBatch; KIP-467.
"""

from pykafka_cli.broker.errors import InvalidRecord, InvalidTimestamp, MessageTooLarge
from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.records.batch import (
    CODEC_MASK,
    HEADER_SIZE,
    LOG_APPEND_TIME,
    LOG_OVERHEAD,
    NO_TIMESTAMP,
    BatchHeader,
    Compression,
    CorruptRecords,
    read_header,
    stamp_max_timestamp,
    with_payload,
)
from pykafka_cli.protocol.records.compression import (
    MAX_WINDOW,
    UnfoldsTooFar,
    compress,
    decompress,
    ensure_readable_by_java,
)
from pykafka_cli.protocol.records.record import Record, payload_of, records_of
from pykafka_cli.protocol.records.survey import survey

MAX_UNPACKED = MAX_WINDOW
"""Bytes that a client's batch may decompress to."""
MAX_READ_ONE_BY_ONE = 4 << 20
"""The most bytes of records that are read one by one, which takes about a second."""
QUICK_BYTES = 2 << 20
"""Decompressed bytes that can be checked within a few milliseconds."""
SLOW_BYTES = 64 << 10
"""Bytes of records that can be read one by one, or compressed with another codec, in about the same time."""

_MIN_INT64, _MAX_INT64 = -(1 << 63), (1 << 63) - 1
PRODUCERS_CODEC = "producer"
"""The compression.type that keeps the producer's codec."""

_TARGET_CODEC = {
    "uncompressed": Compression.NONE,
    "gzip": Compression.GZIP,
    "snappy": Compression.SNAPPY,
    "lz4": Compression.LZ4,
    "zstd": Compression.ZSTD,
}


class TakesLong(Exception):
    """A batch was not checked, since it would take more than a few milliseconds."""


def checked_records(
    data: bytearray | memoryview,
    header: BatchHeader,
    config: TopicConfig,
    now_ms: Timestamp,
    where: object,
    *,
    only_if_quick: bool = False,
) -> tuple[bytearray | memoryview, BatchHeader]:
    """A client's batch in the form to store, with its header: the bytes that arrived, unless something has to change.

    As in Kafka, the header's largest timestamp becomes that of the records.
    raises  InvalidRecord and InvalidTimestamp, with record errors if single records are at fault; MessageTooLarge;
            TakesLong only if `only_if_quick`
    """
    try:
        payload = plain_records(data, header, QUICK_BYTES if only_if_quick else MAX_UNPACKED)
        is_slow = only_if_quick and len(payload) > SLOW_BYTES
        if is_slow and config.compression_type != PRODUCERS_CODEC and needs_other_codec(header, config) is not None:
            raise TakesLong
        found = survey(payload, header.record_count)
        if found is None:
            if is_slow:
                raise TakesLong
            payload = _as_usual(header, payload)
            data = _stored(header, payload, header.compression, config, where)
            header = read_header(data)
            found = survey(payload, header.record_count)
    except UnfoldsTooFar as error:
        if only_if_quick:
            raise TakesLong from None
        raise InvalidRecord(f"{where}: {error}") from None
    except CorruptRecords as error:
        raise InvalidRecord(f"{where}: {error}") from None
    if found is None:
        raise InvalidTimestamp(f"{where}: the timestamps of one batch are too far apart")
    earliest, latest = Timestamp(header.base_timestamp + found[0]), Timestamp(header.base_timestamp + found[1])
    if earliest < _MIN_INT64 or latest > _MAX_INT64:
        raise InvalidTimestamp(f"{where}: timestamps from {earliest} to {latest}")
    if header.attributes & LOG_APPEND_TIME:
        earliest = latest = header.max_timestamp
    if (config.compacts and not found[2]) or not _are_allowed(header, earliest, latest, config, now_ms):
        if is_slow:
            raise TakesLong
        _raise_record_errors(header, payload, config, now_ms, where)
    if latest != header.max_timestamp:
        header = stamp_max_timestamp(data, 0, header, latest)
    if config.compression_type != PRODUCERS_CODEC and needs_other_codec(header, config) is not None:
        return recompressed(header, payload, config, where)
    return data, header


def plain_records(data: Buffer, header: BatchHeader, limit: int = MAX_UNPACKED) -> Buffer:
    """The records of the one batch, decompressed; a view of `data` if they were not compressed.

    raises  CorruptRecords; UnfoldsTooFar if they have more than `limit` bytes
    """
    stored = memoryview(data)[HEADER_SIZE : header.batch_length + LOG_OVERHEAD]
    if not header.attributes & CODEC_MASK:
        return stored
    ensure_readable_by_java(header.compression, stored)
    return decompress(header.compression, stored, limit)


def _as_usual(header: BatchHeader, payload: Buffer) -> Buffer:
    """The same records, numbered 0, 1, 2 ... and written as clients usually write them.

    raises  CorruptRecords at the first record that cannot be read
    """
    _ensure_readable_one_by_one(payload)
    plain = header._replace(attributes=0)  # timestamps as they are in the records
    records = [
        record._replace(offset=Offset(header.base_offset + index))
        for index, record in enumerate(records_of(plain, payload))
    ]
    return payload_of(records, base_offset=header.base_offset, base_timestamp=header.base_timestamp)


def _ensure_readable_one_by_one(payload: Buffer) -> None:
    if len(payload) > MAX_READ_ONE_BY_ONE:
        raise CorruptRecords(f"{len(payload)} bytes of records contain an invalid one; too many to say which")


def _are_allowed(
    header: BatchHeader, earliest: Timestamp, latest: Timestamp, config: TopicConfig, now_ms: Timestamp
) -> bool:
    """Whether every timestamp from `earliest` to `latest` is valid."""
    if config.message_timestamp_type == "LogAppendTime" or earliest == latest == NO_TIMESTAMP:
        return not header.attributes & LOG_APPEND_TIME
    return now_ms - earliest <= config.timestamp_before_max_ms and latest - now_ms <= config.timestamp_after_max_ms


def _raise_record_errors(
    header: BatchHeader, payload: Buffer, config: TopicConfig, now_ms: Timestamp, where: object
) -> None:
    """Raise InvalidRecord or InvalidTimestamp, with a record error for each invalid record, if there are any."""
    try:
        _ensure_readable_one_by_one(payload)
    except CorruptRecords as error:
        raise InvalidRecord(f"{where}: {error}") from None
    errors, are_timestamps_wrong = [], False
    for index, record in enumerate(records_of(header, payload)):
        if config.compacts and record.key is None:
            errors.append((index, f"Compacted topic cannot accept message without key in topic partition {where}"))
        elif (fault := _fault_of_timestamp(header, record, config, now_ms)) is not None:
            errors.append((index, fault))
            are_timestamps_wrong = True
    if are_timestamps_wrong:
        raise InvalidTimestamp("One or more records have been rejected due to invalid timestamp", errors)
    if errors:
        shown = ", ".join(f"RecordError(batchIndex={index}, message='{why}')" for index, why in errors[:3])
        raise InvalidRecord(
            f"One or more records have been rejected due to {len(errors)} record errors in total, "
            f"and only showing the first three errors at most: [{shown}]",
            errors,
        )


def _fault_of_timestamp(header: BatchHeader, record: Record, config: TopicConfig, now_ms: Timestamp) -> str | None:
    if config.message_timestamp_type != "LogAppendTime" and record.timestamp != NO_TIMESTAMP:
        before, after = config.timestamp_before_max_ms, config.timestamp_after_max_ms
        if now_ms - record.timestamp <= before and record.timestamp - now_ms <= after:
            return None
        return (
            f"Timestamp {record.timestamp} of message with offset {record.offset} is out of range. "
            f"The timestamp should be within [{now_ms - before}, {now_ms + after}]"
        )
    if header.is_log_append_time:
        return (
            f"Invalid timestamp type in message DefaultRecord(offset={record.offset}, timestamp={record.timestamp}, "
            f"key={_size(record.key)} bytes, value={_size(record.value)} bytes). "
            "Producer should not set timestamp type to LogAppendTime."
        )
    return None


def _size(field: bytes | None) -> int:
    return 0 if field is None else len(field)


def needs_other_codec(header: BatchHeader, config: TopicConfig) -> Compression | None:
    """The codec that compression.type requires, if the batch has another one; None if the batch keeps its codec."""
    target = _TARGET_CODEC.get(config.compression_type)
    if target is None or target == header.attributes & CODEC_MASK or header.is_control:
        return None
    return target


def recompressed(
    header: BatchHeader, payload: Buffer, config: TopicConfig, where: object
) -> tuple[bytearray, BatchHeader]:
    """The same records with the codec of compression.type; raises MessageTooLarge if that makes them too large."""
    batch = _stored(header, payload, _TARGET_CODEC[config.compression_type], config, where)
    return batch, read_header(batch)


def _stored(header: BatchHeader, payload: Buffer, codec: Compression, config: TopicConfig, where: object) -> bytearray:
    batch = with_payload(header, compress(codec, payload, _level(codec, config)), codec)
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
