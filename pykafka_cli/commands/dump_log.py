"""`pk dump-log`: kafka-dump-log.sh, which dumps the files of a log directory.

A file is read as it is printed, so its size does not matter. Damaged data ends the dump once everything before it is
printed, as in the script.
"""

import os
import re
from dataclasses import dataclass, field
from typing import Annotated

import typer

from pykafka_cli.model import Offset
from pykafka_cli.output import dump_log as lines
from pykafka_cli.output.dump_log import DocumentPrinter, Printer, TextPrinter
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.protocol.records.batch import CorruptRecords
from pykafka_cli.protocol.stored_messages import UnreadableRecord
from pykafka_cli.rules import record_decoders as decoders
from pykafka_cli.rules.dumped_records import COMPILED_FROM, Gaps, Shown, latest_timestamp
from pykafka_cli.script.command import OptionalValue, ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, Words, reported
from pykafka_cli.script.options import INT, Output, chosen_output, require
from pykafka_cli.storage import transaction_index
from pykafka_cli.storage.index_file import CorruptIndex
from pykafka_cli.storage.producer_snapshots import CorruptSnapshot, decode_snapshot
from pykafka_cli.storage.stored_files import StoredLog, StoredOffsetIndex, StoredTimeIndex

WHAT, DECODING, INDEXES = "What to print", "Keys and values", "Indexes"
STRING_DECODER = f"{decoders.DECODERS_PACKAGE}StringDecoder"
BOOTSTRAP_SNAPSHOT = "bootstrap.checkpoint"
UNLIMITED = (1 << 31) - 1
_SNAPSHOT_NAME = re.compile(r"(\d{20}).(\d{10})")

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class DumpLogCommand(ScriptCommand):
    without_arguments = (
        "This tool helps to parse a log file and dump its contents to the console, useful for debugging a seemingly "
        "corrupt log segment."
    )
    defers_values = True


@app.command(cls=DumpLogCommand)
def dump_log(
    ctx: ScriptContext,
    files: Annotated[
        str,
        typer.Option(
            "--files",
            metavar="FILE,...",
            help=(
                "Files to dump: *.log, *.index, *.timeindex, *.txnindex, *.snapshot or "
                "*.checkpoint. An index is read with the .log next to it."
            ),
        ),
    ] = "",
    deep_iteration: Annotated[
        bool,
        typer.Option("--deep-iteration", help="Print each record, not only each batch.", rich_help_panel=WHAT),
    ] = False,
    print_data_log: Annotated[
        bool,
        typer.Option("--print-data-log", help="Print each record, with keys and values.", rich_help_panel=WHAT),
    ] = False,
    skip_record_metadata: Annotated[
        bool,
        typer.Option("--skip-record-metadata", help="Print only the keys and values of records.", rich_help_panel=WHAT),
    ] = False,
    max_bytes: Annotated[
        int,
        typer.Option(
            "--max-bytes",
            metavar="BYTES",
            parser=INT,
            help="Stop after this many bytes of a log.",
            rich_help_panel=WHAT,
        ),
    ] = UNLIMITED,
    key_decoder_class: Annotated[
        str | None,
        typer.Option(
            "--key-decoder-class",
            metavar="CLASS",
            parser=OptionalValue(without=STRING_DECODER),
            help=(
                "StringDecoder, IntegerDecoder, LongDecoder or DefaultDecoder of "
                f"{decoders.DECODERS_PACKAGE[:-1]}. Any decoder implies --print-data-log."
            ),
            rich_help_panel=DECODING,
        ),
    ] = None,
    value_decoder_class: Annotated[
        str | None,
        typer.Option(
            "--value-decoder-class",
            metavar="CLASS",
            parser=OptionalValue(without=STRING_DECODER),
            help="Like --key-decoder-class, for values.",
            rich_help_panel=DECODING,
        ),
    ] = None,
    offsets_decoder: Annotated[
        bool, typer.Option("--offsets-decoder", help="Decode __consumer_offsets.", rich_help_panel=DECODING)
    ] = False,
    transaction_log_decoder: Annotated[
        bool, typer.Option("--transaction-log-decoder", help="Decode __transaction_state.", rich_help_panel=DECODING)
    ] = False,
    cluster_metadata_decoder: Annotated[
        bool,
        typer.Option(
            "--cluster-metadata-decoder",
            help="Decode KRaft's __cluster_metadata and its snapshots.",
            rich_help_panel=DECODING,
        ),
    ] = False,
    remote_log_metadata_decoder: Annotated[
        bool,
        typer.Option(
            "--remote-log-metadata-decoder",
            help="Decode tiered storage's __remote_log_metadata.",
            rich_help_panel=DECODING,
        ),
    ] = False,
    verify_index_only: Annotated[
        bool,
        typer.Option(
            "--verify-index-only", help="Verify the index without printing its entries.", rich_help_panel=INDEXES
        ),
    ] = False,
    index_sanity_check: Annotated[
        bool,
        typer.Option(
            "--index-sanity-check", help="Run the checks that a broker runs when it starts.", rich_help_panel=INDEXES
        ),
    ] = False,
    max_message_size: Annotated[
        int,
        typer.Option(
            "--max-message-size",
            metavar="BYTES",
            parser=INT,
            help="Maximum size of the batch that an index entry points to.",
            rich_help_panel=INDEXES,
        ),
    ] = 5 << 20,
    output: Output = None,
) -> None:
    """Dump log segments: batches and records, index entries, producers, aborted transactions."""
    require(ctx, "files")
    ctx.read_values()
    own_topics = (
        (offsets_decoder, decoders.consumer_offsets),
        (transaction_log_decoder, decoders.transaction_state),
        (cluster_metadata_decoder, decoders.cluster_metadata),
        (remote_log_metadata_decoder, decoders.remote_log_metadata),
    )
    own_topic = next((decode for is_wanted, decode in own_topics if is_wanted), None)
    names_a_class = key_decoder_class is not None or value_decoder_class is not None
    prints_data = print_data_log or own_topic is not None or names_a_class
    settings = Settings(
        own_topic=own_topic,
        classes=(key_decoder_class or STRING_DECODER, value_decoder_class or STRING_DECODER),
        prints_data=prints_data,
        is_deep=deep_iteration or prints_data,
        prints_metadata=not skip_record_metadata,
        max_bytes=max_bytes,
        max_message_size=max_message_size,
        checks_sanity_only=index_sanity_check,
        prints_entries=not verify_index_only,
    )
    form = chosen_output(output)
    printer = DocumentPrinter(form) if form in (OutputFormat.JSON, OutputFormat.YAML) else TextPrinter()
    dump = Dump(settings, printer)
    with reported(words=WORDS), printer.printing():
        for path in re.sub(",+$", "", files).split(","):
            dump.file(re.sub("/+", "/", path).rstrip("/") or path)
        dump.report_problems()


def unreadable(error: OSError) -> str | OSError:
    """Words for a file that cannot be read; an error in writing passes as it is."""
    return error if error.filename is None else f"{error.filename}: {error.strerror}"


WORDS: Words = {
    **dict.fromkeys((CorruptRecords, CorruptIndex, UnreadableRecord, decoders.Undecodable), str),
    OSError: unreadable,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of the options.

    own_topic   the decoder for one of Kafka's own topics; None: keys and values by classes
    classes     of the decoders for keys and for values
    """

    own_topic: decoders.Decoder | None
    classes: tuple[str, str]
    prints_data: bool
    is_deep: bool
    prints_metadata: bool
    max_bytes: int
    max_message_size: int
    checks_sanity_only: bool
    prints_entries: bool


Pairs = list[tuple[int, int]]


@dataclass(slots=True)
class Problems:
    """Problems by file, reported at the end."""

    mismatches: dict[str, Pairs] = field(default_factory=dict)
    timestamps: dict[str, Pairs] = field(default_factory=dict)
    order: dict[str, Pairs] = field(default_factory=dict)
    not_found: dict[str, Pairs] = field(default_factory=dict)
    gaps: dict[str, Gaps] = field(default_factory=dict)


class Dump:
    """Dumps files one after another.

    Its methods raise what the readers raise, and OSError; the printer's `printing` reports it.
    """

    def __init__(self, settings: Settings, printer: Printer) -> None:
        self.settings = settings
        self.printer = printer
        self.problems = Problems()

    def file(self, path: str) -> None:
        self.printer.file_begins(path)
        name = os.path.basename(path)
        if "." not in name:
            hint = f"{path}: unknown suffix."
            raise ScriptError(f"begin -1, end {len(name)}, length {len(name)}", hint=hint)
        match name[name.rindex(".") :]:
            case ".log" | ".checkpoint":
                self._log(path, name)
            case ".index":
                self._offset_index(path, base_offset(name))
            case ".timeindex":
                self._time_index(path, base_offset(name))
            case ".snapshot":
                self._snapshot(path)
            case ".txnindex":
                self._transaction_index(path, base_offset(name))
            case _:
                self.printer.complain(f"Ignoring unknown file {path}")

    def _log(self, path: str, name: str) -> None:
        settings, printer = self.settings, self.printer
        decode = settings.own_topic or self._decoder()
        if name.endswith(".log"):
            printer.log_begins({"start_offset": base_offset(name)}, f"Log starting offset: {base_offset(name)}")
        elif name == BOOTSTRAP_SNAPSHOT:
            printer.log_begins({}, "KRaft bootstrap snapshot")
        else:
            offset, epoch = snapshot_id(name)
            printer.log_begins({"end_offset": offset, "epoch": epoch}, f"Snapshot end offset: {offset}, epoch: {epoch}")
        shown = Shown(settings.is_deep, settings.prints_metadata, decode if settings.prints_data else None)
        gaps, read = Gaps(), 0
        with StoredLog(path) as log:
            compiled = log.size >= COMPILED_FROM
            for batch in log.batches(size=settings.max_bytes):
                printer.batch(batch, shown, gaps, compiled=compiled)
                read += batch.header.size
            if gaps.found:
                self.problems.gaps[os.path.abspath(path)] = gaps
            if log.size > read and settings.max_bytes == UNLIMITED:
                printer.trailing(log.size - read, name)

    def _decoder(self) -> decoders.Decoder:
        """The decoder by classes; reports that a name is old. raises ScriptError."""
        key_class, value_class = self.settings.classes
        try:
            value, value_notice = decoders.field_decoder(value_class)
            key, key_notice = decoders.field_decoder(key_class)
        except decoders.UnknownDecoder as unknown:
            raise ScriptError(
                str(unknown),
                hint=f"Of {decoders.DECODERS_PACKAGE[:-1]} there are StringDecoder, IntegerDecoder, LongDecoder and "
                "DefaultDecoder; custom classes cannot be loaded.",
            ) from None
        for notice in filter(None, (value_notice, key_notice)):
            self.printer.notice(notice)
        return decoders.FieldsDecoder(key, value)

    def _offset_index(self, path: str, start: int) -> None:
        with StoredLog(sibling(path, ".log")) as log:
            index = StoredOffsetIndex(path, Offset(start))
            if not index.entries:
                self.printer.verdict(path, "is empty.")
            elif self.settings.checks_sanity_only:
                index.check_sanity()
                self.printer.verdict(path, "passed sanity check.")
            else:
                for entry in index.checked(log, self.settings.max_message_size):
                    if entry.offset_in_log != entry.offset:
                        self._problem(self.problems.mismatches, path, entry.offset, entry.offset_in_log)
                    if self.settings.prints_entries:
                        self.printer.offset_entry(entry)

    def _time_index(self, path: str, start: int) -> None:
        problems = self.problems
        with StoredLog(sibling(path, ".log")) as log:
            if not os.path.exists(offsets_path := sibling(path, ".index")):
                raise ScriptError("Invalid max index size: -1", hint=f"{offsets_path} is missing.")
            offsets, index = StoredOffsetIndex(offsets_path, Offset(start)), StoredTimeIndex(path, Offset(start))
            if self.settings.checks_sanity_only:
                index.check_sanity()
                self.printer.verdict(path, "passed sanity check.")
                return
            for entry in index.checked(log, offsets, latest_timestamp):
                if entry.offset_in_log is not None:
                    self._problem(problems.not_found, path, entry.offset, entry.offset_in_log)
                if entry.latest is not None:
                    self._problem(problems.timestamps, path, entry.timestamp, entry.latest)
                if entry.previous is not None:
                    self._problem(problems.order, path, entry.timestamp, entry.previous)
                if self.settings.prints_entries:
                    self.printer.time_entry(entry)

    def _snapshot(self, path: str) -> None:
        with open(path, "rb") as file:
            data = file.read()
        try:
            producers = decode_snapshot(data)
        except CorruptSnapshot as error:
            self.printer.complain(str(error))
            return
        for producer in producers:
            self.printer.producer(producer)

    def _transaction_index(self, path: str, _start: int) -> None:
        if os.path.exists(path):  # most segments have none, and no such file is no error
            with open(path, "rb") as file:
                data = file.read()
            for entry in list(transaction_index.stored_entries(data, os.path.abspath(path))):
                self.printer.aborted_transaction(entry)

    @staticmethod
    def _problem(kind: dict[str, Pairs], path: str, in_index: int, in_log: int) -> None:
        kind.setdefault(os.path.abspath(path), []).append((in_index, in_log))

    def report_problems(self) -> None:
        problems = self.problems
        reports = [
            *(lines.mismatches(path, pairs) for path, pairs in problems.mismatches.items()),
            *(lines.timestamp_mismatches(path, pairs) for path, pairs in problems.timestamps.items()),
            *(lines.timestamps_out_of_order(path, pairs) for path, pairs in problems.order.items()),
            *(lines.offsets_not_found(pairs) for pairs in problems.not_found.values()),
            *(lines.gap_lines(path, gaps.latest_first()) for path, gaps in problems.gaps.items()),
        ]
        if reports:
            self.printer.complain("".join(reports).removesuffix("\n"))


def base_offset(name: str) -> Offset:
    """The offset that a file is named after. raises ScriptError."""
    stem = name.partition(".")[0]
    if not re.fullmatch(r"[+-]?[0-9]+", stem):
        raise ScriptError(f'For input string: "{stem}"', hint=f"{name}: log files are named after an offset.")
    return Offset(int(stem))


def snapshot_id(name: str) -> tuple[int, int]:
    """(end offset, epoch) of a snapshot of KRaft's by its file's name. raises ScriptError."""
    if not (found := _SNAPSHOT_NAME.match(name)):
        raise ScriptError(
            f'For input string: "{name[:20]}"', hint=f"{name}: snapshots are named after an offset and an epoch."
        )
    return int(found[1]), int(found[2])


def sibling(path: str, suffix: str) -> str:
    """The file of the same segment with another suffix."""
    return os.path.join(os.path.abspath(os.path.dirname(path)), os.path.basename(path).partition(".")[0] + suffix)
