"""pk copy from Apache Kafka 3.9.1 to 4.3.1, which is far away, and back; and of what an old broker's formats hold."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.broker_processes import KafkaBroker, running
from tests.support.far_cluster import FAR, Proxy
from tests.support.kafka_4 import Kafka4
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.zookeeper.servers import pk_zookeeper

COUNT = 2000


@pytest.fixture(scope="module")
def kafka_3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("kafka-3")
    with pk_zookeeper(folder) as zookeeper, running(KafkaBroker(0, folder, zookeeper.address)) as broker:
        yield broker.bootstrap


@pytest.fixture(scope="module")
def far_kafka_4(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    near = free_port()
    proxy = Proxy(near, FAR)
    more = f"advertised.listeners=PLAINTEXT://127.0.0.1:{proxy.port}"
    server = Kafka4(tmp_path_factory.mktemp("kafka-4"), port=near, more=more)
    server.start()
    try:
        yield f"127.0.0.1:{proxy.port}"
    finally:
        server.kill()
        proxy.close()


def records(bootstrap: str, topic: str) -> list[tuple[Any, ...]]:
    words = ("--topic", topic, "--from-beginning", "--max-messages", str(COUNT), "--output", "json")
    done = pk("console-consumer", "--bootstrap-server", bootstrap, *words, "--timeout-ms", "20000")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    found.sort(key=lambda each: (each["partition"], each["offset"]))
    return [(each["partition"], each["timestamp"], each["key"], each["value"]) for each in found]


def produce(bootstrap: str, topic: str, *words: str) -> None:
    where = ("--bootstrap-server", bootstrap, "--topic", topic)
    for done in (
        pk("topics", *where, "--create", "--partitions", "3", "--config", "message.timestamp.type=CreateTime"),
        pk(
            "console-producer", *where, "--property", "parse.key=true", *words,
            stdin="".join(f"key {number}\tvalue {number}\n" for number in range(COUNT)),
        ),
    ):  # fmt: skip
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("codec", ["none", "zstd", "lz4", "snappy", "gzip"])
def test_there_and_back_everything_is_the_same(kafka_3: str, far_kafka_4: str, codec: str) -> None:
    topic = f"there-{codec}"
    produce(kafka_3, topic, "--compression-codec", codec)

    there = pk("copy", topic, "--from", kafka_3, "--to", far_kafka_4, "--group", topic, timeout=120)
    back = pk("copy", f"{topic}={topic}-back", "--from", far_kafka_4, "--to", kafka_3, timeout=120)
    again = pk("copy", topic, "--from", kafka_3, "--to", far_kafka_4, "--group", topic)

    assert (there.returncode, there.stderr) == (0, "")
    assert (back.returncode, back.stderr) == (0, "")
    assert again.stdout == f"Copied 0 records from {topic} to {topic}.\n"
    assert records(kafka_3, f"{topic}-back") == records(kafka_3, topic)


def test_times_that_the_broker_has_set_are_kept(kafka_3: str, far_kafka_4: str) -> None:
    where = ("--bootstrap-server", kafka_3, "--topic", "appended")
    pk("topics", *where, "--create", "--config", "message.timestamp.type=LogAppendTime")
    pk("console-producer", *where, stdin="".join(f"{number}\n" for number in range(COUNT)))
    create = ("--create", "--topic", "appended", "--bootstrap-server", far_kafka_4)
    pk("topics", *create, "--config", "message.timestamp.type=CreateTime")

    done = pk("copy", "appended", "--from", kafka_3, "--to", far_kafka_4)

    assert (done.returncode, done.stderr) == (0, "")
    assert records(far_kafka_4, "appended") == records(kafka_3, "appended")
