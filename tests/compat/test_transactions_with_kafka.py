"""Our broker and Apache Kafka 3.9.1 in one cluster: each coordinates transactions in partitions of both."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from pykafka_cli.broker.coordinator.runtime import partition_for
from tests.support import peers
from tests.support.broker_processes import BrokerProcess, KafkaBroker, PkBroker
from tests.support.polling import PATIENCE_S
from tests.support.running import pk
from tests.support.zookeeper.servers import pk_zookeeper

OURS, KAFKAS = 0, 1
STATE_PARTITIONS = 2
SETTINGS = {
    "transaction.state.log.num.partitions": str(STATE_PARTITIONS),
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "zookeeper.session.timeout.ms": "6000",
}


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    peers.kafka_classpath()
    folder: Path = tmp_path_factory.mktemp("mixed")
    with ExitStack() as stack:
        zookeeper = stack.enter_context(pk_zookeeper(folder))
        brokers: list[BrokerProcess] = [
            PkBroker(OURS, folder, zookeeper.address, settings=SETTINGS),
            KafkaBroker(KAFKAS, folder, zookeeper.address, settings=SETTINGS),
        ]
        for broker in brokers:
            stack.callback(broker.kill)
            broker.begin()
        for broker in brokers:
            broker.wait_until_started()
        yield ",".join(broker.bootstrap for broker in brokers)


def read(bootstrap: str, topic: str, partition: int, isolation_level: str) -> list[str]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"reader-{uuid.uuid4()}",
            "enable.partition.eof": True,
            "isolation.level": isolation_level,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0)])
    values: list[str] = []
    while True:
        message = consumer.poll(60)
        assert message is not None, f"{len(values)} records came, then nothing"
        if message.error() is None:
            values.append(message.value().decode())
        elif message.error().code() == KafkaError._PARTITION_EOF:
            consumer.close()
            return values


def id_living_in(partition: int) -> str:
    return next(each for n in range(100) if partition_for(each := f"id-{n}", STATE_PARTITIONS) == partition)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("coordinator", [OURS, KAFKAS])
def test_each_coordinates_transactions_in_partitions_of_both(bootstrap: str, coordinator: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topic = f"t-{coordinator}"
    admin.create_topics([NewTopic(topic, 2, replica_assignment=[[OURS], [KAFKAS]])])[topic].result(60)
    Producer({"bootstrap.servers": bootstrap, "transactional.id": "first"}).init_transactions(60)
    home = admin.list_topics("__transaction_state", timeout=PATIENCE_S).topics["__transaction_state"].partitions
    (state_partition,) = (index for index, each in home.items() if each.leader == coordinator)
    transactional_id = id_living_in(state_partition)
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": transactional_id})
    producer.init_transactions(60)

    for number in range(20):
        producer.begin_transaction()
        for partition in (0, 1):
            producer.produce(topic, str(number), partition=partition)
        producer.flush(PATIENCE_S)
        (producer.abort_transaction if number % 3 == 0 else producer.commit_transaction)(60)
    producer.begin_transaction()
    producer.produce(topic, "open", partition=0)
    producer.flush(PATIENCE_S)
    listed = pk("transactions", "--bootstrap-server", bootstrap, "list").stdout
    producer.commit_transaction(60)

    committed = [str(number) for number in range(20) if number % 3]
    assert read(bootstrap, topic, 0, "read_committed") == [*committed, "open"]
    assert read(bootstrap, topic, 1, "read_committed") == committed
    assert read(bootstrap, topic, 1, "read_uncommitted") == [str(number) for number in range(20)]
    rows = {line.split()[0]: line.split() for line in listed.splitlines()[1:] if line.strip()}
    assert (rows[transactional_id][1], rows[transactional_id][3]) == (str(coordinator), "Ongoing")
