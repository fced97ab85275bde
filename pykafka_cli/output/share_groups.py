"""kafka-share-groups.sh: lists, descriptions and outcomes.

source  org.apache.kafka.tools.consumer.group.ShareGroupCommand, 4.3
"""

from collections.abc import Mapping, Sequence

from pykafka_cli.model import GroupDescription, GroupListing, ShareOffset
from pykafka_cli.output.columns import columns, or_missing
from pykafka_cli.output.consumer_groups_of_4 import assignment
from pykafka_cli.output.render import Table

_CELL = 15


def listing(groups: Sequence[GroupListing], *, states: bool) -> str:
    """Names one a line; with their states a table."""
    if not states:
        return "".join(f"{group.group}\n" for group in groups)
    return columns([("GROUP", "STATE"), *((group.group, group.state) for group in groups)], (_CELL, 0))


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
    """One group's members; nothing at all without any."""
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
    broker = group.coordinator
    header = ["GROUP", "COORDINATOR (ID)", "STATE"]
    row = [group.group, f"{broker.host}:{broker.port}  ({broker.id})", group.state]
    widths = [_CELL, 25, _CELL]
    if verbose:
        header += ["GROUP-EPOCH", "ASSIGNMENT-EPOCH"]
        row += [or_missing(group.epoch), or_missing(group.target_epoch)]
        widths += [12, 17]
    return "\n" + columns([[*header, "#MEMBERS"], [*row, str(len(group.members))]], [*widths, 0])


def deleted_offsets(outcome: Mapping[str, str | None]) -> str:
    """Topics and what went wrong; None where nothing did."""
    lines = [
        ("TOPIC", "STATUS"),
        *((topic, f"Error: {problem}" if problem else "Successful") for topic, problem in outcome.items()),
    ]
    return "\n" + columns(lines, (_CELL, 0))


def deleted_groups(outcome: Mapping[str, str | None], kind: str) -> str:
    """What became of each group of a kind; None where nothing went wrong."""
    gone = ", ".join(f"'{group}'" for group, problem in outcome.items() if problem is None)
    failures = "".join(
        f"* Group '{group}' could not be deleted due to: {problem}\n" for group, problem in outcome.items() if problem
    )
    if not failures:
        return f"Deletion of requested {kind} groups ({gone}) was successful.\n"
    text = f"\nError: Deletion of some {kind} groups failed:\n{failures}"
    return text + (f"\nThese {kind} groups were deleted successfully: {gone}\n" if gone else "")


def group_table(group: GroupDescription, view: str, rows: Sequence[ShareOffset]) -> Table:
    title = f"{group.group}  {group.state}"
    if view == "offsets":
        return Table(
            ("TOPIC", "PARTITION", "START", "LAG"), [(*each.partition, each.start, each.lag) for each in rows], title
        )
    if view == "members":
        return Table(
            ("CONSUMER", "CLIENT", "HOST", "PARTITIONS"),
            [(each.member_id, each.client_id, each.host, assignment(each.assignment)) for each in group.members],
            title,
        )
    broker = group.coordinator
    where = f"{broker.host}:{broker.port} ({broker.id})"
    return Table(("COORDINATOR", "EPOCH", "MEMBERS"), [(where, group.epoch, len(group.members))], title)


def group_document(group: GroupDescription, view: str, rows: Sequence[ShareOffset]) -> dict[str, object]:
    head: dict[str, object] = {"group": group.group, "state": group.state}
    if view == "offsets":
        return head | {
            "partitions": [each.partition._asdict() | {"start_offset": each.start, "lag": each.lag} for each in rows]
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
    broker = group.coordinator
    return head | {
        "coordinator": {"id": broker.id, "host": broker.host, "port": broker.port},
        "group_epoch": group.epoch,
        "assignment_epoch": group.target_epoch,
        "member_count": len(group.members),
    }
