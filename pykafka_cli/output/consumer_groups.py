"""kafka-consumer-groups.sh: lists, descriptions and plans in the form of 2.3 to 3.6; later ones run lines together.

Each table begins with an empty line and each of its lines is ended.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import GroupDescription, GroupLag, GroupListing, MemberDescription, TopicPartition
from pykafka_cli.output import consumer_groups_of_4 as of_4
from pykafka_cli.output.render import OutputFormat, Table, show

Plan = Mapping[str, Mapping[TopicPartition, int]]
"""New offsets by group."""

MISSING = "-"
_NO_GROUPS = "''"
_NARROWEST = 15
_NARROWEST_INSTANCE = 17
_NARROWEST_COORDINATOR = 25


def show_listing(form: OutputFormat, found: Sequence[GroupListing], *, types: bool, states: bool) -> None:
    show(
        form,
        text=lambda: listing(found, types=types, states=states),
        table=lambda: [Table(("GROUP", "TYPE", "STATE"), [(each.group, each.type, each.state) for each in found])],
        document=lambda: [each._asdict() for each in found],
    )


def print_group(group: GroupDescription, view: str, rows: Sequence[GroupLag], *, verbose: bool, kafka_4: bool) -> None:
    """One view of a group as the script prints it; the others show all groups at once."""
    print(_group_text(group, view, rows, verbose=verbose, kafka_4=kafka_4), end="", flush=True)


def show_described(
    form: OutputFormat, groups: Sequence[GroupDescription], view: str, rows: Mapping[str, Sequence[GroupLag]]
) -> None:
    """One view of each group, as a table or a document."""
    show(
        form,
        text=str,
        table=lambda: [_group_table(group, view, rows.get(group.group, [])) for group in groups],
        document=lambda: [_group_document(group, view, rows.get(group.group, [])) for group in groups],
    )


def show_deleted_groups(
    form: OutputFormat, results: Mapping[str, ApiError | None], words: Callable[[ApiError], str]
) -> None:
    """words    the script's for an error"""
    by_group = sorted(results.items())
    show(
        form,
        text=lambda: deleted_groups({group: None if error is None else words(error) for group, error in by_group}),
        table=lambda: [Table(("GROUP", "OUTCOME"), [(group, error or "deleted") for group, error in results.items()])],
        document=lambda: [
            {"group": group, "outcome": "failed" if error else "deleted", "error": str(error) if error else None}
            for group, error in by_group
        ],
    )


def plan_text_of(plan: Plan, *, kafka_4: bool) -> str:
    return of_4.reset_plan(plan) if kafka_4 else reset_plan(plan)


def show_plan(form: OutputFormat, plan: Plan, text: str, *, executed: bool) -> None:
    """text    what the script prints: a table, or lines of CSV"""
    rows = [(group, *partition, offset) for group, offsets_ in plan.items() for partition, offset in offsets_.items()]
    show(
        form,
        text=lambda: text,
        table=lambda: [Table(("GROUP", "TOPIC", "PARTITION", "NEW OFFSET"), rows)],
        document=lambda: [
            {"group": group, "topic": topic, "partition": partition, "new_offset": offset, "executed": executed}
            for group, topic, partition, offset in rows
        ],
    )


def show_deleted_offsets(
    form: OutputFormat, group: str, rows: Sequence[tuple[str, int | None, ApiError | None]], *, kafka_4: bool
) -> None:
    """rows    topic, partition (None where the topic could not be looked up), error"""
    text = of_4.deleted_offsets if kafka_4 else deleted_offsets
    show(
        form,
        text=lambda: text((topic, index, error.java if error else None) for topic, index, error in rows),
        table=lambda: [
            Table(
                ("TOPIC", "PARTITION", "STATUS"), [(topic, index, error or "deleted") for topic, index, error in rows]
            )
        ],
        document=lambda: [
            {"group": group, "topic": topic, "partition": index, "error": str(error) if error else None}
            for topic, index, error in rows
        ],
    )


# ---- the script's text


def listing(groups: Sequence[GroupListing], *, types: bool, states: bool) -> str:
    """Names; with types or states a table as since 3.8, where every cell is padded, including the last."""
    if not types and not states:
        return "".join(f"{group.group}\n" for group in groups)
    width = _width((group.group for group in groups), _NARROWEST) + 10
    rows = [("GROUP", "TYPE", "STATE"), *((group.group, group.type, group.state) for group in groups)]
    return "".join(
        f"{group:<{width}}" + (f" {type_:<20}" if types else "") + (f" {state:<20}" if states else "") + "\n"
        for group, type_, state in rows
    )


def offsets(rows: Sequence[GroupLag]) -> str:
    """One group's partitions; nothing at all without rows."""
    if not rows:
        return ""
    header = (
        "GROUP",
        "TOPIC",
        "PARTITION",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID",
    )
    cells = [header, *map(_offset_cells, rows)]
    group, topic, consumer, host = (_width((row[column] for row in cells[1:]), _NARROWEST) for column in (0, 1, 6, 7))
    widths = (group, topic, 10, 15, 15, 15, consumer, host, 0)
    return "\n" + "".join(
        " ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + "\n" for row in cells
    )


def _offset_cells(row: GroupLag) -> tuple[str, ...]:
    member = row.member
    return (
        row.group,
        row.partition.topic,
        str(row.partition.partition),
        _number(row.current_offset),
        _number(row.log_end_offset),
        _number(row.lag),
        member.member_id if member else MISSING,
        member.host if member else MISSING,
        member.client_id if member else MISSING,
    )


def members(group: GroupDescription, *, verbose: bool) -> str:
    """One group's members; nothing at all without any. There is a blank behind #PARTITIONS."""
    if not group.members:
        return ""
    has_instances = any(member.instance_id for member in group.members)
    header = ("GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS")
    rows = [header, *(_member_cells(group.group, member) for member in group.members)]
    widths = [_width((row[column] for row in rows[1:]), _NARROWEST) for column in range(5)] + [15]
    widths[2] = _width((row[2] for row in rows[1:]), _NARROWEST_INSTANCE)
    assignments = ["ASSIGNMENT", *(assignment(member.assignment) for member in group.members)] if verbose else []
    lines = []
    for position, row in enumerate(rows):
        shown = [f"{cell:<{width}} " for cell, width in zip(row, widths, strict=True)]
        if not has_instances:
            del shown[2]
        lines.append("".join(shown) + (assignments[position] if verbose else "") + "\n")
    return "\n" + "".join(lines)


def _member_cells(group: str, member: MemberDescription) -> tuple[str, ...]:
    return (
        group, member.member_id, member.instance_id or "", member.host, member.client_id, str(len(member.assignment)),
    )  # fmt: skip


def assignment(partitions: Iterable[TopicPartition]) -> str:
    """`topic(0,1,2), other(0)`; `-` for none."""
    by_topic: dict[str, list[str]] = {}
    for topic, partition in sorted(partitions):
        by_topic.setdefault(topic, []).append(str(partition))
    return ", ".join(f"{topic}({','.join(its)})" for topic, its in by_topic.items()) or MISSING


def state(group: GroupDescription) -> str:
    """One group's coordinator, assignor and state. The width made for the coordinator is given to the group."""
    broker = group.coordinator
    coordinator = f"{broker.host}:{broker.port} ({broker.id})"
    width = _width([coordinator], _NARROWEST_COORDINATOR)
    rows = [
        ("GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"),
        (group.group, coordinator, group.assignor, group.state, str(len(group.members))),
    ]
    return "\n" + "".join(
        f"{name:<{width}} {where:<25} {assignor:<20} {state_:<15} {count}\n"
        for name, where, assignor, state_, count in rows
    )


def reset_plan(plan: Mapping[str, Mapping[TopicPartition, int]]) -> str:
    """New offsets by group; nothing without groups. Without offsets the header's line is not ended, as in 3.9."""
    if not plan:
        return ""
    rows = [
        _plan_row(group, topic, str(partition), str(offset))
        for group, offsets_ in plan.items()
        for (topic, partition), offset in offsets_.items()
    ]
    return "\n" + "\n".join([_plan_row("GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"), *rows]) + ("\n" if rows else "")


def _plan_row(group: str, topic: str, partition: str, offset: str) -> str:
    return f"{group:<30} {topic:<30} {partition:<10} {offset:<15}"


def deleted_offsets(rows: Iterable[tuple[str, int | None, str | None]]) -> str:
    """(topic, partition, error); the partition is None where the topic could not be looked up."""
    lines = [("TOPIC", "PARTITION", "STATUS")]
    for topic, partition, problem in rows:
        where = "Not Provided" if partition is None else str(partition)
        lines.append((topic, where, "Successful" if problem is None else f"Error: {problem}"))
    return "\n" + "".join(f"{topic:<30} {where:<15} {status:<15}\n" for topic, where, status in lines)


def deleted_groups(outcome: Mapping[str, str | None]) -> str:
    """What became of each group; None where nothing went wrong."""
    gone = ", ".join(f"'{group}'" for group, problem in outcome.items() if problem is None)
    failures = [
        f"* Group '{group}' could not be deleted due to: {problem}\n"
        for group, problem in outcome.items()
        if problem is not None
    ]
    if not failures:
        return f"Deletion of requested consumer groups ({gone or _NO_GROUPS}) was successful.\n"
    text = "\nError: Deletion of some consumer groups failed:\n" + "".join(failures)
    return text + (f"\nThese consumer groups were deleted successfully: {gone}\n" if gone else "")


def _number(value: int | None) -> str:
    return MISSING if value is None else str(value)


def _width(texts: Iterable[str], narrowest: int) -> int:
    return max(narrowest, *map(len, texts), 0)


# ---- one group in each form


def _group_text(group: GroupDescription, view: str, rows: Sequence[GroupLag], *, verbose: bool, kafka_4: bool) -> str:
    if kafka_4:
        return _text_of_4(group, view, rows, verbose=verbose)
    if view == "offsets":
        return offsets(rows)
    return members(group, verbose=verbose) if view == "members" else state(group)


def _text_of_4(group: GroupDescription, view: str, rows: Sequence[GroupLag], *, verbose: bool) -> str:
    if view == "offsets":
        return of_4.offsets(rows, verbose=verbose)
    if view == "members":
        return of_4.members(group, verbose=verbose)
    return of_4.state(group, verbose=verbose)


def _group_table(group: GroupDescription, view: str, rows: Sequence[GroupLag]) -> Table | str:
    title = f"{group.group}  {group.state}"
    if view == "offsets":
        return Table(
            ("TOPIC", "PARTITION", "CURRENT", "END", "LAG", "CLIENT", "HOST", "CONSUMER"),
            [
                (
                    *row.partition, row.current_offset, row.log_end_offset, row.lag,
                    *((row.member.client_id, row.member.host, row.member.member_id) if row.member else ("", "", "")),
                )
                for row in rows
            ],
            title,
        )  # fmt: skip
    if view == "members":
        return Table(
            ("CONSUMER", "INSTANCE", "CLIENT", "HOST", "PARTITIONS"),
            [
                (each.member_id, each.instance_id or "", each.client_id, each.host, assignment(each.assignment))
                for each in group.members
            ],
            title,
        )
    broker = group.coordinator
    return Table(
        ("COORDINATOR", "ASSIGNOR", "MEMBERS"),
        [(f"{broker.host}:{broker.port} ({broker.id})", group.assignor, len(group.members))],
        title,
    )


def _group_document(group: GroupDescription, view: str, rows: Sequence[GroupLag]) -> dict[str, object]:
    head: dict[str, object] = {"group": group.group, "state": group.state}
    if view == "offsets":
        return head | {
            "partitions": [
                {
                    "topic": row.partition.topic,
                    "partition": row.partition.partition,
                    "current_offset": row.current_offset,
                    "log_end_offset": row.log_end_offset,
                    "lag": row.lag,
                    "consumer_id": row.member.member_id if row.member else None,
                    "host": row.member.host if row.member else None,
                    "client_id": row.member.client_id if row.member else None,
                }
                for row in rows
            ]
        }
    if view == "members":
        return head | {
            "members": [
                {
                    "consumer_id": each.member_id,
                    "instance_id": each.instance_id,
                    "host": each.host,
                    "client_id": each.client_id,
                    "assignment": [partition._asdict() for partition in each.assignment],
                    **_epochs(each),
                }
                for each in group.members
            ]
        }
    broker = group.coordinator
    return head | {
        "coordinator": {"id": broker.id, "host": broker.host, "port": broker.port},
        "assignment_strategy": group.assignor,
        "member_count": len(group.members),
        **({} if group.epoch is None else {"group_epoch": group.epoch, "target_assignment_epoch": group.target_epoch}),
    }


def _epochs(member: MemberDescription) -> dict[str, object]:
    """What only members of the new protocol have."""
    if member.epoch is None:
        return {}
    return {"epoch": member.epoch, "target_assignment": [partition._asdict() for partition in member.target or ()]}
