"""Three brokers are killed, stopped and frozen; what was acknowledged with acks=all stays, once and in order."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from tests.support.brokers_in_trouble import QUIET, Cluster, Writer, cluster_of_three
from tests.support.polling import PATIENCE_S

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with cluster_of_three(tmp_path) as running:
        yield running


def test_leaders_are_killed_one_after_another(cluster: Cluster) -> None:
    cluster.create("t", partitions=2)
    with Writer(cluster, "t", partitions=2) as writer:
        for _ in range(3):
            writer.wait_for_more(200)
            killed = cluster.leader("t")
            cluster.brokers[killed].kill()
            cluster.leader("t", besides=killed)
            writer.wait_for_more(200)
            cluster.brokers[killed].start()
            cluster.wait_until_in_sync("t", partitions=2)

    assert [cluster.read("t", partition) for partition in range(2)] == [writer.acknowledged(p) for p in range(2)]
    cluster.wait_for_equal_logs("t", partitions=2)


def test_a_broker_that_is_stopped_hands_over_first_and_gets_its_leadership_back(cluster: Cluster) -> None:
    cluster.create("t", partitions=3)
    with Writer(cluster, "t", partitions=3) as writer:
        for broker in cluster.brokers:
            writer.wait_for_more(200)
            assert broker.stop() == 143
            assert "everything that this broker led has been moved" in broker.said()
            writer.wait_for_more(200)
            broker.start()
            cluster.wait_until_in_sync("t", partitions=3)

    def leads(number: int, leader: int) -> bool:
        return cluster.leader_now("t", number) == leader

    preferred = {number: cluster.replicas("t", number)[0] for number in range(3)}
    failed = cluster.elect_preferred("t", partitions=3)

    assert not failed
    for number, leader in preferred.items():
        cluster.wait_for(partial(leads, number, leader), f"leader {leader} of t-{number}")
    assert [cluster.read("t", partition) for partition in range(3)] == [writer.acknowledged(p) for p in range(3)]
    cluster.wait_for_equal_logs("t", partitions=3)


def test_a_frozen_follower_leaves_the_isr_and_comes_back_into_it(cluster: Cluster) -> None:
    cluster.create("t")
    leader = cluster.leader("t")
    follower = next(broker for broker in cluster.brokers if broker.number not in (leader, cluster.controller()))
    with Writer(cluster, "t") as writer:
        follower.freeze()
        cluster.wait_for(lambda: follower.number not in cluster.isr("t"), "an ISR without the frozen follower")
        writer.wait_for_more(200)
        follower.thaw()
        cluster.wait_until_in_sync("t")

    assert cluster.read("t") == writer.acknowledged()
    cluster.wait_for_equal_logs("t")


def test_a_leader_that_was_frozen_until_another_was_elected_follows_it(cluster: Cluster) -> None:
    cluster.create("t")
    frozen = cluster.leader("t")
    with Writer(cluster, "t") as writer:
        writer.wait_for_more(200)
        cluster.brokers[frozen].freeze()
        cluster.leader("t", besides=frozen)
        writer.wait_for_more(200)
        cluster.brokers[frozen].thaw()
        cluster.wait_until_in_sync("t")

    assert cluster.read("t") == writer.acknowledged()
    cluster.wait_for_equal_logs("t")


def test_a_controller_that_was_frozen_until_another_was_elected_obeys_it(cluster: Cluster) -> None:
    cluster.create("t", partitions=3)
    frozen = cluster.controller()
    with Writer(cluster, "t", partitions=3) as writer:
        cluster.brokers[frozen].freeze()
        cluster.controller(besides=frozen)
        writer.wait_for_more(200)
        cluster.brokers[frozen].thaw()
        cluster.wait_until_in_sync("t", partitions=3)
    cluster.create("made-by-the-other")

    assert cluster.controller() != frozen
    assert [cluster.read("t", partition) for partition in range(3)] == [writer.acknowledged(p) for p in range(3)]
    cluster.wait_for_equal_logs("t", partitions=3)


def test_with_too_few_in_sync_nothing_is_acknowledged_to_acks_all(cluster: Cluster) -> None:
    cluster.create("t")
    leader = cluster.leader("t")
    others = [broker for broker in cluster.brokers if broker.number != leader]
    for broker in others:
        broker.kill()
    cluster.wait_for(lambda: cluster.isr("t") == [leader], "an ISR of the leader alone")

    refused = cluster.try_to_write("t", acks="all")
    taken = cluster.try_to_write("t", acks="1")
    for broker in others:
        broker.start()
    cluster.wait_until_in_sync("t")
    taken_again = cluster.try_to_write("t", acks="all")

    assert refused in (KafkaError.NOT_ENOUGH_REPLICAS, KafkaError._MSG_TIMED_OUT)
    assert (taken, taken_again) == (None, None)
    cluster.wait_for_equal_logs("t")
    assert len(cluster.read("t")) == 2


def test_an_unclean_election_once_it_is_allowed_brings_a_partition_back(cluster: Cluster) -> None:
    cluster.create("t", 1, **{"min.insync.replicas": "1"})
    last = cluster.leader("t")
    others = [broker for broker in cluster.brokers if broker.number != last]
    assert cluster.try_to_write("t", acks="all") is None
    for broker in others:
        broker.kill()
    cluster.wait_for(lambda: cluster.isr("t") == [last], "an ISR of one")
    assert cluster.try_to_write("t", acks="all") is None
    cluster.brokers[last].kill()
    for broker in others:
        broker.start()
    cluster.wait_for(lambda: cluster.leader_now("t") == -1, "a partition without a leader")

    cluster.configure("t", "unclean.leader.election.enable", "true")
    cluster.leader("t", besides=last)
    lost = cluster.read("t")
    assert cluster.try_to_write("t", acks="all") is None
    cluster.brokers[last].start()
    cluster.wait_until_in_sync("t")

    assert len(lost) == 1
    assert len(cluster.read("t")) == 2
    cluster.wait_for_equal_logs("t")


def test_brokers_serve_without_zookeeper_and_continue_with_it(cluster: Cluster) -> None:
    cluster.create("t", partitions=3)
    with Writer(cluster, "t", partitions=3) as writer:
        writer.wait_for_more(1)  # a new producer would want an id, which comes from ZooKeeper
        cluster.zookeeper.stop()
        writer.wait_for_more(500)
        cluster.zookeeper.start()
        cluster.create("made-after")
        writer.wait_for_more(200)
        cluster.wait_until_in_sync("t", partitions=3)

    assert [cluster.read("t", partition) for partition in range(3)] == [writer.acknowledged(p) for p in range(3)]


def test_a_deletion_continues_under_the_next_controller(cluster: Cluster) -> None:
    cluster.create("doomed", partitions=3)
    controller = cluster.controller()
    away = next(broker for broker in cluster.brokers if broker.number != controller)
    away.kill()
    cluster.wait_for(lambda: away.number not in cluster.isr("doomed"), "an ISR without the broker that is away")
    cluster.admin.delete_topics(["doomed"])["doomed"].exception(PATIENCE_S)

    cluster.brokers[controller].kill()
    cluster.controller(besides=controller)
    cluster.brokers[controller].start()
    away.start()

    cluster.wait_for(lambda: not any(list(b.logs.glob("doomed-?")) for b in cluster.brokers), "no replica left")
    cluster.wait_for(lambda: cluster.can_create("doomed"), "the end of the deletion")
    cluster.wait_until_in_sync("doomed")
    assert cluster.try_to_write("doomed", acks="all") is None


def test_a_group_continues_where_it_was_when_its_coordinator_is_killed(cluster: Cluster) -> None:
    cluster.create("t")
    with Writer(cluster, "t") as writer:
        writer.wait_for_more(500)
    consumer = Consumer(
        {"bootstrap.servers": cluster.bootstrap, "group.id": "g", "auto.offset.reset": "earliest",
         "enable.auto.commit": False, "session.timeout.ms": 6000, **QUIET}
    )  # fmt: skip
    consumer.subscribe(["t"])
    first = [consumer.poll(PATIENCE_S).value() for _ in range(200)]
    consumer.commit(asynchronous=False)
    coordinator = cluster.coordinator("g")

    cluster.brokers[coordinator].kill()
    cluster.wait_for(lambda: cluster.coordinator("g") not in (-1, coordinator), "another coordinator")
    committed = consumer.committed([TopicPartition("t", 0)], timeout=PATIENCE_S)
    rest = [consumer.poll(PATIENCE_S).value() for _ in range(300)]
    consumer.commit(asynchronous=False)
    consumer.close()

    assert committed[0].offset == 200
    assert first + rest == writer.acknowledged()[:500]


def test_partitions_move_under_load(cluster: Cluster) -> None:
    cluster.create("t", partitions=2)
    with Writer(cluster, "t", partitions=2) as writer:
        writer.wait_for_more(500)
        cluster.reassign("t", [0, 1], [1, 2])
        cluster.wait_until_reassigned()
        fewer = [cluster.isr("t", partition) for partition in range(2)]
        writer.wait_for_more(500)
        cluster.reassign("t", [2, 0, 1], [0, 1, 2])
        cluster.wait_until_reassigned()
        writer.wait_for_more(500)

    assert fewer == [[0, 1], [1, 2]]
    assert [cluster.replicas("t", partition) for partition in range(2)] == [[2, 0, 1], [0, 1, 2]]
    assert [cluster.read("t", partition) for partition in range(2)] == [writer.acknowledged(p) for p in range(2)]
    cluster.wait_for_equal_logs("t", partitions=2)
