"""Disks in trouble under whole brokers: one of several log.dirs is gone, and a disk that is full."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from kio.schema.errors import ErrorCode
from kio.schema.list_offsets.v7.request import ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i8, i32, i64

from pykafka_cli.transport.connection import Connection
from tests.support.broker_processes import PkBroker
from tests.support.confluent import value_of
from tests.support.polling import until
from tests.support.running import pk
from tests.support.zookeeper.servers import pk_zookeeper

TIMEOUT_S = 60
QUIET = {"log_level": 0, "topic.metadata.refresh.interval.ms": 500}
PARTITIONS = range(4)
HURRY = {"replica.high.watermark.checkpoint.interval.ms": "300", "replica.lag.time.max.ms": "3000"}
MIB = 1 << 20

Leaders = dict[int, int]


def producer(bootstrap: str, **settings: object) -> Producer:
    return Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, **QUIET, **settings})


def send(client: Producer, topic: str, partition: int, *values: bytes) -> list[KafkaError | None]:
    """What became of each value."""
    outcomes: list[KafkaError | None] = []
    for value in values:
        client.produce(topic, value, partition=partition, on_delivery=lambda error, _: outcomes.append(error))
    assert client.flush(TIMEOUT_S) == 0
    return outcomes


def read(bootstrap: str, topic: str, partition: int) -> list[bytes]:
    """Every value that is there."""
    settings = {"group.id": "none", "enable.auto.commit": False, "enable.partition.eof": True, **QUIET}
    consumer = Consumer({"bootstrap.servers": bootstrap, **settings})
    consumer.assign([TopicPartition(topic, partition, 0)])
    values: list[bytes] = []
    while (message := consumer.poll(TIMEOUT_S)) is not None:
        if message.error() is not None:
            assert message.error().code() == KafkaError._PARTITION_EOF
            break
        values.append(value_of(message))
    consumer.close()
    return values


def leaders(admin: AdminClient, topic: str) -> Leaders:
    return {
        number: each.leader for number, each in admin.list_topics(timeout=TIMEOUT_S).topics[topic].partitions.items()
    }


async def error_of(broker: PkBroker, topic: str, partition: int) -> ErrorCode:
    """What this very broker answers who asks it for a partition."""
    connection = await Connection.open("127.0.0.1", broker.port, client_id="test")
    wanted = ListOffsetsTopic(
        name=TopicName(topic),
        partitions=(ListOffsetsPartition(partition_index=i32(partition), timestamp=i64(-1)),),
    )
    answer = await connection.request(
        ListOffsetsRequest(replica_id=BrokerId(-1), isolation_level=i8(0), topics=(wanted,))
    )
    connection.close()
    return answer.topics[0].partitions[0].error_code


@pytest.mark.timeout(300)
async def test_a_log_directory_is_lost_and_the_others_continue(tmp_path: Path) -> None:
    lost, kept = tmp_path / "lost", tmp_path / "kept"
    with pk_zookeeper(tmp_path) as zookeeper, contextlib.ExitStack() as stack:
        two_directories = {"log.dirs": f"{lost},{kept}", **HURRY}
        brokers = [
            PkBroker(0, tmp_path, zookeeper.address, settings=two_directories),
            PkBroker(1, tmp_path, zookeeper.address, settings=HURRY),
        ]
        for broker in brokers:
            stack.callback(broker.kill)
            broker.start()
        bootstrap = ",".join(broker.bootstrap for broker in brokers)
        admin = AdminClient({"bootstrap.servers": bootstrap, **QUIET})
        topics = [
            NewTopic(topic, len(PARTITIONS), replica_assignment=[replicas] * len(PARTITIONS))
            for topic, replicas in (("alone", [0]), ("shared", [0, 1]))
        ]
        for made in admin.create_topics(topics).values():
            made.result(TIMEOUT_S)
        in_lost = {topic: [n for n in PARTITIONS if (lost / f"{topic}-{n}").exists()] for topic in ("alone", "shared")}
        assert all(0 < len(each) < len(PARTITIONS) for each in in_lost.values()), "spread over both directories"
        steady = producer(bootstrap)
        for topic in in_lost:
            for number in PARTITIONS:
                assert send(steady, topic, number, b"before") == [None]

        lost.rename(tmp_path / "elsewhere")
        lost.write_text("a file, so that nothing can be made there")

        moved = {n: 1 if n in in_lost["shared"] else 0 for n in PARTITIONS}
        gone = {n: -1 if n in in_lost["alone"] else 0 for n in PARTITIONS}
        until(lambda: leaders(admin, "shared") == moved, lambda: f"{leaders(admin, 'shared')} instead of {moved}")
        until(lambda: leaders(admin, "alone") == gone, lambda: f"{leaders(admin, 'alone')} instead of {gone}")
        assert await error_of(brokers[0], "alone", in_lost["alone"][0]) is ErrorCode.kafka_storage_error
        assert described_errors(brokers[0]) == {str(lost): True, str(kept): False}
        for number in PARTITIONS:
            assert send(steady, "shared", number, b"meanwhile") == [None]
            assert read(bootstrap, "shared", number) == [b"before", b"meanwhile"]
            if number not in in_lost["alone"]:
                assert send(steady, "alone", number, b"meanwhile") == [None]

        brokers[0].stop()
        brokers[0].start()
        until(lambda: leaders(admin, "alone") == gone, "what is still gone has no leader after a start either")
        for number in set(PARTITIONS) - set(in_lost["alone"]):
            assert read(bootstrap, "alone", number) == [b"before", b"meanwhile"]

        brokers[0].stop()
        lost.unlink()
        (tmp_path / "elsewhere").rename(lost)
        brokers[0].start()
        until(lambda: set(leaders(admin, "alone").values()) == {0}, "not all is led again")
        until(lambda: not unsynced(admin, "shared"), lambda: f"not in sync: {unsynced(admin, 'shared')}")
        assert [read(bootstrap, "alone", n)[0] for n in PARTITIONS] == [b"before"] * len(PARTITIONS)
        assert [read(bootstrap, "shared", n) for n in PARTITIONS] == [[b"before", b"meanwhile"]] * len(PARTITIONS)


def described_errors(broker: PkBroker) -> dict[str, bool]:
    """Whether `pk log-dirs` reports an error, by directory."""
    told = pk(
        "log-dirs", "--bootstrap-server", broker.bootstrap, "--describe", "--broker-list", "0", "--output", "json"
    )
    return {each["log_dir"]: each["error"] is not None for each in json.loads(told.stdout)}


def unsynced(admin: AdminClient, topic: str) -> dict[int, list[int]]:
    partitions = admin.list_topics(timeout=TIMEOUT_S).topics[topic].partitions
    return {number: each.isrs for number, each in partitions.items() if len(each.isrs) < len(each.replicas)}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}; root may do it")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.timeout(300)
def test_a_full_disk_rejects_writes_keeps_what_it_has_and_continues_when_there_is_room(
    tmp_path: Path, small_disk: Path
) -> None:
    with pk_zookeeper(tmp_path) as zookeeper:
        broker = PkBroker(0, tmp_path, zookeeper.address, logs=small_disk / "logs", settings=HURRY)
        broker.start()
        try:
            admin = AdminClient({"bootstrap.servers": broker.bootstrap, **QUIET})
            made = NewTopic("t", 1, 1, config={"segment.bytes": str(2 * MIB)})
            admin.create_topics([made])["t"].result(TIMEOUT_S)
            large = [b"%d " % number + b"x" * 50_000 for number in range(100)]
            impatient = producer(broker.bootstrap, **{"message.timeout.ms": 4000, "linger.ms": 0, "batch.size": 60_000})
            assert send(impatient, "t", 0, *large[:20]) == [None] * 20

            filler = small_disk / "filler"
            filler.write_bytes(bytes(20 * MIB))
            outcomes = send(impatient, "t", 0, *large[20:])
            stored = [value for value, outcome in zip(large, [None] * 20 + outcomes, strict=True) if outcome is None]
            assert 20 < len(stored) < 100
            assert "no room left on the disk of" in broker.said()
            assert read(broker.bootstrap, "t", 0)[: len(stored)] == stored, "what it has can still be read"

            filler.unlink()
            afterwards = producer(broker.bootstrap)
            assert send(afterwards, "t", 0, b"there is room again") == [None]
            kept = read(broker.bootstrap, "t", 0)
            assert set(kept) >= {*stored, b"there is room again"}
            assert "is offline" not in broker.said()

            broker.kill()
            broker.start()
            assert read(broker.bootstrap, "t", 0) == kept
        finally:
            broker.kill()
