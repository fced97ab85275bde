"""Making, extending and deleting topics, with a real controller behind."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from pykafka_cli.broker.errors import BrokerError, RequestTimedOut, TopicAlreadyExists
from pykafka_cli.broker.metadata.topic_admin import CreatedTopic, TopicAdmin
from pykafka_cli.broker.metadata.topic_rules import MorePartitions, NewTopic
from pykafka_cli.zookeeper import kafka_znodes as znodes
from tests.fakes.controlled_cluster import ControlledCluster
from tests.support.brokers import broker_ids


@pytest.fixture
async def cluster() -> AsyncIterator[ControlledCluster]:
    cluster = ControlledCluster()
    await cluster.start(0, 1)
    yield cluster
    await cluster.close()


@pytest.fixture
def topics(cluster: ControlledCluster) -> TopicAdmin:
    return cluster.brokers[0].topics


async def done(cluster: ControlledCluster, asked: Coroutine[Any, Any, Any]) -> Any:
    """The response, once everything has come to rest; None if it is not there by then."""
    task = asyncio.ensure_future(asked)
    await cluster.settle()
    return task.result() if task.done() else None


def topics_known_to(cluster: ControlledCluster, broker: int) -> set[str]:
    return set(cluster.brokers[broker].cache.topics())


async def test_a_topic_is_made_with_its_config_and_an_id(cluster: ControlledCluster, topics: TopicAdmin) -> None:
    wanted = NewTopic("t", 2, 2, configs={"retention.ms": "5"})

    outcomes = await done(cluster, topics.create([wanted], timeout_ms=1000))

    created = outcomes["t"]
    assert isinstance(created, CreatedTopic)
    assert created[1:] == (2, 2, {"retention.ms": "5"})
    assert cluster.assignment("t").topic_id == created.topic_id
    assert cluster.zookeeper.tree()["/config/topics/t"] == b'{"version":1,"config":{"retention.ms":"5"}}'
    assert cluster.brokers[1].cache.partition_count("t") == 2


async def test_each_topic_has_its_own_outcome(cluster: ControlledCluster, topics: TopicAdmin) -> None:
    await done(cluster, topics.create([NewTopic("there", 1, 1)], timeout_ms=1000))

    outcomes = await done(
        cluster,
        topics.create([NewTopic("there", 1, 1), NewTopic("wide", 1, 9), NewTopic("new", 1, 1)], timeout_ms=1000),
    )

    assert isinstance(outcomes["there"], TopicAlreadyExists)
    assert str(outcomes["wide"]) == "Replication factor: 9 larger than available brokers: 2."
    assert isinstance(outcomes["new"], CreatedTopic)


async def test_nothing_is_made_when_only_asked_whether_it_could_be(
    cluster: ControlledCluster, topics: TopicAdmin
) -> None:
    outcomes = await done(cluster, topics.create([NewTopic("t", 2, 1)], timeout_ms=1000, validate_only=True))

    assert outcomes["t"] == CreatedTopic(None, 2, 1, {})
    assert not cluster.exists("/brokers/topics/t")
    assert not cluster.exists("/config/topics/t")


async def test_a_topic_without_a_live_replica_is_made_and_the_request_times_out(
    cluster: ControlledCluster, topics: TopicAdmin
) -> None:
    asked = asyncio.ensure_future(topics.create([NewTopic("t", assignment={0: broker_ids(9)})], timeout_ms=1000))
    await cluster.settle()
    assert not asked.done()

    cluster.clock.advance(1.0)

    outcome = (await asked)["t"]
    assert isinstance(outcome, RequestTimedOut)
    assert outcome.message is None
    assert cluster.exists("/brokers/topics/t")


async def test_a_topic_is_confirmed_once_every_broker_knows_it_or_after_a_second(
    cluster: ControlledCluster, topics: TopicAdmin
) -> None:
    cluster.brokers[1].answers.clear()
    asked = asyncio.ensure_future(topics.create([NewTopic("t", 1, 1)], timeout_ms=30_000))
    await cluster.settle()
    assert "t" in topics_known_to(cluster, 0)
    assert not asked.done()

    cluster.brokers[1].answers.set()
    await cluster.settle()
    assert isinstance(asked.result()["t"], CreatedTopic)
    assert "t" in topics_known_to(cluster, 1)

    cluster.brokers[1].answers.clear()
    asked = asyncio.ensure_future(topics.delete(["t"], timeout_ms=30_000))
    await cluster.settle()
    assert not asked.done()
    cluster.clock.advance(1.0)
    assert await asked == {"t": None}
    cluster.brokers[1].answers.set()


async def test_a_time_out_of_nothing_is_answered_at_once(cluster: ControlledCluster, topics: TopicAdmin) -> None:
    outcomes = await done(cluster, topics.create([NewTopic("t", 1, 1)], timeout_ms=0))

    assert isinstance(outcomes["t"], RequestTimedOut)
    assert cluster.briefly("t").startswith("leader ")


async def test_a_topic_is_extended(cluster: ControlledCluster, topics: TopicAdmin) -> None:
    await done(cluster, topics.create([NewTopic("t", 1, 2)], timeout_ms=1000))
    topic_id = cluster.assignment("t").topic_id

    outcomes = await done(cluster, topics.create_partitions([MorePartitions("t", 3)], timeout_ms=1000))

    assert outcomes == {"t": None}
    assert sorted(cluster.assignment("t").partitions) == [0, 1, 2]
    assert cluster.assignment("t").topic_id == topic_id
    assert cluster.briefly("t", 2).startswith("leader ")


async def test_what_cannot_be_extended_is_named(cluster: ControlledCluster, topics: TopicAdmin) -> None:
    outcomes = await done(cluster, topics.create_partitions([MorePartitions("no", 3)], timeout_ms=1000))

    assert str(outcomes["no"]) == "The topic 'no' does not exist."


async def test_a_topic_is_deleted(cluster: ControlledCluster, topics: TopicAdmin) -> None:
    await done(cluster, topics.create([NewTopic("t", 1, 2)], timeout_ms=1000))

    outcomes = await done(cluster, topics.delete(["t", "no"], timeout_ms=1000))

    assert outcomes["t"] is None
    assert str(outcomes["no"]) == "Topic `no` to delete does not exist"
    assert not cluster.exists("/brokers/topics/t")


async def test_a_topic_can_be_asked_to_be_deleted_twice(cluster: ControlledCluster, topics: TopicAdmin) -> None:
    await done(cluster, topics.create([NewTopic("t", 1, 2)], timeout_ms=1000))
    await cluster.kill(1)
    await done(cluster, topics.delete(["t"], timeout_ms=0))

    outcomes = await done(cluster, topics.delete(["t"], timeout_ms=1000))

    assert outcomes == {"t": None}  # no broker knows it any more; its znodes wait for broker 1
    assert cluster.exists("/admin/delete_topics/t")


async def test_a_topic_being_deleted_is_neither_made_nor_extended(
    cluster: ControlledCluster, topics: TopicAdmin
) -> None:
    await done(cluster, topics.create([NewTopic("t", 1, 2)], timeout_ms=1000))
    await cluster.kill(1)
    await done(cluster, topics.delete(["t"], timeout_ms=1000))

    made = await done(cluster, topics.create([NewTopic("t", 1, 1)], timeout_ms=1000))
    extended = await done(cluster, topics.create_partitions([MorePartitions("t", 3)], timeout_ms=1000))

    assert str(made["t"]) == "Topic 't' is marked for deletion."
    assert str(extended["t"]) == "The topic is queued for deletion."


# ---- auto-creation


async def test_a_topic_somebody_asked_about_is_made_with_defaults(
    cluster: ControlledCluster, topics: TopicAdmin
) -> None:
    outcomes = await done(cluster, topics.auto_create(["t", "bad/name"]))

    assert outcomes["t"] is None
    assert isinstance(outcomes["bad/name"], BrokerError)
    assert list(cluster.assignment("t").partitions) == [0]


async def test_asking_while_it_is_being_made_makes_it_once(cluster: ControlledCluster, topics: TopicAdmin) -> None:
    first, second = asyncio.ensure_future(topics.auto_create(["t"])), asyncio.ensure_future(topics.auto_create(["t"]))
    await cluster.settle()

    assert first.result() == {"t": None}
    assert second.result()["t"].code.name == "unknown_topic_or_partition"


async def test_kafkas_own_topics_have_numbers_and_configs_of_their_own(cluster: ControlledCluster) -> None:
    defaults = cluster.brokers[0].topics.default_topic

    offsets, transactions = defaults("__consumer_offsets"), defaults("__transaction_state")

    assert (offsets.partitions, offsets.replication_factor) == (50, 3)
    # byte for byte what Kafka wrote in the recorded cluster, where two brokers had to be in sync
    assert znodes.encode_config(offsets.configs) == (
        b'{"version":1,"config":{"compression.type":"producer","cleanup.policy":"compact","segment.bytes":"104857600"}}'
    )
    assert znodes.encode_config(transactions.configs) == (
        b'{"version":1,"config":{"compression.type":"uncompressed","cleanup.policy":"compact",'
        b'"min.insync.replicas":"2","segment.bytes":"104857600","unclean.leader.election.enable":"false"}}'
    )


async def test_a_topic_that_needs_more_brokers_than_there_are_is_not_made(
    cluster: ControlledCluster, topics: TopicAdmin
) -> None:
    outcomes = await done(cluster, topics.auto_create(["__consumer_offsets"]))

    assert outcomes["__consumer_offsets"].code.name == "invalid_replication_factor"
    assert not cluster.exists("/brokers/topics/__consumer_offsets")
