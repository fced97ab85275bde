"""Metadata (3): what it returns about brokers and topics, in each version in which that differs."""

import dataclasses
import importlib
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.fakes.controlled_cluster import ControlledCluster
from tests.support.administered import ask

NEWEST = 12
NOT_ASKED = -(2**31)


@pytest.fixture
async def cluster() -> AsyncIterator[ControlledCluster]:
    """Two brokers, and topic `t` with partition 0 on 0, 1 and partition 1 on 1."""
    cluster = ControlledCluster()
    await cluster.start(0, 1)
    await cluster.create_topic("t", [0, 1], [1])
    yield cluster
    await cluster.close()


def asking(version: int, topics: Sequence[str | uuid.UUID] | None, *, create: bool = False, **others: bool) -> Any:
    """A request of this version, without what it does not know."""
    module = importlib.import_module(f"kio.schema.metadata.v{version}.request")
    flags = {"allow_auto_topic_creation": create, "include_topic_authorized_operations": False}
    flags |= {"include_cluster_authorized_operations": False} | others
    return _fitting(
        module.MetadataRequest,
        flags | {"topics": None if topics is None else tuple(_topic(module, topic) for topic in topics)},
    )


def _topic(module: Any, topic: str | uuid.UUID) -> Any:
    by_id = isinstance(topic, uuid.UUID)
    return _fitting(
        module.MetadataRequestTopic, {"topic_id": topic if by_id else None, "name": None if by_id else topic}
    )


def _fitting(schema: Any, values: dict[str, Any]) -> Any:
    return schema(**{each.name: values[each.name] for each in dataclasses.fields(schema)})


def topics_of(answer: Any) -> dict[str | None, str]:
    return {topic.name: topic.error_code.name for topic in answer.topics}


# ---- which topics


@pytest.mark.parametrize(
    ("version", "topics", "told"),
    [
        pytest.param(0, [], {"t": "none", "u": "none"}, id="0, an empty list"),
        pytest.param(1, [], {}, id="1, an empty list"),
        pytest.param(1, None, {"t": "none", "u": "none"}, id="1, null"),
        pytest.param(12, [], {}, id="12, an empty list"),
        pytest.param(12, None, {"t": "none", "u": "none"}, id="12, null"),
        pytest.param(4, ["u", "t", "u"], {"u": "none", "t": "none"}, id="by name"),
        pytest.param(4, ["no"], {"no": "unknown_topic_or_partition"}, id="unknown"),
        pytest.param(4, ["a b"], {"a b": "invalid_topic_exception"}, id="not a name"),
    ],
)
async def test_topics_asked_for(
    cluster: ControlledCluster, version: int, topics: list[str] | None, told: dict[str, str]
) -> None:
    await cluster.create_topic("u", [0])

    assert topics_of(await ask(cluster, asking(version, topics))) == told


@pytest.mark.parametrize("version", [0, 8, 10, NEWEST])
async def test_all_topics_get_the_same_until_something_changes(cluster: ControlledCluster, version: int) -> None:
    everything = asking(version, [] if version == 0 else None)
    assert await ask(cluster, everything) == await ask(cluster, everything)

    await cluster.create_topic("u", [0])

    assert topics_of(await ask(cluster, everything)) == {"t": "none", "u": "none"}


@pytest.mark.parametrize("flag", ["include_cluster_authorized_operations", "include_topic_authorized_operations"])
async def test_who_asks_for_operations_learns_of_them_whoever_asked_before(
    cluster: ControlledCluster, flag: str
) -> None:
    plain = await ask(cluster, asking(10, None))
    told = await ask(cluster, asking(10, None, **{flag: True}))

    assert plain != told
    assert await ask(cluster, asking(10, None)) == plain


async def test_topics_by_id(cluster: ControlledCluster) -> None:
    topic_id, unknown = cluster.assignment("t").topic_id, uuid.UUID(int=7)
    assert topic_id is not None

    answer = await ask(cluster, asking(12, [topic_id, unknown]))

    told = [(topic.name, topic.topic_id, topic.error_code.name, len(topic.partitions)) for topic in answer.topics]
    assert told == [("t", topic_id, "none", 2), (None, unknown, "unknown_topic_id", 0)]


async def test_ids_are_not_for_versions_before_12(cluster: ControlledCluster) -> None:
    topic_id = cluster.assignment("t").topic_id
    assert topic_id is not None
    module = importlib.import_module("kio.schema.metadata.v10.request")
    asked = dataclasses.replace(
        asking(10, []), topics=(module.MetadataRequestTopic(topic_id=topic_id, name=""),)
    )  # not null: that could not be written

    assert topics_of(await ask(cluster, asked)) == {"": "invalid_request"}


# ---- what is made


async def test_a_topic_is_made_when_both_sides_allow_it(cluster: ControlledCluster) -> None:
    first = await ask(cluster, asking(NEWEST, ["new"], create=True))
    second = await ask(cluster, asking(NEWEST, ["new"], create=True))

    assert (topics_of(first), topics_of(second)) == ({"new": "leader_not_available"}, {"new": "none"})
    assert first.topics[0].partitions == ()
    (partition,) = second.topics[0].partitions
    assert len(partition.replica_nodes) == 1


@pytest.mark.parametrize("version", [0, 3])
async def test_old_requests_always_allow_it(cluster: ControlledCluster, version: int) -> None:
    assert topics_of(await ask(cluster, asking(version, ["new"]))) == {"new": "leader_not_available"}
    assert cluster.exists("/brokers/topics/new")


async def test_no_topic_is_made_where_the_broker_does_not_allow_it() -> None:
    cluster = ControlledCluster(auto_create_topics_enable="false")
    await cluster.start(0)

    assert topics_of(await ask(cluster, asking(NEWEST, ["new"], create=True))) == {"new": "unknown_topic_or_partition"}
    assert not cluster.exists("/brokers/topics/new")
    await cluster.close()


async def test_internal_topics_are_made_with_their_own_settings() -> None:
    cluster = ControlledCluster(offsets_topic_num_partitions="3", offsets_topic_replication_factor="1")
    await cluster.start(0)

    await ask(cluster, asking(NEWEST, ["__consumer_offsets"], create=True))
    (topic,) = (await ask(cluster, asking(NEWEST, ["__consumer_offsets"]))).topics

    assert (topic.is_internal, len(topic.partitions)) == (True, 3)
    await cluster.close()


# ---- partitions


def partition_of(answer: Any, index: int) -> Any:
    return next(each for each in answer.topics[0].partitions if each.partition_index == index)


async def test_partitions_report_leader_replicas_isr_and_who_is_offline(cluster: ControlledCluster) -> None:
    await cluster.kill(1)

    answer = await ask(cluster, asking(NEWEST, ["t"]))

    first, second = partition_of(answer, 0), partition_of(answer, 1)
    assert (first.error_code.name, first.leader_id, first.leader_epoch) == ("none", 0, 1)
    assert (first.replica_nodes, first.isr_nodes, first.offline_replicas) == ((0, 1), (0,), (1,))
    assert (second.error_code.name, second.leader_id) == ("leader_not_available", -1)
    assert (second.replica_nodes, second.isr_nodes, second.offline_replicas) == ((1,), (1,), (1,))


async def test_version_0_names_only_replicas_that_can_be_reached(cluster: ControlledCluster) -> None:
    await cluster.kill(1)

    partition = partition_of(await ask(cluster, asking(0, ["t"])), 0)

    assert (partition.error_code.name, partition.leader_id) == ("replica_not_available", 0)
    assert (partition.replica_nodes, partition.isr_nodes) == ((0,), (0,))


@pytest.mark.parametrize(("version", "error"), [(5, "leader_not_available"), (6, "listener_not_found")])
async def test_a_leader_without_the_clients_listener(version: int, error: str) -> None:
    cluster = ControlledCluster()
    await cluster.start(0)
    await cluster.start(1)
    await cluster.hand.set(
        "/brokers/ids/1",
        b'{"version":5,"endpoints":["OTHER://127.0.0.1:9001"],"listener_security_protocol_map":{"OTHER":"PLAINTEXT"},'
        b'"host":null,"port":-1,"jmx_port":-1,"timestamp":"1","features":{}}',
    )
    await cluster.settle()
    await cluster.create_topic("t", [1])

    partition = partition_of(await ask(cluster, asking(version, ["t"])), 0)

    assert (partition.error_code.name, partition.leader_id) == (error, -1)
    await cluster.close()


# ---- the cluster


async def test_brokers_and_the_controller(cluster: ControlledCluster) -> None:
    await cluster.start(2, rack="r2")

    answer = await ask(cluster, asking(NEWEST, []), broker=1)

    assert [(each.node_id, each.host, each.port, each.rack) for each in answer.brokers] == [
        (0, "127.0.0.1", 9000, None), (1, "127.0.0.1", 9001, None), (2, "127.0.0.1", 9002, "r2"),
    ]  # fmt: skip
    assert (answer.controller_id, answer.cluster_id) == (0, "in-memory-cluster")


@pytest.mark.parametrize("version", [8, 9, 10])
async def test_what_everybody_may_do_gets_an_error_when_asked_for(cluster: ControlledCluster, version: int) -> None:
    silent = await ask(cluster, asking(version, ["t"]))
    told = await ask(
        cluster,
        asking(version, ["t"], include_cluster_authorized_operations=True, include_topic_authorized_operations=True),
    )

    assert silent.cluster_authorized_operations == NOT_ASKED
    assert silent.topics[0].topic_authorized_operations == NOT_ASKED
    assert told.cluster_authorized_operations == 0b1111110100000
    assert told.topics[0].topic_authorized_operations == 0b110111111000
