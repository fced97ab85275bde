"""kafka-dump-log.sh: a line for each batch, record, index entry and producer; problems in lists at the end.

A printer collects text and writes it in large pieces, and before anything goes to stderr.
"""

import base64
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from pykafka_cli.model import Offset, ProducerId
from pykafka_cli.output.documents import DocumentList
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.protocol.records.batch import BatchHeader, CorruptRecords, advance_sequence, retreat_sequence
from pykafka_cli.protocol.records.legacy import StoredMessage
from pykafka_cli.rules.dumped_records import Gaps, Shown, is_valid, records_in, sizes
from pykafka_cli.rules.java_json import json_text
from pykafka_cli.rules.record_decoders import control_record, text_of
from pykafka_cli.storage.producer_snapshots import NO_COORDINATOR_EPOCH, ProducerEntry
from pykafka_cli.storage.scan import ScannedBatch
from pykafka_cli.storage.stored_files import CheckedOffset, CheckedTimestamp
from pykafka_cli.storage.transaction_index import AbortedTransaction

_CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
INDENT = "| "
PIECES_AT_ONCE = 2000


class Printer(Protocol):
    """Prints what a dump reports, in order."""

    @contextmanager
    def printing(self) -> Iterator[None]: ...
    def file_begins(self, path: str) -> None: ...
    def notice(self, text: str) -> None: ...
    def complain(self, text: str) -> None: ...
    def log_begins(self, facts: Mapping[str, int], text: str) -> None: ...
    def batch(self, batch: ScannedBatch, shown: Shown, gaps: Gaps, *, compiled: bool) -> None: ...
    def trailing(self, size: int, name: str) -> None: ...
    def verdict(self, path: str, text: str) -> None: ...
    def offset_entry(self, entry: CheckedOffset) -> None: ...
    def time_entry(self, entry: CheckedTimestamp) -> None: ...
    def producer(self, producer: ProducerEntry) -> None: ...
    def aborted_transaction(self, entry: AbortedTransaction) -> None: ...


class _Pieces:
    """Text for stdout, written in large pieces."""

    def __init__(self) -> None:
        self.out: list[str] = []

    def flush(self) -> None:
        sys.stdout.write("".join(self.out))
        self.out.clear()

    def complain(self, text: str) -> None:
        self.flush()
        print(text, file=sys.stderr, flush=True)

    def flush_if_much(self) -> None:
        if len(self.out) >= PIECES_AT_ONCE:
            self.flush()


@contextmanager
def _written(pieces: _Pieces) -> Iterator[None]:
    """Write everything, even if the block ends early."""
    try:
        yield
    finally:
        pieces.flush()
        sys.stdout.flush()


class TextPrinter(_Pieces):
    """The script's"""

    @contextmanager
    def printing(self) -> Iterator[None]:
        with _written(self):
            yield

    def file_begins(self, path: str) -> None:
        self.out.append(f"Dumping {path}\n")

    def notice(self, text: str) -> None:
        self.out.append(f"{text}\n")

    def log_begins(self, facts: Mapping[str, int], text: str) -> None:  # noqa: ARG002
        self.out.append(f"{text}\n")

    def batch(self, batch: ScannedBatch, shown: Shown, gaps: Gaps, *, compiled: bool) -> None:
        batch_text(self.out, batch)
        if shown.records:
            record_text(self.out, batch, shown, gaps, compiled=compiled)
        self.flush_if_much()

    def trailing(self, size: int, name: str) -> None:
        self.out.append(f"Found {size} invalid bytes at the end of {name}\n")

    def verdict(self, path: str, text: str) -> None:
        self.out.append(f"{path} {text}\n")

    def offset_entry(self, entry: CheckedOffset) -> None:
        self.out.append(f"offset: {entry.offset} position: {entry.position}\n")
        self.flush_if_much()

    def time_entry(self, entry: CheckedTimestamp) -> None:
        self.out.append(f"timestamp: {entry.timestamp} offset: {entry.offset}\n")
        self.flush_if_much()

    def producer(self, producer: ProducerEntry) -> None:
        self.out.append(producer_line(_producer_document(producer)))

    def aborted_transaction(self, entry: AbortedTransaction) -> None:
        self.out.append(aborted_transaction_line(*entry))


class DocumentPrinter(_Pieces):
    """One list of objects that have the name of their file and their kind."""

    def __init__(self, form: OutputFormat) -> None:
        super().__init__()
        self._list = DocumentList(is_json=form is OutputFormat.JSON)
        self._path = ""

    @contextmanager
    def printing(self) -> Iterator[None]:
        with _written(self):
            try:
                yield
            finally:
                self.out.append(self._list.end())

    def _item(self, kind: str, facts: Mapping[str, Any]) -> None:
        self.out.extend(self._list.item({"file": self._path, "kind": kind} | _plain(facts)))
        self.flush_if_much()

    def file_begins(self, path: str) -> None:
        self._path = path

    def notice(self, text: str) -> None:
        self.complain(text)

    def log_begins(self, facts: Mapping[str, int], text: str) -> None:  # noqa: ARG002
        self._item("log" if "start_offset" in facts else "snapshot", facts)

    def batch(self, batch: ScannedBatch, shown: Shown, gaps: Gaps, *, compiled: bool) -> None:
        document = _batch_document(batch)
        if shown.records:
            document["records"] = list(_record_documents(batch, shown, gaps, compiled=compiled))
        self._item("batch", document)

    def trailing(self, size: int, name: str) -> None:  # noqa: ARG002
        self._item("invalid_bytes", {"size": size})

    def verdict(self, path: str, text: str) -> None:  # noqa: ARG002
        self._item("verdict", {"verdict": text.removesuffix(".")})

    def offset_entry(self, entry: CheckedOffset) -> None:
        self._item("index_entry", entry._asdict())

    def time_entry(self, entry: CheckedTimestamp) -> None:
        self._item(
            "time_index_entry",
            {
                "timestamp": entry.timestamp,
                "offset": entry.offset,
                "offset_in_log": entry.offset if entry.offset_in_log is None else entry.offset_in_log,
                "other_timestamp_in_log": entry.latest,
                "later_timestamp_before": entry.previous,
            },
        )

    def producer(self, producer: ProducerEntry) -> None:
        self._item("producer", _producer_document(producer))

    def aborted_transaction(self, entry: AbortedTransaction) -> None:
        names = ("producer_id", "first_offset", "last_offset", "last_stable_offset")
        self._item("aborted_transaction", dict(zip(names, entry, strict=True)))


def _plain(value: Any) -> Any:
    """The value with bytes in base64, as in Kafka's own JSON."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case _:
            return value


def _batch_document(batch: ScannedBatch) -> dict[str, Any]:
    header = batch.header
    document: dict[str, Any] = {
        "position": batch.position,
        "size": header.size,
        "magic": header.magic,
        "base_offset": header.base_offset,
        "last_offset": header.last_offset,
        "count": header.record_count,
        "timestamp_type": timestamp_type(header),
        "max_timestamp": header.max_timestamp,
        "compression": codec(header),
        "crc": header.crc,
        "is_valid": is_valid(batch),
    }
    if header.magic < 2:  # a message has neither the first record's offset nor the number of records
        return {key: None if key in ("base_offset", "count") else value for key, value in document.items()}
    return document | {
        "leader_epoch": header.leader_epoch,
        "producer_id": header.producer_id,
        "producer_epoch": header.producer_epoch,
        "base_sequence": header.base_sequence,
        "last_sequence": last_sequence(header),
        "is_transactional": header.is_transactional,
        "is_control": header.is_control,
        "delete_horizon_ms": header.delete_horizon_ms,
    }


def _record_documents(batch: ScannedBatch, shown: Shown, gaps: Gaps, *, compiled: bool) -> Iterator[dict[str, Any]]:
    """raises  CorruptRecords, and what the decoder raises"""
    header = batch.header
    for record in records_in(batch, compiled=compiled):
        if record.offset != gaps.last + 1:
            gaps.step_to(record.offset)
        gaps.last = record.offset
        document: dict[str, Any] = {"offset": record.offset}
        if shown.metadata:
            key_size, value_size = sizes(record)
            document |= {"timestamp": record.timestamp, "key_size": key_size, "value_size": value_size}
            if isinstance(record, StoredMessage):
                document |= {"is_valid": record.is_valid, "crc": record.crc}
            else:
                document["header_keys"] = [name for name, _ in record.headers]
            if header.is_control:
                document["control"] = control_record(record.key, record.value)
        if shown.decode and not header.is_control:
            document["key"], document["payload"] = shown.decode(record.offset, record.key, record.value)
        yield document


def _producer_document(producer: ProducerEntry) -> dict[str, Any]:
    """`last_batch` is None for a producer that has only completed transactions."""
    last = producer.batches[-1] if producer.batches else None
    return {
        "producer_id": producer.producer_id,
        "producer_epoch": producer.epoch,
        "coordinator_epoch": NO_COORDINATOR_EPOCH if producer.coordinator_epoch is None else producer.coordinator_epoch,
        "current_txn_first_offset": producer.current_txn_first_offset,
        "last_timestamp": producer.last_timestamp,
        "last_batch": last
        and {
            "first_sequence": retreat_sequence(last.last_sequence, last.offset_delta),
            "last_sequence": last.last_sequence,
            "last_offset": last.last_offset,
            "offset_delta": last.offset_delta,
            "timestamp": last.timestamp,
        },
    }


# ---- a batch and its records as the script prints them


def batch_text(out: list[str], batch: ScannedBatch) -> None:
    """Append a batch's line, or as much of it as the script prints.

    raises  CorruptRecords for values that no batch can have
    """
    header = batch.header
    out.append(batch_begins(header))
    check_header(header)
    out.append(batch_ends(header, batch.position, is_valid=is_valid(batch)))


def check_header(header: BatchHeader) -> None:
    """raises  CorruptRecords, in Kafka's words"""
    if header.magic < 0:
        raise CorruptRecords(f"Invalid magic value {header.magic}")
    if codec(header) is None:
        raise CorruptRecords(f"Unknown compression type id: {header.attributes & 7}")


def record_text(out: list[str], batch: ScannedBatch, shown: Shown, gaps: Gaps, *, compiled: bool) -> None:
    """Append the lines of a batch's records.

    raises  CorruptRecords, and what the decoder raises, after as much of the text as the script prints
    """
    header = batch.header
    base_sequence, first_offset = header.base_sequence, header.base_offset
    kind, is_legacy, is_control = timestamp_type(header), header.magic < 2, header.is_control
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
                text += f" isValid: {boolean(record.is_valid)} crc: {record.crc}}}"
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
    """The last sequence as Kafka counts it, even from an impossible first one."""
    first = header.base_sequence
    return header.last_sequence if first >= -1 else first + header.last_offset_delta


def codec(header: BatchHeader) -> str | None:
    """The codec's name; None for an unknown one."""
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


def producer_line(found: Mapping[str, Any]) -> str:
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


def aborted_transaction_line(
    producer_id: ProducerId, first_offset: Offset, last_offset: Offset, last_stable_offset: Offset
) -> str:
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


def gap_lines(path: str, latest_first: Iterable[tuple[int, int]]) -> str:
    """(offset, next offset) of records that do not follow each other."""
    return _problem(f"Non-consecutive offsets in {path}", (f"{a} is followed by {b}" for a, b in latest_first))


def _problem(title: str, lines: Iterable[str], indent: str = "  ") -> str:
    return "".join([f"{title}\n", *(f"{indent}{line}\n" for line in lines)])
