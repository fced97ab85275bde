"""Converts between format 2, the only one that is stored, and formats 0 and 1, which old clients send and fetch.

Sent (Produce 0-2): messages in sequence, or one compressed message; they become one batch under the same codec,
offsets 0, 1, 2 ..., time -1 in format 0. What a topic demands is then checked as on any batch (validation.py).
Fetched (Fetch 0-3): each batch becomes messages, or one compressed message. Headers, producer ids and control batches
have no place there and are left out. Source: LogValidator, RecordsUtil.downConvert.
"""

from pykafka_cli.broker.errors import CorruptMessage, InvalidRecord, MessageTooLarge, UnsupportedCompressionType
from pykafka_cli.model import Offset
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.records.batch import (
    CODEC_MASK,
    MAGIC_AT,
    BatchHeader,
    Compression,
    CorruptRecords,
    crc_is_valid,
    walk,
    whole_batches_end,
)
from pykafka_cli.protocol.records.legacy import WrongChecksum, build_message_set
from pykafka_cli.protocol.records.record import Record, build_batch, read_records


def batch_of(messages: Buffer, max_message_bytes: int, where: object) -> Buffer | None:
    """One batch with the records of whole messages; None when there are none. A batch of format 2 stays as it is.

    raises  CorruptMessage, InvalidRecord, MessageTooLarge
    """
    if not whole_batches_end(messages):
        return None
    if messages[MAGIC_AT] > 1:
        return messages
    try:
        found = list(walk(messages))
        if not found:
            raise CorruptMessage(f"{where}: {len(messages)} bytes are too few for a message")
        _check(messages, found, max_message_bytes, where)
        records = [record for position, _ in found for record in read_records(messages, position)]
        codec = found[0][1].compression
    except WrongChecksum as error:
        raise CorruptMessage(f"{where}: {error}") from None
    except CorruptRecords as error:
        raise InvalidRecord(f"{where}: {error}") from None
    is_append_time = any(header.magic and header.is_log_append_time for _, header in found)  # only the topic may say so
    return build_batch(
        [Record(Offset(offset), record.timestamp, record.key, record.value) for offset, record in enumerate(records)],
        compression=codec,
        log_append_time_ms=max(record.timestamp for record in records) if is_append_time else None,
    )


def _check(messages: Buffer, found: list[tuple[int, BatchHeader]], max_message_bytes: int, where: object) -> None:
    magic = found[0][1].magic
    for position, header in found:
        if header.size > max_message_bytes:
            raise MessageTooLarge(
                f"The record batch size in the append to {where} is {header.size} bytes which exceeds the maximum "
                f"configured value of {max_message_bytes}."
            )
        if not crc_is_valid(messages, position, header):
            raise CorruptMessage(f"Record is corrupt (stored crc = {header.crc}) in topic partition {where}.")
        if header.magic != magic:
            raise InvalidRecord(
                f"Batch magic {header.magic} is not the same as the first batch's magic byte {magic} "
                f"in topic partition {where}"
            )
        if header.attributes & CODEC_MASK and len(found) > 1:
            raise InvalidRecord("Compressed outer record has more than one batch")


def messages_of(batches: Buffer, position: int, header: BatchHeader, magic: int, first_offset: Offset) -> Buffer:
    """The batch at `position` in format `magic`; nothing where no record of it can be in that format.

    first_offset   records before it are left out where that is cheap: those that are not compressed
    raises  UnsupportedCompressionType for zstd; CorruptRecords
    """
    if header.is_control:
        return b""
    if header.attributes & CODEC_MASK == Compression.ZSTD:
        raise UnsupportedCompressionType("Down-conversion of zstandard-compressed batches is not supported")
    if header.magic <= magic:
        return memoryview(batches)[position : position + header.size]
    codec = header.compression
    messages = [
        record[:4]
        for record in read_records(batches, position)
        if codec is not Compression.NONE or record.offset >= first_offset
    ]
    if not messages:
        return b""
    append_time = header.max_timestamp if header.is_log_append_time else None
    return build_message_set(messages, magic=magic, compression=codec, log_append_time_ms=append_time)
