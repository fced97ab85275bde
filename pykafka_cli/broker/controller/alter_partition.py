"""The result of a leader's request for another ISR (AlterPartition, KIP-497): accepted, already in effect, or rejected.

source  kafka.controller.KafkaController, tryProcessAlterPartition
"""

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from pykafka_cli.broker.errors import (
    FencedLeaderEpoch,
    IneligibleReplica,
    InvalidRequest,
    InvalidUpdateVersion,
    NotController,
    UnknownTopicOrPartition,
)
from pykafka_cli.model import BrokerId, LeaderEpoch, PartitionEpoch
from pykafka_cli.zookeeper.topic_znodes import PartitionState

RECOVERED, RECOVERING = 0, 1


class WantedIsr(NamedTuple):
    """One partition of the request, as its leader sees it."""

    leader: BrokerId
    leader_epoch: LeaderEpoch
    isr: tuple[BrokerId, ...]
    recovering: int
    partition_epoch: PartitionEpoch


class Unchanged(NamedTuple):
    """Nothing to write: the response to this very request was lost, or something else had the same result."""

    state: PartitionState


def decide(wanted: WantedIsr, current: PartitionState | None, live: Collection[BrokerId]) -> PartitionState | Unchanged:
    """The state to write over the current one.

    raises    NotController              the leader knows a later epoch than we: we are no longer the controller
              FencedLeaderEpoch          it no longer leads
              InvalidUpdateVersion       the partition has changed since
              IneligibleReplica          it wants a replica whose broker is not alive or shutting down (KIP-841)
              InvalidRequest             a leader that is recovering wants another replica in the ISR, or to recover
                                         again (KIP-704)
              UnknownTopicOrPartition    the partition has no state
    """
    if current is None:
        raise UnknownTopicOrPartition
    if wanted.partition_epoch > current.partition_epoch or wanted.leader_epoch > current.leader_epoch:
        raise NotController
    if wanted.leader_epoch < current.leader_epoch:
        raise FencedLeaderEpoch
    if _same_but_for_epoch(wanted, current):
        return Unchanged(current)
    if wanted.partition_epoch < current.partition_epoch:
        raise InvalidUpdateVersion
    if wanted.recovering == RECOVERING and (len(wanted.isr) > 1 or current.recovering == RECOVERED):
        raise InvalidRequest
    if not set(wanted.isr) <= set(live):
        raise IneligibleReplica
    return replace(current, leader=wanted.leader, isr=wanted.isr, recovering=wanted.recovering)


def _same_but_for_epoch(wanted: WantedIsr, current: PartitionState) -> bool:
    return (
        wanted.leader == current.leader
        and wanted.isr == current.isr
        and wanted.recovering == current.recovering
        and wanted.partition_epoch <= current.partition_epoch
    )
