"""What a broker that starts has to know before it admits clients."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from pykafka_cli.broker.metadata.admission import LOOK_AGAIN, are_settled, wait_for_metadata
from pykafka_cli.broker.metadata.cache import MetadataCache
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.model import BrokerId, TopicPartition
from pykafka_cli.protocol.inter_broker import (
    UpdateMetadataBroker,
    UpdateMetadataPartitionState,
    UpdateMetadataRequest,
    UpdateMetadataTopicState,
)
from tests.fakes.clock import FakeClock
from tests.fakes.controlled_cluster import ControlledBroker, ControlledCluster
from tests.support.event_loop import settle, until

PATIENCE_S = 18.0
TP = TopicPartition("t", 0)


def cache_with(leader: int, isr: tuple[int, ...], *, alive: tuple[int, ...], offline: tuple[int, ...]) -> MetadataCache:
    cache = MetadataCache(WaitingRoom(FakeClock()))
    state = UpdateMetadataPartitionState(
        partition_index=0, controller_epoch=1, leader=leader, leader_epoch=0, isr=isr, zk_version=0,
        replicas=(0, 1), offline_replicas=offline,
    )  # fmt: skip
    cache.apply(
        UpdateMetadataRequest(
            controller_id=0,
            controller_epoch=1,
            topic_states=(UpdateMetadataTopicState(topic_name="t", partition_states=(state,)),),
            live_brokers=tuple(UpdateMetadataBroker(id=each) for each in alive),
        )
    )
    return cache


@pytest.mark.parametrize(
    ("leader", "isr", "alive", "offline", "is_settled"),
    [
        pytest.param(0, (0, 1), (0, 1), (), True, id="its leader is alive"),
        pytest.param(-1, (0,), (0, 1), (), False, id="it has none, and one can be elected"),
        pytest.param(1, (0, 1), (0,), (1,), False, id="its leader is dead, and another can be elected"),
        pytest.param(
            0, (0, 1), (0, 1), (0,), False, id="its leader's directory has failed, and another can be elected"
        ),
        pytest.param(-1, (1,), (0,), (1,), True, id="it has none, and nobody can be elected"),
        pytest.param(-1, (0,), (0,), (0,), True, id="it has none, and the directory of the last in sync has failed"),
    ],
)
def test_a_partition_is_settled_when_no_election_is_to_be_expected(
    leader: int, isr: tuple[int, ...], alive: tuple[int, ...], offline: tuple[int, ...], *, is_settled: bool
) -> None:
    cache = cache_with(leader, isr, alive=alive, offline=offline)

    assert are_settled(cache, [TP]) is is_settled


def test_a_partition_of_which_nothing_was_sent_is_not_settled() -> None:
    assert not are_settled(MetadataCache(WaitingRoom(FakeClock())), [TP])


# ---- waiting, beside a real controller over a ZooKeeper in memory


@pytest.fixture
async def cluster() -> AsyncIterator[ControlledCluster]:
    cluster = ControlledCluster()
    yield cluster
    await cluster.close()


async def known_at_admission(cluster: ControlledCluster, broker_id: int) -> dict[str, list[BrokerId]]:
    """Start a broker; the leaders that it knows when it admits clients."""
    cluster.brokers.pop(broker_id, None)
    starting = asyncio.ensure_future(cluster.start(broker_id))
    await until(lambda: broker_id in cluster.brokers)
    broker = cluster.brokers[broker_id]
    assert await waits(cluster, broker)
    known = {
        topic: [state.leader for _, state in sorted(broker.cache.partitions(topic).items())]
        for topic in broker.cache.topics()
    }
    await starting
    return known


async def waits(cluster: ControlledCluster, broker: ControlledBroker) -> bool:
    return await wait_for_metadata(
        broker.cache, broker.store, broker.waiting, cluster.clock, broker.id, patience=PATIENCE_S
    )


async def test_the_first_broker_of_an_empty_cluster_admits_clients(cluster: ControlledCluster) -> None:
    assert await known_at_admission(cluster, 0) == {}


async def test_a_broker_that_becomes_the_controller_knows_topics_and_has_elected_leaders(
    cluster: ControlledCluster,
) -> None:
    await cluster.start(0)
    await cluster.create_topic("t", [0], [0])
    await cluster.create_topic("u", [0])
    await cluster.kill(0)

    assert await known_at_admission(cluster, 0) == {"t": [0, 0], "u": [0]}


async def test_a_broker_that_comes_back_to_a_controller_leads_again_what_only_it_can(
    cluster: ControlledCluster,
) -> None:
    await cluster.start(0, 1)
    await cluster.create_topic("t", [1], [0, 1])
    await cluster.kill(1)

    assert await known_at_admission(cluster, 1) == {"t": [1, 0]}


async def test_what_nobody_can_lead_and_topics_without_any_state_are_not_waited_for(
    cluster: ControlledCluster,
) -> None:
    await cluster.start(0, 1)
    await cluster.create_topic("t", [1], [0])
    await cluster.create_topic("never-led", [7])
    await cluster.kill(1)
    await cluster.kill(0)

    assert await known_at_admission(cluster, 0) == {"t": [-1, 0]}


async def test_a_topic_that_is_deleted_meanwhile_is_waited_for_no_longer(cluster: ControlledCluster) -> None:
    await cluster.start(0)
    await cluster.create_topic("t", [0])
    await cluster.kill(0)
    broker = ControlledBroker(cluster, 0, None)
    cluster.brokers[0] = broker
    broker.cache.apply(
        UpdateMetadataRequest(controller_id=0, controller_epoch=1, live_brokers=(UpdateMetadataBroker(id=0),))
    )
    waiting = asyncio.ensure_future(waits(cluster, broker))
    await settle()
    assert not waiting.done()

    await cluster.hand.create("/admin/delete_topics/t")
    cluster.clock.advance(LOOK_AGAIN)

    assert await waiting


async def test_without_a_controller_the_wait_has_an_end(cluster: ControlledCluster) -> None:
    broker = ControlledBroker(cluster, 0, None)
    waiting = asyncio.ensure_future(waits(cluster, broker))
    await settle()
    cluster.clock.advance(PATIENCE_S - 1)
    await settle()
    assert not waiting.done()

    cluster.clock.advance(1)

    assert not await waiting
    assert len(broker.waiting) == 0


async def test_without_zookeeper_the_wait_has_an_end_too(
    cluster: ControlledCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = ControlledBroker(cluster, 0, None)
    broker.cache.apply(
        UpdateMetadataRequest(controller_id=0, controller_epoch=1, live_brokers=(UpdateMetadataBroker(id=0),))
    )
    monkeypatch.setattr(broker.store, "topics", asyncio.Event().wait)
    waiting = asyncio.ensure_future(waits(cluster, broker))
    await settle()
    cluster.clock.advance(PATIENCE_S)

    assert not await waiting
