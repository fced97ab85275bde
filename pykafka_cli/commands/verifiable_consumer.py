"""`pk verifiable-consumer`: kafka-verifiable-consumer.sh, reports everything that happens to a member of a group."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pykafka_cli.clients.settings import BadClientSetting, ClientSettings
from pykafka_cli.console.log_lines import error, warn
from pykafka_cli.console.signals import EndBySignal
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.model import Offset, Seconds, TopicPartition
from pykafka_cli.output.events import Events
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.script.client_properties import property_file
from pykafka_cli.script.command import ArgparseCommand, ScriptContext
from pykafka_cli.script.errors import Ended, reported
from pykafka_cli.script.options import (
    INT,
    BootstrapServer,
    BrokerList,
    ConsumerConfig,
    EventOutput,
    bootstrap_or_default,
)
from pykafka_cli.transport import event_loop
from pykafka_cli.transport.errors import ConnectionFailed

if TYPE_CHECKING:
    from pykafka_cli.clients.consuming.consumer import Consumer
    from pykafka_cli.clients.consuming.fetched_records import Fetched

SET_BY_THE_SCRIPT = frozenset({"bootstrap.servers", "key.deserializer", "value.deserializer"})

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class VerifiableConsumerCommand(ArgparseCommand):
    help_without_arguments = True
    exclusive = frozenset({"bootstrap-server", "broker-list"})


@app.command(cls=VerifiableConsumerCommand)
def verifiable_consumer(
    ctx: ScriptContext,
    topic: Annotated[str | None, typer.Option("--topic", metavar="TOPIC", help="REQUIRED: Topic to read.")] = None,
    group_id: Annotated[
        str | None, typer.Option("--group-id", metavar="GROUP", help="REQUIRED: Consumer group to join.")
    ] = None,
    bootstrap_server: BootstrapServer = None,
    broker_list: BrokerList = None,
    consumer_config: ConsumerConfig = None,
    group_protocol: Annotated[
        str, typer.Option("--group-protocol", metavar="PROTOCOL", help="Group protocol: classic or consumer.")
    ] = "classic",
    group_remote_assignor: Annotated[
        str | None,
        typer.Option(
            "--group-remote-assignor",
            metavar="NAME",
            help="With --group-protocol consumer: assignor of the coordinator, uniform or range.",
        ),
    ] = None,
    group_instance_id: Annotated[
        str | None,
        typer.Option(
            "--group-instance-id", metavar="NAME", help="Join the group as a static member with this instance id."
        ),
    ] = None,
    max_messages: Annotated[
        int,
        typer.Option(
            "--max-messages", parser=INT, metavar="N", help="Number of records to read; -1 means until stopped."
        ),
    ] = -1,
    session_timeout: Annotated[
        int, typer.Option("--session-timeout", parser=INT, metavar="MS", help="Set session.timeout.ms.")
    ] = 30_000,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print each record.")] = False,
    enable_autocommit: Annotated[
        bool, typer.Option("--enable-autocommit", help="Commit periodically instead of after each read.")
    ] = False,
    reset_policy: Annotated[
        str,
        typer.Option(
            "--reset-policy",
            metavar="POLICY",
            help="Offset to start at without a committed one: earliest, latest or none.",
        ),
    ] = "earliest",
    assignment_strategy: Annotated[
        str, typer.Option("--assignment-strategy", metavar="CLASS", help="Class name of one of Kafka's assignors.")
    ] = "org.apache.kafka.clients.consumer.RangeAssignor",
    output: EventOutput = None,
) -> None:
    """Read records in a consumer group, and print assignments, records and commits as JSON."""
    for name, value in (("group-id", group_id), ("topic", topic)):
        if value is None:
            raise VerifiableConsumerCommand.argparse_error(ctx, f"argument --{name} is required")
    addresses = broker_list or bootstrap_or_default(
        bootstrap_server,
        VerifiableConsumerCommand.argparse_error(
            ctx, "one of the arguments --bootstrap-server --broker-list is required"
        ),
    )
    properties = property_file(consumer_config) | {
        "group.protocol": group_protocol,
        "group.id": group_id or "",
        "enable.auto.commit": str(enable_autocommit).lower(),
        "auto.offset.reset": reset_policy,
    }
    properties.setdefault("client.id", f"consumer-{group_id}-1")
    if group_instance_id is not None:
        properties["group.instance.id"] = group_instance_id
    if group_protocol.lower() != "consumer":
        properties["partition.assignment.strategy"] = assignment_strategy
        properties["session.timeout.ms"] = str(session_timeout)
    elif group_remote_assignor is not None:
        properties["group.remote.assignor"] = group_remote_assignor
    with reported(words=dict.fromkeys((ConfigError, BadClientSetting), str)):
        settings = ConsumerSettings(properties, quiet=SET_BY_THE_SCRIPT)
        run = VerifiableConsumer(topic or "", settings, max_messages, Events(output), verbose=verbose)
        event_loop.run(run.run(addresses, ClientSettings(properties)))


class VerifiableConsumer:
    """One run."""

    def __init__(
        self, topic: str, settings: ConsumerSettings, max_messages: int, events: Events, *, verbose: bool
    ) -> None:
        self._topic = topic
        self._settings = settings
        self._left = float("inf") if max_messages < 0 else max_messages
        self._events = events
        self._verbose = verbose

    async def run(self, addresses: str, client: ClientSettings) -> None:
        from pykafka_cli.clients.consuming.consumer import Consumer
        from pykafka_cli.clients.errors import ApiError
        from pykafka_cli.script.opening import CONSUMER_FAILED, session_with

        failed = False
        async with session_with(addresses, client, CONSUMER_FAILED) as session:
            consumer = Consumer(
                session,
                self._settings,
                warn=warn,
                on_assigned=lambda partitions: self._events.report(
                    "partitions_assigned", partitions=_listed(partitions)
                ),
                on_revoked=lambda revoked: self._events.report("partitions_revoked", partitions=_listed(revoked)),
            )
            with EndBySignal() as end:
                self._events.report("startup_complete")
                try:
                    await consumer.subscribe([self._topic])
                    while self._left > 0:
                        fetched = await consumer.poll(Seconds(float("inf")))
                        if fetched:
                            await self._use(consumer, fetched)
                except (ApiError, ConnectionFailed) as problem:
                    error("Error during processing, terminating consumer process: ", cause=str(problem))
                    failed = True
            await consumer.close()
        self._events.report("shutdown_complete")
        if end.signal or failed:
            raise Ended(end.status or ExitStatus.FAILURE)

    async def _use(self, consumer: "Consumer", fetched: "Fetched") -> None:
        """Reads at most max.poll.records records at a time."""
        at_a_time = self._settings.max_poll_records
        for start in range(0, len(fetched.records), at_a_time):
            records = fetched.records[start : start + at_a_time]
            used = records[: int(min(self._left, len(records)))]
            if not used:
                return
            topic, partition = fetched.partition
            if self._verbose:
                for record in used:
                    self._events.report(
                        "record_data",
                        key=_text(record.key),
                        value=_text(record.value),
                        topic=topic,
                        partition=partition,
                        offset=record.offset,
                    )
            self._left -= len(used)
            summary = {
                "topic": topic,
                "partition": partition,
                "count": len(used),
                "minOffset": used[0].offset,
                "maxOffset": used[-1].offset,
            }
            self._events.report("records_consumed", count=len(records), partitions=[summary])
            consumer.used(fetched, start + len(used))
            if not self._settings.enable_auto_commit:
                await self._commit(consumer, fetched.partition, Offset(used[-1].offset + 1))

    async def _commit(self, consumer: "Consumer", partition: TopicPartition, offset: Offset) -> None:
        from pykafka_cli.clients.errors import ApiError

        offsets = [{"topic": partition.topic, "partition": partition.partition, "offset": offset}]
        try:
            await consumer.commit()
            self._events.report("offsets_committed", offsets=offsets, success=True)
        except (ApiError, ConnectionFailed) as problem:
            self._events.report("offsets_committed", offsets=offsets, error=str(problem), success=False)


def _listed(partitions: Sequence[TopicPartition]) -> list[dict[str, object]]:
    return [{"topic": each.topic, "partition": each.partition} for each in partitions]


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode(errors="replace")
