"""`pk topics`: kafka-topics.sh of Kafka 3.9, and of the generation that used ZooKeeper."""

from typing import Annotated

import typer

from pykafka_cli.output.topics import print_topic_id_warning
from pykafka_cli.procedures.topics import (
    WORDS,
    TopicsRequest,
    through_brokers,
)
from pykafka_cli.rules.topic_views import DescribeFilter
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, reported
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    CONNECTION,
    INT,
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
    refuse,
    require,
)
from pykafka_cli.transport import event_loop

ACTION, WHICH, SHAPE, FILTER = "Actions (choose one)", "Which topics", "Partitions and configs", "What to describe"
ACTIONS = ("list", "describe", "create", "alter", "delete")
PARTITION_FILTERS = (
    "under-replicated-partitions",
    "under-min-isr-partitions",
    "at-min-isr-partitions",
    "unavailable-partitions",
)
TOPICS_WITH_OVERRIDES = "topics-with-overrides"
DEFAULT_PARTITIONS_PER_ANSWER = 2000
FAILED = "Error while executing topic command : "

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class TopicsCommand(ScriptCommand):
    without_arguments = "Create, delete, describe, or change a topic."
    defers_values = True


@app.command(cls=TopicsCommand)
def topics(
    ctx: ScriptContext,
    list_: Annotated[bool, typer.Option("--list", help="List topics.", rich_help_panel=ACTION)] = False,
    describe: Annotated[bool, typer.Option("--describe", help="Describe topics.", rich_help_panel=ACTION)] = False,
    create: Annotated[bool, typer.Option("--create", help="Create a topic.", rich_help_panel=ACTION)] = False,
    alter: Annotated[
        bool,
        typer.Option(
            "--alter",
            help="Add partitions; with --zookeeper, also change configs (otherwise use kafka-configs).",
            rich_help_panel=ACTION,
        ),
    ] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete topics.", rich_help_panel=ACTION)] = False,
    bootstrap_server: BootstrapServer = None,
    zookeeper: Annotated[
        str | None,
        typer.Option(
            "--zookeeper",
            metavar="HOST:PORT,.../CHROOT",
            help="Connect to ZooKeeper directly, as the scripts did up to 2.8.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    command_config: CommandConfig = None,
    topic: Annotated[
        str | None,
        typer.Option(
            "--topic",
            metavar="TOPIC",
            help="Name of a topic; except with --create, a regular expression or a comma-separated list.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    topic_id: Annotated[
        str | None, typer.Option("--topic-id", metavar="ID", help="Id of the topic to describe.", rich_help_panel=WHICH)
    ] = None,
    exclude_internal: Annotated[
        bool, typer.Option("--exclude-internal", help="Omit Kafka's internal topics.", rich_help_panel=WHICH)
    ] = False,
    if_exists: Annotated[
        bool, typer.Option("--if-exists", help="Do nothing if the topic does not exist.", rich_help_panel=WHICH)
    ] = False,
    if_not_exists: Annotated[
        bool, typer.Option("--if-not-exists", help="Do nothing if the topic exists.", rich_help_panel=WHICH)
    ] = False,
    partitions: Annotated[
        int | None,
        typer.Option(
            "--partitions",
            parser=INT,
            help="Number of partitions. Adding partitions changes which keys go to which partition.",
            rich_help_panel=SHAPE,
        ),
    ] = None,
    replication_factor: Annotated[
        int | None,
        typer.Option(
            "--replication-factor",
            parser=INT,
            help="Number of replicas of each partition.",
            rich_help_panel=SHAPE,
        ),
    ] = None,
    replica_assignment: Annotated[
        str | None,
        typer.Option(
            "--replica-assignment",
            metavar="BROKER:BROKER,...",
            help="Brokers of each partition's replicas: commas between partitions, colons between replicas.",
            rich_help_panel=SHAPE,
        ),
    ] = None,
    disable_rack_aware: Annotated[
        bool,
        typer.Option("--disable-rack-aware", help="With --zookeeper: ignore racks.", rich_help_panel=SHAPE),
    ] = False,
    config: Annotated[
        list[str] | None,
        typer.Option(
            "--config", metavar="NAME=VALUE", help="Config of the topic; may be repeated.", rich_help_panel=SHAPE
        ),
    ] = None,
    delete_config: Annotated[
        list[str] | None,
        typer.Option(
            "--delete-config",
            metavar="NAME",
            help="With --zookeeper: config to remove; may be repeated.",
            rich_help_panel=SHAPE,
        ),
    ] = None,
    under_replicated_partitions: Annotated[
        bool,
        typer.Option(
            "--under-replicated-partitions",
            help="Show only partitions with replicas out of sync.",
            rich_help_panel=FILTER,
        ),
    ] = False,
    unavailable_partitions: Annotated[
        bool,
        typer.Option(
            "--unavailable-partitions", help="Show only partitions without a live leader.", rich_help_panel=FILTER
        ),
    ] = False,
    under_min_isr_partitions: Annotated[
        bool,
        typer.Option(
            "--under-min-isr-partitions", help="Show only partitions below min.insync.replicas.", rich_help_panel=FILTER
        ),
    ] = False,
    at_min_isr_partitions: Annotated[
        bool,
        typer.Option(
            "--at-min-isr-partitions", help="Show only partitions at min.insync.replicas.", rich_help_panel=FILTER
        ),
    ] = False,
    topics_with_overrides: Annotated[
        bool,
        typer.Option(
            "--topics-with-overrides",
            help="Show only topics whose configs override defaults.",
            rich_help_panel=FILTER,
        ),
    ] = False,
    partition_size_limit_per_response: Annotated[
        int,
        typer.Option(
            "--partition-size-limit-per-response",
            parser=INT,
            help="Maximum number of partitions in one response.",
            rich_help_panel=FILTER,
        ),
    ] = DEFAULT_PARTITIONS_PER_ANSWER,
    force: Annotated[bool, typer.Option("--force", help="Accepted and ignored.", hidden=False)] = False,  # noqa: ARG001
    output: Output = None,
) -> None:
    """Create, delete, describe, or change topics."""
    chosen = [
        name for name, is_chosen in zip(ACTIONS, (list_, describe, create, alter, delete), strict=True) if is_chosen
    ]
    if len(chosen) != 1:
        raise ctx.usage_problem(
            "Command must include exactly one action: --list, --describe, --create, --alter or --delete"
        )
    if zookeeper is not None or "zookeeper" in ctx.given:
        bootstrap = None
        if "bootstrap-server" in ctx.given:
            raise ScriptError("Only one of --bootstrap-server or --zookeeper must be specified")
    else:
        missing = ScriptError("--bootstrap-server must be specified")
        bootstrap = bootstrap_or_default(bootstrap_server, missing, given="bootstrap-server" in ctx.given)
    check_required(ctx)
    check_invalid(ctx)
    request = TopicsRequest(
        action=chosen[0],
        topic=topic,
        topic_id=topic_id,
        partitions=partitions,
        replication_factor=replication_factor,
        replica_assignment=replica_assignment,
        configs=config or [],
        deleted_configs=delete_config or [],
        filter=DescribeFilter(
            under_replicated_partitions,
            unavailable_partitions,
            under_min_isr_partitions,
            at_min_isr_partitions,
            topics_with_overrides,
        ),
        if_exists=if_exists,
        if_not_exists=if_not_exists,
        exclude_internal=exclude_internal,
        rack_aware=not disable_rack_aware,
        partitions_per_answer=partition_size_limit_per_response,
        output=chosen_output(output),
    )
    if bootstrap is None:
        from pykafka_cli.procedures.topics_over_zookeeper import through_zookeeper

        with reported(FAILED, WORDS, on_stdout=True):
            ctx.read_values()
            event_loop.run(through_zookeeper(request, zookeeper or ""))
        return
    ctx.read_value("bootstrap-server")
    session = new_session(bootstrap, command_config)
    with reported(FAILED, WORDS, on_stdout=True):
        ctx.read_values()
        event_loop.run(through_brokers(request, session))


def check_required(ctx: ScriptContext) -> None:
    """Report what is missing, in the order in which the script checks it."""
    given, through_zookeeper = ctx.given, "zookeeper" in ctx.given
    if {"describe", "if-exists"} <= given:
        if through_zookeeper:
            require(ctx, "topic")
        elif not given & {"topic", "topic-id"}:
            raise ctx.usage_problem("--topic or --topic-id is required to describe a topic")
        elif {"topic", "topic-id"} <= given:
            print_topic_id_warning()
    if not given & {"list", "describe"}:
        require(ctx, "topic")
    if through_zookeeper:
        if "create" in given and "replica-assignment" not in given:
            require(ctx, "partitions", "replication-factor")
    elif "alter" in given:
        if "config" in given:
            raise ctx.usage_problem(
                'Option combination "[[bootstrap-server], [config]]" can\'t be used with option "[alter]" '
                "(the kafka-configs CLI supports altering topic configs with a --bootstrap-server option)"
            )
        require(ctx, "partitions")


def check_invalid(ctx: ScriptContext) -> None:
    """Report conflicting options, in the order in which the script checks them."""
    through_zookeeper = "zookeeper" in ctx.given
    only_with(ctx, "config", "alter", "create")
    only_with(ctx, "delete-config", "alter")
    if "delete-config" in ctx.given and not through_zookeeper:
        raise ctx.usage_problem('Option "[delete-config]" can\'t be used with option "[bootstrap-server]"')
    only_with(ctx, "partitions", "alter", "create")
    only_with(ctx, "replication-factor", "create")
    only_with(ctx, "replica-assignment", "alter", "create")
    if "create" in ctx.given:
        refuse(ctx, "replica-assignment", "partitions", "replication-factor")
    for name in PARTITION_FILTERS:
        only_with(ctx, name, "describe")
        refuse(ctx, name, TOPICS_WITH_OVERRIDES)
    only_with(ctx, TOPICS_WITH_OVERRIDES, "describe")
    only_with(ctx, "if-exists", "alter", "delete", "describe")
    only_with(ctx, "if-not-exists", "create")
    only_with(ctx, "exclude-internal", "list", "describe")
    for name in ("topic-id", "under-min-isr-partitions", "at-min-isr-partitions"):
        refuse(ctx, name, "zookeeper")


def only_with(ctx: ScriptContext, option: str, *actions: str) -> None:
    refuse(ctx, option, *(action for action in ACTIONS if action not in actions))
