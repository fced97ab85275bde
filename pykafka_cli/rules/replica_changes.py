"""More or fewer replicas for partitions that exist: which brokers get one, and which give one up.

The first replica, the preferred leader, stays where it is. A new replica goes to a rack that has none, then to the
broker with the fewest replicas; one is taken from what is out of sync, then from the broker with the most.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pykafka_cli.model import Broker, BrokerId, PartitionDescription


class TooFewBrokers(Exception):
    """More replicas than there are brokers."""

    def __init__(self, brokers: int) -> None:
        super().__init__("there is 1 broker" if brokers == 1 else f"there are {brokers} brokers")


def settled_replicas(partition: PartitionDescription) -> tuple[BrokerId, ...]:
    """The replicas that a partition has once what is being reassigned is."""
    leaving = set(partition.removing_replicas or ())
    return tuple(replica for replica in partition.replicas if replica not in leaving)


def change_replicas(
    partitions: Mapping[int, PartitionDescription],
    factor: int,
    brokers: Sequence[Broker],
    load: Mapping[BrokerId, int],
) -> dict[int, tuple[BrokerId, ...]]:
    """The replicas of those partitions that do not have `factor` of them.

    load      how many replicas each broker has, of all topics
    raises    TooFewBrokers
    """
    racks = {broker.id: broker.rack for broker in brokers}
    counts = Counter({broker.id: load.get(broker.id, 0) for broker in brokers})
    changed: dict[int, tuple[BrokerId, ...]] = {}
    for index, partition in sorted(partitions.items()):
        replicas = list(settled_replicas(partition))
        if len(replicas) == factor:
            continue
        if factor > len(brokers):
            raise TooFewBrokers(len(brokers))
        while len(replicas) < factor:
            added = _best_new(replicas, racks, counts, index)
            replicas.append(added)
            counts[added] += 1
        while len(replicas) > factor:
            removed = max(replicas[1:], key=lambda broker: (broker not in partition.isr, counts[broker], broker))
            replicas.remove(removed)
            counts[removed] -= 1
        changed[index] = tuple(replicas)
    return changed


def load_of(partitions: Iterable[PartitionDescription]) -> Counter[BrokerId]:
    """How many replicas each broker has."""
    return Counter(replica for partition in partitions for replica in partition.replicas)


def _best_new(
    replicas: Sequence[BrokerId], racks: Mapping[BrokerId, str | None], counts: Mapping[BrokerId, int], turn: int
) -> BrokerId:
    used = {racks.get(replica) for replica in replicas}
    free = [broker for broker in sorted(racks) if broker not in replicas]
    first = turn % len(free)
    order = free[first:] + free[:first]  # of those that are equal, each partition begins with another
    return min(order, key=lambda broker: (racks[broker] is not None and racks[broker] in used, counts[broker]))
