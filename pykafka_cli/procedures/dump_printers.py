"""`pk dump-log`: how what is found is shown, as the script's lines or as documents.

A printer gathers text and writes it in large pieces; before anything goes to stderr it writes what it has.
"""

import base64
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from pykafka_cli.output import dump_log as lines
from pykafka_cli.output.dumped_records import Gaps, Shown, batch_text, is_valid, record_text, records_in, sizes
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.protocol.records.batch import CorruptRecords, retreat_sequence
from pykafka_cli.protocol.records.legacy import StoredMessage
from pykafka_cli.protocol.stored_messages import UnreadableRecord
from pykafka_cli.rules.record_decoders import Undecodable, control_record
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.storage.index_file import CorruptIndex
from pykafka_cli.storage.producer_snapshots import ProducerEntry
from pykafka_cli.storage.scan import ScannedBatch
from pykafka_cli.storage.stored_files import CheckedOffset, CheckedTimestamp
from pykafka_cli.storage.transaction_index import AbortedTransaction

PIECES_AT_ONCE = 2000


class Printer(Protocol):
    """What a dump reports, in order."""

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
    """Text on its way to stdout."""

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
def _told(pieces: _Pieces) -> Iterator[None]:
    """Write out everything also when it ends early. raises ScriptError for what cannot be read."""
    try:
        yield
    except (CorruptRecords, CorruptIndex, UnreadableRecord, Undecodable) as error:
        raise ScriptError(str(error)) from None
    except OSError as error:
        if error.filename is None:
            raise
        raise ScriptError(f"{error.filename}: {error.strerror}") from None
    finally:
        pieces.flush()
        sys.stdout.flush()


class TextPrinter(_Pieces):
    """The script's lines."""

    @contextmanager
    def printing(self) -> Iterator[None]:
        with _told(self):
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
        self.out.append(lines.producer(_producer_document(producer)))

    def aborted_transaction(self, entry: AbortedTransaction) -> None:
        self.out.append(lines.aborted_transaction(*entry))


class DocumentPrinter(_Pieces):
    """One list of objects that say of which file they are and of what kind."""

    def __init__(self, form: OutputFormat) -> None:
        super().__init__()
        from pykafka_cli.output.documents import DocumentList

        self._list = DocumentList(is_json=form is OutputFormat.JSON)
        self._path = ""

    @contextmanager
    def printing(self) -> Iterator[None]:
        with _told(self):
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
    """With bytes in base64, as Kafka's own JSON has them."""
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
        "timestamp_type": lines.timestamp_type(header),
        "max_timestamp": header.max_timestamp,
        "compression": lines.codec(header),
        "crc": header.crc,
        "is_valid": is_valid(batch),
    }
    if header.magic < 2:  # a message has neither the offset of its first record nor the number of records
        return {key: None if key in ("base_offset", "count") else value for key, value in document.items()}
    return document | {
        "leader_epoch": header.leader_epoch,
        "producer_id": header.producer_id,
        "producer_epoch": header.producer_epoch,
        "base_sequence": header.base_sequence,
        "last_sequence": lines.last_sequence(header),
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
    """`last_batch` is None for one that has only ended transactions."""
    last = producer.batches[-1] if producer.batches else None
    return {
        "producer_id": producer.producer_id,
        "producer_epoch": producer.epoch,
        "coordinator_epoch": producer.coordinator_epoch,
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
