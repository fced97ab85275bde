"""kafka-dump-log.sh: a line for each batch, record, index entry and producer; problems in lists at the end."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pykafka_cli.protocol.records.batch import BatchHeader

_CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def batch_begins(header: BatchHeader) -> str:
    """The first half of a batch's line, which the script prints before it reads the codec."""
    if header.magic < 2:
        return f"offset: {header.base_offset}"
    return (
        f"baseOffset: {header.base_offset} lastOffset: {header.last_offset} count: {header.record_count} "
        f"baseSequence: {header.base_sequence} lastSequence: {last_sequence(header)} "
        f"producerId: {header.producer_id} producerEpoch: {header.producer_epoch} "
        f"partitionLeaderEpoch: {header.leader_epoch} isTransactional: {boolean(header.is_transactional)} "
        f"isControl: {boolean(header.is_control)} deleteHorizonMs: {optional_long(header.delete_horizon_ms)}"
    )


def batch_ends(header: BatchHeader, position: int, *, is_valid: bool) -> str:
    return (
        f" position: {position} {timestamp_type(header)}: {header.max_timestamp} size: {header.size} "
        f"magic: {header.magic} compresscodec: {codec(header)} crc: {header.crc} isvalid: {boolean(is_valid)}\n"
    )


def last_sequence(header: BatchHeader) -> int:
    """As Kafka counts it, also from a first sequence that cannot be."""
    first = header.base_sequence
    return header.last_sequence if first >= -1 else first + header.last_offset_delta


def codec(header: BatchHeader) -> str | None:
    """None for one that does not exist."""
    number = header.attributes & 7
    return _CODECS[number] if number < len(_CODECS) else None


def timestamp_type(header: BatchHeader) -> str:
    if header.magic == 0:
        return "NoTimestampType"
    return "LogAppendTime" if header.is_log_append_time else "CreateTime"


def boolean(value: bool) -> str:
    return "true" if value else "false"


def optional_long(value: int | None) -> str:
    return "OptionalLong.empty" if value is None else f"OptionalLong[{value}]"


def producer(found: Mapping[str, Any]) -> str:
    """A producer of a snapshot; `last_batch` if it has written any."""
    last = found["last_batch"]
    return (
        f"producerId: {found['producer_id']} producerEpoch: {found['producer_epoch']} "
        f"coordinatorEpoch: {found['coordinator_epoch']} "
        f"currentTxnFirstOffset: {optional_long(found['current_txn_first_offset'])} "
        f"lastTimestamp: {found['last_timestamp']} "
    ) + (
        f"firstSequence: {last['first_sequence']} lastSequence: {last['last_sequence']} "
        f"lastOffset: {last['last_offset']} offsetDelta: {last['offset_delta']} timestamp: {last['timestamp']}\n"
        if last
        else "\n"
    )


def aborted_transaction(producer_id: int, first_offset: int, last_offset: int, last_stable_offset: int) -> str:
    return (
        f"version: 0 producerId: {producer_id} firstOffset: {first_offset} lastOffset: {last_offset} "
        f"lastStableOffset: {last_stable_offset}\n"
    )


def mismatches(path: str, found: Sequence[tuple[int, int]]) -> str:
    """(offset in the index, offset in the log) of an index."""
    return _problem(f"Mismatches in :{path}", (f"Index offset: {a}, log offset: {b}" for a, b in reversed(found)))


def timestamp_mismatches(path: str, found: Iterable[tuple[int, int]]) -> str:
    lines = (f"Index timestamp: {a}, log timestamp: {b}" for a, b in found)
    return _problem(f"Found timestamp mismatch in :{path}", lines)


def timestamps_out_of_order(path: str, found: Iterable[tuple[int, int]]) -> str:
    lines = (f"Index timestamp: {a}, Previously indexed timestamp: {b}" for a, b in found)
    return _problem(f"Found out of order timestamp in :{path}", lines)


def offsets_not_found(found: Iterable[tuple[int, int]]) -> str:
    lines = (f"Indexed offset: {a}, found log offset: {b}" for a, b in found)
    return _problem("The following indexed offsets are not found in the log.", lines, indent="")


def gaps(path: str, latest_first: Iterable[tuple[int, int]]) -> str:
    """(offset, next offset) of records that do not follow each other."""
    return _problem(f"Non-consecutive offsets in {path}", (f"{a} is followed by {b}" for a, b in latest_first))


def _problem(title: str, lines: Iterable[str], indent: str = "  ") -> str:
    return "".join([f"{title}\n", *(f"{indent}{line}\n" for line in lines)])
