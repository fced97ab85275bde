"""Leader elections: pure decisions from a partition's replicas, its ISR and the live brokers.

Each returns the partition's next state - leader epoch one higher, partition epoch as it was, which is the version to
write over - or None when nobody can lead.

    offline       the first live replica in the ISR; else, where unclean election is allowed, the first live replica,
                  which may have lost records: then it is alone in the ISR, and recovers first (KIP-704)
    preferred     the first replica, if it is alive and in the ISR
    reassignment  the first of the wanted replicas that is alive and in the ISR
    shutdown      the first replica in the ISR that is not about to stop; those that are leave the ISR

source  kafka.controller.Election, PartitionLeaderElectionAlgorithms
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from pykafka_cli.model import BrokerId, LeaderEpoch
from pykafka_cli.zookeeper.topic_znodes import PartitionState


def led_by(current: PartitionState, leader: BrokerId | None, isr: Iterable[BrokerId]) -> PartitionState:
    """The next leader epoch of a partition."""
    return replace(current, leader=leader, leader_epoch=LeaderEpoch(current.leader_epoch + 1), isr=tuple(isr))


def elect_for_offline(
    replicas: Sequence[BrokerId], current: PartitionState, live: Collection[BrokerId], *, unclean: bool
) -> PartitionState | None:
    """`unclean`: unclean.leader.election.enable is set, or an operator requests it."""
    leader = next((replica for replica in replicas if replica in live and replica in current.isr), None)
    if leader is not None:
        return led_by(current, leader, (replica for replica in current.isr if replica in live))
    if unclean:
        leader = next((replica for replica in replicas if replica in live), None)
        if leader is not None:
            return replace(led_by(current, leader, (leader,)), recovering=1)
    return None


def elect_preferred(
    replicas: Sequence[BrokerId], current: PartitionState, live: Collection[BrokerId]
) -> PartitionState | None:
    preferred = replicas[0]
    if preferred in live and preferred in current.isr:
        return led_by(current, preferred, current.isr)
    return None


def elect_for_reassignment(
    target: Sequence[BrokerId], current: PartitionState, live: Collection[BrokerId]
) -> PartitionState | None:
    leader = next((replica for replica in target if replica in live and replica in current.isr), None)
    return None if leader is None else led_by(current, leader, current.isr)


def elect_for_shutdown(
    replicas: Sequence[BrokerId], current: PartitionState, live: Collection[BrokerId], stopping: Collection[BrokerId]
) -> PartitionState | None:
    """`live` includes those that are `stopping`: they still answer."""
    leader = next(
        (r for r in replicas if r in live and r in current.isr and r not in stopping),
        None,
    )
    if leader is None:
        return None
    return led_by(current, leader, (replica for replica in current.isr if replica not in stopping))


def without_replica(current: PartitionState, gone: BrokerId) -> PartitionState:
    """The next leader epoch when a replica is offline: it leaves the ISR, unless it is the last one there.

    The last member stays, so that only it can lead again without loss.
    """
    leader = None if current.leader == gone else current.leader
    isr = current.isr if len(current.isr) == 1 else tuple(replica for replica in current.isr if replica != gone)
    return led_by(current, leader, isr)
