"""What `pk graduate` finds in the directories of a stopped cluster, and what it rejects."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue, offset_record
from pykafka_cli.broker.coordinator.transaction.records import transaction_record
from pykafka_cli.broker.coordinator.transaction.transaction import Transaction, TransactionState
from pykafka_cli.broker.log.log_manager import LogManager
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.graduation.examination import examine
from pykafka_cli.graduation.report import NotReady, Report
from pykafka_cli.model import LeaderEpoch, Milliseconds, Offset, ProducerEpoch, ProducerId, TopicPartition
from pykafka_cli.protocol.records import ControlType, Record, build_batch
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.server.data_directory import DataDirectory
from tests.support.brokers import broker_ids
from tests.support.logs import NOW_MS, append, marker
from tests.support.stopped_clusters import TOPIC_ID, StoppedCluster

ORDERS = [TopicPartition("orders", number) for number in range(2)]
OFFSETS, TRANSACTIONS = TopicPartition("__consumer_offsets", 0), TopicPartition("__transaction_state", 0)
TRANSACTIONAL: dict[str, Any] = {"transactional": True, "producer_id": 7, "producer_epoch": 0}


@pytest.fixture
def cluster(tmp_path: Path) -> StoppedCluster:
    """The topic orders in ZooKeeper, with two partitions on broker 0."""
    cluster = StoppedCluster(tmp_path)
    cluster.put_topic("orders", {0: (0,), 1: (0,)})
    return cluster


async def started(cluster: StoppedCluster, broker: int = 0, **options: Any) -> LogManager:
    logs = cluster.logs(broker, **options)
    await logs.start()
    return logs


async def orders_filled(cluster: StoppedCluster) -> None:
    """Ten records in several segments of each partition, stopped cleanly."""
    cluster.save()
    logs = await started(cluster)
    for partition in ORDERS:
        log = logs.get_or_create(partition, TOPIC_ID, is_new=True)
        for number in range(10):
            append(log, b"%d" % number)
    await logs.shutdown()


def problems(cluster: StoppedCluster, *brokers: int) -> list[str]:
    with pytest.raises(NotReady) as refused:
        examine(cluster.zookeeper, [cluster.settings(each) for each in brokers or (0,)])
    return refused.value.problems


def examined(cluster: StoppedCluster, *brokers: int) -> Report:
    return examine(cluster.zookeeper, [cluster.settings(each) for each in brokers or (0,)])


def contents(root: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


async def test_everything_is_counted_and_nothing_is_changed(cluster: StoppedCluster) -> None:
    cluster.put(znodes.config_path("topics/orders"), znodes.encode_config({"retention.ms": "-1"}))
    await orders_filled(cluster)
    before = contents(cluster.root)

    report = examined(cluster)

    assert [(each.name, each.partitions, each.records) for each in report.topics] == [("orders", 2, 20)]
    stored = sum(path.stat().st_size for path in cluster.root.rglob("*.log"))
    assert (report.topics[0].bytes, report.brokers[0].bytes, report.brokers[0].partitions) == (stored, stored, 2)
    assert report.brokers[0].was_left_cleanly
    assert report.settings == {"topics": 1}
    assert report.notes == ()
    assert contents(cluster.root) == before


async def test_records_of_several_replicas_are_counted_once(tmp_path: Path) -> None:
    cluster = StoppedCluster(tmp_path)
    cluster.put_topic("orders", {0: (1, 0)})
    cluster.save()
    for broker, count in ((0, 4), (1, 5)):
        logs = await started(cluster, broker)
        log = logs.get_or_create(ORDERS[0], TOPIC_ID, is_new=True)
        for _ in range(count):
            append(log, b"a")
        await logs.shutdown()

    report = examined(cluster, 0, 1)

    assert report.topics[0].records == 5, "as the leader has them"
    assert report.topics[0].bytes == sum(each.bytes for each in report.brokers)


async def test_groups_are_counted_as_the_newest_records_have_them(cluster: StoppedCluster) -> None:
    cluster.put_topic("__consumer_offsets", {0: (0,)})
    await orders_filled(cluster)
    logs = await started(cluster)
    log = logs.get_or_create(OFFSETS, TOPIC_ID, is_new=True)
    value = OffsetCommitValue(offset=Offset(3), metadata="", commit_timestamp=NOW_MS)
    stored = [offset_record("readers", each, value) for each in ORDERS]
    for key, data in (
        *stored,
        stored[0],
        (offset_record("gone", ORDERS[0], value).key, b""),
    ):
        log.append_as_leader(
            build_batch([Record(Offset(0), NOW_MS, key, data or None)]), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS
        )
    await logs.shutdown()

    assert examined(cluster).groups == (("readers", 2),)


@pytest.mark.parametrize(("kind", "offsets"), [(ControlType.COMMIT, 1), (ControlType.ABORT, 0), (None, 0)])
async def test_offsets_of_a_transaction_count_once_it_is_committed(
    cluster: StoppedCluster, kind: ControlType | None, offsets: int
) -> None:
    cluster.put_topic("__consumer_offsets", {0: (0,)})
    await orders_filled(cluster)
    logs = await started(cluster)
    log = logs.get_or_create(OFFSETS, TOPIC_ID, is_new=True)
    record = offset_record(
        "readers", ORDERS[0], OffsetCommitValue(offset=Offset(3), metadata="", commit_timestamp=NOW_MS)
    )
    batch = build_batch([Record(Offset(0), NOW_MS, *record)], **TRANSACTIONAL)
    log.append_as_leader(batch, leader_epoch=LeaderEpoch(0), now_ms=NOW_MS, origin=AppendOrigin.COORDINATOR)
    if kind is not None:
        log.append_as_leader(marker(kind), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS, origin=AppendOrigin.COORDINATOR)
    await logs.shutdown()

    assert sum(each.offsets for each in examined(cluster).groups) == offsets


async def test_transactions_that_have_not_ended_are_named(cluster: StoppedCluster) -> None:
    cluster.put_topic("__transaction_state", {0: (0,)})
    await orders_filled(cluster)
    logs = await started(cluster)
    log = logs.get_or_create(TRANSACTIONS, TOPIC_ID, is_new=True)
    for name, state in (("open", TransactionState.ONGOING), ("over", TransactionState.COMPLETE_ABORT)):
        transaction = Transaction(
            producer_id=ProducerId(7), producer_epoch=ProducerEpoch(0), timeout_ms=Milliseconds(1000), state=state,
            partitions=frozenset(ORDERS), updated_at=NOW_MS, started_at=NOW_MS,
        )  # fmt: skip
        record = Record(Offset(0), NOW_MS, *transaction_record(name, transaction))
        log.append_as_leader(build_batch([record]), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS)
    await logs.shutdown()

    assert examined(cluster).open_transactions == (("open", "ONGOING", 2),)


# What is in use, what is not there, what belongs to others.


async def test_directories_of_a_running_zookeeper_are_rejected(cluster: StoppedCluster) -> None:
    await orders_filled(cluster)
    running = DataDirectory(cluster.root / "zookeeper").lock()

    assert "is in use by a ZooKeeper server" in problems(cluster)[0]
    running.unlock()
    assert examined(cluster)


def holding(lock: Path) -> subprocess.Popen[bytes]:
    """Another process that has a broker's lock until `communicate`."""
    program = (
        "import sys; from pykafka_cli.storage.files import DiskFiles\n"
        "lock = DiskFiles().lock(sys.argv[1]); print(flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", program, str(lock)]
    holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    return holder


async def test_directories_of_a_running_broker_are_rejected(cluster: StoppedCluster) -> None:
    await orders_filled(cluster)
    holder = holding(cluster.root / "kafka/.lock")

    assert "is in use by a broker; stop it first" in problems(cluster)[0]
    holder.communicate()
    assert examined(cluster)


async def test_directories_where_nobody_has_been_are_rejected(tmp_path: Path) -> None:
    cluster = StoppedCluster(tmp_path)
    assert "has no version-2" in problems(cluster)[0]

    cluster.save()
    assert "does not exist, so it is not a log directory" in problems(cluster)[0]

    (tmp_path / "kafka").mkdir()
    assert "no broker has ever been here" in problems(cluster)[0]


def test_a_zookeeper_without_a_kafka_is_rejected(cluster: StoppedCluster) -> None:
    DataDirectory(cluster.root / "zookeeper").lock().unlock()
    assert "has no snapshot of a ZooKeeper" in problems(cluster)[0]

    cluster.without_a_kafka().save()
    assert "no broker has ever run on this ZooKeeper" in problems(cluster)[0]


async def test_logs_of_another_cluster_are_rejected(cluster: StoppedCluster) -> None:
    await orders_filled(cluster)
    meta = cluster.root / "kafka/meta.properties"
    meta.write_text(meta.read_text().replace("cluster.id=", "cluster.id=other"))

    assert "kafka belongs to cluster other" in problems(cluster)[0]


async def test_logs_of_another_broker_are_rejected(cluster: StoppedCluster) -> None:
    await orders_filled(cluster)
    (cluster.root / "kafka").rename(cluster.root / "kafka-1")

    assert any("kafka-1 belongs to broker 0, not 1" in each for each in problems(cluster, 1))


async def test_two_brokers_of_one_id_are_rejected(cluster: StoppedCluster) -> None:
    await orders_filled(cluster)
    shutil.copytree(cluster.root / "kafka", cluster.root / "kafka-1")

    assert "two brokers have the same id: [0, 0]" in problems(cluster, 0, 1)


async def test_a_partition_without_a_folder_is_rejected(cluster: StoppedCluster) -> None:
    await orders_filled(cluster)
    shutil.rmtree(cluster.root / "kafka/orders-1")

    (problem,) = problems(cluster)

    assert problem.startswith("orders-1: broker 0 has a replica according to ZooKeeper, but it has no folder in")


async def test_a_partition_that_never_had_a_leader_needs_no_folder(cluster: StoppedCluster) -> None:
    new = topic_znodes.TopicAssignment({0: topic_znodes.ReplicaAssignment(broker_ids(0))}, TOPIC_ID)
    cluster.put(topic_znodes.topic_path("new"), topic_znodes.encode_topic(new))
    await orders_filled(cluster)

    assert [each.records for each in examined(cluster).topics] == [0, 20]


async def test_a_folder_without_a_partition_is_rejected(cluster: StoppedCluster) -> None:
    await orders_filled(cluster)
    shutil.copytree(cluster.root / "kafka/orders-0", cluster.root / "kafka/stray-0")

    (problem,) = problems(cluster)

    assert "stray-0: ZooKeeper has no such partition on broker 0" in problem


async def test_a_log_of_a_deleted_topic_of_the_same_name_is_rejected(cluster: StoppedCluster) -> None:
    await orders_filled(cluster)
    metadata = cluster.root / "kafka/orders-0/partition.metadata"
    metadata.write_text(f"version: 0\ntopic_id: {znodes.new_cluster_id()}")

    (problem,) = problems(cluster)

    assert "orders-0 belongs to a deleted topic with the id" in problem


async def test_a_partition_in_two_directories_is_rejected(cluster: StoppedCluster) -> None:
    await orders_filled(cluster)
    shutil.copytree(cluster.root / "kafka", cluster.root / "kafka-more-1")

    with pytest.raises(NotReady, match="orders-0 is in two directories"):
        examine(cluster.zookeeper, [cluster.settings(directories=2)])


async def test_damage_is_named_with_what_helps(cluster: StoppedCluster) -> None:
    await orders_filled(cluster)
    (cluster.root / "kafka/replication-offset-checkpoint").write_text("nonsense")
    index = next((cluster.root / "kafka/orders-0").glob("*.index"))
    index.write_bytes(b"\0\0\0\1\0\0\0\5")

    found = problems(cluster)

    assert len(found) == 2
    assert "Remove the file: the broker writes it again" in found[0]
    assert "To rebuild it from the log, remove" in found[1]


async def test_damage_in_zookeepers_files_is_rejected(cluster: StoppedCluster) -> None:
    await orders_filled(cluster)
    snapshot = next((cluster.root / "zookeeper").rglob("snapshot.*"))
    snapshot.write_bytes(snapshot.read_bytes()[:-5])

    assert problems(cluster)[0].startswith("ZooKeeper: no usable snapshot in ")


# What is no obstacle.


async def test_a_stop_that_was_not_clean_is_reported(cluster: StoppedCluster) -> None:
    await orders_filled(cluster)
    (cluster.root / "kafka/.kafka_cleanshutdown").unlink()
    last = max((cluster.root / "kafka/orders-0").glob("*.log"))
    (cluster.root / "kafka/recovery-point-offset-checkpoint").write_text("0\n1\norders 0 2\n")
    last.write_bytes(last.read_bytes()[:-1])

    report = examined(cluster)

    assert not report.brokers[0].was_left_cleanly
    assert report.notes[0].startswith("Broker 0 was not stopped cleanly. Nothing that was acknowledged is lost")
    assert str(last) in report.notes[1]


async def test_a_broker_that_did_not_close_its_session_is_reported(cluster: StoppedCluster) -> None:
    cluster.register(0)
    await orders_filled(cluster)

    (note,) = examined(cluster).notes

    assert note.startswith("Broker 0 did not close its ZooKeeper session: start Kafka's broker 18 s after ZooKeeper")


async def test_brokers_elsewhere_are_reported(tmp_path: Path) -> None:
    cluster = StoppedCluster(tmp_path)
    cluster.put_topic("orders", {0: (0, 4), 1: (0, 4)})
    await orders_filled(cluster)

    assert examined(cluster).notes == ("Broker 4, which was not checked, has 2 replicas of partitions",)


async def test_settings_that_had_no_effect_here_are_reported(cluster: StoppedCluster) -> None:
    await orders_filled(cluster)

    report = examine(cluster.zookeeper, [cluster.settings(log_cleaner_threads="2")])

    assert report.notes == ("Broker 0: these settings had no effect here, but Kafka obeys them: log.cleaner.threads",)
