"""The result of a leader's request for another ISR (AlterPartition, KIP-497): accepted, already so, or rejected.

source  kafka.controller.KafkaController, tryProcessAlterPartition
"""

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from kio.schema.errors import ErrorCode

from pykafka_cli.model import BrokerId, LeaderEpoch, PartitionEpoch
from pykafka_cli.zookeeper.kafka_znodes import PartitionState

RECOVERED, RECOVERING = 0, 1


class WantedIsr(NamedTuple):
    """One partition of the request, as its leader sees it."""

    leader: BrokerId
    leader_epoch: LeaderEpoch
    isr: tuple[BrokerId, ...]
    recovering: int
    partition_epoch: PartitionEpoch


class AlreadySo(NamedTuple):
    """Nothing to write: the response to this very request was lost, or something else had the same result."""

    state: PartitionState


def decide(
    wanted: WantedIsr, current: PartitionState | None, live: Collection[BrokerId]
) -> PartitionState | AlreadySo | ErrorCode:
    """The state to write over the current one, or why nothing is written.

    NOT_CONTROLLER              the leader knows a later epoch than we: we are no longer the controller
    FENCED_LEADER_EPOCH         it no longer leads
    INVALID_UPDATE_VERSION      the partition has changed since
    INELIGIBLE_REPLICA          it wants a replica whose broker is gone or shutting down (KIP-841)
    INVALID_REQUEST             a leader that is still recovering wants company, or recovery to begin again (KIP-704)
    """
    if current is None:
        return ErrorCode.unknown_topic_or_partition
    if wanted.partition_epoch > current.partition_epoch or wanted.leader_epoch > current.leader_epoch:
        return ErrorCode.not_controller
    if wanted.leader_epoch < current.leader_epoch:
        return ErrorCode.fenced_leader_epoch
    if _same_but_for_epoch(wanted, current):
        return AlreadySo(current)
    if wanted.partition_epoch < current.partition_epoch:
        return ErrorCode.invalid_update_version
    if wanted.recovering == RECOVERING and (len(wanted.isr) > 1 or current.recovering == RECOVERED):
        return ErrorCode.invalid_request
    if not set(wanted.isr) <= set(live):
        return ErrorCode.ineligible_replica
    return replace(current, leader=wanted.leader, isr=wanted.isr, recovering=wanted.recovering)


def _same_but_for_epoch(wanted: WantedIsr, current: PartitionState) -> bool:
    return (
        wanted.leader == current.leader
        and wanted.isr == current.isr
        and wanted.recovering == current.recovering
        and wanted.partition_epoch <= current.partition_epoch
    )
