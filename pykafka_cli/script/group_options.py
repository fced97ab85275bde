"""Options that the scripts for consumer, share and streams groups share, and checks of them."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from pykafka_cli.script.command import OptionalValue, ScriptContext
from pykafka_cli.script.options import LONG

ACTION, WHICH, VIEW, RESET = "Actions (choose one)", "Which groups", "What to describe", "New offsets"

ListGroups = Annotated[bool, typer.Option("--list", help="List groups.", rich_help_panel=ACTION)]
DescribeGroups = Annotated[bool, typer.Option("--describe", help="Describe groups.", rich_help_panel=ACTION)]
DeleteGroups = Annotated[
    bool, typer.Option("--delete", help="Delete groups that have no members.", rich_help_panel=ACTION)
]
ResetOffsets = Annotated[
    bool, typer.Option("--reset-offsets", help="Reset the offsets of groups without members.", rich_help_panel=ACTION)
]
DeleteOffsets = Annotated[
    bool,
    typer.Option("--delete-offsets", help="Delete a group's offsets for the given topics.", rich_help_panel=ACTION),
]
Timeout = Annotated[int, typer.Option("--timeout", parser=LONG, metavar="MS", help="Time to wait for the cluster.")]

Groups = Annotated[
    list[str] | None,
    typer.Option("--group", metavar="GROUP", help="Group; may be repeated.", rich_help_panel=WHICH),
]
AllGroups = Annotated[bool, typer.Option("--all-groups", help="All groups of this type.", rich_help_panel=WHICH)]

State = Annotated[
    str | None,
    typer.Option(
        "--state",
        parser=OptionalValue(),
        metavar="[STATE,...]",
        help=(
            "With --list: show states, or only groups in these states. With --describe: show the group's state and "
            "coordinator."
        ),
        rich_help_panel=VIEW,
    ),
]
Offsets = Annotated[bool, typer.Option("--offsets", help="Show offsets and lag (default).", rich_help_panel=VIEW)]
Members = Annotated[bool, typer.Option("--members", help="Show members.", rich_help_panel=VIEW)]
Verbose = Annotated[bool, typer.Option("--verbose", help="Also show epochs.", rich_help_panel=VIEW)]

TopicsToReset = Annotated[
    list[str] | None,
    typer.Option(
        "--topic",
        metavar="TOPIC[:PARTITION,...]",
        help="Topic whose offsets to reset or delete; may be repeated.",
        rich_help_panel=RESET,
    ),
]
AllTopics = Annotated[
    bool,
    typer.Option("--all-topics", help="Reset all topics for which the group has offsets.", rich_help_panel=RESET),
]
ToEarliest = Annotated[bool, typer.Option("--to-earliest", help="Reset to the earliest offset.", rich_help_panel=RESET)]
ToLatest = Annotated[bool, typer.Option("--to-latest", help="Reset to the latest offset.", rich_help_panel=RESET)]
ToOffset = Annotated[
    int | None,
    typer.Option("--to-offset", parser=LONG, metavar="N", help="Reset to this offset.", rich_help_panel=RESET),
]
ShiftBy = Annotated[
    int | None,
    typer.Option(
        "--shift-by",
        parser=LONG,
        metavar="N",
        help="Shift the current offset by this number; a negative number shifts it back.",
        rich_help_panel=RESET,
    ),
]
ToDatetime = Annotated[
    str | None,
    typer.Option(
        "--to-datetime",
        metavar="TIME",
        help="Reset to the first record at or after YYYY-MM-DDTHH:mm:SS.sss, in UTC unless a zone is given.",
        rich_help_panel=RESET,
    ),
]
ByDuration = Annotated[
    str | None,
    typer.Option(
        "--by-duration",
        metavar="PnDTnHnMnS",
        help="Reset to the offset as of this long ago.",
        rich_help_panel=RESET,
    ),
]
Execute = Annotated[bool, typer.Option("--execute", help="Make the change.", rich_help_panel=RESET)]


def check_available(ctx: ScriptContext, available_with: Mapping[str, Sequence[str]]) -> None:
    """Reject options whose action is not given.

    available_with    actions by option
    raises            UsageProblem
    """
    lost = [
        name for name, actions in available_with.items() if name in ctx.given and not ctx.given.intersection(actions)
    ]
    if lost:
        raise ctx.usage_problem(
            f"Option(s) [{', '.join(lost)}] are unavailable given other options on the command line"
        )


def check_one_view(ctx: ScriptContext, state: str | None) -> None:
    """Check that --describe shows one view, and that --state selects no groups then.

    raises    UsageProblem
    """
    if len(ctx.given & {"members", "offsets", "state"}) > 1:
        raise ctx.usage_problem("Option [describe] takes at most one of these options: [members], [offsets], [state]")
    if state:
        raise ctx.usage_problem("Option [describe] does not take a value for [state]")


def comma_separated(text: str | None) -> list[str]:
    """Split and trim words; none after the last comma, as in Java's split."""
    text = text or ""
    return [word.strip() for word in text.rstrip(",").split(",")] if text.strip(",") else []


def parsed_states(ctx: ScriptContext, text: str | None, states: Sequence[str]) -> tuple[str, ...]:
    """Parse states in any case; return them as Kafka spells them.

    states    the known ones
    raises    UsageProblem
    """
    known = {state.lower(): state for state in states}
    try:
        return tuple(known[word.lower()] for word in comma_separated(text))
    except KeyError:
        raise ctx.usage_problem(f"Invalid state list '{text}'. Valid states are: {', '.join(states)}") from None
