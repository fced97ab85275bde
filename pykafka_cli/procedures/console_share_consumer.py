"""One run of the console share consumer: records in, text out, each acknowledged once it is printed."""

import itertools
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.console.log_lines import error, warn
from pykafka_cli.console.signals import EndBySignal
from pykafka_cli.console.stdout import BulkOutput, OutputClosed, OutputFailed
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.output.console_consumer import print_closed_output, print_count
from pykafka_cli.procedures.console_consumer import EXCEPTIONS, SET_BY_THE_SCRIPT, TERMINATING
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.protocol.records.batch import CorruptRecords
from pykafka_cli.protocol.stored_messages import UnreadableRecord
from pykafka_cli.rules.deserializers import DeserializationError
from pykafka_cli.rules.formatters import Formatter
from pykafka_cli.script.errors import Ended
from pykafka_cli.script.generations import OldOptions
from pykafka_cli.script.opening import SHARE_CONSUMER_FAILED, session_with
from pykafka_cli.transport import event_loop
from pykafka_cli.transport.errors import ConnectionFailed

if TYPE_CHECKING:
    from pykafka_cli.clients.consuming.share_consumer import ShareConsumer
    from pykafka_cli.clients.consuming.share_session import Acknowledgement, Acquired

SOURCE = "org.apache.kafka.tools.consumer.ConsoleShareConsumer"
REJECTING = "Error processing message, rejecting this message: "


class Reading(NamedTuple):
    """The options of one run.

    timeout         seconds without a record after which it ends
    outcome         how printed records are acknowledged: accept, release or reject
    rejects_errors  whether a record that cannot be printed is rejected; otherwise it ends the run
    """

    topic: str
    limit: float
    timeout: float
    outcome: "Acknowledgement"
    rejects_errors: bool


class ConsoleShareConsumer:
    """One run."""

    def __init__(self, printer: Formatter, reading: Reading, old_options: OldOptions) -> None:
        self._printer, self._reading, self._old_options = printer, reading, old_options
        self._count = 0

    def run(self, addresses: str, properties: Mapping[str, str]) -> None:
        """Read and print until stopped; raises ConfigError, BadClientSetting before anything is read."""
        settings = ConsumerSettings(properties, quiet=SET_BY_THE_SCRIPT)
        for warning in settings.warnings:
            warn(warning)
        event_loop.run(self._run(addresses, ClientSettings(properties), settings))

    async def _run(self, addresses: str, client: ClientSettings, settings: ConsumerSettings) -> None:
        from pykafka_cli.clients.consuming.share_consumer import ShareConsumer

        async with session_with(addresses, client, SHARE_CONSUMER_FAILED) as session:
            await self._old_options.report(session)
            consumer = ShareConsumer(session, settings, self._reading.topic, warn)
            failure: Exception | None = None
            with EndBySignal() as end:
                try:
                    await self._print_all(consumer)
                except (Ended, DeserializationError, UnreadableRecord) as problem:
                    failure = problem
            await consumer.close()
        print_count(self._count)
        if failure:
            raise failure
        if end.signal:
            raise Ended(end.status)

    async def _print_all(self, consumer: "ShareConsumer") -> None:
        """Print until the limit, a timeout, or a closed stdout. raises Ended for an error."""
        from pykafka_cli.clients.errors import ApiError

        output = BulkOutput(sys.stdout.fileno())
        try:
            with output.watching_reader():
                while self._count < self._reading.limit:
                    acquired = await consumer.poll(self._reading.timeout)
                    if acquired is None:
                        error(TERMINATING, source=SOURCE, cause=f"{EXCEPTIONS}TimeoutException")
                        return
                    await self._print(consumer, acquired, output)
        except OutputClosed:
            print_closed_output()
        except (ApiError, ConnectionFailed, CorruptRecords, OutputFailed) as problem:
            error(TERMINATING, source=SOURCE, cause=problem.java if isinstance(problem, ApiError) else str(problem))
            raise Ended(ExitStatus.FAILURE) from None

    async def _print(self, consumer: "ShareConsumer", acquired: "Acquired", output: BulkOutput) -> None:
        """raises    DeserializationError, UnreadableRecord once the records before the bad one are printed"""
        from pykafka_cli.clients.consuming.share_session import Acknowledgement

        pieces: list[bytes] = []
        offsets: list[int] = []
        bad: Exception | None = None
        for record in acquired.records[: int(min(self._reading.limit - self._count, len(acquired.records)))]:
            try:
                pieces.append(self._printer.render(*acquired.partition, [record]))
                offsets.append(record.offset)
            except (DeserializationError, UnreadableRecord) as problem:
                self._count += 1
                if not self._reading.rejects_errors:
                    bad = problem
                    break
                error(REJECTING, source=SOURCE, cause=f"{EXCEPTIONS}SerializationException: {problem}")
                consumer.acknowledge(acquired, [record.offset], Acknowledgement.REJECT)
        try:
            is_written = await output.write(b"".join(pieces))
        except OutputClosed as closed:
            ends = itertools.accumulate(map(len, pieces))
            self._printed(consumer, acquired, offsets[: sum(end <= closed.taken for end in ends)])
            raise
        if is_written:
            self._printed(consumer, acquired, offsets)
        if bad:
            raise bad

    def _printed(self, consumer: "ShareConsumer", acquired: "Acquired", offsets: Sequence[int]) -> None:
        self._count += len(offsets)
        consumer.acknowledge(acquired, offsets, self._reading.outcome)
