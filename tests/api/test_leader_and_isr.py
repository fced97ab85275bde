import asyncio
import threading
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.model import TopicPartition
from tests.fakes.files import MemoryFiles
from tests.fakes.replica_cluster import LEADER_AND_ISR, Node, PartitionState, ReplicaCluster
from tests.support.polling import PATIENCE_S
from tests.support.replicas import TOPIC, cluster_with_topic

T0 = TopicPartition(TOPIC, 0)


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await cluster_with_topic(1, 2)
    yield cluster
    await cluster.close()


async def told(cluster: ReplicaCluster, node: int = 1, **fields: int) -> Any:
    """The controller's present state of T0, sent to one broker; the codes of the response, whole and for T0."""
    receiver = cluster.nodes[node]
    request = cluster.controller.leader_and_isr([T0], receiver, **fields)
    response = await receiver.ask(LEADER_AND_ISR, request)
    partition_errors = [each.error_code for topic in response.topics for each in topic.partition_errors]
    return response.error_code, partition_errors


def state(cluster: ReplicaCluster) -> PartitionState:
    return cluster.controller.partitions[T0]


async def test_a_newer_leader_epoch_is_accepted(cluster: ReplicaCluster) -> None:
    state(cluster).leader_epoch += 1
    state(cluster).leader = 2

    assert await told(cluster) == (ErrorCode.none, [ErrorCode.none])
    assert cluster.nodes[1].replicas.partition(T0).leader == 2


async def test_the_answer_names_topics_by_id(cluster: ReplicaCluster) -> None:
    request = cluster.controller.leader_and_isr([T0], cluster.nodes[1])
    response = await cluster.nodes[1].ask(LEADER_AND_ISR, request)

    assert [topic.topic_id for topic in response.topics] == [cluster.controller.topic_ids[TOPIC]]


async def test_a_leader_epoch_that_is_no_news_is_stale(cluster: ReplicaCluster) -> None:
    assert await told(cluster) == (ErrorCode.none, [ErrorCode.stale_controller_epoch])


async def test_a_request_for_an_earlier_run_of_the_broker_is_rejected(cluster: ReplicaCluster) -> None:
    state(cluster).leader_epoch += 1

    assert await told(cluster, broker_epoch=0) == (ErrorCode.stale_broker_epoch, [])
    assert await told(cluster, broker_epoch=-1) == (ErrorCode.none, [ErrorCode.none])


async def test_an_earlier_controller_is_rejected(cluster: ReplicaCluster) -> None:
    state(cluster).leader_epoch += 1
    assert await told(cluster, controller_epoch=7) == (ErrorCode.none, [ErrorCode.none])
    state(cluster).leader_epoch += 1

    assert await told(cluster, controller_epoch=6) == (ErrorCode.stale_controller_epoch, [])


async def test_another_topic_of_the_same_name_is_rejected(cluster: ReplicaCluster) -> None:
    cluster.controller.topic_ids[TOPIC] = uuid.uuid4()
    state(cluster).leader_epoch += 1

    assert await told(cluster) == (ErrorCode.none, [ErrorCode.inconsistent_topic_id])


async def test_a_broker_without_assignment_rejects(cluster: ReplicaCluster) -> None:
    state(cluster).replicas = (2, 3)
    state(cluster).leader_epoch += 1

    assert await told(cluster) == (ErrorCode.none, [ErrorCode.unknown_topic_or_partition])


async def test_coordinators_learn_of_new_leadership_once_and_of_its_end(cluster: ReplicaCluster) -> None:
    heard = []
    node = cluster.nodes[1]
    node.replicas.on_leadership.append(lambda began, ended: heard.append((began, ended)))
    await cluster.controller.create("u", (1, 2), (2, 1))
    (u0, u1) = TopicPartition("u", 0), TopicPartition("u", 1)

    await cluster.controller.elect(u0, 1)
    await cluster.controller.elect(u0, 2)
    await cluster.controller.delete("u")

    assert heard == [([(u0, 0)], [u1]), ([], []), ([], [u0]), ([], [u0, u1])]


async def test_a_follower_of_a_dead_leader_keeps_its_log_and_fetches_nothing(cluster: ReplicaCluster) -> None:
    await cluster.nodes[1].produce(TOPIC, b"a", acks=-1)
    await cluster.wait(1)
    state(cluster).leader, state(cluster).leader_epoch = -1, 5

    await told(cluster, node=2)

    assert cluster.nodes[2].log(TOPIC).log_end == 1
    assert cluster.nodes[2].replicas.partition(T0).leader_epoch == 0


async def test_a_new_partition_is_written_to_the_disk_with_its_topic_id(cluster: ReplicaCluster) -> None:
    files = cluster.nodes[1].files
    (path,) = [path for path in files.paths() if path.endswith("t-0/partition.metadata")]

    text = files.read(path).decode()

    assert text.startswith("version: 0\ntopic_id: ")


async def test_a_leader_that_comes_back_elsewhere_is_followed_there(cluster: ReplicaCluster) -> None:
    await cluster.fail(1)
    await cluster.restart(1)
    await cluster.controller.elect(T0, 1)
    await cluster.nodes[1].produce(TOPIC, b"a", acks=1)
    await cluster.wait(3)

    assert cluster.nodes[2].log(TOPIC).log_end == 1


class SlowFiles(MemoryFiles):
    """Makes no directory of topic u before `released` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def make_directory(self, path: str) -> None:
        if "/u-" in path:
            assert self.released.wait(PATIENCE_S)
        super().make_directory(path)


@pytest.fixture
async def slow() -> AsyncIterator[ReplicaCluster]:
    """A broker that leads topic t, and whose disk is slow to take topic u."""
    cluster = ReplicaCluster()
    node = cluster.nodes[1] = Node(cluster, 1)
    node.files = SlowFiles()
    await node.start()
    await cluster.controller.create(TOPIC, (1,))
    yield cluster
    release(node)
    await cluster.close()


def release(node: Node) -> None:
    assert isinstance(node.files, SlowFiles)
    node.files.released.set()


async def test_others_are_served_while_logs_are_created(slow: ReplicaCluster) -> None:
    node = slow.nodes[1]
    creating = asyncio.ensure_future(slow.controller.create("u", (1,), (1,)))
    await slow.settle()

    produced = await node.produce(TOPIC, b"a")

    assert produced.error_code is ErrorCode.none
    assert not creating.done()
    release(node)
    await creating
    assert node.replicas.partition(TopicPartition("u", 1)).is_leader


async def test_an_election_that_is_overtaken_while_logs_are_created_changes_nothing(slow: ReplicaCluster) -> None:
    node = slow.nodes[1]
    slow.controller.decide("u", (1,))
    partition = TopicPartition("u", 0)
    request = slow.controller.leader_and_isr([partition], node, is_new=True)
    asked = asyncio.ensure_future(node.ask(LEADER_AND_ISR, request))
    await slow.settle()

    node.metadata.controller_epoch = slow.controller.epoch + 1
    release(node)

    assert (await asked).error_code is ErrorCode.stale_controller_epoch
    assert node.replicas.hosted.get(partition) is None


async def test_a_deletion_comes_after_the_creation_that_was_sent_before(slow: ReplicaCluster) -> None:
    node = slow.nodes[1]
    partition = TopicPartition("u", 0)
    creating = asyncio.ensure_future(slow.controller.create("u", (1,)))
    await slow.settle()

    deleting = asyncio.ensure_future(slow.controller.delete("u"))
    await slow.settle()
    assert not deleting.done()
    release(node)
    await asyncio.gather(creating, deleting)

    assert node.logs.get(partition) is None
    assert node.replicas.hosted.get(partition) is None
