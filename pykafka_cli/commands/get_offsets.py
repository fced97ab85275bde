"""`pk get-offsets`: kafka-get-offsets.sh."""

from typing import Annotated

import typer

from pykafka_cli.clients.admin.offsets import offsets_for_times
from pykafka_cli.clients.admin.topics import list_topics
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import Offset, OffsetSpec, Timestamp, TopicPartition
from pykafka_cli.output.get_offsets import show_offsets
from pykafka_cli.rules.offset_queries import (
    BadQuery,
    PartitionFilter,
    parse_time,
    partitions_of_rules,
    partitions_of_topics,
    select,
)
from pykafka_cli.rules.topic_filter import InvalidRegex
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, UsageProblem, Words, reported, unchanged
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    BootstrapServer,
    BrokerList,
    CommandConfig,
    Output,
    bootstrap_or_default,
    check_host_ports,
    chosen_output,
)
from pykafka_cli.topic_names import is_internal
from pykafka_cli.transport import event_loop

PREFIX = "Error occurred: "
WORDS: Words = {
    UsageProblem: unchanged,  # what is above the usage is no failure to this script
    **dict.fromkeys((ScriptError, ApiError, BadQuery, InvalidRegex), str),
}
WHICH = "Which partitions"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class GetOffsetsCommand(ScriptCommand):
    without_arguments = "An interactive shell for getting topic-partition offsets."
    defers_values = True
    parse_error_prefix = PREFIX
    parse_error_shows_usage = False


@app.command(cls=GetOffsetsCommand)
def get_offsets(
    ctx: ScriptContext,
    bootstrap_server: BootstrapServer = None,
    broker_list: BrokerList = None,
    command_config: CommandConfig = None,
    topic: Annotated[
        str | None,
        typer.Option(
            "--topic", metavar="TOPIC", help="Name or regular expression; by default all topics.", rich_help_panel=WHICH
        ),
    ] = None,
    partitions: Annotated[
        str | None,
        typer.Option(
            "--partitions", metavar="N,...", help="Partitions to show; by default all.", rich_help_panel=WHICH
        ),
    ] = None,
    topic_partitions: Annotated[
        str | None,
        typer.Option(
            "--topic-partitions",
            metavar="TOPIC:N,...",
            help=(
                "Topics with a partition or a range each: 0-3 means 0, 1 and 2, 5- means 5 and up, -3 means below 3."
            ),
            rich_help_panel=WHICH,
        ),
    ] = None,
    exclude_internal_topics: Annotated[
        bool, typer.Option("--exclude-internal-topics", help="Omit Kafka's internal topics.", rich_help_panel=WHICH)
    ] = False,
    time: Annotated[
        str,
        typer.Option(
            "--time",
            metavar="MS|WORD",
            help=(
                "Timestamp at or after which to find the first offset; or -1 or latest, "
                "-2 or earliest, -3 or max-timestamp, -4 or earliest-local, -5 or "
                "latest-tiered."
            ),
        ),
    ] = "latest",
    output: Output = None,
) -> None:
    """Print the offsets of partitions: latest, earliest, or at a timestamp."""
    with reported(PREFIX, WORDS):
        ctx.read_values()
        missing = ScriptError("Missing required option(s) [bootstrap-server]")
        servers = broker_list if broker_list is not None and "bootstrap-server" not in ctx.given else bootstrap_server
        bootstrap = bootstrap_or_default(servers, missing)
        check_host_ports(ctx, bootstrap)
        if topic_partitions is not None and (topic is not None or partitions is not None):
            raise ScriptError("--topic-partitions cannot be used with --topic or --partitions")
        timestamp = parse_time(time)
        if topic_partitions is not None:
            allows = partitions_of_rules(topic_partitions)
        else:
            allows = partitions_of_topics(topic, partitions)
        session = new_session(bootstrap, command_config)
        found = event_loop.run(fetch(session, allows, timestamp, exclude_internal=exclude_internal_topics))
    offsets = {}
    for partition, offset in found.items():
        if isinstance(offset, ApiError):
            problem = ScriptError(f"Skip getting offsets for topic-partition {partition} due to error: {offset.java}")
            problem.show()
        elif offset is not None:
            offsets[partition] = offset
    show_offsets(chosen_output(output), offsets)


async def fetch(
    session: Session, allows: PartitionFilter, time: Timestamp | OffsetSpec, *, exclude_internal: bool
) -> dict[TopicPartition, Offset | ApiError | None]:
    """Offsets of all partitions that are wanted, sorted as the script sorts them.

    raises    ScriptError if none is
    """
    async with session:
        every = [
            TopicPartition(listing.topic, partition)
            for listing in await list_topics(session)
            if not (exclude_internal and is_internal(listing.topic))
            for partition in range(listing.partition_count)
        ]
        wanted = select(every, allows)
        if not wanted:
            raise ScriptError("Could not match any topic-partitions with the specified filters")
        found = await offsets_for_times(session, dict.fromkeys(wanted, time))
        return {partition: found[partition] for partition in wanted}
