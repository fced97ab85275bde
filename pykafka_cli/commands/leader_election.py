"""`pk leader-election`: kafka-leader-election.sh."""

from typing import Annotated

import typer

from pykafka_cli.clients.admin.cluster import ElectionType, elect_leaders
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import TopicPartition
from pykafka_cli.output.leader_election import failures, show_outcome
from pykafka_cli.rules.plan_files import BadPlan, parse_election_plan
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, Words, in_java, reported
from pykafka_cli.script.opening import new_session, read_plan
from pykafka_cli.script.options import (
    CONNECTION,
    INT,
    BootstrapServer,
    Output,
    bootstrap_or_default,
    chosen_output,
)
from pykafka_cli.transport import event_loop
from pykafka_cli.transport.errors import NoAnswerInTime

WHICH = "Which partitions"
WAYS = ("topic", "all-topic-partitions", "path-to-json-file")
WORDS: Words = {
    NoAnswerInTime: lambda _: ScriptError("Timeout waiting for election results", on_stdout=True),
    ApiError: in_java,
}
TIMEOUTS = {"default.api.timeout.ms": "30000", "request.timeout.ms": "15000"}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


def parse_election_type(value: ElectionType | str) -> ElectionType:
    """raises    ValueError"""
    if isinstance(value, ElectionType):
        return value
    try:
        return ElectionType[value.upper()]
    except KeyError:
        raise ValueError(f"{value} is neither preferred nor unclean") from None


class LeaderElectionCommand(ScriptCommand):
    without_arguments = (
        "This tool attempts to elect a new leader for a set of topic partitions. The type of elections supported are "
        "preferred replicas and unclean replicas."
    )
    parse_error_shows_usage = False
    defers_values = True


@app.command(cls=LeaderElectionCommand)
def leader_election(
    ctx: ScriptContext,
    bootstrap_server: BootstrapServer = None,
    admin_config: Annotated[
        str | None,
        typer.Option(
            "--admin.config",
            "--command-config",
            metavar="FILE",
            help="File of client properties.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    election_type: Annotated[
        ElectionType | None,
        typer.Option(
            "--election-type",
            parser=parse_election_type,
            metavar="<preferred|unclean>",
            help=(
                "preferred: elect the first replica if it is in sync; unclean: elect any "
                "live replica of partitions without a leader, which may lose records."
            ),
        ),
    ] = None,
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="TOPIC", help="Topic of --partition.", rich_help_panel=WHICH)
    ] = None,
    partition: Annotated[
        int | None, typer.Option("--partition", parser=INT, help="Partition of --topic.", rich_help_panel=WHICH)
    ] = None,
    all_topic_partitions: Annotated[  # noqa: ARG001
        bool,
        typer.Option(
            "--all-topic-partitions", help="Elect leaders for all partitions that need it.", rich_help_panel=WHICH
        ),
    ] = False,
    path_to_json_file: Annotated[
        str | None,
        typer.Option(
            "--path-to-json-file",
            metavar="FILE",
            help='Partitions to elect leaders for: {"partitions": [{"topic": "foo", "partition": 1}]}',
            rich_help_panel=WHICH,
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Elect new leaders of partitions."""
    absent = [
        name
        for name, value in (("bootstrap-server", bootstrap_server), ("election-type", "election-type" in ctx.given))
        if not value
    ]
    missing = ScriptError(f"Missing required option(s): {', '.join(absent)}")
    if "election-type" in absent:
        raise missing
    bootstrap = bootstrap_or_default(bootstrap_server, missing)
    check(ctx)
    ctx.read_values()
    assert election_type is not None
    partitions = None
    if path_to_json_file is not None:
        with reported(words={BadPlan: str}):
            partitions = parse_election_plan(read_plan(path_to_json_file))
    elif topic is not None and partition is not None:
        partitions = [TopicPartition(topic, partition)]
    session = new_session(bootstrap, admin_config, defaults=TIMEOUTS)
    with reported(words=WORDS):
        results = event_loop.run(elect(session, election_type, partitions))
    show_outcome(chosen_output(output), results, election_type)
    if failed := failures(results):
        raise ScriptError(f"{len(failed)} replica(s) could not be elected")


def check(ctx: ScriptContext) -> None:
    """Check for required and exclusive options, in the script's order."""
    if len(ctx.given & set(WAYS)) != 1:
        raise ScriptError(f"One and only one of the following options is required: {', '.join(WAYS)}")
    if "topic" in ctx.given and "partition" not in ctx.given:
        raise ScriptError("Missing required option(s): partition")
    if "partition" in ctx.given and "topic" not in ctx.given:
        raise ScriptError("Option partition is only allowed if topic is used")


async def elect(
    session: Session, election: ElectionType, partitions: list[TopicPartition] | None
) -> dict[TopicPartition, ApiError | None]:
    async with session:
        return await elect_leaders(session, election, partitions)
