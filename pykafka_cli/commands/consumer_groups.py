"""`pk consumer-groups`: kafka-consumer-groups.sh, in the form of 2.3 to 3.6 where later ones print something broken.

A failure exits with 1, where the script exits with 0.
"""

from typing import Annotated

import typer

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.settings import API_TIMEOUT_MS, BadClientSetting
from pykafka_cli.model import Offset
from pykafka_cli.output.consumer_groups import print_no_action, print_verdict
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
from pykafka_cli.script.group_options import (
    ACTION,
    RESET,
    VIEW,
    WHICH,
    AllGroups,
    AllTopics,
    ByDuration,
    DeleteGroups,
    DeleteOffsets,
    DescribeGroups,
    Execute,
    Groups,
    ListGroups,
    Members,
    Offsets,
    ResetOffsets,
    ShiftBy,
    State,
    Timeout,
    ToDatetime,
    ToEarliest,
    ToLatest,
    ToOffset,
    TopicsToReset,
    check_available,
    check_one_view,
    comma_separated,
    parsed_states,
)
from pykafka_cli.script.opening import java_exception, new_session
from pykafka_cli.script.options import (
    BootstrapServer,
    CommandConfig,
    Output,
    bootstrap_or_default,
    chosen_output,
    refuse,
)
from pykafka_cli.transport import event_loop

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
    list_: ListGroups = False,
    describe: DescribeGroups = False,
    delete: DeleteGroups = False,
    reset_offsets: ResetOffsets = False,
    delete_offsets: DeleteOffsets = False,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    timeout: Timeout = 5000,
    group: Groups = None,
    all_groups: AllGroups = False,
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
    state: State = None,
    offsets: Offsets = False,
    members: Members = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", help="Also show the partitions of members; on Kafka 4, also epochs.", rich_help_panel=VIEW
        ),
    ] = False,
    topic: TopicsToReset = None,
    all_topics: AllTopics = False,
    to_earliest: ToEarliest = False,
    to_latest: ToLatest = False,
    to_current: Annotated[
        bool, typer.Option("--to-current", help="Reset to the current offset.", rich_help_panel=RESET)
    ] = False,
    to_offset: ToOffset = None,
    shift_by: ShiftBy = None,
    to_datetime: ToDatetime = None,
    by_duration: ByDuration = None,
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
    execute: Execute = False,
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
    check_available(ctx, AVAILABLE_WITH)
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
        verify_regex(validate_regex)
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
            states = parsed_states(ctx, state, STATES)
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
        event_loop.run(work)


# ---- the command line


def check_options(ctx: ScriptContext, state: str | None) -> None:
    """Check for missing and conflicting options, in the script's order.

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
        check_one_view(ctx, state)
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


def parsed_types(ctx: ScriptContext, text_: str) -> tuple[str, ...]:
    """Types in any case, as brokers call them. raises    UsageProblem"""
    words = tuple(word.lower() for word in comma_separated(text_))
    if not {type_.lower() for type_ in TYPES}.issuperset(words):
        raise ctx.usage_problem(f"Invalid types list '{text_}'. Valid types are: {', '.join(TYPES)}")
    return words


def verify_regex(expression: str) -> None:
    """Print whether brokers would accept an expression as a subscription (KIP-848)."""
    from pykafka_cli.rules.re2_syntax import BadExpression, check_expression

    problem: BadExpression | None = None
    try:
        check_expression(expression)
    except BadExpression as error:
        problem = error
    print_verdict(expression, problem)
