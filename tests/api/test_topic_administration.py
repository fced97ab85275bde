"""CreateTopics (19), DeleteTopics (20), CreatePartitions (37) and ElectLeaders (43), beyond what was recorded."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from kio.schema.create_partitions.v3.request import CreatePartitionsRequest, CreatePartitionsTopic
from kio.schema.create_topics.v7.request import CreatableTopic, CreateTopicsRequest
from kio.schema.delete_topics import v1 as delete_v1
from kio.schema.delete_topics import v4 as delete_v4
from kio.schema.delete_topics.v6.request import DeleteTopicsRequest, DeleteTopicState
from kio.schema.elect_leaders.v2.request import ElectLeadersRequest, TopicPartitions
from kio.schema.types import TopicName
from kio.static.primitive import i8, i16, i32, i32Timedelta

from tests.fakes.controlled_cluster import ControlledCluster
from tests.support.administered import ask

TIMEOUT = i32Timedelta.parse(timedelta(seconds=30))


@pytest.fixture
async def cluster() -> AsyncIterator[ControlledCluster]:
    """Three brokers; broker 0 is the controller."""
    cluster = ControlledCluster()
    await cluster.start(0, 1, 2)
    yield cluster
    await cluster.close()


def new_topic(name: str, partitions: int = -1, replication_factor: int = -1) -> CreatableTopic:
    return CreatableTopic(
        name=TopicName(name),
        num_partitions=i32(partitions),
        replication_factor=i16(replication_factor),
        assignments=(),
        configs=(),
    )


def creating(*topics: CreatableTopic, validate_only: bool = False) -> CreateTopicsRequest:
    return CreateTopicsRequest(topics=topics, timeout=TIMEOUT, validate_only=validate_only)


def deleting(*topics: str | uuid.UUID, both: bool = False) -> DeleteTopicsRequest:
    return DeleteTopicsRequest(
        topics=tuple(
            DeleteTopicState(name=None, topic_id=topic)
            if isinstance(topic, uuid.UUID)
            else DeleteTopicState(name=TopicName(topic), topic_id=uuid.UUID(int=7) if both else None)
            for topic in topics
        ),
        timeout=TIMEOUT,
    )


def extending(*topics: tuple[str, int], validate_only: bool = False) -> CreatePartitionsRequest:
    return CreatePartitionsRequest(
        topics=tuple(
            CreatePartitionsTopic(name=TopicName(name), count=i32(count), assignments=None) for name, count in topics
        ),
        timeout=TIMEOUT,
        validate_only=validate_only,
    )


def electing(kind: int, **partitions: list[int]) -> ElectLeadersRequest:
    return ElectLeadersRequest(
        election_type=i8(kind),
        topic_partitions=tuple(
            TopicPartitions(topic=TopicName(topic), partitions=tuple(map(i32, numbers)))
            for topic, numbers in partitions.items()
        )
        or None,
        timeout=TIMEOUT,
    )


def outcomes(items: Any) -> list[tuple[str | None, str, str | None]]:
    return [(each.name, each.error_code.name, each.error_message) for each in items]


# ---- CreateTopics


async def test_a_created_topic_has_leaders_when_the_answer_comes(cluster: ControlledCluster) -> None:
    (topic,) = (await ask(cluster, creating(new_topic("t", 3, 2)))).topics

    assert (topic.error_code.name, topic.num_partitions, topic.replication_factor) == ("none", 3, 2)
    assert topic.topic_id == cluster.assignment("t").topic_id
    assert cluster.brokers[0].cache.partition_count("t") == 3
    assert {each.name: each.config_source for each in topic.configs}["retention.ms"] == 5  # Kafka's default


async def test_a_topic_that_gets_no_leader_in_time_is_there_all_the_same(cluster: ControlledCluster) -> None:
    cluster.zookeeper.forget_watches(cluster.brokers[0].zookeeper)  # so the controller never hears of it

    (topic,) = (await ask(cluster, creating(new_topic("t")), passing=31)).topics

    assert topic.error_code.name == "request_timed_out"
    assert cluster.exists("/brokers/topics/t")


async def test_a_topic_named_twice_is_made_not_at_all(cluster: ControlledCluster) -> None:
    answer = await ask(cluster, creating(new_topic("t"), new_topic("u"), new_topic("t")))

    twice = ("t", "invalid_request", "Found multiple entries for this topic.")
    assert outcomes(answer.topics) == [twice, ("u", "none", None), twice]


async def test_a_topic_is_only_checked_when_that_is_all_that_is_asked(cluster: ControlledCluster) -> None:
    (topic,) = (await ask(cluster, creating(new_topic("t", 2, 3), validate_only=True))).topics

    assert (topic.error_code.name, topic.num_partitions, topic.replication_factor) == ("none", 2, 3)
    assert topic.topic_id is None
    assert not cluster.exists("/brokers/topics/t")


async def test_the_metadata_topic_of_the_other_mode_cannot_be_made(cluster: ControlledCluster) -> None:
    answer = await ask(cluster, creating(new_topic("__cluster_metadata")))

    message = "Creation of internal topic __cluster_metadata is prohibited."
    assert outcomes(answer.topics) == [("__cluster_metadata", "invalid_request", message)]


# ---- DeleteTopics


async def test_topics_are_deleted_by_name_and_by_id(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0])
    await cluster.create_topic("u", [1])
    topic_id = cluster.assignment("u").topic_id
    assert topic_id is not None

    answer = await ask(cluster, deleting("t", topic_id, "no", uuid.UUID(int=7)))

    assert [(each.name, each.topic_id, each.error_code.name) for each in answer.responses] == [
        ("t", None, "none"),
        ("u", topic_id, "none"),
        ("no", None, "unknown_topic_or_partition"),
        (None, uuid.UUID(int=7), "unknown_topic_id"),
    ]
    assert not cluster.exists("/brokers/topics/t")
    assert not cluster.exists("/brokers/topics/u")


async def test_a_deletion_that_waits_for_a_broker_is_answered_when_clients_see_it(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])
    await cluster.kill(1)

    answer = await ask(cluster, deleting("t"))

    assert outcomes(answer.responses) == [("t", "none", None)]
    assert cluster.exists("/admin/delete_topics/t")


async def test_a_topic_is_named_or_has_an_id_not_both(cluster: ControlledCluster) -> None:
    answer = await ask(cluster, deleting("t", both=True))

    assert [each.error_code.name for each in answer.responses] == ["invalid_request"]


@pytest.mark.parametrize(
    ("schema", "error"),
    [(delete_v1, "invalid_request"), (delete_v4, "topic_deletion_disabled")],
    ids=["1", "4"],
)
async def test_topics_stay_where_deletion_is_disabled(schema: Any, error: str) -> None:
    cluster = ControlledCluster(delete_topic_enable="false")
    await cluster.start(0)
    await cluster.create_topic("t", [0])

    answer = await ask(cluster, schema.request.DeleteTopicsRequest(topic_names=(TopicName("t"),), timeout=TIMEOUT))

    assert [(each.name, each.error_code.name) for each in answer.responses] == [("t", error)]
    assert cluster.exists("/brokers/topics/t")
    await cluster.close()


# ---- CreatePartitions


async def test_partitions_are_added(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0, 1])

    answer = await ask(cluster, extending(("t", 3)))

    assert outcomes(answer.results) == [("t", "none", None)]
    assert cluster.brokers[0].cache.partition_count("t") == 3
    assert [len(replicas.replicas) for replicas in cluster.assignment("t").partitions.values()] == [2, 2, 2]


async def test_partitions_are_only_checked_when_that_is_all_that_is_asked(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0])

    assert outcomes((await ask(cluster, extending(("t", 3), validate_only=True))).results) == [("t", "none", None)]
    assert len(cluster.assignment("t").partitions) == 1


async def test_a_topic_is_extended_once_a_request(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0])

    answer = await ask(cluster, extending(("t", 3), ("t", 4)))

    assert outcomes(answer.results) == [("t", "invalid_request", "Duplicate topic in request.")]


# ---- ElectLeaders

PREFERRED, UNCLEAN = 0, 1


def elected(answer: Any) -> dict[tuple[str, int], str]:
    return {
        (topic.topic, result.partition_id): result.error_code.name
        for topic in answer.replica_election_results
        for result in topic.partition_result
    }


async def test_all_partitions_get_their_preferred_leader_and_only_changes_are_reported(
    cluster: ControlledCluster,
) -> None:
    await cluster.create_topic("t", [1, 0], [0, 1])
    await cluster.kill(1)
    await cluster.start(1)
    await cluster.catch_up("t", 0, 1)

    assert elected(await ask(cluster, electing(PREFERRED))) == {("t", 0): "none"}
    assert cluster.state("t", 0).leader == 1
    assert elected(await ask(cluster, electing(PREFERRED, t=[0]))) == {("t", 0): "election_not_needed"}


async def test_any_replica_leads_when_an_operator_says_so(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [1, 2], [2])
    await cluster.kill(2)
    await cluster.kill(1)
    await cluster.start(2)

    assert elected(await ask(cluster, electing(UNCLEAN, t=[0, 1], no=[0]))) == {
        ("t", 0): "none",
        ("t", 1): "election_not_needed",
        ("no", 0): "unknown_topic_or_partition",
    }
    assert cluster.state("t", 0).leader == 2


async def test_a_kind_of_election_that_there_is_not(cluster: ControlledCluster) -> None:
    assert (await ask(cluster, electing(7, t=[0]))).error_code.name == "invalid_request"


# ---- a broker that is not the controller


async def test_only_the_controller_administers_topics(cluster: ControlledCluster) -> None:
    await cluster.create_topic("t", [0])

    created = await ask(cluster, creating(new_topic("u")), broker=1)
    deleted = await ask(cluster, deleting("t"), broker=1)
    extended = await ask(cluster, extending(("t", 2)), broker=1)
    told = await ask(cluster, electing(PREFERRED, t=[0]), broker=1)

    assert outcomes(created.topics) == [("u", "not_controller", None)]
    assert outcomes(deleted.responses) == [("t", "not_controller", None)]
    assert outcomes(extended.results) == [("t", "not_controller", None)]
    assert elected(told) == {("t", 0): "not_controller"}
