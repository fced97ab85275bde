"""How a controller moves partitions, over a ZooKeeper in memory and with brokers that only listen."""

from pykafka_cli.model import BrokerId, TopicPartition
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.topic_znodes import ReplicaAssignment
from tests.fakes.controlled_cluster import ControlledCluster
from tests.support.brokers import broker_ids


async def test_a_partition_moves_when_its_new_replica_has_caught_up(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])
    tp = TopicPartition("t", 0)
    cluster.told()

    assert await cluster.controller.alter_reassignments({tp: broker_ids(2, 1)}) == {tp: None}
    await cluster.settle()

    moving = ReplicaAssignment(broker_ids(2, 1, 0), adding=broker_ids(2), removing=broker_ids(0))
    assert cluster.assignment("t").partitions == {0: moving}
    assert await cluster.controller.list_reassignments(None) == {tp: moving}
    assert cluster.briefly("t") == "leader 0 epoch 1 isr 0,1"
    assert cluster.told()[2][0] == "LeaderAndIsr t-0 leader 0 epoch 1 isr 0,1 new"

    await cluster.catch_up("t", 0, 2)

    assert cluster.assignment("t").partitions == {0: ReplicaAssignment(broker_ids(2, 1))}
    assert cluster.briefly("t") == "leader 2 epoch 3 isr 1,2"
    assert cluster.told()[0][-3:] == [
        "StopReplica t-0 epoch 2",
        "StopReplica t-0 epoch 3 delete",
        "UpdateMetadata brokers 0,1,2; t-0 leader 2",
    ]
    assert await cluster.controller.list_reassignments(None) == {}


async def test_a_move_begins_from_the_state_that_there_is(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])
    path = topic_znodes.partition_state_path(TopicPartition("t", 0))
    await cluster.hand.set(path, cluster.zookeeper.node(path).data.replace(b'"isr":[0,1]', b'"isr":[0]'))

    assert await cluster.controller.alter_reassignments({TopicPartition("t", 0): broker_ids(2, 1)}) == {
        TopicPartition("t", 0): None
    }
    await cluster.settle()

    assert cluster.briefly("t") == "leader 0 epoch 1 isr 0"


async def test_a_cancelled_move_removes_what_it_had_added(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])
    tp = TopicPartition("t", 0)
    await cluster.controller.alter_reassignments({tp: broker_ids(2, 1)})
    await cluster.settle()
    cluster.told()

    assert await cluster.controller.alter_reassignments({tp: None}) == {tp: None}
    await cluster.settle()

    assert cluster.assignment("t").partitions == {0: ReplicaAssignment(broker_ids(1, 0))}
    assert "StopReplica t-0 epoch 1 delete" in cluster.told()[2]
    assert cluster.state("t", 0).leader == 0


async def test_a_leader_that_a_cancelled_move_had_added_hands_over_before_it_is_removed(
    cluster: ControlledCluster,
) -> None:
    await cluster.create_topic("t", [0])
    tp = TopicPartition("t", 0)
    await cluster.controller.alter_reassignments({tp: broker_ids(1, 2)})
    await cluster.catch_up("t", 0, 1)
    await cluster.controller.elect_leaders([tp], preferred=True)
    assert cluster.state("t", 0).leader == 1

    await cluster.controller.alter_reassignments({tp: None})
    await cluster.settle()

    assert cluster.assignment("t").partitions == {0: ReplicaAssignment(broker_ids(0))}
    assert (cluster.state("t", 0).leader, cluster.state("t", 0).isr) == (0, (0,))


async def test_the_only_replicas_in_sync_stay_until_one_that_was_there_before_is(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0])
    tp = TopicPartition("t", 0)
    await cluster.controller.alter_reassignments({tp: broker_ids(1, 2)})
    await cluster.catch_up("t", 0, 1)
    await cluster.kill(0)
    await cluster.settle()
    assert (cluster.state("t", 0).leader, cluster.state("t", 0).isr) == (1, (1,))
    cluster.told()

    await cluster.controller.alter_reassignments({tp: None})
    await cluster.settle()

    assert cluster.state("t", 0).leader == 1
    assert not any("StopReplica" in each for each in cluster.told()[1])

    await cluster.start(0)
    await cluster.catch_up("t", 0, 0)

    assert cluster.assignment("t").partitions == {0: ReplicaAssignment(broker_ids(0))}
    assert (cluster.state("t", 0).leader, cluster.state("t", 0).isr) == (0, (0,))
    assert cluster.told()[1][-2].endswith("delete")


async def test_moves_that_cannot_be_are_rejected_each_with_its_reason(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])
    tp, unknown = TopicPartition("t", 0), TopicPartition("no", 0)

    async def refusal(partition: TopicPartition, target: tuple[BrokerId, ...] | None) -> str:
        error = (await cluster.controller.alter_reassignments({partition: target}))[partition]
        return f"{error.code.name}: {error}"

    assert await refusal(tp, broker_ids(0, 0)) == (
        "invalid_replica_assignment: Duplicate replica ids in partition reassignment replica list: ArrayBuffer(0, 0)"
    )
    assert (await refusal(tp, ())).endswith("Empty replica list specified in partition reassignment.")
    assert "brokers that are not alive" in await refusal(tp, broker_ids(0, 9))
    assert await refusal(tp, None) == "no_reassignment_in_progress: No partition reassignment is in progress."
    assert await refusal(unknown, broker_ids(0)) == "unknown_topic_or_partition: The partition does not exist."


async def test_a_move_by_znode_is_obeyed_and_the_znode_goes_when_it_is_done(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])
    for target in [broker_ids(2, 1), broker_ids(0, 1)]:
        added = target[0]

        await cluster.write(
            znodes.REASSIGN_PARTITIONS, topic_znodes.encode_reassignment({TopicPartition("t", 0): target})
        )
        assert cluster.exists(znodes.REASSIGN_PARTITIONS)
        await cluster.catch_up("t", 0, added)

        assert cluster.assignment("t").partitions == {0: ReplicaAssignment(target)}
        assert not cluster.exists(znodes.REASSIGN_PARTITIONS)


async def test_a_znode_that_wants_the_impossible_is_removed(cluster: ControlledCluster) -> None:
    await cluster.write(
        znodes.REASSIGN_PARTITIONS, topic_znodes.encode_reassignment({TopicPartition("no", 0): broker_ids(0)})
    )

    assert not cluster.exists(znodes.REASSIGN_PARTITIONS)


async def test_a_topic_that_is_being_moved_is_deleted_afterwards(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])
    await cluster.controller.alter_reassignments({TopicPartition("t", 0): broker_ids(2, 1)})
    await cluster.settle()

    await cluster.delete_topic("t")
    assert cluster.exists("/brokers/topics/t")
    await cluster.catch_up("t", 0, 2)

    assert not cluster.exists("/brokers/topics/t")
