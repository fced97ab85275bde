"""A KRaft node's settings and directories, on their way to ZooKeeper mode and from there to Kafka 4."""

from pathlib import Path

from pykafka_cli.graduation.kafka_4_files import Broker, kafka_4_files
from pykafka_cli.graduation.kraft_node import as_zookeeper_broker, preparation, shell_lines, zookeeper_outside
from pykafka_cli.model import BrokerId
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property, read_properties


def node(**other: str) -> BrokerSettings:
    given = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": "localhost:9093",
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "advertised.listeners": "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": "/a b,/c",
        "num.partitions": "3",
    } | {name.replace("_", "."): text for name, text in other.items()}
    return BrokerSettings(Property(name, text, 0) for name, text in given.items())


def test_a_node_becomes_a_broker_on_zookeeper_with_all_else_it_has() -> None:
    broker = as_zookeeper_broker(node(), 2181)

    assert broker.originals == {
        "broker.id": "1",
        "node.id": "1",  # the settings' own other name for it
        "zookeeper.connect": "127.0.0.1:2181",
        "listeners": "PLAINTEXT://:9092",
        "advertised.listeners": "PLAINTEXT://localhost:9092",
        "log.dirs": "/a b,/c",
        "num.partitions": "3",
    }


def test_an_id_that_zookeeper_would_hand_out_stays_the_nodes() -> None:
    assert as_zookeeper_broker(node(node_id="4711"), 2181).originals["broker.id.generation.enable"] == "false"


def test_the_metadata_move_out_of_the_log_directory_and_every_directory_says_whose_it_is() -> None:
    prepared = preparation(node(), "cluster", Path("/kafka"))

    assert shell_lines(prepared) == [
        "mv '/a b/__cluster_metadata-0' '/a b-zookeeper'",
        "cp /kafka/meta.properties '/a b/meta.properties'",
        "cp /kafka/meta.properties /c/meta.properties",
    ]
    assert prepared.meta_properties.splitlines() == ["version=0", "broker.id=1", "cluster.id=cluster"]
    assert zookeeper_outside(node(), 2181).data_dir == "/a b-zookeeper"


def test_every_broker_has_a_file_for_each_step_and_nothing_of_zookeeper_in_the_last() -> None:
    properties = {
        "broker.id": "7", "zookeeper.connect": "z:1", "zookeeper.session.timeout.ms": "6000", "log.dirs": "/a",
        "inter.broker.protocol.version": "3.9", "listeners": "PLAINTEXT://h:9092", "num.partitions": "3",
    }  # fmt: skip

    files = kafka_4_files(Path("/kafka"), [Broker("server-7", properties, BrokerId(7))], "cluster", "z:1", 9093)

    assert set(files) == {
        "kafka-4/README.md", "kafka-4/controller.properties", "kafka-4/controller-without-zookeeper.properties",
        "kafka-4/server-7-migrating.properties", "kafka-4/server-7.properties",
    }  # fmt: skip
    read = {
        name: {each.key: each.value for each in read_properties(text.encode())}
        for name, text in files.items()
        if name.endswith(".properties")
    }
    migrating, last = read["kafka-4/server-7-migrating.properties"], read["kafka-4/server-7.properties"]
    assert migrating["zookeeper.metadata.migration.enable"] == "true"
    assert migrating.items() >= properties.items()
    assert last == {
        "process.roles": "broker",
        "node.id": "7",
        "log.dirs": "/a",
        "listeners": "PLAINTEXT://h:9092",
        "num.partitions": "3",
        "controller.quorum.voters": "3000@127.0.0.1:9093",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": (
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL"
        ),
    }
    assert "bin/kafka-server-stop.sh --node-id=7" in files["kafka-4/README.md"]
    assert "--bootstrap-server h:9092" in files["kafka-4/README.md"]
