"""A KRaft node: what it starts on, what its controller answers, and what it rejects."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from kio.schema.describe_cluster.v1.request import DescribeClusterRequest
from kio.schema.describe_quorum.v2.request import DescribeQuorumRequest, PartitionData, TopicData
from kio.schema.errors import ErrorCode
from kio.schema.types import TopicName
from kio.static.primitive import i8, i32

from pykafka_cli.broker.handlers import CONTROLLER_HANDLERS
from pykafka_cli.broker.server import BrokerUnusable
from pykafka_cli.cli import run
from pykafka_cli.clients.admin.cluster import cluster_id, describe_brokers
from pykafka_cli.clients.admin.credentials import alter_credentials, describe_credentials
from pykafka_cli.clients.admin.topics import create_topic, list_topics
from pykafka_cli.model import Seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property, read_properties
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.rules.storage_format import encoded_uuid
from pykafka_cli.script.opening import new_session
from pykafka_cli.servers.kraft_node import KRaftNode
from pykafka_cli.storage.checkpoints import read_meta_properties
from pykafka_cli.storage.files import DiskFiles
from pykafka_cli.transport.connection import Connection
from pykafka_cli.transport.errors import VersionUnsupported
from tests.support.polling import PATIENCE_S

CLUSTER = "MkU3OEVBNTcwNTJENDM2Qk"
BROKERS, CONTROLLERS = 1, 2


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The properties of a node on free ports."""
    path = tmp_path / "server.properties"
    path.write_text(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:9093\n"
        "listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0\ncontroller.listener.names=CONTROLLER\n"
        f"log.dirs={tmp_path}/data\noffsets.topic.num.partitions=1\n"
    )
    return path


@pytest.fixture
def formatted(file: Path) -> Path:
    assert run(["storage", "format", "-t", CLUSTER, "-c", str(file), "--standalone"]) == 0
    return file


def node_of(file: Path, **other: str) -> KRaftNode:
    """A node with the settings of a file, and others instead."""
    given = {each.key: each for each in read_properties(file.read_bytes())}
    given |= {key: Property(key, text, 0) for name, text in other.items() if (key := name.replace("_", "."))}
    return KRaftNode(BrokerSettings(given.values()))


@asynccontextmanager
async def running(file: Path) -> AsyncIterator[dict[str, int]]:
    """The ports of a node that runs, by listener."""
    node = node_of(file)
    await node.start()
    try:
        yield {listener.name: listener.port for listener in node.endpoints}
    finally:
        await node.stop()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    connection = await Connection.open("127.0.0.1", port, client_id="test", timeout=Seconds(PATIENCE_S))
    try:
        yield connection
    finally:
        connection.close()


def describe_cluster(endpoint_type: int) -> DescribeClusterRequest:
    return DescribeClusterRequest(include_cluster_authorized_operations=False, endpoint_type=i8(endpoint_type))


async def test_topics_and_the_clusters_id_are_there_after_another_start(formatted: Path) -> None:
    async with running(formatted) as ports, new_session(f"127.0.0.1:{ports['PLAINTEXT']}", None) as session:
        await create_topic(session, "orders", partitions=2, configs={})

    async with running(formatted) as ports, new_session(f"127.0.0.1:{ports['PLAINTEXT']}", None) as session:
        assert [topic.topic for topic in await list_topics(session)] == ["orders"]
        assert await cluster_id(session) == CLUSTER


async def test_the_controllers_listener_describes_the_controller_and_the_brokers_the_broker(formatted: Path) -> None:
    async with running(formatted) as ports:
        for asked, listener, other in ((BROKERS, "PLAINTEXT", CONTROLLERS), (CONTROLLERS, "CONTROLLER", BROKERS)):
            async with connected(ports[listener]) as connection:
                found = await connection.request(describe_cluster(asked))
                refused = await connection.request(describe_cluster(other))

            assert [(each.broker_id, each.port) for each in found.brokers] == [(1, ports[listener])]
            assert (found.cluster_id, found.controller_id, found.endpoint_type) == (CLUSTER, 1, asked)
            assert refused.error_code is ErrorCode.mismatched_endpoint_type


async def test_a_tool_for_brokers_gets_an_error_from_the_controllers_listener(formatted: Path) -> None:
    async with running(formatted) as ports:
        async with new_session(f"127.0.0.1:{ports['CONTROLLER']}", None) as session:
            offered = await session.api_versions()
            with pytest.raises(VersionUnsupported, match="The node does not support METADATA"):
                await describe_brokers(session)
        async with new_session(f"127.0.0.1:{ports['PLAINTEXT']}", None) as session:
            assert [broker.port for broker in await describe_brokers(session)] == [ports["PLAINTEXT"]]

    assert sorted(offered) == sorted(CONTROLLER_HANDLERS)


@pytest.mark.parametrize("listener", ["PLAINTEXT", "CONTROLLER"])
async def test_the_quorum_has_the_node_as_its_one_voter(listener: str, formatted: Path) -> None:
    directory_id = read_meta_properties(DiskFiles(), str(formatted.parent / "data"))
    asked = DescribeQuorumRequest(
        topics=(
            TopicData(topic_name=TopicName("__cluster_metadata"), partitions=(PartitionData(partition_index=i32(0)),)),
            TopicData(topic_name=TopicName("orders"), partitions=(PartitionData(partition_index=i32(0)),)),
        )
    )

    async with running(formatted) as ports, connected(ports[listener]) as connection:
        found = await connection.request(asked)

    (quorum,), (other,) = (topic.partitions for topic in found.topics)
    (voter,) = quorum.current_voters
    ((endpoint,),) = (node.listeners for node in found.nodes)
    assert (quorum.leader_id, voter.replica_id, quorum.observers) == (1, 1, ())
    assert quorum.high_watermark == voter.log_end_offset > 0
    assert directory_id is not None
    assert encoded_uuid(voter.replica_directory_id) == directory_id.directory_id
    assert (endpoint.name, endpoint.port) == ("CONTROLLER", ports["CONTROLLER"])
    assert other.error_code is ErrorCode.unknown_topic_or_partition


async def test_users_that_were_formatted_are_created_once(file: Path) -> None:
    words = ["storage", "format", "-t", CLUSTER, "-c", str(file), "--standalone"]
    assert run([*words, "--add-scram", "SCRAM-SHA-256=[name=alice,password=alice-secret]"]) == 0

    async with running(file) as ports, new_session(f"127.0.0.1:{ports['PLAINTEXT']}", None) as session:
        found = await describe_credentials(session, [])
        await alter_credentials(session, "alice", {}, ["SCRAM-SHA-256"])

    assert found == {"alice": {"SCRAM-SHA-256": 4096}}
    async with running(file) as ports, new_session(f"127.0.0.1:{ports['PLAINTEXT']}", None) as session:
        assert await describe_credentials(session, []) == {}


async def test_a_directory_that_is_not_formatted_is_rejected(file: Path) -> None:
    with pytest.raises(BrokerUnusable, match=r"No `meta.properties` found in .*/data .*kafka-storage.sh"):
        await node_of(file).start()

    assert not (file.parent / "data").exists()


async def test_a_second_directory_that_is_not_formatted_is_rejected(formatted: Path) -> None:
    node = node_of(formatted, log_dirs=f"{formatted.parent}/data,{formatted.parent}/more")

    with pytest.raises(BrokerUnusable, match=r"No `meta.properties` found in .*/more"):
        await node.start()

    assert sorted(each.name for each in formatted.parent.iterdir()) == ["data", "server.properties"]


async def test_a_directory_on_which_another_node_runs_is_named(formatted: Path) -> None:
    async with running(formatted):
        with pytest.raises(BrokerUnusable, match=rf"the metadata in {formatted.parent}/data cannot be used: .*stop it"):
            await node_of(formatted).start()


async def test_a_directory_of_zookeeper_mode_is_rejected(file: Path) -> None:
    (file.parent / "data").mkdir()
    (file.parent / "data" / "meta.properties").write_text(f"broker.id=1\nversion=0\ncluster.id={CLUSTER}\n")

    with pytest.raises(BrokerUnusable, match="was used in ZooKeeper mode"):
        await node_of(file).start()


async def test_a_raft_log_of_apache_kafka_is_left_alone(formatted: Path) -> None:
    folder = formatted.parent / "data" / "__cluster_metadata-0"
    folder.mkdir()
    (folder / "00000000000000000000.log").write_bytes(b"records")

    with pytest.raises(BrokerUnusable, match="holds a Raft log of Apache Kafka"):
        await node_of(formatted).start()

    assert [each.name for each in folder.iterdir()] == ["00000000000000000000.log"]


async def test_a_directory_that_was_formatted_before_directories_had_ids_gets_one(formatted: Path) -> None:
    meta = formatted.parent / "data" / "meta.properties"
    meta.write_text(re.sub("directory.id=.*\n", "", meta.read_text()))

    async with running(formatted):
        first = read_meta_properties(DiskFiles(), str(meta.parent))
    async with running(formatted):
        second = read_meta_properties(DiskFiles(), str(meta.parent))

    assert first is not None
    assert first.directory_id
    assert second == first


async def test_a_directory_id_that_is_none_is_rejected(formatted: Path) -> None:
    meta = formatted.parent / "data" / "meta.properties"
    meta.write_text(re.sub("directory.id=.*\n", "directory.id=xyz\n", meta.read_text()))

    with pytest.raises(BrokerUnusable, match=r"data/meta\.properties: directory\.id xyz is not an id"):
        await node_of(formatted).start()


def test_a_node_of_several_is_rejected_before_anything_is_started(formatted: Path) -> None:
    with pytest.raises(ConfigError, match="a quorum of several controllers is not supported"):
        node_of(formatted, controller_quorum_voters="1@localhost:9093,2@localhost:9094")
