"""kafka-streams-groups.sh: descriptions of groups. group_views.py has what other scripts also print.

source  org.apache.kafka.tools.streams.StreamsGroupCommand, 4.3
"""

from collections.abc import Mapping, Sequence

from pykafka_cli.model import StreamsGroup, StreamsMember, StreamsOffset, StreamsTasks
from pykafka_cli.output.columns import columns, or_missing
from pykafka_cli.output.group_views import coordinator_document, coordinator_name
from pykafka_cli.output.render import OutputFormat, Table, show

_CELL = 15


def print_group(group: StreamsGroup, view: str, rows: Sequence[StreamsOffset], *, verbose: bool) -> None:
    """Print one view of a group as the script does: for a group without members, only the state."""
    if view == "state":
        empty = "" if group.members else f"\nError: Streams group '{group.group}' has no active members.\n"
        text = empty + state(group, verbose=verbose)
    elif not group.members:
        return
    elif view == "members":
        text = members(group, verbose=verbose)
    else:
        text = offsets(group.group, rows, verbose=verbose)
    print(text, end="", flush=True)


def show_described(
    form: OutputFormat,
    groups: Sequence[StreamsGroup],
    view: str,
    rows: Mapping[str, Sequence[StreamsOffset]],
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


def offsets(group: str, rows: Sequence[StreamsOffset], *, verbose: bool) -> str:
    """One group's partitions."""
    if not verbose:
        lines = [
            ["GROUP", "TOPIC", "PARTITION", "OFFSET-LAG"],
            *([group, each.partition.topic, str(each.partition.partition), str(each.lag)] for each in rows),
        ]
        return columns(lines, (_CELL, _CELL, 10, 0))
    header = ["GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LEADER-EPOCH", "LOG-END-OFFSET", "OFFSET-LAG"]
    lines = [
        header,
        *(
            [
                group, each.partition.topic, str(each.partition.partition), or_missing(each.current),
                or_missing(each.leader_epoch), str(each.log_end), str(each.lag),
            ]
            for each in rows
        ),
    ]  # fmt: skip
    return columns(lines, (_CELL, _CELL, 10, _CELL, _CELL, _CELL, _CELL), pads_last=True)


def members(group: StreamsGroup, *, verbose: bool) -> str:
    """One group's members; empty without any."""
    if not group.members:
        return ""
    if not verbose:
        lines = [
            ["GROUP", "MEMBER", "PROCESS", "CLIENT-ID", "ASSIGNMENTS"],
            *(
                [group.group, each.member_id, each.process_id, each.client_id, tasks(each.tasks)]
                for each in group.members
            ),
        ]
        return columns(lines, (_CELL, _CELL, _CELL, _CELL, 0))
    header = [
        "GROUP", "TARGET-ASSIGNMENT-EPOCH", "TOPOLOGY-EPOCH", "MEMBER", "MEMBER-PROTOCOL", "MEMBER-EPOCH", "PROCESS",
        "CLIENT-ID", "ASSIGNMENTS",
    ]  # fmt: skip
    lines = [header, *(_verbose_cells(group, each) for each in group.members)]
    return columns(lines, (_CELL, 25, 14, _CELL, _CELL, _CELL, _CELL, _CELL, 0))


def _verbose_cells(group: StreamsGroup, member: StreamsMember) -> list[str]:
    return [
        group.group, str(group.target_epoch), str(member.topology_epoch), member.member_id,
        _protocol(member), str(member.epoch), member.process_id, member.client_id,
        tasks(member.tasks) + tasks(member.target, "TARGET-"),
    ]  # fmt: skip


def _protocol(member: StreamsMember) -> str:
    return "classic" if member.is_classic else "streams"


def tasks(assigned: StreamsTasks, prefix: str = "") -> str:
    """`ACTIVE: 0:[0,1]; 1:[0,1]; ` and so on; kinds without tasks are omitted."""
    kinds = (("ACTIVE", assigned.active), ("STANDBY", assigned.standby), ("WARMUP", assigned.warmup))
    return "".join(f"{prefix}{name}: {_partitions(its)}" for name, its in kinds if its)


def _partitions(its: Mapping[str, Sequence[int]]) -> str:
    return "".join(f"{subtopology}:[{','.join(map(str, its[subtopology]))}]; " for subtopology in sorted(its))


def state(group: StreamsGroup, *, verbose: bool) -> str:
    """One group's coordinator and state."""
    header = ["GROUP", "COORDINATOR (ID)", "STATE"]
    row = [group.group, coordinator_name(group.coordinator), group.state]
    widths = [_CELL, 25, 25]
    if verbose:
        header += ["GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH"]
        row += [str(group.epoch), str(group.target_epoch)]
        widths += [_CELL, 25]
    return columns([[*header, "#MEMBERS"], [*row, str(len(group.members))]], [*widths, 0])


_VERBOSE_COLUMNS = ("TARGET", "PROTOCOL", "EPOCH", "TARGET EPOCH", "TOPOLOGY EPOCH")


def _verbose_table_cells(group: StreamsGroup, member: StreamsMember) -> tuple[object, ...]:
    epochs = (member.epoch, group.target_epoch, member.topology_epoch)
    return (tasks(member.target).strip(), _protocol(member), *epochs)


def group_table(group: StreamsGroup, view: str, rows: Sequence[StreamsOffset], *, verbose: bool) -> Table:
    title = f"{group.group}  {group.state}"
    if view == "offsets":
        return Table(
            ("TOPIC", "PARTITION", "CURRENT", *(("LEADER EPOCH",) if verbose else ()), "END", "LAG"),
            [
                (*each.partition, each.current, *((each.leader_epoch,) if verbose else ()), each.log_end, each.lag)
                for each in rows
            ],
            title,
        )
    if view == "members":
        return Table(
            ("MEMBER", "PROCESS", "CLIENT", "TASKS", *(_VERBOSE_COLUMNS if verbose else ())),
            [
                (
                    each.member_id, each.process_id, each.client_id, tasks(each.tasks).strip(),
                    *(_verbose_table_cells(group, each) if verbose else ()),
                )
                for each in group.members
            ],
            title,
        )  # fmt: skip
    row = (coordinator_name(group.coordinator), group.epoch, group.target_epoch, len(group.members))
    return Table(("COORDINATOR", "EPOCH", "TARGET EPOCH", "MEMBERS"), [row], title)


def group_document(group: StreamsGroup, view: str, rows: Sequence[StreamsOffset]) -> dict[str, object]:
    head: dict[str, object] = {"group": group.group, "state": group.state}
    if view == "offsets":
        return head | {
            "partitions": [
                each.partition._asdict()
                | {
                    "current_offset": each.current,
                    "leader_epoch": each.leader_epoch,
                    "log_end_offset": each.log_end,
                    "lag": each.lag,
                }
                for each in rows
            ]
        }
    if view == "members":
        return head | {
            "members": [
                {
                    "member_id": each.member_id,
                    "process_id": each.process_id,
                    "client_id": each.client_id,
                    "epoch": each.epoch,
                    "topology_epoch": each.topology_epoch,
                    "tasks": {kind: dict(its) for kind, its in each.tasks._asdict().items()},
                    "target": {kind: dict(its) for kind, its in each.target._asdict().items()},
                }
                for each in group.members
            ]
        }
    return head | {
        "coordinator": coordinator_document(group.coordinator),
        "group_epoch": group.epoch,
        "target_assignment_epoch": group.target_epoch,
        "member_count": len(group.members),
    }
