"""What the controller concludes from what it has read."""

import uuid

import pytest

from pykafka_cli.broker.controller.cluster_state import ClusterState
from pykafka_cli.broker.controller.partition_states import PartitionStatus
from pykafka_cli.broker.controller.replica_states import ReplicaStatus
from pykafka_cli.broker.metadata.fenced_writes import Fence
from pykafka_cli.model import BrokerEpoch, BrokerId, ControllerEpoch, LeaderEpoch, TopicPartition
from pykafka_cli.zookeeper.kafka_znodes import BrokerRegistration
from pykafka_cli.zookeeper.topic_znodes import PartitionState, ReplicaAssignment, TopicAssignment
from tests.support.brokers import broker_ids

PARTITION = TopicPartition("t", 0)


@pytest.mark.parametrize(
    ("epochs", "restarted"),
    [
        ({0: 5, 1: 6, 2: 7}, []),
        ({0: 12, 1: 6, 2: 7}, [0]),
        ({0: 12, 1: 13, 2: 7}, [0, 1]),
        ({0: 12, 1: 13, 2: 14}, []),
        ({0: 12, 1: 13}, []),
        ({0: 5, 1: 6, 2: 7, 3: 12}, []),
    ],
    ids=["none", "one", "two of three", "all of them", "all that live", "one that is not in sync"],
)
def test_brokers_have_restarted_that_registered_after_a_state_in_which_others_are_in_sync_as_well(
    epochs: dict[int, int], restarted: list[int]
) -> None:
    state = ClusterState(Fence(ControllerEpoch(1), 0))
    state.brokers = {
        BrokerId(each): BrokerRegistration(BrokerId(each), (), epoch=BrokerEpoch(epoch))
        for each, epoch in epochs.items()
    }
    state.leaders[PARTITION] = PartitionState(BrokerId(0), LeaderEpoch(3), broker_ids(0, 1, 2), ControllerEpoch(1))

    assert state.restarted_since({PARTITION: 10}) == restarted


def test_nothing_of_topics_that_are_removed_is_kept() -> None:
    state, ids = ClusterState(Fence(ControllerEpoch(1), 0)), {name: uuid.uuid4() for name in ("t", "u", "v")}
    for name, topic_id in ids.items():
        state.add_topic(name, TopicAssignment({0: ReplicaAssignment(broker_ids(0, 1))}, topic_id))
    for partition in state.all_partitions():
        state.leaders[partition] = PartitionState(BrokerId(0), LeaderEpoch(0), broker_ids(0, 1), ControllerEpoch(1))
        state.partition_status[partition] = PartitionStatus.ONLINE
        state.reassigning.add(partition)
    state.replica_status = dict.fromkeys(state.replicas_of(state.all_partitions()), ReplicaStatus.ONLINE)
    state.to_delete |= {"t", "u"}

    state.remove_topics(["t", "u"])

    left = TopicPartition("v", 0)
    assert list(state.all_partitions()) == list(state.leaders) == list(state.partition_status) == [left]
    assert state.reassigning == {left}
    assert {replica.partition for replica in state.replica_status} == {left}
    assert (state.to_delete, state.topic_names) == (set(), {ids["v"]: "v"})
