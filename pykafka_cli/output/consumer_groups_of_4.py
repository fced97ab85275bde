"""kafka-consumer-groups.sh of Kafka 4: what it prints otherwise than its predecessors.

Columns are as wide as what is in them; the last one is not padded where no more than its header could be. Epochs of
the new protocol (KIP-848) have other columns with --verbose.
source  org.apache.kafka.tools.consumer.group.ConsumerGroupCommand, 4.3
"""

from collections.abc import Iterable, Mapping, Sequence

from pykafka_cli.model import GroupDescription, GroupLag, MemberDescription, TopicPartition
from pykafka_cli.output.columns import MISSING, columns, or_missing

_CELL = 15
_INSTANCE, _STRATEGY, _ASSIGNMENT, _COORDINATOR = 17, 20, 20, 25


def offsets(rows: Sequence[GroupLag], *, verbose: bool) -> str:
    """One group's partitions; nothing at all without rows."""
    if not rows:
        return ""
    header = ["GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST"]
    lines = [[*header, "CLIENT-ID"], *map(_offset_cells, rows)]
    widths = [_CELL, _CELL, 10, _CELL, _CELL, _CELL, _CELL, _CELL, 0]
    if verbose:
        epochs = ["LEADER-EPOCH", *(or_missing(row.leader_epoch) for row in rows)]
        lines = [[*line[:3], epoch, *line[3:]] for line, epoch in zip(lines, epochs, strict=True)]
        widths.insert(3, _CELL)
    return "\n" + columns(lines, widths)


def _offset_cells(row: GroupLag) -> list[str]:
    member = row.member
    return [
        row.group, row.partition.topic, str(row.partition.partition), or_missing(row.current_offset),
        or_missing(row.log_end_offset), or_missing(row.lag),
        *((member.member_id, member.host, member.client_id) if member else (MISSING, MISSING, MISSING)),
    ]  # fmt: skip


def members(group: GroupDescription, *, verbose: bool) -> str:
    """One group's members; the header alone where there are none."""
    header = ["GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS"]
    lines = [header, *(_member_cells(group.group, each) for each in group.members)]
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


def _member_cells(group: str, member: MemberDescription) -> list[str]:
    count = str(len(member.assignment))
    return [group, member.member_id, member.instance_id or "", member.host, member.client_id, count]


def _epoch_cells(group: GroupDescription, member: MemberDescription) -> list[str]:
    has_target = member.target is not None
    return [
        or_missing(member.epoch),
        assignment(member.assignment),
        or_missing(group.target_epoch if has_target else None),
        assignment(member.target or ()),
    ]


def assignment(partitions: Iterable[TopicPartition]) -> str:
    """`topic:0,1,2;other:0`; `-` for none."""
    by_topic: dict[str, list[str]] = {}
    for topic, partition in sorted(partitions):
        by_topic.setdefault(topic, []).append(str(partition))
    return ";".join(f"{topic}:{','.join(its)}" for topic, its in by_topic.items()) or MISSING


def state(group: GroupDescription, *, verbose: bool) -> str:
    """One group's coordinator, assignor and state."""
    broker = group.coordinator
    header = ["GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE"]
    row = [group.group, f"{broker.host}:{broker.port}  ({broker.id})", group.assignor or MISSING, group.state]
    widths = [_CELL, _COORDINATOR, _STRATEGY, 20]
    if verbose:
        header += ["GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH"]
        row += [or_missing(group.epoch), or_missing(group.target_epoch)]
        widths += [_CELL, 25]
    lines = [[*header, "#MEMBERS"], [*row, str(len(group.members))]]
    return "\n" + columns(lines, [*widths, 0])


def reset_plan(plan: Mapping[str, Mapping[TopicPartition, int]]) -> str:
    """New offsets by group; nothing without groups."""
    if not plan:
        return ""
    rows = [
        [group, topic, str(partition), str(offset)]
        for group, offsets_ in plan.items()
        for (topic, partition), offset in offsets_.items()
    ]
    header = ["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"]
    return "\n" + columns([header, *rows], [_CELL, _CELL, 10, 0])


def deleted_offsets(rows: Iterable[tuple[str, int | None, str | None]]) -> str:
    """(topic, partition, error); the partition is None where the topic could not be looked up."""
    lines = [["TOPIC", "PARTITION", "STATUS"]]
    for topic, partition, problem in rows:
        lines.append([topic, or_missing(partition), "Successful" if problem is None else f"Error: {problem}"])
    widths = [max(_CELL, *(len(line[0]) for line in lines)), 10, _CELL]
    return "\n" + "".join(" ".join(f"{c:<{w}}" for c, w in zip(line, widths, strict=True)) + "\n" for line in lines)
