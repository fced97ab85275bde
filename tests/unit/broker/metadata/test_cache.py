"""What UpdateMetadata does to a broker's view of the cluster."""

import asyncio
import uuid

import pytest

from pykafka_cli.broker.errors import StaleControllerEpoch
from pykafka_cli.broker.metadata.cache import MetadataCache, TopicChanged
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.inter_broker import (
    LEADER_DURING_DELETE,
    UpdateMetadataBroker,
    UpdateMetadataEndpoint,
    UpdateMetadataPartitionState,
    UpdateMetadataRequest,
    UpdateMetadataTopicState,
)
from tests.fakes.clock import FakeClock

T_ID = uuid.UUID(int=7)


def update(
    *partitions: tuple[int, int], epoch: int = 1, brokers: tuple[int, ...] = (0, 1), topic_id: uuid.UUID = T_ID
) -> UpdateMetadataRequest:
    """Partitions of topic t, each as its number and its leader."""
    states = tuple(
        UpdateMetadataPartitionState(
            partition_index=number, controller_epoch=epoch, leader=leader, leader_epoch=0, zk_version=0
        )
        for number, leader in partitions
    )
    topics = (UpdateMetadataTopicState(topic_name="t", topic_id=topic_id, partition_states=states),) if states else ()
    return UpdateMetadataRequest(
        controller_id=0,
        controller_epoch=epoch,
        topic_states=topics,
        live_brokers=tuple(
            UpdateMetadataBroker(
                id=broker,
                endpoints=(
                    UpdateMetadataEndpoint(port=9000 + broker, host="h", listener="CLIENT", security_protocol=0),
                ),
                rack=f"r{broker}",
            )
            for broker in brokers
        ),
    )


@pytest.fixture
def waiting() -> WaitingRoom:
    return WaitingRoom(FakeClock())


@pytest.fixture
def cache(waiting: WaitingRoom) -> MetadataCache:
    return MetadataCache(waiting, "cluster")


def test_topics_partitions_and_brokers_are_remembered(cache: MetadataCache) -> None:
    cache.apply(update((0, 1), (1, 0)))

    assert cache.topics() == ["t"]
    assert (cache.topic_id("t"), cache.topic_name(T_ID)) == (T_ID, "t")
    assert cache.partition_count("t") == 2
    assert cache.partition_state(TopicPartition("t", 0)).leader == 1
    assert cache.endpoint(1, "CLIENT").port == 9001
    assert (cache.rack(1), cache.controller_id) == ("r1", 0)


def test_brokers_that_are_not_named_are_gone_and_other_partitions_stay(cache: MetadataCache) -> None:
    cache.apply(update((0, 1)))
    cache.apply(update((1, 0), brokers=(0,)))

    assert [broker.id for broker in cache.brokers()] == [0]
    assert not cache.is_alive(1)
    assert sorted(cache.partitions("t")) == [0, 1]


def test_a_deleted_topic_is_forgotten_with_its_id(cache: MetadataCache) -> None:
    cache.apply(update((0, 1), (1, 1)))

    assert cache.apply(update((0, LEADER_DURING_DELETE))) == [TopicPartition("t", 0)]
    assert "t" in cache
    cache.apply(update((1, LEADER_DURING_DELETE)))

    assert "t" not in cache
    assert (cache.topic_id("t"), cache.topic_name(T_ID)) == (None, None)


def test_a_topic_made_again_has_its_new_id_only(cache: MetadataCache) -> None:
    cache.apply(update((0, 1)))
    cache.apply(update((0, 1), topic_id=uuid.UUID(int=8)))

    assert cache.topic_name(uuid.UUID(int=8)) == "t"
    assert cache.topic_name(T_ID) is None


def test_an_older_controller_is_rejected(cache: MetadataCache) -> None:
    cache.apply(update((0, 1), epoch=3))

    with pytest.raises(StaleControllerEpoch, match="epoch 2"):
        cache.apply(update((0, 0), epoch=2))
    assert cache.partition_state(TopicPartition("t", 0)).leader == 1


def test_a_broker_without_the_clients_listener_is_not_named_to_the_client(cache: MetadataCache) -> None:
    cache.apply(update())

    assert list(cache.alive_brokers("CLIENT")) == [0, 1]
    assert cache.alive_brokers("INTERNAL") == {}


async def test_who_waits_for_leaders_learns_of_them(cache: MetadataCache, waiting: WaitingRoom) -> None:
    partitions = [TopicPartition("t", 0), TopicPartition("t", 1)]
    cache.apply(update((0, 1), (1, -1)))
    heard = asyncio.ensure_future(
        waiting.wait_until([TopicChanged("t")], lambda: cache.has_leaders(partitions), deadline=10.0)
    )
    await asyncio.sleep(0)
    assert not heard.done()

    cache.apply(update((1, 0)))

    assert await heard
