"""`pk share-groups`: kafka-share-groups.sh."""

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
from pykafka_cli.script.command import ScriptCommand, ScriptContext
from pykafka_cli.script.errors import ScriptError, Words, in_java, reported
from pykafka_cli.script.group_options import (
    RESET,
    AllGroups,
    AllTopics,
    DeleteGroups,
    DeleteOffsets,
    DescribeGroups,
    Execute,
    Groups,
    ListGroups,
    Members,
    Offsets,
    ResetOffsets,
    State,
    Timeout,
    ToDatetime,
    ToEarliest,
    ToLatest,
    TopicsToReset,
    Verbose,
    check_available,
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
STATES = ("Dead", "Empty", "Stable")
SCENARIOS = ("to-datetime", "to-earliest", "to-latest")
AVAILABLE_WITH = {
    "members": ("describe",), "offsets": ("describe",), "verbose": ("describe",), "state": ("describe", "list"),
}  # fmt: skip
FAILED = "Executing share group command failed due to "
app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ShareGroupsCommand(ScriptCommand):
    without_arguments = "This tool helps to list, describe, reset and delete share groups."


@app.command(cls=ShareGroupsCommand)
def share_groups(
    ctx: ScriptContext,
    list_: ListGroups = False,
    describe: DescribeGroups = False,
    delete: DeleteGroups = False,
    reset_offsets: ResetOffsets = False,
    delete_offsets: DeleteOffsets = False,
    bootstrap_server: BootstrapServer = None,
    command_config: CommandConfig = None,
    timeout: Timeout = 30_000,
    group: Groups = None,
    all_groups: AllGroups = False,
    state: State = None,
    offsets: Offsets = False,  # noqa: ARG001 - the default
    members: Members = False,
    verbose: Verbose = False,
    topic: TopicsToReset = None,
    all_topics: AllTopics = False,
    to_earliest: ToEarliest = False,
    to_latest: ToLatest = False,
    to_datetime: ToDatetime = None,
    dry_run: Annotated[  # noqa: ARG001 - what is not executed is one
        bool, typer.Option("--dry-run", help="Only show the plan.", rich_help_panel=RESET)
    ] = False,
    execute: Execute = False,
    output: Output = None,
) -> None:
    """List and describe share groups, delete them, or reset their offsets."""
    check_available(ctx, AVAILABLE_WITH)
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
        ApiError: in_java,
    }
    with reported(f"\nError: {FAILED}", words, on_stdout=True):
        session = new_session(bootstrap, command_config, overrides={API_TIMEOUT_MS: str(timeout)})
        if list_:
            states = parsed_states(ctx, state, STATES)
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
        event_loop.run(work)


def check_options(ctx: ScriptContext, state: str | None) -> None:
    """Check for missing and conflicting options, in the script's order.

    raises    UsageProblem
    """
    given = ctx.given
    named = bool(given & {"group", "all-groups"})
    if "describe" in given:
        if not named:
            raise ctx.usage_problem("Option [describe] takes one of these options: [all-groups], [group]")
        check_one_view(ctx, state)
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
