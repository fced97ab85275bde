"""One run of the console consumer: records in, text out, and their count at the end.

Records are printed as fetched, many at a time and immediately: a user sees them at once, and a pipe gets them fast. A
group commits what was printed.
"""

import asyncio
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pykafka_cli.clients.settings import BadClientSetting, ClientSettings
from pykafka_cli.console.garbage import collect_garbage_rarely
from pykafka_cli.console.log_lines import error, warn
from pykafka_cli.console.signals import EndBySignal
from pykafka_cli.console.stdout import BulkOutput, OutputClosed, OutputFailed
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.model import ConsumedRecord, Milliseconds, Seconds, TopicPartition, in_seconds
from pykafka_cli.output.console_consumer import print_closed_output, print_count
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.protocol.records.batch import CorruptRecords
from pykafka_cli.protocol.stored_messages import UnreadableRecord
from pykafka_cli.rules.deserializers import DeserializationError
from pykafka_cli.rules.formatters import Formatter
from pykafka_cli.rules.java_text import BadPattern, compile_pattern
from pykafka_cli.rules.what_to_read import Wanted
from pykafka_cli.script.errors import Ended
from pykafka_cli.script.generations import OldOptions
from pykafka_cli.script.opening import CONSUMER_FAILED, NoClient, session_with
from pykafka_cli.script.options import INT
from pykafka_cli.transport import event_loop
from pykafka_cli.transport.errors import AuthenticationFailed, ConnectionFailed
from pykafka_cli.wall_clock import now_ms

if TYPE_CHECKING:
    from pykafka_cli.clients.consuming.fetched_records import Fetched
    from pykafka_cli.clients.session import Session
    from pykafka_cli.rules.reading_range import ReadingRange
    from pykafka_cli.rules.record_selection import Selection

SET_BY_THE_SCRIPT = frozenset({"bootstrap.servers", "key.deserializer", "value.deserializer"})
SOURCE = "org.apache.kafka.tools.consumer.ConsoleConsumer"
UNKNOWN_ERROR = "Unknown error when running consumer: "
TERMINATING = "Error processing message, terminating consumer process: "
SKIPPING = "Error processing message, skipping this message: "
CONFIG_EXCEPTION = "org.apache.kafka.common.config.ConfigException: "
EXCEPTIONS = "org.apache.kafka.common.errors."


@contextmanager
def logged() -> Iterator[None]:
    """Log what keeps the consumer from running, as the script does.

    raises    Ended
    """
    try:
        yield
        return
    except NoClient as problem:
        cause = f"org.apache.kafka.common.KafkaException: {problem}\nCaused by: {CONFIG_EXCEPTION}{problem.hint}"
    except ConfigError as problem:
        cause = f"{CONFIG_EXCEPTION}{problem}"
    except (BadPattern, BadClientSetting) as problem:
        cause = str(problem)
    except (DeserializationError, UnreadableRecord) as problem:
        cause = f"{EXCEPTIONS}SerializationException: {problem}"
    error(UNKNOWN_ERROR, source=SOURCE, cause=cause)
    raise Ended(ExitStatus.FAILURE)


class Reader(Protocol):
    """A source of records: a Consumer or a RangeReader."""

    async def poll(self, timeout: Seconds) -> "Fetched | None": ...
    def used(self, fetched: "Fetched", count: int | None = None) -> None: ...
    async def close(self) -> None: ...


class ConsoleConsumer:
    """One run: records in, text out, and the count at the end."""

    def __init__(
        self,
        printer: Formatter,
        *,
        skip_errors: bool,
        timeout_ms: Milliseconds | None,
        max_messages: str | None,
        old_options: OldOptions,
        selection: "Selection | None" = None,
        reading_range: "ReadingRange | None" = None,
    ) -> None:
        self._printer = printer
        self._selection = selection
        self._range = reading_range
        self._old_options = old_options
        self._skip_errors = skip_errors
        self._timeout = Seconds(float("inf")) if timeout_ms is None or timeout_ms < 0 else in_seconds(timeout_ms)
        self._max_messages = max_messages
        self._limit = float("inf")
        self._count = 0

    def run(self, addresses: str, properties: Mapping[str, str], wanted: Wanted) -> None:
        """Read and print until stopped.

        raises    ConfigError, BadPattern, BadClientSetting before anything is read
        """
        settings = ConsumerSettings(properties, quiet=SET_BY_THE_SCRIPT)
        if wanted.topic is not None and wanted.partition is None and not wanted.topic.strip():
            why = "Topic collection to subscribe to cannot contain null or empty topic"
            raise BadClientSetting(f"java.lang.IllegalArgumentException: {why}")
        pattern = None if wanted.pattern is None else compile_pattern(wanted.pattern)
        for warning in settings.warnings:
            warn(warning)
        if self._max_messages is not None:
            try:
                number = INT(self._max_messages)
            except ValueError:
                self._report()
                error(
                    UNKNOWN_ERROR,
                    source=SOURCE,
                    cause=f"Cannot parse argument '{self._max_messages}' of option max-messages",
                )
                raise Ended(ExitStatus.FAILURE) from None
            self._limit = float("inf") if number == -1 else number
        event_loop.run(self._run(addresses, ClientSettings(properties), settings, wanted, pattern))

    async def _run(
        self,
        addresses: str,
        client: ClientSettings,
        settings: ConsumerSettings,
        wanted: Wanted,
        pattern: re.Pattern[str] | None,
    ) -> None:
        from pykafka_cli.clients.errors import explain

        collect_garbage_rarely()
        try:
            await self._consume(session_with(addresses, client, CONSUMER_FAILED), settings, wanted, pattern)
        except AuthenticationFailed as problem:
            ending = terminated(f"{EXCEPTIONS}SaslAuthenticationException: {problem}", hint=explain(problem)[1])
            self._report()
            raise ending from None

    async def _consume(
        self, entered: "Session", settings: ConsumerSettings, wanted: Wanted, pattern: re.Pattern[str] | None
    ) -> None:
        from pykafka_cli.clients.errors import ApiError

        async with entered as session:
            await self._old_options.report(session)
            reader: Reader | None = None
            failure: Exception | None = None
            with EndBySignal() as end:
                try:
                    if self._range is None:
                        reader = await self._consumer(session, settings, wanted, pattern)
                    else:
                        reader = await self._range_reader(session, settings, self._range, wanted, pattern)
                    await self._print_all(reader)
                except ApiError as problem:
                    failure = terminated(problem.java)
                except (Ended, DeserializationError, UnreadableRecord) as problem:
                    failure = problem
            if reader:
                await reader.close()
        self._report()
        if failure:
            raise failure
        if end.signal:
            raise Ended(end.status)

    async def _consumer(
        self, session: "Session", settings: ConsumerSettings, wanted: Wanted, pattern: re.Pattern[str] | None
    ) -> "Reader":
        """raises    ApiError, ConnectionFailed"""
        from pykafka_cli.clients.consuming.consumer import Consumer

        consumer = Consumer(session, settings, warn=warn)
        if wanted.partition is None:
            await consumer.subscribe([] if wanted.topic is None else [wanted.topic], pattern)
        else:
            consumer.assign({TopicPartition(wanted.topic or "", wanted.partition): wanted.start})
        return consumer

    async def _range_reader(
        self,
        session: "Session",
        settings: ConsumerSettings,
        reading_range: "ReadingRange",
        wanted: Wanted,
        pattern: re.Pattern[str] | None,
    ) -> "Reader":
        """raises    ApiError, also where a topic or partition does not exist; ConnectionFailed"""
        from pykafka_cli.procedures.range_reader import RangeReader, partitions_to_read

        partitions = await partitions_to_read(session, settings, wanted, pattern)
        selection, self._selection = self._selection, None  # the reader applies it
        return RangeReader(
            session,
            settings,
            reading_range,
            partitions,
            selection=selection,
            now_ms=now_ms,
            warn=warn,
        )

    def _report(self) -> None:
        print_count(self._count)

    async def _print_all(self, reader: "Reader") -> None:
        """Print until the limit, the end of the range, a timeout, or a closed stdout. raises Ended for an error."""
        from pykafka_cli.clients.consuming.fetcher import NoOffset
        from pykafka_cli.clients.errors import ApiError
        from pykafka_cli.procedures.range_reader import EndReached

        output = BulkOutput(sys.stdout.fileno())
        try:
            with output.watching_reader():
                while self._count < self._limit:
                    fetched = await self._receive(reader)
                    if fetched is None:
                        error(TERMINATING, source=SOURCE, cause=f"{EXCEPTIONS}TimeoutException")
                        return
                    await self._print(reader, fetched, output)
        except EndReached:
            return
        except OutputClosed:
            print_closed_output()
        except (ApiError, NoOffset, CorruptRecords, ConnectionFailed, OutputFailed) as problem:
            raise terminated(problem.java if isinstance(problem, ApiError) else str(problem)) from None

    async def _receive(self, reader: "Reader") -> "Fetched | None":
        """The next records; None once the timeout has passed without any."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            fetched = await reader.poll(self._timeout)
            if fetched or clock() - began > self._timeout:
                return fetched

    async def _print(self, reader: "Reader", fetched: "Fetched", output: BulkOutput) -> None:
        """raises    DeserializationError, UnreadableRecord once the records before the bad one are printed"""
        wanted, positions = self._select(fetched.records)
        records = wanted[: int(min(self._limit - self._count, len(wanted)))]
        text, problem = self._rendered(fetched.partition, records)
        printed = len(records) if problem is None else problem.position
        try:
            is_written = await output.write(text)
        except OutputClosed as closed:
            printed = self._records_within(fetched.partition, records, closed.taken)
            self._count += printed
            reader.used(fetched, positions[printed] if printed < len(wanted) else None)
            raise
        if is_written:
            self._count += printed
            reader.used(fetched, positions[printed] if printed < len(wanted) else None)
        if problem:
            self._count += 1
            raise problem.error

    def _select(self, records: list[ConsumedRecord]) -> tuple[list[ConsumedRecord], Sequence[int]]:
        """The records to print, and their positions among all."""
        if self._selection is None:
            return records, range(len(records))
        positions = self._selection.positions(records)
        return [records[position] for position in positions], positions

    def _records_within(self, partition: TopicPartition, records: Sequence[ConsumedRecord], size: int) -> int:
        """The number of records whose text fits into the first `size` bytes."""
        topic, index = partition
        for count, record in enumerate(records):
            try:
                size -= len(self._printer.render(topic, index, [record]))
            except (DeserializationError, UnreadableRecord):
                continue
            if size < 0:
                return count
        return len(records)

    def _rendered(
        self, partition: TopicPartition, records: Sequence[ConsumedRecord]
    ) -> "tuple[bytes, BadRecord | None]":
        """The text of all records, or of those before the first one that cannot be printed."""
        topic, index = partition
        try:
            return self._printer.render(topic, index, records), None
        except (DeserializationError, UnreadableRecord):
            pass  # find the bad record
        pieces: list[bytes] = []
        for position, record in enumerate(records):
            try:
                pieces.append(self._printer.render(topic, index, [record]))
            except (DeserializationError, UnreadableRecord) as problem:
                if not self._skip_errors:
                    return b"".join(pieces), BadRecord(position, problem)
                error(SKIPPING, source=SOURCE, cause=f"{EXCEPTIONS}SerializationException: {problem}")
        return b"".join(pieces), None


def terminated(cause: str, *, hint: str = "") -> Ended:
    """Log what ends the run, and return the exception to raise."""
    error(TERMINATING, source=SOURCE, cause=cause)
    ending = Ended(ExitStatus.FAILURE)
    ending.hint = hint
    return ending


class BadRecord(NamedTuple):
    """The first record that cannot be printed, and why."""

    position: int
    error: Exception
