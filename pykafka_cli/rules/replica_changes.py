"""Changes replication factors: which brokers get replicas of existing partitions, and which lose one.

The first replica, the preferred leader, stays. A new replica goes to a rack without one, then to the broker with the
fewest replicas; one is removed that is out of sync, then from the broker with the most.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pykafka_cli.model import Broker, BrokerId, PartitionDescription


class TooFewBrokers(Exception):
    """More replicas than there are brokers."""

    def __init__(self, brokers: int) -> None:
        super().__init__("there is 1 broker" if brokers == 1 else f"there are {brokers} brokers")


def settled_replicas(partition: PartitionDescription) -> tuple[BrokerId, ...]:
    """The replicas of a partition after its current reassignment."""
    leaving = set(partition.removing_replicas or ())
    return tuple(replica for replica in partition.replicas if replica not in leaving)


def change_replicas(
    partitions: Mapping[int, PartitionDescription],
    factor: int,
    brokers: Sequence[Broker],
    load: Mapping[BrokerId, int],
) -> dict[int, tuple[BrokerId, ...]]:
    """New replicas for the partitions that do not have `factor` of them.

    load      numbers of replicas of all topics, by broker
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
    """Numbers of replicas by broker."""
    return Counter(replica for partition in partitions for replica in partition.replicas)


def _best_new(
    replicas: Sequence[BrokerId], racks: Mapping[BrokerId, str | None], counts: Mapping[BrokerId, int], turn: int
) -> BrokerId:
    used = {racks.get(replica) for replica in replicas}
    free = [broker for broker in sorted(racks) if broker not in replicas]
    first = turn % len(free)
    order = free[first:] + free[:first]  # among equal brokers, each partition starts with a different one
    return min(order, key=lambda broker: (racks[broker] is not None and racks[broker] in used, counts[broker]))
