"""kafka-consumer-groups.sh: lists, descriptions and plans.

The script's text has two forms: that of 2.3 to 3.6, as 3.7 to 3.9 run lines together, and that of Kafka 4, whose
functions end in `_of_4`. Each table begins with an empty line.
source  org.apache.kafka.tools.consumer.group.ConsumerGroupCommand, 3.6 and 4.3
"""

import sys
from collections.abc import Iterable, Mapping, Sequence

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import GroupDescription, GroupLag, GroupListing, MemberDescription, TopicPartition
from pykafka_cli.output import group_views
from pykafka_cli.output.columns import MISSING, columns, or_missing
from pykafka_cli.output.group_views import Plan, coordinator_document, coordinator_name, indexes_by_topic
from pykafka_cli.output.render import OutputFormat, Table, notice, show

_CELL = 15
_INSTANCE, _STRATEGY, _ASSIGNMENT, _COORDINATOR = 17, 20, 20, 25

REBALANCING = frozenset({"PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling"})

DeletedOffsets = Iterable[tuple[str, int | None, str | None]]
"""Topic, partition (None if the topic could not be looked up), and the error, if any."""


# ---- the list of groups


def show_listing(form: OutputFormat, groups: Sequence[GroupListing], *, types: bool, states: bool) -> None:
    show(
        form,
        text=lambda: listing(groups, types=types, states=states),
        table=lambda: [Table(("GROUP", "TYPE", "STATE"), [(each.group, each.type, each.state) for each in groups])],
        document=lambda: [each._asdict() for each in groups],
    )


def listing(groups: Sequence[GroupListing], *, types: bool, states: bool) -> str:
    """Names; with types or states a table as since 3.8, where every cell is padded, including the last."""
    if not types and not states:
        return "".join(f"{group.group}\n" for group in groups)
    width = _width((group.group for group in groups), _CELL) + 10
    rows = [("GROUP", "TYPE", "STATE"), *((group.group, group.type, group.state) for group in groups)]
    return "".join(
        f"{group:<{width}}" + (f" {type_:<20}" if types else "") + (f" {state:<20}" if states else "") + "\n"
        for group, type_, state in rows
    )


# ---- remarks about a group's state


def show_remark(form: OutputFormat, group: GroupDescription) -> None:
    """The script's remark about a group without members, or with changing ones; tables and documents show the state."""
    if group.state == "Dead":
        notice(form, f"\nError: Consumer group '{group.group}' does not exist.")
    elif form is not OutputFormat.KAFKA:
        return
    elif group.state == "Empty":
        print(f"\nConsumer group '{group.group}' has no active members.", file=sys.stderr)
    elif group.state in REBALANCING:
        print(f"\nWarning: Consumer group '{group.group}' is rebalancing.", file=sys.stderr)


# ---- one view of a group, by name: offsets, members or state


def print_group(group: GroupDescription, view: str, rows: Sequence[GroupLag], *, verbose: bool, kafka_4: bool) -> None:
    """Print a group as the script does, at once: output about the next group follows below."""
    match view, kafka_4:
        case "offsets", False:
            text = offsets(rows)
        case "offsets", True:
            text = offsets_of_4(rows, verbose=verbose)
        case "members", False:
            text = members(group, verbose=verbose)
        case "members", True:
            text = members_of_4(group, verbose=verbose)
        case _:
            text = state_of_4(group, verbose=verbose) if kafka_4 else state(group)
    print(text, end="", flush=True)


def show_described(
    form: OutputFormat,
    groups: Sequence[GroupDescription],
    view: str,
    rows: Mapping[str, Sequence[GroupLag]],
    *,
    verbose: bool,
) -> None:
    """One view of each group, as a table, which has more columns if verbose, or as a document."""
    show(
        form,
        text=str,
        table=lambda: [_group_table(group, view, rows.get(group.group, []), verbose=verbose) for group in groups],
        document=lambda: [_group_document(group, view, rows.get(group.group, [])) for group in groups],
    )


def _group_table(group: GroupDescription, view: str, rows: Sequence[GroupLag], *, verbose: bool) -> Table:
    title = f"{group.group}  {group.state}"
    if view == "offsets":
        return _offsets_table(rows, title, verbose=verbose)
    return _members_table(group, title) if view == "members" else _state_table(group, title)


def _group_document(group: GroupDescription, view: str, rows: Sequence[GroupLag]) -> dict[str, object]:
    head: dict[str, object] = {"group": group.group, "state": group.state}
    if view == "offsets":
        return head | {"partitions": [_offset_document(row) for row in rows]}
    if view == "members":
        return head | {"members": [_member_document(member) for member in group.members]}
    return head | _state_document(group)


# ---- offsets and lag


def offsets(rows: Sequence[GroupLag]) -> str:
    """One group's partitions; empty without rows."""
    if not rows:
        return ""
    lines = [_OFFSET_COLUMNS, *map(_offset_cells, rows)]
    group, topic, consumer, host = (_width((row[column] for row in lines[1:]), _CELL) for column in (0, 1, 6, 7))
    widths = (group, topic, 10, _CELL, _CELL, _CELL, consumer, host, 0)
    return "\n" + "".join(
        " ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + "\n" for row in lines
    )


def offsets_of_4(rows: Sequence[GroupLag], *, verbose: bool) -> str:
    """One group's partitions, with leader epochs if verbose; empty without rows."""
    if not rows:
        return ""
    lines = [_OFFSET_COLUMNS, *map(_offset_cells, rows)]
    widths = [_CELL, _CELL, 10, _CELL, _CELL, _CELL, _CELL, _CELL, 0]
    if verbose:
        epochs = ["LEADER-EPOCH", *(or_missing(row.leader_epoch) for row in rows)]
        lines = [[*line[:3], epoch, *line[3:]] for line, epoch in zip(lines, epochs, strict=True)]
        widths.insert(3, _CELL)
    return "\n" + columns(lines, widths)


_OFFSET_COLUMNS = [
    "GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST", "CLIENT-ID",
]  # fmt: skip


def _offset_cells(row: GroupLag) -> list[str]:
    member = row.member
    return [
        row.group, row.partition.topic, str(row.partition.partition), or_missing(row.current_offset),
        or_missing(row.log_end_offset), or_missing(row.lag),
        *((member.member_id, member.host, member.client_id) if member else (MISSING, MISSING, MISSING)),
    ]  # fmt: skip


def _offsets_table(rows: Sequence[GroupLag], title: str, *, verbose: bool) -> Table:
    columns_ = ("LEADER EPOCH",) if verbose else ()
    return Table(
        ("TOPIC", "PARTITION", *columns_, "CURRENT", "END", "LAG", "CLIENT", "HOST", "CONSUMER"),
        [
            (
                *row.partition, *((row.leader_epoch,) if verbose else ()),
                row.current_offset, row.log_end_offset, row.lag,
                *((row.member.client_id, row.member.host, row.member.member_id) if row.member else ("", "", "")),
            )
            for row in rows
        ],
        title,
    )  # fmt: skip


def _offset_document(row: GroupLag) -> dict[str, object]:
    return {
        "topic": row.partition.topic,
        "partition": row.partition.partition,
        "current_offset": row.current_offset,
        "log_end_offset": row.log_end_offset,
        "lag": row.lag,
        "consumer_id": row.member.member_id if row.member else None,
        "host": row.member.host if row.member else None,
        "client_id": row.member.client_id if row.member else None,
    }


# ---- members


def members(group: GroupDescription, *, verbose: bool) -> str:
    """One group's members; empty without any. There is a space after #PARTITIONS."""
    if not group.members:
        return ""
    rows = [_member_cells(group.group, member) for member in group.members]
    widths = [_width((row[column] for row in rows), _CELL) for column in range(5)] + [_CELL]
    widths[2] = _width((row[2] for row in rows), _INSTANCE)
    has_instances = any(member.instance_id for member in group.members)
    assignments = ["ASSIGNMENT", *(assignment(member.assignment) for member in group.members)] if verbose else []
    lines = []
    for position, row in enumerate([_MEMBER_COLUMNS, *rows]):
        shown = [f"{cell:<{width}} " for cell, width in zip(row, widths, strict=True)]
        if not has_instances:
            del shown[2]
        lines.append("".join(shown) + (assignments[position] if verbose else "") + "\n")
    return "\n" + "".join(lines)


def members_of_4(group: GroupDescription, *, verbose: bool) -> str:
    """One group's members, with the epochs and targets of the new protocol (KIP-848) if verbose.

    Of a group without members, the header alone.
    """
    lines = [_MEMBER_COLUMNS, *(_member_cells(group.group, each) for each in group.members)]
    widths = [_CELL, _CELL, _INSTANCE, _CELL, _CELL, _CELL]
    if verbose:
        epochs = ["CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT"]
        more = [epochs, *(_epoch_cells(group, each) for each in group.members)]
        lines = [line + extra for line, extra in zip(lines, more, strict=True)]
        widths += [_CELL, _ASSIGNMENT, _CELL, _ASSIGNMENT]
    if not any(each.instance_id for each in group.members):
        lines = [line[:2] + line[3:] for line in lines]
        del widths[2]
    text = columns(lines, widths, pads_last=True)
    return "\n" + (text if verbose else text.replace("\n", " \n"))


_MEMBER_COLUMNS = ["GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS"]


def _member_cells(group: str, member: MemberDescription) -> list[str]:
    count = str(len(member.assignment))
    return [group, member.member_id, member.instance_id or "", member.host, member.client_id, count]


def _epoch_cells(group: GroupDescription, member: MemberDescription) -> list[str]:
    has_target = member.target is not None
    return [
        or_missing(member.epoch),
        group_views.assignment(member.assignment),
        or_missing(group.target_epoch if has_target else None),
        group_views.assignment(member.target or ()),
    ]


def assignment(partitions: Iterable[TopicPartition]) -> str:
    """`topic(0,1,2), other(0)`, as before Kafka 4; `-` for none."""
    return ", ".join(f"{topic}({indexes})" for topic, indexes in indexes_by_topic(partitions)) or MISSING


def _members_table(group: GroupDescription, title: str) -> Table:
    has_epochs = any(each.epoch is not None for each in group.members)
    columns_ = ("CONSUMER", "INSTANCE", "CLIENT", "HOST", "PARTITIONS")
    rows = [
        (
            each.member_id, each.instance_id or "", each.client_id, each.host, assignment(each.assignment),
            *((each.epoch, group.target_epoch, assignment(each.target or ())) if has_epochs else ()),
        )
        for each in group.members
    ]  # fmt: skip
    return Table((*columns_, *(("EPOCH", "TARGET EPOCH", "TARGET") if has_epochs else ())), rows, title)


def _member_document(member: MemberDescription) -> dict[str, object]:
    """Members of the new protocol alone have epochs and targets."""
    document: dict[str, object] = {
        "consumer_id": member.member_id,
        "instance_id": member.instance_id,
        "host": member.host,
        "client_id": member.client_id,
        "assignment": [partition._asdict() for partition in member.assignment],
    }
    if member.epoch is None:
        return document
    target = [partition._asdict() for partition in member.target or ()]
    return document | {"epoch": member.epoch, "target_assignment": target}


# ---- the state


def state(group: GroupDescription) -> str:
    """One group's coordinator, assignor and state. The group's column has the coordinator's width, as in the script."""
    coordinator = coordinator_name(group.coordinator)
    width = _width([coordinator], _COORDINATOR)
    rows = [
        ("GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"),
        (group.group, coordinator, group.assignor, group.state, str(len(group.members))),
    ]
    return "\n" + "".join(
        f"{name:<{width}} {where:<25} {assignor:<20} {state_:<15} {count}\n"
        for name, where, assignor, state_, count in rows
    )


def state_of_4(group: GroupDescription, *, verbose: bool) -> str:
    """One group's coordinator, assignor and state, with epochs if verbose."""
    header = ["GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE"]
    row = [group.group, coordinator_name(group.coordinator, "  "), group.assignor or MISSING, group.state]
    widths = [_CELL, _COORDINATOR, _STRATEGY, 20]
    if verbose:
        header += ["GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH"]
        row += [or_missing(group.epoch), or_missing(group.target_epoch)]
        widths += [_CELL, 25]
    lines = [[*header, "#MEMBERS"], [*row, str(len(group.members))]]
    return "\n" + columns(lines, [*widths, 0])


def _state_table(group: GroupDescription, title: str) -> Table:
    epochs = () if group.epoch is None else (group.epoch, group.target_epoch)
    row = (coordinator_name(group.coordinator), group.assignor, len(group.members), *epochs)
    return Table(("COORDINATOR", "ASSIGNOR", "MEMBERS", *(("EPOCH", "TARGET EPOCH") if epochs else ())), [row], title)


def _state_document(group: GroupDescription) -> dict[str, object]:
    """Groups of the new protocol alone have epochs."""
    document: dict[str, object] = {
        "coordinator": coordinator_document(group.coordinator),
        "assignment_strategy": group.assignor,
        "member_count": len(group.members),
    }
    if group.epoch is None:
        return document
    return document | {"group_epoch": group.epoch, "target_assignment_epoch": group.target_epoch}


# ---- failures in the midst of other results


def show_error(form: OutputFormat, problem: object) -> None:
    notice(form, f"\nError: {problem}")


# ---- new offsets


def show_active(form: OutputFormat, group: GroupDescription) -> None:
    show_error(
        form,
        f"Assignments can only be reset if the group '{group.group}' is inactive, but the current state is "
        f"{group.state}.",
    )


def show_empty_partition(form: OutputFormat, partition: TopicPartition) -> None:
    topic, index = partition
    notice(form, f"\nWarn: Partition {index} from topic {topic} is empty. Falling back to latest known offset.")


def print_no_action(*, kafka_4: bool) -> None:
    """The script's warning if neither --execute nor --dry-run is given."""
    print(NO_ACTION_IN_4 if kafka_4 else NO_ACTION, file=sys.stderr)


NO_ACTION = (
    "WARN: No action will be performed as the --execute option is missing.In a future major release, the default "
    "behavior of this command will be to prompt the user before executing the reset rather than doing a dry run. You "
    "should add the --dry-run option explicitly if you are scripting this command and want to keep the current default "
    "behavior without prompting."
)
NO_ACTION_IN_4 = (
    "WARN: No action will be performed as the --execute option is missing. In version 5.0, this command will require "
    "either --dry-run or --execute to be specified. You should add the --dry-run option explicitly if you are "
    "scripting this command and want to keep the current default behavior without prompting."
)


def show_plan(form: OutputFormat, plan: Plan, *, executed: bool, kafka_4: bool) -> None:
    group_views.show_plan(form, plan, group_views.reset_plan(plan) if kafka_4 else reset_plan(plan), executed=executed)


def show_exported_plan(form: OutputFormat, plan: Plan, csv: str, *, executed: bool) -> None:
    """csv    has an end for each line, and the script adds another one"""
    group_views.show_plan(form, plan, csv + "\n", executed=executed)


def reset_plan(plan: Plan) -> str:
    """New offsets by group; empty without groups. Without offsets, the header has no line end, as in 3.9."""
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


# ---- deleted offsets


def show_deletion(
    form: OutputFormat, group: str, topics: Sequence[str], problem: ApiError | None, *, kafka_4: bool
) -> None:
    """How the deletion went as a whole.

    topics    as they were given to the script
    """
    if problem is None and kafka_4:
        notice(form, f"Request succeeded for deleting offsets from group {group}.")
    elif problem is None:
        notice(form, f"Request succeed for deleting offsets with topic {', '.join(topics)} group {group}")
    else:
        show_error(form, _of_the_whole_in_4(problem) if kafka_4 else _of_the_whole(problem, group))


_PARTLY = (
    ErrorCode.group_subscribed_to_topic,
    ErrorCode.topic_authorization_failed,
    ErrorCode.unknown_topic_or_partition,
)


def _of_the_whole_in_4(problem: ApiError) -> str:
    if problem.code in _PARTLY:
        return "Encountered some partition-level error, see the follow-up details."
    known = (ErrorCode.invalid_group_id, ErrorCode.group_id_not_found, ErrorCode.group_authorization_failed)
    if problem.code in (*known, ErrorCode.non_empty_group):
        return str(problem)
    return f"Encountered some unknown error: {ErrorCode(problem.code).name.upper()}"


def _of_the_whole(problem: ApiError, group: str) -> str:
    match problem.code:
        case ErrorCode.invalid_group_id:
            return f"'{group}' is not valid."
        case ErrorCode.group_id_not_found:
            return f"'{group}' does not exist."
        case ErrorCode.group_authorization_failed:
            return f"Access to '{group}' is not authorized."
        case ErrorCode.non_empty_group:
            return f"Deleting offsets of a consumer group '{group}' is forbidden if the group is not empty."
    if problem.code in _PARTLY:
        return "Encounter some partition level error, see the follow-up details:"
    return f"Encounter some unknown error: {ErrorCode(problem.code).name.upper()}"


def show_deleted_offsets(
    form: OutputFormat, group: str, rows: Sequence[tuple[str, int | None, ApiError | None]], *, kafka_4: bool
) -> None:
    """rows    topic, partition (None if the topic could not be looked up), error"""
    text = deleted_offsets_of_4 if kafka_4 else deleted_offsets
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


def deleted_offsets(rows: DeletedOffsets) -> str:
    lines = [("TOPIC", "PARTITION", "STATUS")]
    for topic, partition, problem in rows:
        where = "Not Provided" if partition is None else str(partition)
        lines.append((topic, where, _status(problem)))
    return "\n" + "".join(f"{topic:<30} {where:<15} {status:<15}\n" for topic, where, status in lines)


def deleted_offsets_of_4(rows: DeletedOffsets) -> str:
    lines = [["TOPIC", "PARTITION", "STATUS"]]
    lines += [[topic, or_missing(partition), _status(problem)] for topic, partition, problem in rows]
    widths = [max(_CELL, *(len(line[0]) for line in lines)), 10, _CELL]
    return "\n" + "".join(" ".join(f"{c:<{w}}" for c, w in zip(line, widths, strict=True)) + "\n" for line in lines)


def _status(problem: str | None) -> str:
    return "Successful" if problem is None else f"Error: {problem}"


# ---- regular expressions of subscriptions


def print_verdict(expression: str, problem: Exception | None) -> None:
    verdict = "valid." if problem is None else f"invalid: {problem}."
    print(f"The regular expression `{expression}` is {verdict}")


def _width(texts: Iterable[str], narrowest: int) -> int:
    return max(narrowest, *map(len, texts), 0)
