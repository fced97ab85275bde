"""How a controller deletes topics, over a ZooKeeper in memory and with brokers that only listen."""

from pykafka_cli.model import TopicPartition
from tests.fakes.controlled_cluster import ControlledCluster


async def test_a_deleted_topic_is_forgotten_stopped_deleted_and_then_its_znodes_go(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])
    cluster.told()

    await cluster.delete_topic("t")

    forget = "UpdateMetadata brokers 0,1,2; t-0 leader -2"
    assert cluster.told() == {
        0: [forget, "StopReplica t-0 epoch -2", "StopReplica t-0 epoch -2 delete"],
        1: [forget, "StopReplica t-0 epoch -2", "StopReplica t-0 epoch -2 delete"],
        2: [forget],
    }
    left = [path for path in cluster.zookeeper.tree() if "/t" in path.removeprefix("/brokers/topics")]
    assert left == ["/config/topics"]
    assert "t" not in cluster.brokers[2].cache


async def test_deletion_waits_for_a_broker_that_is_down(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])
    await cluster.kill(1)

    await cluster.delete_topic("t")
    assert cluster.exists("/admin/delete_topics/t")
    assert cluster.exists("/brokers/topics/t")
    assert "t" not in cluster.brokers[0].cache
    await cluster.start(1)

    assert not cluster.exists("/brokers/topics/t")
    assert not cluster.exists("/admin/delete_topics/t")


async def test_a_topic_whose_replica_cannot_be_deleted_stays_until_its_broker_restarts(
    cluster: ControlledCluster,
) -> None:
    await cluster.create_topic("t", [0, 1])
    cluster.brokers[1].refuses_delete.add(TopicPartition("t", 0))

    await cluster.delete_topic("t")
    assert cluster.exists("/brokers/topics/t")
    await cluster.kill(1)
    await cluster.start(1)

    assert not cluster.exists("/brokers/topics/t")


async def test_a_request_to_delete_what_is_not_there_is_removed(cluster: ControlledCluster) -> None:
    await cluster.delete_topic("nosuch")

    assert not cluster.exists("/admin/delete_topics/nosuch")


async def test_a_topic_that_is_being_deleted_gets_no_more_partitions(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])
    await cluster.kill(1)
    await cluster.delete_topic("t")

    await cluster.write_assignment("t", [0, 1], [0])

    assert len(cluster.assignment("t").partitions) == 1
    assert not cluster.exists("/brokers/topics/t/partitions/1")


async def test_topics_stay_where_deletion_is_disabled() -> None:
    cluster = ControlledCluster(delete_topic_enable="false")
    await cluster.start(0)
    await cluster.create_topic("t", [0])

    await cluster.delete_topic("t")

    assert cluster.exists("/brokers/topics/t")
    assert not cluster.exists("/admin/delete_topics/t")
    await cluster.close()


async def test_a_topic_can_be_made_again_under_its_old_name(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0])
    first = cluster.assignment("t").topic_id
    assert first
    await cluster.delete_topic("t")

    await cluster.create_topic("t", [1])

    assert cluster.assignment("t").topic_id != first
    assert cluster.briefly("t") == "leader 1 epoch 0 isr 1"
    assert cluster.brokers[2].cache.topic_name(first) is None
