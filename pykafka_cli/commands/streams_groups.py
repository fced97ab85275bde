"""`pk streams-groups`: kafka-streams-groups.sh."""

from typing import Annotated

import typer

from pykafka_cli.clients.admin.streams_groups import STREAMS
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import API_TIMEOUT_MS
from pykafka_cli.procedures import groups_of_type
from pykafka_cli.procedures import streams_groups as procedures
from pykafka_cli.procedures.consumer_groups import GroupsRequest
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, Words, in_java, reported
from pykafka_cli.script.group_options import (
    ACTION,
    WHICH,
    AllGroups,
    DeleteGroups,
    DeleteOffsets,
    DescribeGroups,
    Groups,
    ListGroups,
    Members,
    Offsets,
    State,
    Timeout,
    Verbose,
    check_one_view,
    parsed_states,
)
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
    refuse,
)
from pykafka_cli.transport import event_loop

ACTIONS = ("list", "describe", "delete", "reset-offsets", "delete-offsets")
STATES = ("NotReady", "Reconciling", "Empty", "Dead", "Stable", "Assigning")
FAILED = "Executing streams group command failed due to "
app = typer.Typer(add_completion=False, rich_markup_mode=None)


class StreamsGroupsCommand(ScriptCommand):
    without_arguments = "This tool helps to list, or describe streams groups."


@app.command(cls=StreamsGroupsCommand)
def streams_groups(
    ctx: ScriptContext,
    list_: ListGroups = False,
    describe: DescribeGroups = False,
    delete: DeleteGroups = False,
    delete_offsets: DeleteOffsets = False,
    reset_offsets: Annotated[
        bool,
        typer.Option(
            "--reset-offsets", help="Not supported; use pk streams-application-reset.", rich_help_panel=ACTION
        ),
    ] = False,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    timeout: Timeout = 30_000,
    group: Groups = None,
    all_groups: AllGroups = False,
    state: State = None,
    offsets: Offsets = False,  # noqa: ARG001 - the default
    members: Members = False,
    verbose: Verbose = False,
    input_topic: Annotated[
        list[str] | None,
        typer.Option(
            "--input-topic",
            metavar="TOPIC[:PARTITION,...]",
            help="Topic whose offsets to delete; may be repeated.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    all_input_topics: Annotated[
        bool, typer.Option("--all-input-topics", help="Delete the offsets for all input topics.", rich_help_panel=WHICH)
    ] = False,
    output: Output = None,
) -> None:
    """List and describe groups of Kafka Streams applications, or delete them and their offsets."""
    bootstrap = bootstrap_or_default(
        bootstrap_server,
        ctx.usage_problem('Missing required argument "[bootstrap-server]"'),
        given="bootstrap-server" in ctx.given,
    )
    check_options(ctx, state)
    if sum((list_, describe, delete, delete_offsets, reset_offsets)) != 1:
        raise ctx.usage_problem(f"Command must include exactly one action: {', '.join(f'--{a}' for a in ACTIONS)}.")
    if reset_offsets:
        raise ScriptError(
            "--reset-offsets is not supported.",
            hint="pk streams-application-reset resets the offsets of an application.",
        )
    form = chosen_output(output)
    words: Words = {ApiError: in_java}

    def open_session() -> Session:
        return new_session(bootstrap, command_config, overrides={API_TIMEOUT_MS: str(timeout)})

    with reported(f"\nError: {FAILED}", words, on_stdout=True):
        session = open_session()
        request = GroupsRequest(tuple(group or ()), all_groups, tuple(input_topic or ()), form, kafka_4=True)
        if list_:
            states = parsed_states(ctx, state, STATES)
            work = groups_of_type.show_list(request, session, STREAMS, states, with_states="state" in ctx.given)
        elif describe:
            view = "members" if members else "state" if "state" in ctx.given else "offsets"
            work = procedures.show_groups(request, session, view, verbose=verbose)
        elif delete:
            missing = "Group '{}' does not exist or is not a streams group."
            work = groups_of_type.delete_groups(request, session, STREAMS, missing=missing)
        else:
            work = procedures.delete_offsets(request, open_session, all_input_topics=all_input_topics)
        event_loop.run(work)


def check_options(ctx: ScriptContext, state: str | None) -> None:
    """Check for missing and conflicting options, in the script's order.

    raises    UsageProblem
    """
    given = ctx.given
    named = bool(given & {"group", "all-groups"})
    for action in ("describe", "delete"):
        if action in given and not named:
            raise ctx.usage_problem(f"Option [{action}] takes one of these options: [all-groups], [group]")
    if "describe" in given:
        check_one_view(ctx, state)
    if "delete-offsets" in given and ("group" not in given or not given & {"input-topic", "all-input-topics"}):
        raise ctx.usage_problem(
            "Option [delete-offsets] takes the [group] and one of these options: [all-input-topics], [input-topic]"
        )
    refuse(ctx, "group", "all-groups", "list")
