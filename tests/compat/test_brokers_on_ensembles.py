"""Apache Kafka's broker and ours, together, on an ensemble whose servers are killed one after another."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support import peers
from tests.support.broker_processes import BrokerProcess, KafkaBroker, PkBroker
from tests.support.confluent import value_of
from tests.support.polling import until
from tests.support.zookeeper.ensembles import OURS, THEIRS, Ensemble, running_ensemble

TIMEOUT_S = 60
SETTINGS = {"zookeeper.session.timeout.ms": "9000", "offsets.topic.replication.factor": "2"}


@pytest.fixture(params=[(OURS, OURS, OURS), (OURS, THEIRS, OURS)], ids=["ours", "mixed"])
def ensemble(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ensemble]:
    peers.kafka_classpath()
    with running_ensemble(tmp_path / "zookeeper", request.param) as running:
        running.start()
        yield running


@pytest.fixture
def brokers(tmp_path: Path, ensemble: Ensemble) -> Iterator[list[BrokerProcess]]:
    kinds: tuple[type[BrokerProcess], ...] = (KafkaBroker, PkBroker)
    running: list[BrokerProcess] = []
    for broker_id, kind in enumerate(kinds):
        folder = tmp_path / f"broker-{broker_id}"
        folder.mkdir()
        running.append(kind(broker_id, folder, ensemble.addresses, settings=SETTINGS))
        running[-1].start()
    yield running
    for broker in running:
        broker.kill()


@pytest.mark.timeout(400)
def test_topics_are_created_and_records_kept_while_each_server_dies_in_turn(
    ensemble: Ensemble, brokers: list[BrokerProcess]
) -> None:
    bootstrap = ",".join(broker.bootstrap for broker in brokers)
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})

    for number in (1, 2, 3):
        ensemble.kill(ensemble.leader())
        topic = f"t{number}"
        admin.create_topics([NewTopic(topic, 3, 2)], operation_timeout=TIMEOUT_S)[topic].result(2 * TIMEOUT_S)
        producer.produce(topic, b"%d" % number)
        assert producer.flush(TIMEOUT_S) == 0
        for server_id, server in ensemble.servers.items():
            if not server.is_running:
                ensemble.start(server_id)

    until(
        lambda: {"t1", "t2", "t3"} <= set(admin.list_topics(timeout=TIMEOUT_S).topics),
        lambda: str(admin.list_topics(timeout=TIMEOUT_S).topics),
        patience_s=TIMEOUT_S,
    )
    assert values(bootstrap, "t1", "t2", "t3") == [b"1", b"2", b"3"]


def values(bootstrap: str, *topics: str) -> list[bytes]:
    """One value of each topic."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "g", "auto.offset.reset": "earliest"})
    consumer.subscribe(list(topics))
    found: list[bytes] = []
    while len(found) < len(topics):
        message = consumer.poll(TIMEOUT_S)
        assert message is not None
        assert message.error() is None
        found.append(value_of(message))
    consumer.close()
    return sorted(found)
