"""A group's position and lag in each partition.

source  ConsumerGroupCommand.collectGroupsOffsets
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pykafka_cli.model import GroupDescription, GroupLag, LeaderEpoch, Offset, TopicPartition


def lag_rows(
    group: GroupDescription,
    committed: Mapping[TopicPartition, Offset],
    log_ends: Mapping[TopicPartition, Offset],
    epochs: Mapping[TopicPartition, LeaderEpoch] = MappingProxyType({}),
) -> list[GroupLag]:
    """Partitions of members, beginning with the member that has most; then unassigned partitions with an offset.

    committed   offsets of the group; partitions without one are missing
    log_ends    the ends of the logs; deleted partitions are missing
    epochs      committed leader epochs
    """

    def row(partition: TopicPartition) -> GroupLag:
        return GroupLag(
            group.group, partition, committed.get(partition), log_ends.get(partition), None, epochs.get(partition)
        )

    rows = [
        row(partition)._replace(member=member)
        for member in sorted(group.members, key=lambda each: (-len(each.assignment), each.member_id))
        for partition in sorted(member.assignment)
    ]
    read = {each.partition for each in rows}
    return rows + [row(partition) for partition in sorted(committed) if partition not in read]


def partitions_of(group: GroupDescription, committed: Iterable[TopicPartition]) -> set[TopicPartition]:
    """All partitions whose ends `lag_rows` needs."""
    return {partition for member in group.members for partition in member.assignment}.union(committed)
