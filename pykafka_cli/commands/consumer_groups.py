"""`pk consumer-groups`: kafka-consumer-groups.sh, in the form of 2.3 to 3.6 where later ones print something broken.

What fails leaves with 1, where the script leaves with 0.
"""

import asyncio
from typing import Annotated

import typer

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.settings import API_TIMEOUT_MS, BadClientSetting
from pykafka_cli.model import Offset
from pykafka_cli.output.consumer_groups import print_no_action
from pykafka_cli.procedures.consumer_groups import (
    GroupsRequest,
    delete_groups,
    in_words_of,
    show_groups,
    show_list,
)
from pykafka_cli.rules.offset_reset import BadDateTime, BadDuration, InvalidPlan, InvalidScope
from pykafka_cli.script.command import OptionalValue, ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, UsageProblem, Words, reported, unchanged
from pykafka_cli.script.opening import java_exception, new_session
from pykafka_cli.script.options import (
    LONG,
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
    refuse,
)

ACTION, WHICH, VIEW, RESET = "Actions (choose one)", "Which groups", "What to describe", "New offsets"
ACTIONS = ("list", "describe", "delete", "reset-offsets", "delete-offsets", "validate-regex")
STATES = ("PreparingRebalance", "CompletingRebalance", "Stable", "Dead", "Empty", "Assigning", "Reconciling")
TYPES = ("Consumer", "Classic")
SCENARIOS = (
    "to-offset", "to-datetime", "by-duration", "to-earliest", "to-latest", "to-current", "shift-by", "from-file",
)  # fmt: skip
AVAILABLE_WITH = {
    "members": ("describe",),
    "verbose": ("describe",),
    "offsets": ("describe",),
    "state": ("describe", "list"),
    "type": ("list",),
}
FAILED = "Executing consumer group command failed due to "
WORDS: Words = {
    UsageProblem: unchanged,
    BadDateTime: lambda error: f"java.text.ParseException: {error}",
    **dict.fromkeys((ScriptError, BadClientSetting, InvalidPlan, BadDuration), str),
}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ConsumerGroupsCommand(ScriptCommand):
    without_arguments = (
        "This tool helps to list all consumer groups, describe a consumer group, delete consumer group info, or reset "
        "consumer group offsets."
    )
    defers_values = True


@app.command(cls=ConsumerGroupsCommand)
def consumer_groups(
    ctx: ScriptContext,
    list_: Annotated[bool, typer.Option("--list", help="List groups.", rich_help_panel=ACTION)] = False,
    describe: Annotated[bool, typer.Option("--describe", help="Describe groups.", rich_help_panel=ACTION)] = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete groups that have no members.", rich_help_panel=ACTION)
    ] = False,
    reset_offsets: Annotated[
        bool,
        typer.Option("--reset-offsets", help="Reset the offsets of groups without members.", rich_help_panel=ACTION),
    ] = False,
    delete_offsets: Annotated[
        bool,
        typer.Option("--delete-offsets", help="Delete a group's offsets for the given topics.", rich_help_panel=ACTION),
    ] = False,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    timeout: Annotated[
        int, typer.Option("--timeout", parser=LONG, metavar="MS", help="Time to wait for the cluster.")
    ] = 5000,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="GROUP", help="Consumer group; may be repeated.", rich_help_panel=WHICH),
    ] = None,
    all_groups: Annotated[
        bool, typer.Option("--all-groups", help="All consumer groups.", rich_help_panel=WHICH)
    ] = False,
    type_: Annotated[
        str | None,
        typer.Option(
            "--type",
            parser=OptionalValue(),
            metavar="[TYPE,...]",
            help="With --list: show types, or only groups of these types (classic, consumer).",
            rich_help_panel=WHICH,
        ),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            parser=OptionalValue(),
            metavar="[STATE,...]",
            help=(
                "With --list: show states, or only groups in these states. With "
                "--describe: show the group's state and coordinator."
            ),
            rich_help_panel=WHICH,
        ),
    ] = None,
    offsets: Annotated[
        bool, typer.Option("--offsets", help="Show offsets and lag (default).", rich_help_panel=VIEW)
    ] = False,
    members: Annotated[bool, typer.Option("--members", help="Show members.", rich_help_panel=VIEW)] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", help="Also show the partitions of members; on Kafka 4, also epochs.", rich_help_panel=VIEW
        ),
    ] = False,
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
    to_current: Annotated[
        bool, typer.Option("--to-current", help="Reset to the current offset.", rich_help_panel=RESET)
    ] = False,
    to_offset: Annotated[
        int | None,
        typer.Option("--to-offset", parser=LONG, metavar="N", help="Reset to this offset.", rich_help_panel=RESET),
    ] = None,
    shift_by: Annotated[
        int | None,
        typer.Option(
            "--shift-by",
            parser=LONG,
            metavar="N",
            help="Shift the current offset by this number; a negative number shifts it back.",
            rich_help_panel=RESET,
        ),
    ] = None,
    to_datetime: Annotated[
        str | None,
        typer.Option(
            "--to-datetime",
            metavar="TIME",
            help="Reset to the first record at or after YYYY-MM-DDTHH:mm:SS.sss, in UTC unless a zone is given.",
            rich_help_panel=RESET,
        ),
    ] = None,
    by_duration: Annotated[
        str | None,
        typer.Option(
            "--by-duration",
            metavar="PnDTnHnMnS",
            help="Reset to the offset as of this long ago.",
            rich_help_panel=RESET,
        ),
    ] = None,
    from_file: Annotated[
        str | None,
        typer.Option(
            "--from-file",
            metavar="FILE",
            help="Reset to the offsets in a CSV file, in the form that --export prints.",
            rich_help_panel=RESET,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the new offsets (default).", rich_help_panel=RESET)
    ] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Make the change.", rich_help_panel=RESET)] = False,
    export: Annotated[
        bool, typer.Option("--export", help="Print the new offsets as CSV, for --from-file.", rich_help_panel=RESET)
    ] = False,
    validate_regex: Annotated[
        str | None,
        typer.Option(
            "--validate-regex",
            metavar="REGEX",
            help="Check a regular expression for subscriptions in the new group protocol.",
            rich_help_panel=ACTION,
        ),
    ] = None,
    output: Output = None,
) -> None:
    """List, describe and delete consumer groups, and reset their offsets.

    \b
    Show a group's lag:
      pk consumer-groups --describe --group g
    Read everything again:
      pk consumer-groups --reset-offsets --to-earliest --group g --topic t
        --execute
    """
    check_available(ctx)
    bootstrap = bootstrap_or_default(
        bootstrap_server,
        ctx.usage_problem('Missing required argument "[bootstrap-server]"'),
        given="bootstrap-server" in ctx.given,
    )
    try:
        check_options(ctx, state)
    except ScriptError:
        if "reset-offsets" in ctx.given and not ctx.given & {"dry-run", "execute"}:
            print_no_action(kafka_4=False)  # without a cluster, which would decide the wording
        raise
    if sum((list_, describe, delete, reset_offsets, delete_offsets, validate_regex is not None)) != 1:
        listed = ", ".join(f"--{action}" for action in ACTIONS)
        raise ctx.usage_problem(f"Command must include exactly one action: {listed}")
    request = GroupsRequest(tuple(group or ()), all_groups, tuple(topic or ()), chosen_output(output))
    if validate_regex is not None:
        print_verdict(validate_regex)
        return
    words: Words = {
        InvalidScope: lambda problem: ctx.usage_problem(str(problem)),
        ApiError: lambda error: in_words_of(error, request),
        **WORDS,
    }
    with reported(f"\nError: {FAILED}", words, on_stdout=True):
        ctx.read_values()
        session = new_session(
            bootstrap, command_config or None, overrides={API_TIMEOUT_MS: str(timeout)}, unreadable=java_exception
        )
        if list_:
            states = parsed_states(ctx, state) if state else ()
            types = parsed_types(ctx, type_) if type_ else ()
            work = show_list(request, session, states, types, columns=ctx.given)
        elif describe:
            view = "members" if members else "state" if "state" in ctx.given and not offsets else "offsets"
            work = show_groups(request, session, view, verbose=verbose)
        elif delete:
            work = delete_groups(request, session)
        elif delete_offsets:
            from pykafka_cli.procedures.group_offsets import delete_offsets as forget

            work = forget(request, session)
        else:
            from pykafka_cli.procedures.group_offsets import ResetRequest
            from pykafka_cli.procedures.group_offsets import reset_offsets as reset

            how = ResetRequest(
                all_topics=all_topics,
                to_earliest=to_earliest,
                to_latest=to_latest,
                to_current=to_current,
                to_offset=None if to_offset is None else Offset(to_offset),
                shift_by=shift_by,
                to_datetime=to_datetime,
                by_duration=by_duration,
                from_file=from_file,
                execute=execute and not dry_run,
                export=export,
                is_undecided=not execute and not dry_run,
            )
            work = reset(request, session, how)
        asyncio.run(work)


# ---- the command line


def check_available(ctx: ScriptContext) -> None:
    """raises    UsageProblem for options without their action"""
    lost = [
        name for name, actions in AVAILABLE_WITH.items() if name in ctx.given and not ctx.given.intersection(actions)
    ]
    if lost:
        raise ctx.usage_problem(
            f"Option(s) [{', '.join(lost)}] are unavailable given other options on the command line"
        )


def check_options(ctx: ScriptContext, state: str | None) -> None:
    """What is missing and what does not go together, in the order in which the script looks.

    raises    UsageProblem
    """
    given = ctx.given
    named = bool(given & {"group", "all-groups"})
    if "describe" in given:
        if not named:
            # The actions are named where the options should be: so do the scripts of 3.8 and 3.9.
            raise ctx.usage_problem(
                "Option [describe] takes one of these options: [reset-offsets], [describe], [delete], [list]",
                hint="Option [describe] takes one of these options: [all-groups], [group]",
            )
        if len(given & {"members", "offsets", "state"}) > 1:
            raise ctx.usage_problem(
                "Option [describe] takes at most one of these options: [members], [offsets], [state]"
            )
        if state:
            raise ctx.usage_problem("Option [describe] does not take a value for [state]")
    if "delete" in given:
        if not named:
            raise ctx.usage_problem("Option [delete] takes one of these options: [all-groups], [group]")
        if "topic" in given:
            raise ctx.usage_problem(
                "The consumer does not support topic-specific offset deletion from a consumer group."
            )
    if "delete-offsets" in given and not {"group", "topic"} <= given:
        raise ctx.usage_problem(
            "Option [delete-offsets] takes the following options: [all-groups], [group]",
            hint="Option [delete-offsets] takes the following options: [topic], [group]",
        )
    if "reset-offsets" in given:
        if {"dry-run", "execute"} <= given:
            raise ctx.usage_problem("Option [reset-offsets] only accepts one of [execute] and [dry-run]")
        if not named:
            raise ctx.usage_problem("Option [reset-offsets] takes one of these options: [all-groups], [group]")
        for scenario in SCENARIOS:
            refuse(ctx, scenario, *(other for other in SCENARIOS if other != scenario))
    refuse(ctx, "group", "all-groups", "list")
    refuse(ctx, "topic", "list", "describe")


def listed(text_: str) -> list[str]:
    """Words with commas between; none behind the last one, as Java's split has it."""
    return [word.strip() for word in text_.rstrip(",").split(",")] if text_.strip(",") else []


def parsed_states(ctx: ScriptContext, text_: str) -> tuple[str, ...]:
    """States in any case. raises    UsageProblem"""
    known = {state.lower(): state for state in STATES}
    try:
        return tuple(known[word.lower()] for word in listed(text_))
    except KeyError:
        raise ctx.usage_problem(f"Invalid state list '{text_}'. Valid states are: {', '.join(STATES)}") from None


def parsed_types(ctx: ScriptContext, text_: str) -> tuple[str, ...]:
    """Types in any case, as brokers call them. raises    UsageProblem"""
    words = tuple(word.lower() for word in listed(text_))
    if not {type_.lower() for type_ in TYPES}.issuperset(words):
        raise ctx.usage_problem(f"Invalid types list '{text_}'. Valid types are: {', '.join(TYPES)}")
    return words


def print_verdict(expression: str) -> None:
    """Whether brokers would take an expression for a subscription (KIP-848)."""
    from pykafka_cli.rules.re2_syntax import BadExpression, check_expression

    try:
        check_expression(expression)
    except BadExpression as problem:
        print(f"The regular expression `{expression}` is invalid: {problem}.")
    else:
        print(f"The regular expression `{expression}` is valid.")
