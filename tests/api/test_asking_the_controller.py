"""What brokers ask the controller, and what it responds: ControlledShutdown (7), AlterPartition (56),
AllocateProducerIds (67), UpdateMetadata (6); and moves of partitions, which operators ask for (45, 46)."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from kio.schema.allocate_producer_ids.v0.request import AllocateProducerIdsRequest
from kio.schema.alter_partition import v2 as alter_v2
from kio.schema.alter_partition import v3 as alter_v3
from kio.schema.alter_partition_reassignments.v0.request import (
    AlterPartitionReassignmentsRequest,
    ReassignablePartition,
    ReassignableTopic,
)
from kio.schema.list_partition_reassignments.v0.request import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsTopics,
)
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i8, i32, i32Timedelta, i64

from pykafka_cli.protocol import inter_broker
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.inter_broker import UpdateMetadataRequest
from tests.fakes.controlled_cluster import ControlledCluster
from tests.support.administered import ask

TIMEOUT = i32Timedelta.parse(timedelta(seconds=30))


@pytest.fixture
async def cluster() -> AsyncIterator[ControlledCluster]:
    """Three brokers; broker 0 is the controller. Topic `t` has a partition on 1, 2."""
    cluster = ControlledCluster()
    await cluster.start(0, 1, 2)
    await cluster.create_topic("t", [1, 2])
    yield cluster
    await cluster.close()


def epoch_of(cluster: ControlledCluster, broker: int) -> int:
    return cluster.brokers[broker].epoch


# ---- ControlledShutdown


@pytest.mark.parametrize("version", [0, 1, 2, 3])
async def test_a_stopping_broker_learns_what_it_still_leads(cluster: ControlledCluster, version: int) -> None:
    await cluster.create_topic("handed over", [1, 0])
    await cluster.kill(2)
    schema = inter_broker.load(ApiKey.CONTROLLED_SHUTDOWN, version, "request")
    request = schema(broker_id=1, **({"broker_epoch": epoch_of(cluster, 1)} if version >= 2 else {}))

    answer = await ask(cluster, request)

    assert answer.error_code.name == "none"
    assert [(each.topic_name, each.partition_index) for each in answer.remaining_partitions] == [("t", 0)]
    assert cluster.briefly("handed over") == "leader 0 epoch 1 isr 0"


@pytest.mark.parametrize(
    ("asked", "broker_id", "epoch", "error"),
    [(0, 1, 0, "stale_broker_epoch"), (0, 9, 0, "broker_not_available"), (1, 1, 0, "not_controller")],
)
async def test_a_shutdown_that_is_rejected(
    cluster: ControlledCluster, asked: int, broker_id: int, epoch: int, error: str
) -> None:
    request = inter_broker.ControlledShutdownRequest(broker_id=broker_id, broker_epoch=epoch)

    assert (await ask(cluster, request, broker=asked)).error_code.name == error


# ---- AlterPartition


def altering(schema: Any, cluster: ControlledCluster, topic_id: uuid.UUID, *isr: int, epoch: int | None = None) -> Any:
    named = (
        {"new_isr": tuple(map(BrokerId, isr))}
        if schema is alter_v2
        else {
            "new_isr_with_epochs": tuple(
                schema.request.BrokerState(broker_id=BrokerId(each), broker_epoch=i64(-1)) for each in isr
            )
        }
    )
    partition = schema.request.PartitionData(
        partition_index=i32(0), leader_epoch=i32(0), leader_recovery_state=i8(0), partition_epoch=i32(0), **named
    )
    return schema.request.AlterPartitionRequest(
        broker_id=BrokerId(1),
        broker_epoch=i64(epoch_of(cluster, 1) if epoch is None else epoch),
        topics=(schema.request.TopicData(topic_id=topic_id, partitions=(partition,)),),
    )


@pytest.mark.parametrize("schema", [alter_v2, alter_v3], ids=["2", "3"])
async def test_a_leader_shrinks_its_isr(cluster: ControlledCluster, schema: Any) -> None:
    topic_id = cluster.assignment("t").topic_id
    assert topic_id is not None

    (topic,) = (await ask(cluster, altering(schema, cluster, topic_id, 1))).topics

    (partition,) = topic.partitions
    assert topic.topic_id == topic_id
    assert (partition.error_code.name, partition.leader_id, partition.leader_epoch) == ("none", 1, 0)
    assert (partition.isr, partition.leader_recovery_state, partition.partition_epoch) == ((1,), 0, 1)
    assert cluster.briefly("t") == "leader 1 epoch 0 isr 1"


async def test_an_isr_is_rejected_partition_by_partition(cluster: ControlledCluster) -> None:
    topic_id = cluster.assignment("t").topic_id
    assert topic_id is not None

    def errors(answer: Any) -> list[str]:
        return [each.error_code.name for topic in answer.topics for each in topic.partitions]

    assert errors(await ask(cluster, altering(alter_v3, cluster, topic_id, 1, 7))) == ["ineligible_replica"]
    assert errors(await ask(cluster, altering(alter_v3, cluster, uuid.UUID(int=7), 1))) == ["unknown_topic_id"]


async def test_an_isr_is_rejected_whole(cluster: ControlledCluster) -> None:
    topic_id = cluster.assignment("t").topic_id
    assert topic_id is not None

    stale = await ask(cluster, altering(alter_v3, cluster, topic_id, 1, epoch=0))
    elsewhere = await ask(cluster, altering(alter_v3, cluster, topic_id, 1), broker=2)

    assert (stale.error_code.name, stale.topics) == ("stale_broker_epoch", ())
    assert (elsewhere.error_code.name, elsewhere.topics) == ("not_controller", ())


# ---- AllocateProducerIds


async def test_every_block_of_producer_ids_is_given_once(cluster: ControlledCluster) -> None:
    def from_(broker: int) -> AllocateProducerIdsRequest:
        return AllocateProducerIdsRequest(broker_id=BrokerId(broker), broker_epoch=i64(epoch_of(cluster, broker)))

    blocks = [await ask(cluster, from_(broker)) for broker in (1, 2, 1)]

    assert [(block.producer_id_start, block.producer_id_len) for block in blocks] == [
        (0, 1000), (1000, 1000), (2000, 1000),
    ]  # fmt: skip


@pytest.mark.parametrize(("asked", "epoch", "error"), [(0, 0, "stale_broker_epoch"), (2, None, "not_controller")])
async def test_producer_ids_are_rejected(cluster: ControlledCluster, asked: int, epoch: int | None, error: str) -> None:
    epoch = epoch_of(cluster, 1) if epoch is None else epoch
    request = AllocateProducerIdsRequest(broker_id=BrokerId(1), broker_epoch=i64(epoch))

    assert (await ask(cluster, request, broker=asked)).error_code.name == error


# ---- UpdateMetadata


async def test_news_for_an_earlier_registration_is_not_taken(cluster: ControlledCluster) -> None:
    news = next(each for each in reversed(cluster.brokers[1].told) if isinstance(each, UpdateMetadataRequest))
    late = replace(news, broker_epoch=epoch_of(cluster, 1) - 1, controller_id=2)

    assert (await ask(cluster, late, broker=1)).error_code.name == "stale_broker_epoch"
    assert cluster.brokers[1].cache.controller_id == 0


async def test_news_of_an_earlier_controller_is_not_taken(cluster: ControlledCluster) -> None:
    news = next(each for each in reversed(cluster.brokers[1].told) if isinstance(each, UpdateMetadataRequest))
    late = replace(news, controller_epoch=news.controller_epoch - 1, controller_id=2)

    assert (await ask(cluster, late, broker=1)).error_code.name == "stale_controller_epoch"
    assert cluster.brokers[1].cache.controller_id == 0


# ---- moves of partitions


def moving(topic: str, partition: int, replicas: tuple[int, ...] | None) -> AlterPartitionReassignmentsRequest:
    wanted = None if replicas is None else tuple(map(BrokerId, replicas))
    partitions = (ReassignablePartition(partition_index=i32(partition), replicas=wanted),)
    return AlterPartitionReassignmentsRequest(
        timeout=TIMEOUT, topics=(ReassignableTopic(name=TopicName(topic), partitions=partitions),)
    )


def moved(answer: Any) -> list[tuple[str, int, str]]:
    return [(t.name, p.partition_index, p.error_code.name) for t in answer.responses for p in t.partitions]


async def test_a_move_is_begun_listed_and_cancelled(cluster: ControlledCluster) -> None:
    everything = ListPartitionReassignmentsRequest(timeout=TIMEOUT, topics=None)
    others = ListPartitionReassignmentsRequest(
        timeout=TIMEOUT,
        topics=(ListPartitionReassignmentsTopics(name=TopicName("t"), partition_indexes=(i32(1),)),),
    )

    assert moved(await ask(cluster, moving("t", 0, (0, 2)))) == [("t", 0, "none")]
    (topic,) = (await ask(cluster, everything)).topics
    (partition,) = topic.partitions
    assert (topic.name, partition.partition_index) == ("t", 0)
    assert (partition.replicas, partition.adding_replicas, partition.removing_replicas) == ((0, 2, 1), (0,), (1,))
    assert (await ask(cluster, others)).topics == ()
    assert moved(await ask(cluster, moving("t", 0, None))) == [("t", 0, "none")]
    assert (await ask(cluster, everything)).topics == ()
    assert moved(await ask(cluster, moving("t", 0, None))) == [("t", 0, "no_reassignment_in_progress")]


async def test_moves_are_the_controllers(cluster: ControlledCluster) -> None:
    listing = ListPartitionReassignmentsRequest(timeout=TIMEOUT, topics=None)

    assert (await ask(cluster, listing, broker=1)).error_code.name == "not_controller"
    assert (await ask(cluster, moving("t", 0, (0,)), broker=1)).error_code.name == "not_controller"
