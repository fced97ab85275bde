"""`pk replica-verification`: kafka-replica-verification.sh, compares the replicas of partitions until stopped."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated

import typer

from pykafka_cli.clients.admin.offsets import list_offsets, offsets_for_times
from pykafka_cli.clients.admin.topics import describe_topics, list_topics
from pykafka_cli.clients.consuming.replica_fetch import fetch_replicas
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.console.log_lines import error, warn
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.model import BrokerId, Milliseconds, Offset, OffsetSpec, ReplicaRecords, Timestamp, TopicPartition
from pykafka_cli.output.replica_verification import Report
from pykafka_cli.protocol.records.batch import CorruptRecords
from pykafka_cli.rules.offset_queries import time_or_spec
from pykafka_cli.rules.replica_verification import OtherOffset, largest_lag, verify
from pykafka_cli.rules.topic_filter import InvalidRegex, TopicFilter
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import Ended, ScriptError, reported
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import INT, LONG, CommandConfig, StreamOutput, check_host_ports, refuse, require
from pykafka_cli.transport import event_loop
from pykafka_cli.transport.errors import ConnectionFailed

WHAT, FETCHING = "What to compare", "Fetching"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ReplicaVerificationCommand(ScriptCommand):
    without_arguments = "Validate that all replicas for a set of topics have the same data."


@app.command(cls=ReplicaVerificationCommand)
def replica_verification(
    ctx: ScriptContext,
    broker_list: Annotated[
        str, typer.Option("--broker-list", metavar="HOST:PORT,...", help="Brokers to connect to.")
    ] = "",
    command_config: CommandConfig = None,
    topics_include: Annotated[
        str,
        typer.Option(
            "--topics-include", metavar="REGEX", help="Regular expression of topics to compare.", rich_help_panel=WHAT
        ),
    ] = ".*",
    topic_white_list: Annotated[
        str,
        typer.Option(
            "--topic-white-list", metavar="REGEX", help="Older name of --topics-include.", rich_help_panel=WHAT
        ),
    ] = ".*",
    start_time: Annotated[
        int,
        typer.Option(
            "--time",
            metavar="MS",
            parser=LONG,
            help="Timestamp to start at; -1 means the end, -2 the beginning.",
            rich_help_panel=WHAT,
        ),
    ] = OffsetSpec.LATEST,
    fetch_size: Annotated[
        int,
        typer.Option(
            "--fetch-size",
            metavar="BYTES",
            parser=INT,
            help="Maximum number of bytes to fetch from a partition at a time.",
            rich_help_panel=FETCHING,
        ),
    ] = 1 << 20,
    max_wait_ms: Annotated[
        int,
        typer.Option(
            "--max-wait-ms",
            metavar="MS",
            parser=INT,
            help="Maximum time that a broker waits for new records.",
            rich_help_panel=FETCHING,
        ),
    ] = 1000,
    report_interval_ms: Annotated[
        int,
        typer.Option(
            "--report-interval-ms", metavar="MS", parser=LONG, help="Time between reports of the maximum lag."
        ),
    ] = 30_000,
    output: StreamOutput = None,
) -> None:
    """Compare the replicas of partitions until stopped."""
    warn("This tool is deprecated and may be removed in a future major release.")
    require(ctx, "broker-list")
    refuse(ctx, "topics-include", "topic-white-list")
    check_host_ports(ctx, broker_list)
    try:
        topics = TopicFilter(topics_include if "topics-include" in ctx.given else topic_white_list)
    except InvalidRegex as problem:
        raise ScriptError(str(problem).removesuffix(".")) from None
    session = new_session(broker_list, command_config)
    event_loop.run(
        _verify(session, topics, start_time, fetch_size, max_wait_ms, report_interval_ms / 1000, Report(output))
    )


async def _verify(
    session: Session,
    topics: TopicFilter,
    start_time: int,
    fetch_size: int,
    max_wait_ms: int,
    interval: float,
    report: Report,
) -> None:
    """raises  ScriptError when there is nothing to compare, or replicas cannot be compared any further"""
    async with session:
        replicas = await _replicas(session, topics)
        if not replicas:
            error(
                "No topics found. [topics-include] if specified, is either filtering out all topics or there is no "
                "topic."
            )
            raise Ended(ExitStatus.FAILURE)
        offsets = await _start(session, replicas, time_or_spec(start_time))
        by_broker: dict[BrokerId, list[TopicPartition]] = defaultdict(list)
        for partition, brokers in replicas.items():
            for broker in brokers:
                by_broker[broker].append(partition)
        report.begin(len(replicas))
        reported = time.monotonic()
        while True:
            fetched = await asyncio.gather(
                *(
                    _fetched(session, BrokerId(broker), {each: offsets[each] for each in its}, fetch_size, max_wait_ms)
                    for broker, its in by_broker.items()
                )
            )
            answers = dict(zip(by_broker, fetched, strict=True))
            high_watermarks = _compare(replicas, offsets, answers, report)
            if time.monotonic() - reported > interval:
                report.lag(largest_lag(offsets, high_watermarks), len(replicas))
                reported = time.monotonic()


async def _replicas(session: Session, topics: TopicFilter) -> dict[TopicPartition, tuple[BrokerId, ...]]:
    """The brokers that have each partition."""
    names = [listing.topic for listing in await list_topics(session) if topics.allows(listing.topic)]
    with reported(words={ApiError: str}):
        described = await describe_topics(session, names) if names else []
    return {
        TopicPartition(topic.topic, each.partition): each.replicas for topic in described for each in topic.partitions
    }


async def _start(
    session: Session, replicas: Mapping[TopicPartition, object], at: Timestamp | OffsetSpec
) -> dict[TopicPartition, Offset]:
    """Where to begin in each partition; at its end if nothing is as late as that."""
    found: dict[TopicPartition, Offset | ApiError | None] = {}
    found |= await offsets_for_times(session, dict.fromkeys(replicas, at))
    if late := [partition for partition, offset in found.items() if offset is None]:
        found |= await list_offsets(session, dict.fromkeys(late, OffsetSpec.LATEST))
    offsets: dict[TopicPartition, Offset] = {}
    for partition, offset in found.items():
        if isinstance(offset, ApiError):
            raise ScriptError(f"{partition}: {offset}")
        if offset is not None:
            offsets[partition] = offset
    return offsets


async def _fetched(
    session: Session, broker: BrokerId, offsets: Mapping[TopicPartition, Offset], fetch_size: int, max_wait_ms: int
) -> dict[TopicPartition, ReplicaRecords]:
    """Empty while the broker cannot be reached."""
    try:
        return await fetch_replicas(
            session, broker, offsets, partition_bytes=fetch_size, max_wait_ms=Milliseconds(max_wait_ms)
        )
    except ConnectionFailed:
        await asyncio.sleep(max_wait_ms / 1000)
        return {}


def _compare(
    replicas: Mapping[TopicPartition, tuple[BrokerId, ...]],
    offsets: dict[TopicPartition, Offset],
    answers: Mapping[BrokerId, Mapping[TopicPartition, ReplicaRecords]],
    report: Report,
) -> dict[TopicPartition, Offset]:
    """Report differences and advance `offsets`; return the largest high watermark of each partition.

    raises  ScriptError
    """
    high_watermarks: dict[TopicPartition, Offset] = {}
    for partition, brokers in replicas.items():
        of_all = {broker: answers[broker].get(partition, ReplicaRecords()) for broker in brokers}
        try:
            verified = verify(partition, offsets[partition], of_all)
        except CorruptRecords as problem:
            raise ScriptError(f"Error in processing {partition} at offset {offsets[partition]}: {problem}") from None
        for finding in verified.findings:
            report.find(finding)
            if isinstance(finding, OtherOffset):
                raise Ended(ExitStatus.FAILURE)
        offsets[partition] = verified.offset
        known = [replica.high_watermark for replica in of_all.values() if replica.high_watermark is not None]
        if known:
            high_watermarks[partition] = max(known)
    return high_watermarks
