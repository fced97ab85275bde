"""One run of the console producer: lines in, records out, failures reported.

Input is read a megabyte at a time and becomes batches without awaiting anything per line; lines that arrive one by one
are sent as they arrive (linger.ms). At a terminal, lines are edited, each is sent when it is complete, and one that
is no record is reported.
"""

import asyncio
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.console.garbage import collect_garbage_rarely
from pykafka_cli.console.log_lines import error, warn
from pykafka_cli.console.progress import Progress
from pykafka_cli.console.signals import EndBySignal
from pykafka_cli.console.stderr import print_remark
from pykafka_cli.console.stdin import InputChunks
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.output.console_producer import print_prompt
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.rules.json_lines import InputRecord, JsonReader, in_one_line, is_unfinished
from pykafka_cli.rules.line_readers import LineReader, LineSplitter, RecordBlock
from pykafka_cli.script.errors import Ended, ScriptError
from pykafka_cli.script.generations import OldOptions
from pykafka_cli.wall_clock import now_ms

if TYPE_CHECKING:
    from pykafka_cli.clients.error_texts import ErrorText
    from pykafka_cli.clients.producing.producer import Producer
    from pykafka_cli.clients.producing.sender import Result
    from pykafka_cli.clients.session import Session
    from pykafka_cli.clients.settings import Address
    from pykafka_cli.console.line_editor import LineEditor
    from pykafka_cli.procedures.broker_contact import BrokerContact
    from pykafka_cli.transport.errors import AuthenticationFailed

    Input = InputChunks | LineEditor

SASL_FAILED = "org.apache.kafka.common.errors.SaslAuthenticationException"
KAFKA_EXCEPTION = "org.apache.kafka.common.KafkaException: "

PROMPT = ">"
HISTORY = "console-producer-history"

PIECE_BYTES = 128 << 10
"""Bytes of input whose lines are sent together. Those of a whole megabyte would take memory that Python returns to the
system after each megabyte, and gets again for the next."""

REPORTED_RECORDS = 10
"""Number of records of a failed batch that are reported individually."""

FLUSH_AFTER_SIGNAL = 5.0
"""Seconds for sending lines that were read before the command was interrupted."""


def line_editor(reader: LineReader | JsonReader, *, keeps_history: bool) -> "LineEditor | None":
    """Where lines are typed; None if they are not, or at a terminal that cannot do more than print them."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    from pykafka_cli.console.line_editor import LineEditor, can_edit
    from pykafka_cli.console.line_history import HistoryFile, history_file

    if not can_edit():
        return None
    file = history_file(HISTORY) if keeps_history else None
    history = HistoryFile(file) if file else None
    if isinstance(reader, JsonReader):
        return LineEditor(PROMPT, history, is_unfinished=is_unfinished, as_lines=in_one_line)
    return LineEditor(PROMPT, history)


class ConsoleProducer:
    """One run: lines in, records out, failures reported."""

    def __init__(
        self,
        topic: str,
        settings: ProducerSettings,
        reader: LineReader | JsonReader,
        *,
        sync: bool,
        lingers: bool,
        keeps_history: bool,
        old_options: OldOptions,
    ) -> None:
        """
        lingers          typed lines wait for others for linger.ms as well
        keeps_history    typed lines are kept in a file
        """
        self.failed = False
        self._is_connected = False
        self._topic = topic
        self._settings = settings
        self._reader = reader
        self._sync = sync
        self._old_options = old_options
        self._lingers = lingers
        self._keeps_history = keeps_history
        self._prompts = sys.stdin.isatty() and sys.stdout.isatty()
        self._contact: BrokerContact | None = None

    async def run(self, addresses: str, client: ClientSettings, *, batch_size: int | None) -> None:
        """Send all of standard input.

        raises    Ended if a record was not sent
        """
        from pykafka_cli.script.opening import PRODUCER_FAILED, session_with
        from pykafka_cli.transport.errors import AuthenticationFailed

        collect_garbage_rarely()
        chunks = line_editor(self._reader, keeps_history=self._keeps_history) or InputChunks(sys.stdin.fileno())
        ended = EndBySignal(gently=chunks.end, patience_s=FLUSH_AFTER_SIGNAL)
        try:
            session = session_with(addresses, client, PRODUCER_FAILED)
            await self._produce(session, chunks, ended, batch_size=batch_size)
        except AuthenticationFailed as problem:
            if self._prompts or self._is_connected:
                raise
            await self._refuse_all(chunks, problem)
        if self.failed:
            raise Ended(ExitStatus.FAILURE)

    async def _produce(
        self, entered: "Session", chunks: "Input", ended: EndBySignal, *, batch_size: int | None
    ) -> None:
        from pykafka_cli.clients.producing.producer import Producer

        async with entered as session:
            self._is_connected = True
            await self._old_options.report(session)
            producer = Producer(
                session,
                self._topic,
                self._settings,
                choose=random.randrange,
                on_result=self._note,
                warn=self._warn,
                batch_size=batch_size,
            )
            async with producer:
                with ended:
                    if isinstance(chunks, InputChunks):
                        await self._send_all(producer, chunks, ended)
                    else:
                        await self._send_typed(session, producer, chunks)
                if ended.signal:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(FLUSH_AFTER_SIGNAL):
                            await producer.flush()
                    raise Ended(ended.status)

    async def _refuse_all(self, chunks: "Input", problem: "AuthenticationFailed") -> None:
        """Report each line of the input as not sent, as the login failed."""
        from pykafka_cli.clients.error_texts import ErrorText
        from pykafka_cli.clients.errors import explain

        failure = ErrorText(SASL_FAILED, str(problem))
        splitter = LineSplitter()
        async for chunk in chunks:
            self._refuse_lines(splitter.feed(chunk), failure)
        self._refuse_lines(splitter.finish(), failure)
        if not self.failed:
            raise problem  # there was no line to send
        print_remark(explain(problem)[1])

    def _refuse_lines(self, lines: list[bytes], failure: "ErrorText") -> None:
        if not lines:
            return
        if isinstance(self._reader, JsonReader):
            records, _ = self._reader.read(lines)
            numbers, read = [number for number, _ in records], [record for _, record in records]
            self._report(failure, numbers, [each.key for each in read], [each.value for each in read])
        else:
            (first, values, keys, _), _ = self._reader.read(lines)
            self._report(failure, range(first, first + len(values)), keys or [None] * len(values), values)
        if self._sync:
            raise Ended(ExitStatus.FAILURE)

    async def _send_all(self, producer: "Producer", chunks: InputChunks, ended: EndBySignal) -> None:
        splitter = LineSplitter()
        progress = Progress(chunks.total)
        self._prompt()
        async for chunk in chunks:
            for start in range(0, len(chunk), PIECE_BYTES):
                await self._send_lines(producer, splitter.feed(chunk[start : start + PIECE_BYTES]))
            progress.advance(len(chunk))
            self._prompt()
        if not ended.signal:  # else the last line may be only a part of one
            await self._send_lines(producer, splitter.finish())
        progress.end()

    async def _send_typed(self, session: "Session", producer: "Producer", editor: "LineEditor") -> None:
        from pykafka_cli.procedures.broker_contact import BrokerContact

        self._contact = BrokerContact(session, on_gone=self._say_gone, on_back=self._say_back)
        with editor, self._contact:
            async for text in editor:
                for line in LineSplitter().feed(text):
                    await self._send_or_report(producer, line)
                if not self._lingers:
                    producer.send_queued()

    async def _send_or_report(self, producer: "Producer", line: bytes) -> None:
        """A line with a typing error does not end the dialogue."""
        try:
            await self._send_lines(producer, [line])
        except Ended:
            raise
        except ScriptError as problem:
            problem.show()
            self.failed = True

    def _say_gone(self, address: "Address") -> None:
        patience = self._settings.delivery_timeout
        print_remark(f"{address.host}:{address.port} is gone. Lines wait for it, up to {patience:g} s.")

    def _say_back(self, address: "Address") -> None:
        print_remark(f"{address.host}:{address.port} is back.")

    def _warn(self, message: str) -> None:
        if not (self._contact and self._contact.is_lost):  # everything else follows from that
            warn(message)

    def _prompt(self) -> None:
        if self._prompts:
            print_prompt(PROMPT)

    async def _send_lines(self, producer: "Producer", lines: list[bytes]) -> None:
        if not lines:
            return
        if isinstance(self._reader, JsonReader):
            await self._send_json(producer, self._reader, lines)
            return
        block, bad_line = self._reader.read(lines)
        for part in _one_by_one(block) if self._sync else [block]:
            await self._send(producer, part)
        if bad_line:
            await producer.flush()
            raise ScriptError(f"{KAFKA_EXCEPTION}{bad_line}")

    async def _send_json(self, producer: "Producer", reader: JsonReader, lines: list[bytes]) -> None:
        """raises    ScriptError for a line that is not a record"""
        records, bad_line = reader.read(lines)
        for number, record in records:
            await self._send_record(producer, number, record)
        if bad_line:
            await producer.flush()
            raise ScriptError(str(bad_line), hint="Each line is an object as console-consumer --output json prints it.")

    async def _send_record(self, producer: "Producer", number: int, record: InputRecord) -> None:
        from pykafka_cli.clients.producing.topic_leaders import ProducerRefused

        key, value, headers, partition, timestamp_ms = record
        when = now_ms() if timestamp_ms is None else timestamp_ms
        try:
            if partition is None:
                await producer.send([value], [key], [headers], first_tag=number, timestamp_ms=when)
            else:
                await producer.send_to(partition, [value], [key], [headers], first_tag=number, timestamp_ms=when)
        except ProducerRefused as problem:
            self._report(problem.text, [number], [key], [value])
        await self._finish_if_sync(producer)

    async def _send(self, producer: "Producer", block: RecordBlock) -> None:
        from pykafka_cli.clients.producing.topic_leaders import ProducerRefused

        first, values, keys, headers = block
        try:
            await producer.send(values, keys, headers, first_tag=first, timestamp_ms=now_ms())
        except ProducerRefused as problem:
            self._report(problem.text, range(first, first + len(values)), keys or [None] * len(values), values)
        await self._finish_if_sync(producer)

    async def _finish_if_sync(self, producer: "Producer") -> None:
        if self._sync:
            await producer.flush()
            if self.failed:
                raise Ended(ExitStatus.FAILURE)

    def _note(self, result: "Result") -> None:
        from pykafka_cli.clients.producing.record_queue import records_of

        if result.failure:
            records = records_of(result.batch)
            self._report(
                result.failure,
                result.batch.tags,
                [record.key for record in records],
                [record.value for record in records],
            )

    def _report(
        self,
        failure: "ErrorText",
        lines: Sequence[int],
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
    ) -> None:
        """Report the records that were not sent; of many, the first ones."""
        self.failed = True
        for line, key, value in list(zip(lines, keys, values, strict=True))[:REPORTED_RECORDS]:
            error(
                f"Error when sending message to topic {self._topic} with key: {_size(key)}, value: {_size(value)} "
                f"with error: line {line}",
                source="org.apache.kafka.clients.producer.internals.ErrorLoggingCallback",
                cause=f"{failure.exception}: {failure.message}",
            )
        if len(values) > REPORTED_RECORDS:
            rest = len(values) - REPORTED_RECORDS
            error(f"{rest} more records were not sent, up to line {lines[-1]}: {failure.message}")


def _one_by_one(block: RecordBlock) -> Iterator[RecordBlock]:
    first, values, keys, headers = block
    for position, value in enumerate(values):
        key = [keys[position]] if keys else None
        yield RecordBlock(first + position, [value], key, [headers[position]] if headers else None)


def _size(field: bytes | None) -> str:
    return "null" if field is None else f"{len(field)} bytes"
