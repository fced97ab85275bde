"""`pk reassign-partitions`: kafka-reassign-partitions.sh."""

from typing import Annotated

import typer

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import in_seconds
from pykafka_cli.output.reassign_partitions import View
from pykafka_cli.procedures.reassignment import (
    NO_THROTTLE,
    Rates,
    Terse,
    cancel_plan,
    execute_plan,
    generate_plan,
    show_reassignments,
    verify_plan,
)
from pykafka_cli.replica_assignment import AssignmentRefused
from pykafka_cli.rules.plan_files import BadPlan, parse_reassignment_plan, parse_topics_to_move
from pykafka_cli.rules.reassignment import BadReassignment, ensure_executable, parse_brokers
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, Words, in_java, reported
from pykafka_cli.script.opening import new_session, read_plan
from pykafka_cli.script.options import (
    LONG,
    BootstrapController,
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
    require,
)
from pykafka_cli.transport import event_loop

ACTION, PLAN, SPEED = "Actions (choose one)", "What to move", "How fast"
REQUIRED: dict[str, tuple[str, ...]] = {
    "generate": ("topics-to-move-json-file", "broker-list"),
    "execute": ("reassignment-json-file",),
    "verify": ("reassignment-json-file",),
    "cancel": ("reassignment-json-file",),
    "list": (),
}
PERMITTED: dict[str, tuple[str, ...]] = {
    "generate": ("disable-rack-aware",),
    "execute": (
        "additional", "disallow-replication-factor-change", "throttle", "replica-alter-log-dirs-throttle", "timeout",
    ),
    "verify": ("preserve-throttles",),
    "cancel": ("bootstrap-controller", "preserve-throttles", "timeout"),
    "list": ("bootstrap-controller",),
}  # fmt: skip
ALWAYS_PERMITTED = ("bootstrap-server", "command-config", "output")
DEFAULT_TIMEOUT_MS = 10_000
REFUSED = "org.apache.kafka.common.errors.InvalidReplicationFactorException"
WORDS: Words = {
    AssignmentRefused: lambda error: f"{error}\n{REFUSED}: {error}\n",
    Terse: lambda error: ScriptError(str(error), on_stdout=True),
    ApiError: in_java,
    **dict.fromkeys((ScriptError, BadPlan, BadReassignment), str),
}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ReassignPartitionsCommand(ScriptCommand):
    without_arguments = "This tool helps to move topic partitions between replicas."
    parse_error_shows_usage = False
    defers_values = True


@app.command(cls=ReassignPartitionsCommand)
def reassign_partitions(
    ctx: ScriptContext,
    generate: Annotated[
        bool, typer.Option("--generate", help="Print a proposed plan.", rich_help_panel=ACTION)
    ] = False,
    execute: Annotated[
        bool, typer.Option("--execute", help="Start the reassignment of a plan.", rich_help_panel=ACTION)
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Show the progress of a plan, and remove its throttles when it is complete.",
            rich_help_panel=ACTION,
        ),
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Cancel the reassignment of a plan.", rich_help_panel=ACTION)
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="List reassignments in progress.", rich_help_panel=ACTION)
    ] = False,
    bootstrap_server: BootstrapServer = None,
    bootstrap_controller: BootstrapController = None,
    command_config: CommandConfig = None,
    reassignment_json_file: Annotated[
        str | None,
        typer.Option(
            "--reassignment-json-file",
            metavar="FILE",
            help='The plan: {"partitions": [{"topic": "foo", "partition": 1, "replicas": [1, 2, 3], '
            '"log_dirs": ["any", "any", "/disk2"]}], "version": 1}',
            rich_help_panel=PLAN,
        ),
    ] = None,
    topics_to_move_json_file: Annotated[
        str | None,
        typer.Option(
            "--topics-to-move-json-file",
            metavar="FILE",
            help='For --generate: topics to move, {"topics": [{"topic": "foo"}], "version": 1}',
            rich_help_panel=PLAN,
        ),
    ] = None,
    broker_list: Annotated[
        str | None,
        typer.Option(
            "--broker-list",
            metavar="ID,...",
            help="For --generate: brokers to move the topics to.",
            rich_help_panel=PLAN,
        ),
    ] = None,
    disable_rack_aware: Annotated[
        bool, typer.Option("--disable-rack-aware", help="For --generate: ignore racks.", rich_help_panel=PLAN)
    ] = False,
    additional: Annotated[
        bool,
        typer.Option(
            "--additional", help="Allow this while another reassignment is in progress.", rich_help_panel=PLAN
        ),
    ] = False,
    disallow_replication_factor_change: Annotated[
        bool,
        typer.Option(
            "--disallow-replication-factor-change",
            help="Refuse plans that change the number of replicas of a partition (brokers since 4.1).",
            rich_help_panel=PLAN,
        ),
    ] = False,
    throttle: Annotated[
        int,
        typer.Option(
            "--throttle", parser=LONG, help="Limit in bytes per second between brokers.", rich_help_panel=SPEED
        ),
    ] = NO_THROTTLE,
    replica_alter_log_dirs_throttle: Annotated[
        int,
        typer.Option(
            "--replica-alter-log-dirs-throttle",
            parser=LONG,
            help="Limit in bytes per second between log directories.",
            rich_help_panel=SPEED,
        ),
    ] = NO_THROTTLE,
    preserve_throttles: Annotated[
        bool, typer.Option("--preserve-throttles", help="Do not change the throttles.", rich_help_panel=SPEED)
    ] = False,
    timeout: Annotated[
        int,
        typer.Option(
            "--timeout",
            parser=LONG,
            help="Time to wait for moves between log directories to start.",
            rich_help_panel=SPEED,
        ),
    ] = DEFAULT_TIMEOUT_MS,
    output: Output = None,
) -> None:
    """Move replicas of partitions to other brokers or log directories."""
    chosen = [name for name in REQUIRED if name in ctx.given]
    if len(chosen) != 1:
        actions = ", ".join(f"--{name}" for name in REQUIRED)
        raise ctx.usage_problem(f"Command must include exactly one action: {actions}")
    action = chosen[0]
    if {"bootstrap-server", "bootstrap-controller"} <= ctx.given:
        raise ctx.usage_problem("Please don't specify both --bootstrap-server and --bootstrap-controller")
    bootstrap = bootstrap_or_default(
        bootstrap_controller or bootstrap_server, ctx.usage_problem("Please specify --bootstrap-server")
    )
    require(ctx, *REQUIRED[action])
    allowed = {action, *REQUIRED[action], *PERMITTED[action], *ALWAYS_PERMITTED}
    if surplus := sorted(ctx.given - allowed):
        raise ctx.usage_problem(f'Option "[{surplus[0]}]" can\'t be used with action "[{action}]"')
    view = View(chosen_output(output))
    with reported("Error: ", WORDS, on_stdout=True):
        ctx.read_values()
        session = new_session(
            bootstrap,
            command_config,
            defaults={"client.id": "reassign-partitions-tool"},
            controllers=bootstrap_controller is not None,
            unreadable=str,
        )
        if generate:
            topics = parse_topics_to_move(read_plan(topics_to_move_json_file or ""))
            brokers = parse_brokers(broker_list or "")
            event_loop.run(generate_plan(session, topics, brokers, view, rack_aware=not disable_rack_aware))
        elif list_:
            event_loop.run(show_reassignments(session, view))
        else:
            plan = parse_reassignment_plan(read_plan(reassignment_json_file or ""))
            if execute:
                ensure_executable(plan)
                rates = Rates(throttle, replica_alter_log_dirs_throttle)
                event_loop.run(
                    execute_plan(
                        session,
                        plan,
                        rates,
                        view,
                        additional=additional,
                        timeout=in_seconds(timeout),
                        same_factor=disallow_replication_factor_change,
                    )
                )
            elif verify:
                event_loop.run(verify_plan(session, plan, view, preserve_throttles=preserve_throttles))
            elif cancel:
                event_loop.run(
                    cancel_plan(session, plan, view, preserve_throttles=preserve_throttles, timeout=in_seconds(timeout))
                )
