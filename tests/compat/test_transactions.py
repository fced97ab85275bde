"""Transactions of librdkafka, aiokafka and Java's producer through our coordinator, and `pk transactions`."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as AioTopicPartition
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.coordinator.runtime import partition_for
from pykafka_cli.transport.connection import Connection
from tests.support.broker_processes import PkBroker, running
from tests.support.ghost_producer import Ghost, eventually
from tests.support.kafka_scripts import kafka
from tests.support.polling import PATIENCE_S, until
from tests.support.running import RunningCluster, pk
from tests.support.zookeeper.servers import pk_zookeeper

STATE_PARTITIONS = 50


@pytest.fixture
def topic(cluster: RunningCluster) -> str:
    topic = f"tx-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(PATIENCE_S)
    return topic


def producer(cluster: RunningCluster, transactional_id: str, **settings: object) -> Producer:
    made = Producer({"bootstrap.servers": cluster.bootstrap, "transactional.id": transactional_id, **settings})
    made.init_transactions(PATIENCE_S)
    return made


def write(producer: Producer, topic: str, *values: str) -> None:
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(PATIENCE_S) == 0


def read(cluster: RunningCluster | PkBroker, topic: str, isolation_level: str = "read_committed") -> list[str]:
    """All values of partition 0, as far as the isolation level lets one see."""
    consumer = Consumer(
        {
            "bootstrap.servers": cluster.bootstrap,
            "group.id": f"reader-{uuid.uuid4().hex[:8]}",
            "enable.partition.eof": True,
            "isolation.level": isolation_level,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    values = list(_until_the_end(consumer))
    consumer.close()
    return values


def _until_the_end(consumer: Consumer) -> Iterator[str]:
    while True:
        message = consumer.poll(PATIENCE_S)
        assert message is not None, "neither a record nor the end of the partition came"
        if message.error() is None:
            yield message.value().decode()
        else:
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            return


def test_what_is_committed_is_read_and_what_is_aborted_is_not(cluster: RunningCluster, topic: str) -> None:
    transactional = producer(cluster, f"id-{topic}")
    for number, commit in enumerate([True, False, True, False, True]):
        transactional.begin_transaction()
        write(transactional, topic, f"{number}a", f"{number}b")
        (transactional.commit_transaction if commit else transactional.abort_transaction)(30)

    assert read(cluster, topic) == ["0a", "0b", "2a", "2b", "4a", "4b"]
    assert read(cluster, topic, "read_uncommitted") == [f"{number}{part}" for number in range(5) for part in "ab"]


def test_an_open_transaction_holds_back_what_comes_after_it(cluster: RunningCluster, topic: str) -> None:
    first, second = producer(cluster, f"first-{topic}"), producer(cluster, f"second-{topic}")
    first.begin_transaction()
    write(first, topic, "open")
    second.begin_transaction()
    write(second, topic, "committed")
    second.commit_transaction(PATIENCE_S)
    before = read(cluster, topic)

    first.commit_transaction(PATIENCE_S)

    assert (before, read(cluster, topic)) == ([], ["open", "committed"])


def test_a_producer_with_the_same_id_fences_the_one_before_and_aborts_what_it_had_open(
    cluster: RunningCluster, topic: str
) -> None:
    zombie = producer(cluster, f"id-{topic}")
    zombie.begin_transaction()
    write(zombie, topic, "zombie")

    successor = producer(cluster, f"id-{topic}")
    with pytest.raises(KafkaException) as refused:
        zombie.commit_transaction(PATIENCE_S)
    successor.begin_transaction()
    write(successor, topic, "successor")
    successor.commit_transaction(PATIENCE_S)

    assert refused.value.args[0].code() == KafkaError._FENCED
    assert read(cluster, topic) == ["successor"]


@pytest.mark.parametrize("commit", [True, False])
def test_offsets_are_committed_with_the_transaction(cluster: RunningCluster, topic: str, commit: bool) -> None:
    transactional = producer(cluster, f"id-{topic}")
    transactional.begin_transaction()
    write(transactional, topic, "a", "b", "c")
    transactional.commit_transaction(PATIENCE_S)
    consumer = Consumer(
        {
            "bootstrap.servers": cluster.bootstrap,
            "group.id": f"group-{topic}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([topic])
    message = consumer.poll(PATIENCE_S)
    assert message is not None
    assert message.error() is None

    transactional.begin_transaction()
    write(transactional, topic, "copy")
    transactional.send_offsets_to_transaction([TopicPartition(topic, 0, 1)], consumer.consumer_group_metadata(), 30)
    (transactional.commit_transaction if commit else transactional.abort_transaction)(30)
    (committed,) = consumer.committed([TopicPartition(topic, 0)], PATIENCE_S)
    consumer.close()

    assert committed.offset == (1 if commit else -1001)
    assert read(cluster, topic) == (["a", "b", "c", "copy"] if commit else ["a", "b", "c"])


def test_a_transaction_that_its_producer_forgets_is_aborted(cluster: RunningCluster, topic: str) -> None:
    forgetful = producer(cluster, f"id-{topic}", **{"transaction.timeout.ms": 1000})
    forgetful.begin_transaction()
    write(forgetful, topic, "forgotten")
    write(Producer({"bootstrap.servers": cluster.bootstrap}), topic, "after")
    consumer = Consumer(
        {"bootstrap.servers": cluster.bootstrap, "group.id": f"r-{topic}", "isolation.level": "read_committed"}
    )
    consumer.assign([TopicPartition(topic, 0, 0)])

    message = consumer.poll(PATIENCE_S)
    consumer.close()

    assert message is not None
    assert message.value() == b"after"
    with pytest.raises(KafkaException):
        forgetful.commit_transaction(PATIENCE_S)


async def test_aiokafka_commits_and_aborts(cluster: RunningCluster, topic: str) -> None:
    transactional = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, transactional_id=f"aio-{topic}")
    await transactional.start()
    async with transactional.transaction():
        await transactional.send_and_wait(topic, b"committed", partition=0)
    await transactional.begin_transaction()
    await transactional.send_and_wait(topic, b"aborted", partition=0)
    await transactional.abort_transaction()
    async with transactional.transaction():
        await transactional.send_and_wait(topic, b"last", partition=0)
        await transactional.send_offsets_to_transaction({AioTopicPartition(topic, 0): 1}, f"aio-group-{topic}")
    await transactional.stop()

    consumer = AIOKafkaConsumer(
        bootstrap_servers=cluster.bootstrap, isolation_level="read_committed", group_id=f"aio-group-{topic}"
    )
    await consumer.start()
    consumer.assign([AioTopicPartition(topic, 0)])
    await consumer.seek_to_beginning()
    values = [(await consumer.getone()).value for _ in range(2)]
    committed = await consumer.committed(AioTopicPartition(topic, 0))
    await consumer.stop()

    assert (values, committed) == ([b"committed", b"last"], 1)


def test_our_console_consumer_reads_committed(cluster: RunningCluster, topic: str) -> None:
    transactional = producer(cluster, f"id-{topic}")
    for commit in (True, False):
        transactional.begin_transaction()
        write(transactional, topic, f"{commit}")
        (transactional.commit_transaction if commit else transactional.abort_transaction)(30)
    words = ("console-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, "--from-beginning")

    committed = pk(*words, "--isolation-level", "read_committed", "--exit-at-end")
    everything = pk(*words, "--exit-at-end")

    assert (committed.stdout, everything.stdout) == ("True\n", "True\nFalse\n")


def test_our_command_lists_describes_and_aborts(cluster: RunningCluster, topic: str) -> None:
    transactional_id = f"id-{topic}"
    transactional = producer(cluster, transactional_id)
    transactional.begin_transaction()
    write(transactional, topic, "open")
    command = ("transactions", "--bootstrap-server", cluster.bootstrap)

    listed = pk(*command, "list")
    described = pk(*command, "describe", "--transactional-id", transactional_id)
    producers = pk(*command, "describe-producers", "--topic", topic, "--partition", "0")
    hanging = pk(*command, "find-hanging", "--broker-id", "0")
    aborted = pk(*command, "abort", "--topic", topic, "--partition", "0", "--start-offset", "0")
    after = pk(*command, "describe-producers", "--topic", topic, "--partition", "0")

    rows = {line.split()[0]: line.split() for line in listed.stdout.splitlines()[1:] if line.strip()}
    assert rows[transactional_id][-1] == "Ongoing"
    assert described.stdout.splitlines()[1].split()[4] == "Ongoing"
    assert f"{topic}-0" in described.stdout
    assert producers.stdout.splitlines()[1].split()[-1] == "0"
    assert hanging.stdout.splitlines()[1:] in ([], [""])
    assert aborted.returncode == 0, aborted.stderr
    assert after.stdout.splitlines()[1].split()[-1] == "None"
    assert read(cluster, topic) == []


def test_javas_perf_test_produces_in_transactions(cluster: RunningCluster, topic: str) -> None:
    kafka(
        "producer-perf-test", "--topic", topic, "--num-records", "500", "--record-size", "20", "--throughput", "2000",
        "--producer-props", f"bootstrap.servers={cluster.bootstrap}",
        "--transactional-id", f"perf-{topic}", "--transaction-duration-ms", "50",
    )  # fmt: skip

    read_back = kafka(
        "console-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, "--from-beginning",
        "--isolation-level", "read_committed", "--max-messages", "500",
    )  # fmt: skip
    listed = kafka("transactions", "--bootstrap-server", cluster.bootstrap, "list")
    described = kafka(
        "transactions", "--bootstrap-server", cluster.bootstrap, "describe", "--transactional-id", f"perf-{topic}"
    )

    assert len(read_back.splitlines()) == 500
    states = {line.split()[0]: line.split()[-1] for line in listed.splitlines()[1:] if line.strip()}
    assert states[f"perf-{topic}"] == "CompleteCommit"
    assert "CompleteCommit" in described


async def test_kafkas_tool_finds_a_hanging_transaction_and_aborts_it(fresh_cluster: RunningCluster) -> None:
    server = ("transactions", "--bootstrap-server", fresh_cluster.bootstrap)
    admin = AdminClient({"bootstrap.servers": fresh_cluster.bootstrap})
    admin.create_topics([NewTopic("t", 1, 1)])["t"].result(PATIENCE_S)
    altered = pk(
        "configs", *server[1:], "--alter", "--entity-type", "brokers", "--entity-default",
        "--add-config", "transaction.partition.verification.enable=false",
    )  # fmt: skip
    assert altered.returncode == 0, altered.stderr
    connection = await Connection.open("localhost", fresh_cluster.port, client_id="ghost")
    ghost = Ghost(connection, "t")
    await eventually(ghost.find_coordinator, ErrorCode.none)
    await eventually(ghost.init, ErrorCode.none)
    await eventually(ghost.write, ErrorCode.none)
    connection.close()

    found = kafka(*server, "find-hanging", "--broker-id", "0")
    kafka(*server, "abort", "--topic", "t", "--partition", "0", "--start-offset", "0")
    found_then = kafka(*server, "find-hanging", "--broker-id", "0")

    assert found.splitlines()[1].split()[:3] == ["t", "0", str(ghost.producer_id)]
    assert [line for line in found_then.splitlines()[1:] if line.strip()] == []
    assert read(fresh_cluster, "t") == []


def test_kafka_dump_log_reads_our_transaction_log(cluster: RunningCluster, topic: str) -> None:
    transactional_id = f"id-{topic}"
    transactional = producer(cluster, transactional_id)
    transactional.begin_transaction()
    write(transactional, topic, "open")
    home = f"__transaction_state-{partition_for(transactional_id, STATE_PARTITIONS)}"
    (file,) = cluster.data_dir.rglob(f"{home}/{0:020d}.log")

    dumped = kafka("dump-log", "--transaction-log-decoder", "--files", str(file))

    records = [line for line in dumped.splitlines() if f"transactionalId={transactional_id}" in line]
    assert ["state=Empty" in records[0], "state=Ongoing" in records[1], len(records)] == [True, True, 2]
    assert f"partitions=[{topic}-0]" in records[1]


def test_producers_that_the_broker_has_forgotten_continue(tmp_path: Path) -> None:
    soon = {
        "producer.id.expiration.ms": "500",
        "producer.id.expiration.check.interval.ms": "100",
        "transactional.id.expiration.ms": "500",
        "transaction.remove.expired.transaction.cleanup.interval.ms": "100",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
    }
    with (
        pk_zookeeper(tmp_path) as zookeeper,
        running(PkBroker(0, tmp_path, zookeeper.address, settings=soon)) as broker,
    ):
        server = ("transactions", "--bootstrap-server", broker.bootstrap)
        transactional = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": "x"})
        transactional.init_transactions(PATIENCE_S)
        idempotent = Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True})
        transactional.begin_transaction()
        write(transactional, "t", "1")
        transactional.commit_transaction(PATIENCE_S)
        write(idempotent, "t", "2", "3")

        def are_forgotten() -> bool:
            producers = pk(*server, "describe-producers", "--topic", "t", "--partition", "0").stdout
            return producers.count("\n") == 1 and "x" not in pk(*server, "list").stdout.split()

        until(are_forgotten, "they are remembered")
        write(idempotent, "t", "4")
        transactional.begin_transaction()
        transactional.produce("t", "5", partition=0)
        with pytest.raises(KafkaException) as refused:
            transactional.commit_transaction(PATIENCE_S)
        transactional.abort_transaction(PATIENCE_S)
        transactional.begin_transaction()
        write(transactional, "t", "6")
        transactional.commit_transaction(PATIENCE_S)

        assert refused.value.args[0].code() == KafkaError.INVALID_PRODUCER_ID_MAPPING
        assert refused.value.args[0].txn_requires_abort()
        assert read(broker, "t") == ["1", "2", "3", "4", "6"]
