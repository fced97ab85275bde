"""What `pk apply` shows: a plan as lines with +, ~ and - in front, in colors on a terminal, or as a document.

+ topic orders
    + partitions: 3
    + retention.ms: 86400000
~ topic prices
    ~ partitions: 1 -> 3
- topic old
To add: 1, to change: 1, to delete: 1.
"""

import sys
from collections.abc import Iterator

from pykafka_cli.output.render import OutputFormat, show
from pykafka_cli.rules.apply_plan import Action, Change, Detail, Plan

SIGNS = {Action.ADD: "+", Action.CHANGE: "~", Action.DELETE: "-"}
NOTHING = "Nothing to change."
_COLORS = {Action.ADD: "green", Action.CHANGE: "yellow", Action.DELETE: "red"}
_KINDS = {"acl": "ACL"}


def show_plan(form: OutputFormat, plan: Plan) -> None:
    """The plan; nothing for documents, which show_result prints."""
    if form.is_document:
        return
    if form is OutputFormat.TABLE:
        _print_colored(plan)
    else:
        sys.stdout.write("".join(f"{line}\n" for _, line in _lines(plan)))
    sys.stdout.flush()


def deletion_question(plan: Plan) -> str:
    count = len(plan.deleted_topics)
    what = f"{count} topic{'s' if count > 1 else ''} with all records"
    return f"Delete {what}: {', '.join(plan.deleted_topics)}? Type yes: "


def show_result(form: OutputFormat, plan: Plan, *, applied: bool) -> None:
    """The changes that were made, or would be."""
    text = _summary(plan, applied=applied)
    plain = form if form.is_document else OutputFormat.KAFKA
    show(plain, text=lambda: text, table=list, document=lambda: plan_document(plan, applied=applied))


def plan_document(plan: Plan, *, applied: bool) -> dict[str, object]:
    """The plan for JSON and YAML."""
    return {
        "applied": applied and not plan.is_empty,
        "added": plan.count(Action.ADD),
        "changed": plan.count(Action.CHANGE),
        "deleted": plan.count(Action.DELETE),
        "changes": [
            {
                "action": change.action.value,
                "kind": change.kind,
                "name": change.name,
                "details": [
                    {"action": each.action.value, "field": each.field, "before": each.before, "after": each.after}
                    for each in change.details
                ],
            }
            for change in plan.changes
        ],
    }


def _summary(plan: Plan, *, applied: bool) -> str:
    if plan.is_empty:
        return f"{NOTHING}\n"
    words = ("Added", "changed", "deleted") if applied else ("To add", "to change", "to delete")
    counts = (plan.count(action) for action in Action)
    return ", ".join(f"{word}: {count}" for word, count in zip(words, counts, strict=True)) + ".\n"


def _lines(plan: Plan) -> Iterator[tuple[Action, str]]:
    for change in plan.changes:
        yield change.action, _change_line(change)
        for detail in change.details:
            yield detail.action, _detail_line(detail)


def _change_line(change: Change) -> str:
    return f"{SIGNS[change.action]} {_KINDS.get(change.kind, change.kind)} {change.name}"


def _detail_line(detail: Detail) -> str:
    match detail.action:
        case Action.ADD:
            values = detail.after
        case Action.DELETE:
            values = detail.before
        case Action.CHANGE:
            values = f"{detail.before} -> {detail.after}"
    return f"    {SIGNS[detail.action]} {detail.field}: {values}"


def _print_colored(plan: Plan) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for action, line in _lines(plan):
        console.print(Text(line, style=_COLORS[action]), soft_wrap=True)
