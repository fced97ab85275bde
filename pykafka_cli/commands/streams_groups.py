"""`pk streams-groups`: kafka-streams-groups.sh."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from pykafka_cli.clients.admin.groups import delete_groups, list_all_groups
from pykafka_cli.clients.admin.streams_groups import STREAMS, describe_streams_groups, streams_offsets
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import API_TIMEOUT_MS
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.model import StreamsGroup, StreamsOffset
from pykafka_cli.output import streams_groups as text
from pykafka_cli.output.render import OutputFormat, Table, show
from pykafka_cli.output.share_groups import listing
from pykafka_cli.procedures.consumer_groups import GroupsRequest
from pykafka_cli.procedures.group_offsets import delete_offsets as delete_group_offsets
from pykafka_cli.procedures.share_groups import show_deleted_groups
from pykafka_cli.script.command import OptionalValue, ScriptCommand, ScriptContext
from pykafka_cli.script.errors import Ended, ScriptError, Words, reported
from pykafka_cli.script.opening import new_session
from pykafka_cli.script.options import (
    LONG,
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
    refuse,
)

ACTION, WHICH, VIEW = "Actions, one of them", "Which groups", "What to describe"
ACTIONS = ("list", "describe", "delete", "reset-offsets", "delete-offsets")
STATES = ("NotReady", "Reconciling", "Empty", "Dead", "Stable", "Assigning")
FAILED = "Executing streams group command failed due to "
app = typer.Typer(add_completion=False, rich_markup_mode=None)


class StreamsGroupsCommand(ScriptCommand):
    without_arguments = "This tool helps to list, or describe streams groups."


@app.command(cls=StreamsGroupsCommand)
def streams_groups(
    ctx: ScriptContext,
    list_: Annotated[bool, typer.Option("--list", help="List groups.", rich_help_panel=ACTION)] = False,
    describe: Annotated[bool, typer.Option("--describe", help="Describe groups.", rich_help_panel=ACTION)] = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete groups without members.", rich_help_panel=ACTION)
    ] = False,
    delete_offsets: Annotated[
        bool, typer.Option("--delete-offsets", help="Delete a group's offsets in topics.", rich_help_panel=ACTION)
    ] = False,
    reset_offsets: Annotated[
        bool,
        typer.Option(
            "--reset-offsets", help="Not supported; use pk streams-application-reset.", rich_help_panel=ACTION
        ),
    ] = False,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    timeout: Annotated[
        int, typer.Option("--timeout", parser=LONG, metavar="MS", help="Time to wait for the cluster.")
    ] = 30_000,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="GROUP", help="Streams group; may be repeated.", rich_help_panel=WHICH),
    ] = None,
    all_groups: Annotated[
        bool, typer.Option("--all-groups", help="All streams groups.", rich_help_panel=WHICH)
    ] = False,
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            parser=OptionalValue(),
            metavar="[STATE,...]",
            help="With --list: show states, or list only groups in these. With --describe: show the state.",
            rich_help_panel=VIEW,
        ),
    ] = None,
    offsets: Annotated[  # noqa: ARG001 - the default
        bool, typer.Option("--offsets", help="Show offsets and lag (default).", rich_help_panel=VIEW)
    ] = False,
    members: Annotated[bool, typer.Option("--members", help="Show members.", rich_help_panel=VIEW)] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also show epochs.", rich_help_panel=VIEW)] = False,
    input_topic: Annotated[
        list[str] | None,
        typer.Option(
            "--input-topic",
            metavar="TOPIC[:PARTITION,...]",
            help="Where offsets are deleted; may be repeated.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    all_input_topics: Annotated[
        bool, typer.Option("--all-input-topics", help="Delete in all input topics.", rich_help_panel=WHICH)
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
    words: Words = {ApiError: lambda error: error.java if isinstance(error, ApiError) else str(error)}
    with reported(f"\nError: {FAILED}", words, on_stdout=True):
        session = new_session(bootstrap, command_config, overrides={API_TIMEOUT_MS: str(timeout)})
        request = GroupsRequest(tuple(group or ()), all_groups, tuple(input_topic or ()), form, kafka_4=True)
        if list_:
            work = show_list(form, session, parsed_states(ctx, state), with_states="state" in ctx.given)
        elif describe:
            view = "members" if members else "state" if "state" in ctx.given else "offsets"
            work = show_groups(request, session, view, verbose=verbose)
        elif delete:
            work = delete_all(request, session)
        else:
            work = forget_offsets(request, session, bootstrap, command_config, all_topics=all_input_topics)
        asyncio.run(work)


def check_options(ctx: ScriptContext, state: str | None) -> None:
    """What is missing and what does not go together, in the order in which the script looks.

    raises    UsageProblem
    """
    given = ctx.given
    named = bool(given & {"group", "all-groups"})
    for action in ("describe", "delete"):
        if action in given and not named:
            raise ctx.usage_problem(f"Option [{action}] takes one of these options: [all-groups], [group]")
    if "describe" in given:
        if len(given & {"members", "offsets", "state"}) > 1:
            raise ctx.usage_problem(
                "Option [describe] takes at most one of these options: [members], [offsets], [state]"
            )
        if state:
            raise ctx.usage_problem("Option [describe] does not take a value for [state]")
    if "delete-offsets" in given and ("group" not in given or not given & {"input-topic", "all-input-topics"}):
        raise ctx.usage_problem(
            "Option [delete-offsets] takes the [group] and one of these options: [all-input-topics], [input-topic]"
        )
    refuse(ctx, "group", "all-groups", "list")


def parsed_states(ctx: ScriptContext, words: str | None) -> tuple[str, ...]:
    """States in any case. raises    UsageProblem"""
    known = {state.lower(): state for state in STATES}
    given = [word.strip() for word in (words or "").split(",") if word.strip()]
    if not {word.lower() for word in given} <= known.keys():
        raise ctx.usage_problem(f"Invalid state list '{words}'. Valid states are: {', '.join(STATES)}")
    return tuple(known[word.lower()] for word in given)


async def names_of(request: GroupsRequest, session: Session) -> list[str]:
    if request.all_groups:
        return [each.group for each in await list_all_groups(session, types=(STREAMS,))]
    return list(dict.fromkeys(request.groups))


async def show_list(form: OutputFormat, session: Session, states: Sequence[str], *, with_states: bool) -> None:
    async with session:
        groups = await list_all_groups(session, states=states, types=(STREAMS,))
    show(
        form,
        text=lambda: listing(groups, states=with_states),
        table=lambda: [Table(("GROUP", "STATE"), [(each.group, each.state) for each in groups])],
        document=lambda: [{"group": each.group, "state": each.state} for each in groups],
    )


async def show_groups(request: GroupsRequest, session: Session, view: str, *, verbose: bool) -> None:
    """One view of each group.

    raises    ApiError
    """
    async with session:
        described = await describe_streams_groups(session, await names_of(request, session))
        groups = [described[name] for name in sorted(described)]
        rows = {each.group: await streams_offsets(session, each) for each in groups} if view == "offsets" else {}
    if request.output is OutputFormat.KAFKA:
        for each in groups:
            print(group_text(each, view, rows.get(each.group, []), verbose=verbose), end="", flush=True)
        return
    show(
        request.output,
        text=str,
        table=lambda: [text.group_table(each, view, rows.get(each.group, [])) for each in groups],
        document=lambda: [text.group_document(each, view, rows.get(each.group, [])) for each in groups],
    )


def group_text(group: StreamsGroup, view: str, rows: Sequence[StreamsOffset], *, verbose: bool) -> str:
    """As the script has it: of a group without members it shows the state alone."""
    if view == "state":
        empty = "" if group.members else f"\nError: Streams group '{group.group}' has no active members.\n"
        return empty + text.state(group, verbose=verbose)
    if not group.members:
        return ""
    return (
        text.members(group, verbose=verbose) if view == "members" else text.offsets(group.group, rows, verbose=verbose)
    )


async def delete_all(request: GroupsRequest, session: Session) -> None:
    """Delete. raises    Ended if one could not be"""
    outcome: dict[str, str | None] = {}
    async with session:
        states = {each.group: each.state for each in await list_all_groups(session, types=(STREAMS,))}
        for name in await names_of(request, session):
            if name not in states:
                exception = "java.lang.IllegalArgumentException"
                outcome[name] = f"{exception}: Group '{name}' does not exist or is not a streams group."
            elif states[name] != "Empty":
                exception = "org.apache.kafka.common.errors.GroupNotEmptyException"
                outcome[name] = f"{exception}: Streams group '{name}' is not EMPTY."
            else:
                problem = (await delete_groups(session, [name]))[name]
                outcome[name] = problem.java if problem else None
    show_deleted_groups(request.output, outcome, STREAMS)
    if any(outcome.values()):
        raise Ended(ExitStatus.FAILURE)


async def forget_offsets(
    request: GroupsRequest, session: Session, bootstrap: str, command_config: str | None, *, all_topics: bool
) -> None:
    """Delete offsets. raises    Ended if one could not be"""
    if not all_topics:
        await delete_group_offsets(request, session)
        return
    async with session:
        described = await describe_streams_groups(session, request.groups[:1])
    request.topics = described[request.groups[0]].input_topics
    await delete_group_offsets(request, new_session(bootstrap, command_config))
