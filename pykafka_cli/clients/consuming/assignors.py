"""Assignors choose the partitions of members; in a classic group, the leader runs one for all members.

    range               consecutive partitions of each topic, to members in order
    roundrobin          all partitions of all topics, to members in turn
    sticky              balanced, with as few moves as possible
    cooperative-sticky  the same; a moving partition is unassigned until its owner has given it up

Racks are ignored. source  RangeAssignor, RoundRobinAssignor, AbstractStickyAssignor, CooperativeStickyAssignor;
KIP-54, KIP-429
"""

from collections.abc import Callable, Mapping
from itertools import cycle

from pykafka_cli.clients.member_messages import Subscription
from pykafka_cli.model import TopicPartition

Assignment = dict[str, list[TopicPartition]]
"""Partitions by member id."""


Subscriptions = Mapping[str, Subscription]
PartitionCounts = Mapping[str, int]
"""Partitions of each topic; topics that do not exist are missing."""


def assign_range(members: Subscriptions, counts: PartitionCounts) -> Assignment:
    assignment: Assignment = {member: [] for member in members}
    ordered = _static_first(members)
    for topic in sorted(counts):
        interested = [member for member in ordered if topic in members[member].topics]
        if not interested:
            continue
        each, more = divmod(counts[topic], len(interested))
        start = 0
        for position, member in enumerate(interested):
            end = start + each + (position < more)
            assignment[member] += [TopicPartition(topic, index) for index in range(start, end)]
            start = end
    return assignment


def assign_round_robin(members: Subscriptions, counts: PartitionCounts) -> Assignment:
    assignment: Assignment = {member: [] for member in members}
    turn = cycle(_static_first(members))
    for partition in _all_partitions(members, counts):
        member = next(member for member in turn if partition.topic in members[member].topics)
        assignment[member].append(partition)
    return assignment


def assign_sticky(members: Subscriptions, counts: PartitionCounts) -> Assignment:
    kept = _still_valid(members, counts)
    if len({frozenset(counts.keys() & member.topics) for member in members.values()}) == 1:
        return _fill_quotas(members, counts, kept)
    return _balance(members, counts, kept)


def assign_cooperatively(members: Subscriptions, counts: PartitionCounts) -> Assignment:
    target = assign_sticky(members, counts)
    owner = _owners(members)
    return {
        member: [partition for partition in partitions if owner.get(partition, member) == member]
        for member, partitions in target.items()
    }


ASSIGNORS: Mapping[str, Callable[[Subscriptions, PartitionCounts], Assignment]] = {
    "range": assign_range,
    "roundrobin": assign_round_robin,
    "sticky": assign_sticky,
    "cooperative-sticky": assign_cooperatively,
}


def _static_first(members: Subscriptions) -> list[str]:
    """Static members by their names, then the others by their ids: so a restart does not change the order."""
    return sorted(
        members, key=lambda member: (members[member].instance is None, members[member].instance or "", member)
    )


def _all_partitions(members: Subscriptions, counts: PartitionCounts) -> list[TopicPartition]:
    wanted = {topic for member in members.values() for topic in member.topics}
    return [TopicPartition(topic, index) for topic in sorted(wanted & counts.keys()) for index in range(counts[topic])]


def _owners(members: Subscriptions) -> dict[TopicPartition, str | None]:
    """The owner of each partition: of two that claim it, the one of the later generation, if they differ."""
    claims: dict[TopicPartition, list[tuple[int, str]]] = {}
    for member, its in members.items():
        for partition in its.owned:
            claims.setdefault(partition, []).append((its.generation, member))
    owners: dict[TopicPartition, str | None] = {}
    for partition, claimants in claims.items():
        latest, member = max(claimants)
        owners[partition] = member if [generation for generation, _ in claimants].count(latest) == 1 else None
    return owners


def _still_valid(members: Subscriptions, counts: PartitionCounts) -> Assignment:
    """The partitions that each member may keep, ordered by partition and then topic."""
    kept: Assignment = {member: [] for member in members}
    for partition, member in _owners(members).items():
        exists = partition.partition < counts.get(partition.topic, 0)
        if member is not None and exists and partition.topic in members[member].topics:
            kept[member].append(partition)
    return {member: sorted(its, key=lambda each: (each.partition, each.topic)) for member, its in kept.items()}


def _fill_quotas(members: Subscriptions, counts: PartitionCounts, kept: Assignment) -> Assignment:
    """If all members subscribe to the same topics: each keeps up to its share, and the rest is distributed."""
    partitions = _all_partitions(members, counts)
    least, larger = divmod(len(partitions), len(members))  # this many members get one more than the least
    assignment: Assignment = {}
    for member in sorted(members):
        share = least + 1 if larger and len(kept[member]) > least else least
        larger -= share > least
        assignment[member] = kept[member][:share]
    taken = {partition for its in assignment.values() for partition in its}
    left = [partition for partition in partitions if partition not in taken]
    for share in (least, least + 1):
        while left and (unfilled := [member for member, its in assignment.items() if len(its) < share]):
            for member in unfilled[: len(left)]:
                assignment[member].append(left.pop(0))
    return assignment


def _balance(members: Subscriptions, counts: PartitionCounts, kept: Assignment) -> Assignment:
    """If members subscribe to different topics: assign free partitions, then move some to improve the balance."""
    assignment = {member: list(its) for member, its in kept.items()}
    partitions = _all_partitions(members, counts)
    candidates = {
        partition: [member for member in sorted(members) if partition.topic in members[member].topics]
        for partition in partitions
    }

    def load(member: str) -> tuple[int, str]:
        return len(assignment[member]), member

    taken = {partition for its in assignment.values() for partition in its}
    for partition in sorted(partitions, key=lambda each: (len(candidates[each]), each)):
        if partition not in taken:
            assignment[min(candidates[partition], key=load)].append(partition)
    while move := _helpful_move(assignment, candidates, load):
        partition, giver, taker = move
        assignment[giver].remove(partition)
        assignment[taker].append(partition)
    return assignment


def _helpful_move(
    assignment: Assignment,
    candidates: Mapping[TopicPartition, list[str]],
    load: Callable[[str], tuple[int, str]],
) -> tuple[TopicPartition, str, str] | None:
    """A partition of the most loaded member that can move to one with at least two fewer."""
    for giver in sorted(assignment, key=load, reverse=True):
        for partition in assignment[giver]:
            taker = min(candidates[partition], key=load)
            if len(assignment[taker]) + 1 < len(assignment[giver]):
                return partition, giver, taker
    return None
