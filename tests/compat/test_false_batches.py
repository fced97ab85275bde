"""False batches, sent to Apache Kafka 3.9.1 and to our broker: the same codes, and what is stored can be read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import peers
from tests.support.broker_processes import KafkaBroker
from tests.support.false_batches import TOPICS, answers, ask, false_batches, own_code, record, sealed, varint
from tests.support.kafka_scripts import kafka
from tests.support.raw_requests import RawClient
from tests.support.running import RunningCluster, pk
from tests.support.zookeeper.servers import pk_zookeeper


def create_topics(bootstrap: str) -> None:
    for topic, config in TOPICS.items():
        words = [word for key, value in config.items() for word in ("--config", f"{key}={value}")]
        done = pk("topics", "--bootstrap-server", bootstrap, "--create", "--topic", topic, *words)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def kafkas_broker(tmp_path: Path) -> Iterator[KafkaBroker]:
    peers.kafka_classpath()
    with pk_zookeeper(tmp_path) as zookeeper:
        running = KafkaBroker(0, tmp_path, zookeeper.address, settings={"zookeeper.session.timeout.ms": "18000"})
        running.start()
        yield running
        running.kill()


@pytest.mark.timeout(300)
def test_both_brokers_give_the_same_codes(kafkas_broker: KafkaBroker, fresh_cluster: RunningCluster) -> None:
    create_topics(kafkas_broker.bootstrap)
    create_topics(fresh_cluster.bootstrap)

    kafkas, own = answers(kafkas_broker.bootstrap), answers(fresh_cluster.bootstrap)

    assert own == {
        topic: {name: own_code(topic, name, code) for name, code in codes.items()} for topic, codes in kafkas.items()
    }
    with RawClient(kafkas_broker.bootstrap) as theirs, RawClient(fresh_cluster.bootstrap) as ours:
        data = sealed(record(key=varint(-1)) + record(1) + record(2, key=varint(-1)), count=3)
        errors = ask(ours, "false-compacted", data)
        assert errors == ask(theirs, "false-compacted", data)
        assert [index for index, _ in errors[1]] == [0, 2]


@pytest.mark.timeout(300)
def test_kafka_reads_the_log_of_what_was_accepted(fresh_cluster: RunningCluster) -> None:
    peers.kafka_classpath()
    create_topics(fresh_cluster.bootstrap)
    accepted = 0
    with RawClient(fresh_cluster.bootstrap) as client:
        for data in false_batches().values():
            accepted += ask(client, "false-plain", data)[0] == 0
    (log,) = fresh_cluster.data_dir.glob("**/false-plain-0/00000000000000000000.log")

    printed = kafka("dump-log", "--files", str(log), "--deep-iteration", "--print-data-log")

    batches = [line for line in printed.splitlines() if line.startswith("baseOffset")]
    offsets = [
        int(line.split("offset: ")[1].split()[0]) for line in printed.splitlines() if line.startswith("| offset")
    ]
    assert len(batches) == accepted > 50
    assert all("isvalid: true" in line for line in batches)
    assert offsets == list(range(len(offsets)))
