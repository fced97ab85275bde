"""What was acknowledged survives kill -9 of the broker and of ZooKeeper, which live in one process here."""

import uuid
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.confluent import value_of
from tests.support.polling import PATIENCE_S
from tests.support.running import RunningCluster, pk


def read_all(bootstrap: str, topic: str, partitions: int) -> list[bytes]:
    """Values of all records, by partition and offset."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    values: list[bytes] = []
    ended = 0
    while ended < partitions:
        message = consumer.poll(PATIENCE_S)
        assert message is not None, f"{len(values)} records came, then nothing"
        if message.error() is None:
            values.append(value_of(message))
        else:
            assert message.error().code() == KafkaError._PARTITION_EOF
            ended += 1
    consumer.close()
    return values


def test_every_acknowledged_record_is_there_once_after_kill_9(tmp_path: Path) -> None:
    cluster = RunningCluster(tmp_path / "data")
    ports = (cluster.port, cluster.zookeeper_port)
    topic = f"t-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.create_topics([NewTopic(topic, 3, 1)])[topic].result(timeout=PATIENCE_S)
    acknowledged: list[bytes] = []
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "enable.idempotence": True, "linger.ms": 1})

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is None:
            acknowledged.append(value_of(message))
            if len(acknowledged) == 3_000:
                cluster.kill()

    for number in range(10_000):
        producer.produce(topic, b"%d" % number, on_delivery=delivered)
        producer.poll(0)
    while cluster.process.poll() is None:
        producer.poll(0.1)
    again = RunningCluster(tmp_path / "data", ports=ports)
    assert producer.flush(60) == 0

    values = read_all(again.bootstrap, topic, 3)
    assert again.stop() == 0
    assert sorted(acknowledged) == sorted(b"%d" % number for number in range(10_000))
    assert sorted(values) == sorted(acknowledged)


def test_topics_configs_offsets_and_groups_are_there_after_kill_9(tmp_path: Path) -> None:
    cluster = RunningCluster(tmp_path / "data")
    ports = (cluster.port, cluster.zookeeper_port)
    server = ("--bootstrap-server", cluster.bootstrap)
    created = pk(
        "topics", *server, "--create", "--topic", "kept", "--partitions", "2", "--config", "retention.ms=5000000"
    )
    produced = pk("console-producer", *server, "--topic", "kept", stdin="a\nb\nc\n")
    consumed = pk(
        "console-consumer", *server, "--topic", "kept", "--group", "g", "--from-beginning", "--max-messages", "2"
    )
    before = pk("topics", *server, "--describe", "--topic", "kept").stdout
    groups_before = pk("consumer-groups", *server, "--describe", "--group", "g").stdout

    cluster.kill()
    again = RunningCluster(tmp_path / "data", ports=ports)

    assert [created.returncode, produced.returncode, consumed.returncode] == [0, 0, 0]
    assert "retention.ms=5000000" in before
    assert pk("topics", *server, "--describe", "--topic", "kept").stdout == before
    assert pk("consumer-groups", *server, "--describe", "--group", "g").stdout == groups_before
    rest = pk("console-consumer", *server, "--topic", "kept", "--group", "g", "--max-messages", "1")
    assert sorted((consumed.stdout + rest.stdout).split()) == ["a", "b", "c"]
    assert again.stop() == 0


def test_a_second_server_on_the_same_directory_is_rejected_and_touches_nothing(tmp_path: Path) -> None:
    cluster = RunningCluster(tmp_path / "data")
    files = sorted(path.relative_to(tmp_path) for path in (tmp_path / "data").rglob("*"))

    second = pk("up", "--data-dir", str(tmp_path / "data"), "--port", "0", "--zookeeper-port", "0")

    assert second.returncode == 1
    assert str(tmp_path / "data") in second.stderr
    assert sorted(path.relative_to(tmp_path) for path in (tmp_path / "data").rglob("*")) == files
    assert cluster.stop() == 0


def test_a_port_in_use_is_rejected_by_name(tmp_path: Path) -> None:
    cluster = RunningCluster(tmp_path / "one")

    second = pk("up", "--data-dir", str(tmp_path / "two"), "--port", str(cluster.port), "--zookeeper-port", "0")

    assert second.returncode == 1
    assert str(cluster.port) in second.stderr
    assert not (tmp_path / "two" / "kafka").exists() or not any((tmp_path / "two" / "kafka").iterdir())
    assert cluster.stop() == 0
