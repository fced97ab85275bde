"""kafka-share-groups.sh: descriptions of groups, and deleted offsets. group_views.py has what other scripts also print.

source  org.apache.kafka.tools.consumer.group.ShareGroupCommand, 4.3
"""

import sys
from collections.abc import Mapping, Sequence

from pykafka_cli.model import GroupDescription, ShareOffset
from pykafka_cli.output.columns import columns, or_missing
from pykafka_cli.output.group_views import assignment, coordinator_document, coordinator_name
from pykafka_cli.output.render import OutputFormat, Table, show

_CELL = 15


def print_group(group: GroupDescription, view: str, rows: Sequence[ShareOffset], *, verbose: bool) -> None:
    """Print one view of a group as the script does, at once: output about the next group follows below."""
    if not group.members and view != "offsets":
        print(f"\nShare group '{group.group}' has no active members.", file=sys.stderr)
    if view == "offsets":
        text = offsets(group.group, rows, verbose=verbose)
    else:
        text = members(group, verbose=verbose) if view == "members" else state(group, verbose=verbose)
    print(text, end="", flush=True)


def show_described(
    form: OutputFormat,
    groups: Sequence[GroupDescription],
    view: str,
    rows: Mapping[str, Sequence[ShareOffset]],
    *,
    verbose: bool,
) -> None:
    """One view of each group, as a table, which has more columns if verbose, or as a document."""
    show(
        form,
        text=str,
        table=lambda: [group_table(group, view, rows.get(group.group, []), verbose=verbose) for group in groups],
        document=lambda: [group_document(group, view, rows.get(group.group, [])) for group in groups],
    )


def show_deleted_offsets(form: OutputFormat, results: Mapping[str, str | None]) -> None:
    """results    by topic: None, or what went wrong"""
    show(
        form,
        text=lambda: deleted_offsets(results),
        table=lambda: [Table(("TOPIC", "STATUS"), [(topic, why or "deleted") for topic, why in results.items()])],
        document=lambda: [{"topic": topic, "error": why} for topic, why in results.items()],
    )


def offsets(group: str, rows: Sequence[ShareOffset], *, verbose: bool) -> str:
    """One group's partitions."""
    lines = [["GROUP", "TOPIC", "PARTITION", "LEADER-EPOCH", "START-OFFSET", "LAG"]]
    lines += [
        [
            group, each.partition.topic, str(each.partition.partition), or_missing(each.leader_epoch),
            or_missing(each.start), or_missing(each.lag),
        ]
        for each in rows
    ]  # fmt: skip
    widths = [_CELL, _CELL, 10, 13, 13, 0]
    if not verbose:
        lines = [line[:3] + line[4:] for line in lines]
        del widths[3]
    return "\n" + columns(lines, widths)


def members(group: GroupDescription, *, verbose: bool) -> str:
    """One group's members; empty without any."""
    if not group.members:
        return ""
    lines = [["GROUP", "CONSUMER-ID", "HOST", "CLIENT-ID", "#PARTITIONS", "MEMBER-EPOCH", "ASSIGNMENT"]]
    lines += [
        [
            group.group, each.member_id, each.host, each.client_id, str(len(each.assignment)), or_missing(each.epoch),
            assignment(each.assignment),
        ]
        for each in group.members
    ]  # fmt: skip
    widths = [_CELL, _CELL, _CELL, _CELL, 12, 13, 0]
    if not verbose:
        lines = [line[:5] + line[6:] for line in lines]
        del widths[5]
    return "\n" + columns(lines, widths)


def state(group: GroupDescription, *, verbose: bool) -> str:
    """One group's coordinator and state."""
    header = ["GROUP", "COORDINATOR (ID)", "STATE"]
    row = [group.group, coordinator_name(group.coordinator, "  "), group.state]
    widths = [_CELL, 25, _CELL]
    if verbose:
        header += ["GROUP-EPOCH", "ASSIGNMENT-EPOCH"]
        row += [or_missing(group.epoch), or_missing(group.target_epoch)]
        widths += [12, 17]
    return "\n" + columns([[*header, "#MEMBERS"], [*row, str(len(group.members))]], [*widths, 0])


def deleted_offsets(outcome: Mapping[str, str | None]) -> str:
    """None for a topic whose offsets were deleted, or what went wrong."""
    lines = [
        ("TOPIC", "STATUS"),
        *((topic, f"Error: {problem}" if problem else "Successful") for topic, problem in outcome.items()),
    ]
    return "\n" + columns(lines, (_CELL, 0))


def group_table(group: GroupDescription, view: str, rows: Sequence[ShareOffset], *, verbose: bool) -> Table:
    title = f"{group.group}  {group.state}"
    if view == "offsets":
        return Table(
            ("TOPIC", "PARTITION", *(("LEADER EPOCH",) if verbose else ()), "START", "LAG"),
            [(*each.partition, *((each.leader_epoch,) if verbose else ()), each.start, each.lag) for each in rows],
            title,
        )
    if view == "members":
        return Table(
            ("CONSUMER", "CLIENT", "HOST", *(("EPOCH",) if verbose else ()), "PARTITIONS"),
            [
                (
                    each.member_id, each.client_id, each.host, *((each.epoch,) if verbose else ()),
                    assignment(each.assignment),
                )
                for each in group.members
            ],
            title,
        )  # fmt: skip
    row = (coordinator_name(group.coordinator), group.epoch, group.target_epoch, len(group.members))
    return Table(("COORDINATOR", "EPOCH", "ASSIGNMENT EPOCH", "MEMBERS"), [row], title)


def group_document(group: GroupDescription, view: str, rows: Sequence[ShareOffset]) -> dict[str, object]:
    head: dict[str, object] = {"group": group.group, "state": group.state}
    if view == "offsets":
        return head | {
            "partitions": [
                each.partition._asdict()
                | {"leader_epoch": each.leader_epoch, "start_offset": each.start, "lag": each.lag}
                for each in rows
            ]
        }
    if view == "members":
        return head | {
            "members": [
                {
                    "consumer_id": each.member_id,
                    "host": each.host,
                    "client_id": each.client_id,
                    "epoch": each.epoch,
                    "assignment": [partition._asdict() for partition in each.assignment],
                }
                for each in group.members
            ]
        }
    return head | {
        "coordinator": coordinator_document(group.coordinator),
        "group_epoch": group.epoch,
        "assignment_epoch": group.target_epoch,
        "member_count": len(group.members),
    }
