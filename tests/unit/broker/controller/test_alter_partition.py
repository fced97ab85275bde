"""What a leader may make of its ISR."""

from dataclasses import replace

import pytest

from pykafka_cli.broker.controller.alter_partition import (
    RECOVERED,
    RECOVERING,
    Unchanged,
    WantedIsr,
    decide,
)
from pykafka_cli.broker.errors import (
    BrokerError,
    FencedLeaderEpoch,
    IneligibleReplica,
    InvalidRequest,
    InvalidUpdateVersion,
    NotController,
    UnknownTopicOrPartition,
)
from pykafka_cli.model import BrokerId, ControllerEpoch, LeaderEpoch, PartitionEpoch
from pykafka_cli.zookeeper.topic_znodes import PartitionState
from tests.support.brokers import broker_ids

CURRENT = PartitionState(
    BrokerId(1), LeaderEpoch(7), broker_ids(1, 2), ControllerEpoch(4), RECOVERED, partition_epoch=PartitionEpoch(3)
)
SHRUNK = WantedIsr(BrokerId(1), LeaderEpoch(7), broker_ids(1), RECOVERED, PartitionEpoch(3))
LIVE = broker_ids(1, 2, 3)


def test_a_wish_of_the_leader_that_knows_the_current_state_is_written() -> None:
    assert decide(SHRUNK, CURRENT, LIVE) == replace(CURRENT, isr=broker_ids(1))


@pytest.mark.parametrize("partition_epoch", [2, 3])
def test_what_is_so_already_is_no_error(partition_epoch: int) -> None:
    wanted = WantedIsr(BrokerId(1), LeaderEpoch(7), broker_ids(1, 2), RECOVERED, PartitionEpoch(partition_epoch))
    assert decide(wanted, CURRENT, LIVE) == Unchanged(CURRENT)


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        (SHRUNK._replace(partition_epoch=PartitionEpoch(4)), NotController),
        (SHRUNK._replace(leader_epoch=LeaderEpoch(8)), NotController),
        (SHRUNK._replace(leader_epoch=LeaderEpoch(6)), FencedLeaderEpoch),
        (SHRUNK._replace(partition_epoch=PartitionEpoch(2)), InvalidUpdateVersion),
        (SHRUNK._replace(isr=broker_ids(1, 2, 9)), IneligibleReplica),
        (SHRUNK._replace(recovering=RECOVERING), InvalidRequest),
    ],
    ids=["of a later state", "of a later leader", "of an earlier leader", "of an earlier state", "with a dead replica",
         "to recover once more"],
)  # fmt: skip
def test_other_wishes_are_rejected(wanted: WantedIsr, refusal: type[BrokerError]) -> None:
    with pytest.raises(refusal):
        decide(wanted, CURRENT, LIVE)


def test_a_recovering_leader_stays_alone_until_it_has_recovered() -> None:
    recovering = replace(CURRENT, isr=broker_ids(1), recovering=RECOVERING)
    wanted = WantedIsr(BrokerId(1), LeaderEpoch(7), broker_ids(1, 2), RECOVERING, PartitionEpoch(3))

    with pytest.raises(InvalidRequest):
        decide(wanted, recovering, LIVE)
    assert decide(wanted._replace(recovering=RECOVERED), recovering, LIVE) == CURRENT


def test_a_partition_without_a_state_is_unknown() -> None:
    with pytest.raises(UnknownTopicOrPartition):
        decide(SHRUNK, None, LIVE)
