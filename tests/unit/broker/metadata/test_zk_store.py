"""Registration, election and fenced writes: what must hold when several brokers want the same."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest

from pykafka_cli.broker.metadata.fenced_writes import ControllerMoved
from pykafka_cli.broker.metadata.zk_store import BrokerIdTaken, ZkStore
from pykafka_cli.model import TopicPartition
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.errors import BadVersion, NodeExists
from pykafka_cli.zookeeper.kafka_znodes import BrokerRegistration, Endpoint
from pykafka_cli.zookeeper.operations import Operation
from pykafka_cli.zookeeper.protocol.records import Stat
from pykafka_cli.zookeeper.topic_znodes import PartitionState, ReplicaAssignment, TopicAssignment
from tests.fakes.clock import FakeClock
from tests.fakes.zookeeper import FakeZooKeeper
from tests.support.event_loop import settle

BROKER = BrokerRegistration(5, (Endpoint("PLAINTEXT", "PLAINTEXT", "host", 9092),))
TP = TopicPartition("t", 0)
NEW = PartitionState(leader=5, leader_epoch=0, isr=(5,), controller_epoch=1)
OTHER = PartitionState(leader=5, leader_epoch=0, isr=(5, 6), controller_epoch=1)


class Cluster:
    """One tree, any number of sessions."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.zookeeper = FakeZooKeeper()

    async def store(self) -> ZkStore:
        store = ZkStore(self.zookeeper.client(), self.clock)
        await store.ensure_persistent_paths()
        return store


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


# ---- identity


async def test_a_cluster_has_one_id_whoever_comes_first(cluster: Cluster) -> None:
    one, other = await cluster.store(), await cluster.store()

    ids = await asyncio.gather(one.cluster_id(), other.cluster_id())

    assert ids[0] == ids[1]
    assert len(ids[0]) == 22


async def test_generated_broker_ids_are_above_those_that_are_set_by_hand(cluster: Cluster) -> None:
    one, other = await cluster.store(), await cluster.store()

    assert [await store.generate_broker_id(1000) for store in (one, other, one)] == [1001, 1002, 1003]


# ---- registration


async def test_a_broker_is_registered_with_the_czxid_as_its_epoch(cluster: Cluster) -> None:
    store = await cluster.store()

    epoch = await store.register_broker(BROKER, patience=9)

    assert await store.brokers() == {5: BrokerRegistration(5, BROKER.endpoints, epoch=epoch)}


async def test_a_broker_waits_for_its_own_earlier_session(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    old, new = await cluster.store(), await cluster.store()
    old_epoch = await old.register_broker(BROKER, patience=0)

    with caplog.at_level(logging.WARNING):
        registering = asyncio.ensure_future(new.register_broker(BROKER, patience=9))
        await settle()
        assert not registering.done()
        cluster.clock.advance(8)
        await settle()
        await old.client.close()
        await settle()

    assert registering.result() > old_epoch
    assert [record.message for record in caplog.records if "is held by another session" in record.message]


async def test_a_broker_gives_up_when_another_of_its_id_lives(cluster: Cluster) -> None:
    other, new = await cluster.store(), await cluster.store()
    await other.register_broker(BROKER, patience=0)

    registering = asyncio.ensure_future(new.register_broker(BROKER, patience=9))
    await settle()
    cluster.clock.advance(9)
    await settle()

    with pytest.raises(BrokerIdTaken, match=r"broker 5 is already registered at /brokers/ids/5 by session 0x\w+"):
        registering.result()


async def test_a_broker_finds_its_own_registration_whose_answer_was_lost(cluster: Cluster) -> None:
    store = await cluster.store()
    epoch = await store.register_broker(BROKER, patience=0)

    assert await store.register_broker(BROKER, patience=0) == epoch


# ---- election


async def test_one_of_two_candidates_is_elected_and_epochs_count_up(cluster: Cluster) -> None:
    one, other = await cluster.store(), await cluster.store()

    outcomes = await asyncio.gather(one.become_controller(1), other.become_controller(2), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ControllerMoved", "Fence"]
    winner, fence = next((n, f) for n, f in zip((1, 2), outcomes, strict=True) if not isinstance(f, BaseException))
    assert (await one.controller(), fence.epoch) == (winner, 1)
    await (one if winner == 1 else other).resign_controller(fence)
    assert (await other.become_controller(2)).epoch == 2


async def test_an_election_that_was_won_unnoticed_is_not_lost(cluster: Cluster) -> None:
    store = await cluster.store()
    won = await store.become_controller(1)
    real, answers = store.client.get, iter([(b"0", 0)])

    async def get_as_before(path: str, *watch: object) -> tuple[bytes | None, object]:
        data, stat = await real(path, *watch)
        if path == znodes.CONTROLLER_EPOCH and (before := next(answers, None)):
            return before[0], stat._replace(version=before[1])
        return data, stat

    store.client.get = get_as_before  # type: ignore[assignment, method-assign]

    assert await store.become_controller(1) == won


async def test_a_controller_that_was_replaced_writes_nothing(cluster: Cluster) -> None:
    one, other = await cluster.store(), await cluster.store()
    await one.create_assignment("t", TopicAssignment({}, None))
    fence = await one.become_controller(1)
    await one.client.delete(znodes.CONTROLLER)
    await other.become_controller(2)
    before = cluster.zookeeper.tree()

    for write in (
        one.create_partition_states({TP: NEW}, fence),
        one.update_partition_states({TP: NEW}, fence),
        one.set_assignment("t", TopicAssignment({}, None), fence),
        one.remove_topics(["t"], fence),
        one.forget_requested_elections(fence),
        one.resign_controller(fence),
    ):
        with pytest.raises(ControllerMoved):
            await write

    assert cluster.zookeeper.tree() == before


# ---- partitions' states


async def test_states_are_created_once_and_updated_over_the_version_that_was_read(cluster: Cluster) -> None:
    store = await cluster.store()
    await store.create_assignment("t", TopicAssignment({}, None))
    fence = await store.become_controller(5)

    assert await store.create_partition_states({TP: NEW}, fence) == {TP: None}
    (again,) = (await store.create_partition_states({TP: OTHER}, fence)).values()
    assert isinstance(again, NodeExists)
    updated = (await store.update_partition_states({TP: NEW}, fence))[TP]
    assert isinstance(updated, PartitionState)
    assert updated.partition_epoch == 1
    late = (await store.update_partition_states({TP: OTHER}, fence))[TP]
    assert isinstance(late, BadVersion)
    assert await store.partition_states([TP, TopicPartition("t", 1)]) == {TP: updated}


class CountedMultis:
    """Counts the multis that a store sends from now on."""

    def __init__(self, store: ZkStore) -> None:
        self.sent, self._multi = 0, store.client.multi
        store.client.multi = self._counted  # type: ignore[method-assign]

    async def _counted(self, operations: Sequence[Operation]) -> list[Stat | str | None]:
        self.sent += 1
        return await self._multi(operations)


async def test_states_of_many_partitions_share_requests(cluster: Cluster) -> None:
    store = await cluster.store()
    await store.create_assignment("t", TopicAssignment({}, None))
    fence = await store.become_controller(5)
    partitions = [TopicPartition("t", number) for number in range(120)]
    multis = CountedMultis(store)

    created = await store.create_partition_states(dict.fromkeys(partitions, NEW), fence)
    updated = await store.update_partition_states(dict.fromkeys(partitions, NEW), fence)
    await store.remove_topics(["t"], fence)

    assert set(created.values()) == {None}
    assert set(updated.values()) == {replace(NEW, partition_epoch=1)}
    assert multis.sent < 20
    assert await store.partition_states(partitions) == {}
    assert not await store.topic_exists("t")


async def test_a_state_that_cannot_be_written_fails_alone(cluster: Cluster) -> None:
    store = await cluster.store()
    await store.create_assignment("t", TopicAssignment({}, None))
    fence = await store.become_controller(5)
    partitions = [TopicPartition("t", number) for number in range(70)]
    await store.create_partition_states({partitions[60]: OTHER}, fence)

    created = await store.create_partition_states(dict.fromkeys(partitions, NEW), fence)
    updated = await store.update_partition_states(
        {each: replace(NEW, partition_epoch=int(each.partition == 3)) for each in partitions}, fence
    )

    assert [each.partition for each, error in created.items() if error is not None] == [60]
    assert isinstance(created[partitions[60]], NodeExists)
    assert [each.partition for each, result in updated.items() if isinstance(result, BadVersion)] == [3]


async def test_a_topic_is_removed_with_what_somebody_has_put_there_and_without_what_is_missing(
    cluster: Cluster,
) -> None:
    store = await cluster.store()
    await store.create_assignment("t", TopicAssignment({}, None))
    fence = await store.become_controller(5)
    await store.create_partition_states({TP: NEW, TopicPartition("t", 1): NEW}, fence)
    await store.client.create(topic_znodes.partition_path(TP) + "/other", b"")
    await store.client.delete(topic_znodes.partition_state_path(TopicPartition("t", 1)))

    await store.remove_topics(["t", "u"], fence)

    assert not await store.topic_exists("t")


async def test_a_topic_is_removed_with_all_that_is_said_of_it(cluster: Cluster) -> None:
    store = await cluster.store()
    before = cluster.zookeeper.tree()
    fence = await store.become_controller(5)
    await store.create_assignment("t", TopicAssignment({}, None))
    await store.create_partition_states({TP: NEW}, fence)
    await store.client.create(znodes.config_path("topics/t"), b"{}")
    await store.request_topic_deletion("t")

    await store.remove_topics(["t"], fence)
    await store.remove_topics(["t"], fence)  # a second controller may find it half done

    await store.resign_controller(fence)
    tree = cluster.zookeeper.tree()
    assert set(tree) - set(before) == {znodes.CONTROLLER_EPOCH}


async def test_two_who_change_an_assignment_see_each_others_change(cluster: Cluster) -> None:
    one, other = await cluster.store(), await cluster.store()
    await one.create_assignment("t", TopicAssignment({0: ReplicaAssignment((1,))}, None))

    def one_more(current: TopicAssignment) -> TopicAssignment:
        return TopicAssignment({**current.partitions, len(current.partitions): ReplicaAssignment((2,))}, None)

    await asyncio.gather(one.change_assignment("t", one_more), other.change_assignment("t", one_more))

    found = await one.assignment("t")
    assert found is not None
    assert sorted(found.partitions) == [0, 1, 2]


# ---- responses that are lost with their connection, so that a request is sent twice


@pytest.fixture
async def twice(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> ZkStore:
    """A store whose every write is carried out twice."""
    store = await cluster.store()
    write = store.client.multi

    async def multi(operations: Sequence[Operation]) -> list[Stat | str | None]:
        await write(operations)
        return await write(operations)

    monkeypatch.setattr(store.client, "multi", multi)
    return store


async def test_states_that_were_written_are_known_to_be(twice: ZkStore) -> None:
    fence = await twice.become_controller(5)
    await twice.client.ensure_path(topic_znodes.topic_path("t"))
    changed = replace(NEW, leader_epoch=1, isr=(5, 6))

    created = await twice.create_partition_states({TP: NEW}, fence)
    updated = await twice.update_partition_states({TP: changed}, fence)

    assert created == {TP: None}
    assert updated == {TP: replace(changed, partition_epoch=1)}
    assert await twice.partition_state(TP) == replace(changed, partition_epoch=1)


async def test_states_that_another_wrote_are_not_taken_for_ones_own(cluster: Cluster) -> None:
    one, other = await cluster.store(), await cluster.store()
    fence = await one.become_controller(5)
    await one.create_assignment("t", TopicAssignment({}, None))
    await one.create_partition_states({TP: NEW}, fence)
    await other.update_partition_states({TP: replace(NEW, isr=(5, 7))}, fence)

    updated = await one.update_partition_states({TP: OTHER}, fence)

    assert isinstance(updated[TP], BadVersion)
