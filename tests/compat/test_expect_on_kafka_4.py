"""pk expect and pk mark on Apache Kafka 4.3.1, far away: from before the topic exists, after marks, in transactions."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Producer

from tests.support.far_cluster import FAR, Proxy
from tests.support.kafka_4 import Kafka4
from tests.support.polling import PATIENCE_S
from tests.support.ports import free_port
from tests.support.running import PK, pk

TOPIC = "orders"
KEYED = ("--property", "parse.key=true", "--property", "key.separator=:")


class FarKafka(NamedTuple):
    bootstrap: str
    """What it advertises."""

    def run(self, command: str, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return pk(command, "--bootstrap-server", self.bootstrap, *words, stdin=stdin)

    def done(self, command: str, *words: str, stdin: str = "") -> str:
        ran = self.run(command, *words, stdin=stdin)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarKafka]:
    near = free_port()
    proxy = Proxy(near, FAR)
    advertised = f"advertised.listeners=PLAINTEXT://127.0.0.1:{proxy.port}"
    server = Kafka4(tmp_path_factory.mktemp("kafka-4"), port=near, more=advertised)
    try:
        server.start()
        yield FarKafka(f"127.0.0.1:{proxy.port}")
    finally:
        server.kill()
        proxy.close()


def test_it_may_begin_before_the_topic_exists(kafka: FarKafka, tmp_path: Path) -> None:
    wants = tmp_path / "want.jsonl"
    wants.write_text('{"id":1,"state":"new"}\n{"id":2}\n{"id":1,"state":"paid"}\n')
    mark = kafka.done("mark", TOPIC)
    words = (TOPIC, "--from-offset", mark, "--json-subset", str(wants), "--ordered-by-key", "--exactly")
    command = [PK, "expect", "--bootstrap-server", kafka.bootstrap, *words, "--within", "2m"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert process.stderr.readline() == f"Waiting for {TOPIC}: the topic does not exist\n"
        kafka.done("topics", "--create", "--topic", TOPIC, "--partitions", "3")
        sent = 'a:{"id":1,"state":"new"}\nb:{"id":2}\na:{"id":1,"state":"paid"}\n'
        kafka.done("console-producer", "--topic", TOPIC, *KEYED, stdin=sent)
        _, errors = process.communicate(timeout=120)

    assert process.returncode == 0, errors


def test_what_comes_after_a_mark_includes_topics_that_were_created_anew(kafka: FarKafka) -> None:
    topic = ("--topic", "anew")
    kafka.done("topics", "--create", *topic, "--partitions", "1")
    kafka.done("console-producer", *topic, stdin="one\ntwo\n")
    mark = kafka.done("mark", "anew")
    kafka.done("topics", "--delete", *topic)
    kafka.done("topics", "--create", *topic, "--partitions", "2")
    kafka.done("console-producer", *topic, stdin="three\n")

    done = kafka.run("expect", "anew", "--from-offset", mark, "--count", "1", "--exactly", "--output", "json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["records_read"] == 1


def test_only_committed_records_are_read(kafka: FarKafka) -> None:
    kafka.done("topics", "--create", "--topic", "transactions", "--partitions", "1")
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": "expected", "log_level": 0})
    producer.init_transactions(PATIENCE_S)
    for value, complete in (("aborted", producer.abort_transaction), ("committed", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce("transactions", value)
        producer.flush(PATIENCE_S)  # to abort drops what has not been sent
        complete(30)

    for level, count in (("read_committed", "1"), ("read_uncommitted", "2")):
        kafka.done("expect", "transactions", "--isolation-level", level, "--count", count, "--exactly")


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_groups_of_either_protocol(protocol: str, kafka: FarKafka) -> None:
    topic = ("--topic", f"read-by-{protocol}")
    kafka.done("topics", "--create", *topic, "--partitions", "1")
    kafka.done("console-producer", *topic, stdin="one\n")
    reading = ("--group", protocol, "--from-beginning", "--max-messages", "1", "--command-property")
    kafka.done("console-consumer", *topic, *reading, f"group.protocol={protocol}")

    kafka.done("expect", topic[1], f"lag={protocol}:0", f"group={protocol}:Empty")
    failed = kafka.run("expect", topic[1], f"lag={protocol}:0:elsewhere", "--within", "5s")

    assert failed.returncode == 1
    assert f"  lag={protocol}:0:elsewhere: the group has committed nothing in elsewhere" in failed.stderr
