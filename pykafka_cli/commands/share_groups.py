"""`pk share-groups`: kafka-share-groups.sh."""

import asyncio
from typing import Annotated

import typer

from pykafka_cli.clients.admin.share_groups import SHARE
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.settings import API_TIMEOUT_MS
from pykafka_cli.model import OffsetSpec
from pykafka_cli.procedures import groups_of_type
from pykafka_cli.procedures import share_groups as procedures
from pykafka_cli.procedures.consumer_groups import GroupsRequest, TopicMissing
from pykafka_cli.rules.offset_reset import BadDateTime, InvalidScope
from pykafka_cli.script.command import OptionalValue, ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, Words, reported
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

ACTION, WHICH, VIEW, RESET = "Actions, one of them", "Which groups", "What to describe", "New offsets"
ACTIONS = ("list", "describe", "delete", "reset-offsets", "delete-offsets")
STATES = ("Dead", "Empty", "Stable")
SCENARIOS = ("to-datetime", "to-earliest", "to-latest")
FAILED = "Executing share group command failed due to "
app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ShareGroupsCommand(ScriptCommand):
    without_arguments = "This tool helps to list, describe, reset and delete share groups."


@app.command(cls=ShareGroupsCommand)
def share_groups(
    ctx: ScriptContext,
    list_: Annotated[bool, typer.Option("--list", help="List groups.", rich_help_panel=ACTION)] = False,
    describe: Annotated[bool, typer.Option("--describe", help="Describe groups.", rich_help_panel=ACTION)] = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete groups without members.", rich_help_panel=ACTION)
    ] = False,
    reset_offsets: Annotated[
        bool, typer.Option("--reset-offsets", help="Set offsets of a group without members.", rich_help_panel=ACTION)
    ] = False,
    delete_offsets: Annotated[
        bool, typer.Option("--delete-offsets", help="Delete a group's offsets in topics.", rich_help_panel=ACTION)
    ] = False,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    timeout: Annotated[
        int, typer.Option("--timeout", parser=LONG, metavar="MS", help="Time to wait for the cluster.")
    ] = 30_000,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="GROUP", help="Share group; may be repeated.", rich_help_panel=WHICH),
    ] = None,
    all_groups: Annotated[bool, typer.Option("--all-groups", help="All share groups.", rich_help_panel=WHICH)] = False,
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
    topic: Annotated[
        list[str] | None,
        typer.Option(
            "--topic",
            metavar="TOPIC[:PARTITION,...]",
            help="Topic whose offsets to reset or delete; may be repeated.",
            rich_help_panel=RESET,
        ),
    ] = None,
    all_topics: Annotated[
        bool,
        typer.Option("--all-topics", help="Reset all topics for which the group has offsets.", rich_help_panel=RESET),
    ] = False,
    to_earliest: Annotated[
        bool, typer.Option("--to-earliest", help="Reset to the earliest offset.", rich_help_panel=RESET)
    ] = False,
    to_latest: Annotated[
        bool, typer.Option("--to-latest", help="Reset to the latest offset.", rich_help_panel=RESET)
    ] = False,
    to_datetime: Annotated[
        str | None,
        typer.Option(
            "--to-datetime",
            metavar="TIME",
            help="Reset to the first record since YYYY-MM-DDThh:mm:ss.sss.",
            rich_help_panel=RESET,
        ),
    ] = None,
    dry_run: Annotated[  # noqa: ARG001 - what is not executed is one
        bool, typer.Option("--dry-run", help="Only show the plan.", rich_help_panel=RESET)
    ] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Set the offsets.", rich_help_panel=RESET)] = False,
    output: Output = None,
) -> None:
    """List and describe share groups, delete them, or reset their offsets."""
    check_available(ctx)
    bootstrap = bootstrap_or_default(
        bootstrap_server,
        ctx.usage_problem('Missing required argument "[bootstrap-server]"'),
        given="bootstrap-server" in ctx.given,
    )
    check_options(ctx, state)
    if sum((list_, describe, delete, reset_offsets, delete_offsets)) != 1:
        raise ctx.usage_problem(f"Command must include exactly one action: {', '.join(f'--{a}' for a in ACTIONS)}.")
    request = GroupsRequest(tuple(group or ()), all_groups, tuple(topic or ()), chosen_output(output), kafka_4=True)
    words: Words = {
        InvalidScope: lambda problem: ctx.usage_problem(str(problem)),
        BadDateTime: lambda problem: f"java.text.ParseException: {problem}",
        TopicMissing: str,
        ApiError: lambda error: error.java if isinstance(error, ApiError) else str(error),
    }
    with reported(f"\nError: {FAILED}", words, on_stdout=True):
        session = new_session(bootstrap, command_config, overrides={API_TIMEOUT_MS: str(timeout)})
        if list_:
            states = parsed_states(ctx, state)
            work = groups_of_type.show_list(request, session, SHARE, states, with_states="state" in ctx.given)
        elif describe:
            view = "members" if members else "state" if "state" in ctx.given else "offsets"
            work = procedures.show_groups(request, session, view, verbose=verbose)
        elif delete:
            missing = "Group '{}' is not a share group."
            work = groups_of_type.delete_groups(request, session, SHARE, missing=missing)
        elif delete_offsets:
            work = procedures.delete_offsets(request, session)
        else:
            to = OffsetSpec.EARLIEST if to_earliest else OffsetSpec.LATEST if to_latest else to_datetime or ""
            work = procedures.reset_offsets(request, session, all_topics=all_topics, to=to, execute=execute)
        asyncio.run(work)


def check_available(ctx: ScriptContext) -> None:
    """raises    UsageProblem for options whose action is not there"""
    partners = {
        "members": ("describe",), "offsets": ("describe",), "verbose": ("describe",), "state": ("describe", "list"),
    }  # fmt: skip
    for name, actions in partners.items():
        if name in ctx.given and not ctx.given.intersection(actions):
            raise ctx.usage_problem(f"Option(s) [{name}] are unavailable given other options on the command line")


def check_options(ctx: ScriptContext, state: str | None) -> None:
    """What is missing and what does not go together, in the order in which the script looks.

    raises    UsageProblem
    """
    given = ctx.given
    named = bool(given & {"group", "all-groups"})
    if "describe" in given:
        if not named:
            raise ctx.usage_problem("Option [describe] takes one of these options: [all-groups], [group]")
        if len(given & {"members", "offsets", "state"}) > 1:
            raise ctx.usage_problem(
                "Option [describe] takes at most one of these options: [members], [offsets], [state]"
            )
        if state:
            raise ctx.usage_problem("Option [describe] does not take a value for [state]")
    if "delete" in given:
        if not named:
            raise ctx.usage_problem("Option [delete] takes the options [group] or [all-groups]")
        if "topic" in given:
            raise ctx.usage_problem("Option [delete] does not take the option: [topic]")
    if "delete-offsets" in given and not {"group", "topic"} <= given:
        raise ctx.usage_problem("Option [delete-offsets] takes the following options: [group], [topic]")
    if "reset-offsets" in given:
        check_reset(ctx)
    refuse(ctx, "group", "all-groups", "list")
    refuse(ctx, "topic", "list", "describe")


def check_reset(ctx: ScriptContext) -> None:
    """raises    UsageProblem, ScriptError"""
    given = ctx.given
    if {"dry-run", "execute"} <= given:
        raise ctx.usage_problem("Option [reset-offsets] only accepts one of [execute] and [dry-run]")
    if not given & {"dry-run", "execute"}:
        raise ctx.usage_problem("Option [reset-offsets] takes the option: [execute] or [dry-run]")
    if "group" not in given:
        raise ctx.usage_problem("Option [reset-offsets] takes the option: [group]")
    if ctx.order.count("group") > 1:
        problem = "Found multiple arguments for option group, but you asked for only one"
        raise ScriptError(f"\nError: {FAILED}{problem}", on_stdout=True)
    for scenario in SCENARIOS[1:] + SCENARIOS[:1]:
        refuse(ctx, scenario, *(other for other in SCENARIOS if other != scenario))
    if not given.intersection(SCENARIOS):
        listed = ", ".join(f"[{name}]" for name in SCENARIOS)
        raise ctx.usage_problem(f"Option [reset-offsets] takes one of these options: {listed}")
    refuse(ctx, "topic", "all-topics")
    if not given & {"topic", "all-topics"}:
        raise ctx.usage_problem("Option [reset-offsets] takes one of these options: [all-topics], [topic]")


def parsed_states(ctx: ScriptContext, text: str | None) -> tuple[str, ...]:
    """States in any case. raises    UsageProblem"""
    known = {state.lower(): state for state in STATES}
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    if not {word.lower() for word in words} <= known.keys():
        raise ctx.usage_problem(f"Invalid state list '{text}'. Valid states are: {', '.join(STATES)}")
    return tuple(known[word.lower()] for word in words)
