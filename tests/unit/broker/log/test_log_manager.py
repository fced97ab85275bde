import asyncio
import errno
import uuid
from collections.abc import AsyncIterator, Callable

import pytest

from pykafka_cli.broker.errors import InconsistentTopicId, KafkaStorageError
from pykafka_cli.broker.log.log_directory import DirectoryInUse
from pykafka_cli.broker.log.log_manager import LogManager
from pykafka_cli.model import BrokerId, LeaderEpoch, Offset, TopicPartition
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.storage import checkpoints
from pykafka_cli.storage.checkpoints import MalformedFile, WrongDirectory
from tests.fakes.clock import FakeClock
from tests.fakes.files import Crash, MemoryFiles
from tests.support.event_loop import until
from tests.support.logs import NOW_MS, ORDERS, append, broker_settings, sequenced, topic_config, values

OTHER = TopicPartition("other", 1)
TOPIC_ID = uuid.UUID(int=7)


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW_MS)


Opener = Callable[..., LogManager]


@pytest.fixture
async def open_logs(files: MemoryFiles, clock: FakeClock) -> AsyncIterator[Opener]:
    """Makes log managers over the test's disk; those still running at the end are stopped."""
    made: list[LogManager] = []

    def make(
        settings: BrokerSettings | None = None,
        *,
        on: MemoryFiles = files,
        broker_id: int = 0,
        cluster_id: str = "c",
        **keys: object,
    ) -> LogManager:
        logs = LogManager(
            settings or broker_settings(**{"log_dirs": "/a,/b", **keys}),
            clock,
            lambda topic: topic_config(segment_index_bytes=4096),
            broker_id=BrokerId(broker_id),
            cluster_id=cluster_id,
            files=on,
        )
        made.append(logs)
        return logs

    yield make
    for logs in made:
        await logs.shutdown()


async def test_new_logs_are_spread_over_the_directories(open_logs: Opener) -> None:
    logs = open_logs()
    await logs.start()

    for partition in range(4):
        logs.get_or_create(TopicPartition("orders", partition), TOPIC_ID, is_new=True)

    assert [len(usage.logs) for usage in logs.usages()] == [2, 2]


async def test_logs_are_found_again_after_a_clean_stop(files: MemoryFiles, open_logs: Opener) -> None:
    logs = open_logs()
    await logs.start()
    log = logs.get_or_create(ORDERS, TOPIC_ID, is_new=True)
    append(log, b"a", b"b", b"c")
    log.advance_high_watermark(Offset(2))
    log.advance_log_start(Offset(1))
    await logs.shutdown()
    assert files.read("/a/.kafka_cleanshutdown")

    again = open_logs()
    await again.start()

    found = again.get(ORDERS)
    assert found is not None
    assert values(found)[-2:] == [b"b", b"c"]
    assert (found.log_start, found.high_watermark, found.log_end, found.topic_id) == (1, 2, 3, TOPIC_ID)
    assert again.checkpointed_high_watermark(ORDERS) == 2
    assert not files.exists("/a/.kafka_cleanshutdown")


async def test_logs_are_recovered_after_a_crash(files: MemoryFiles, open_logs: Opener) -> None:
    logs = open_logs()
    await logs.start()
    append(logs.get_or_create(ORDERS, TOPIC_ID, is_new=True), b"a")

    again = open_logs(on=files.restarted())
    await again.start()

    found = again.get(ORDERS)
    assert found is not None
    assert values(found) == [b"a"]


async def test_a_directory_in_use_is_named_and_left_alone(files: MemoryFiles, open_logs: Opener) -> None:
    first, second = open_logs(), open_logs(log_dirs="/b")
    await first.start()

    with pytest.raises(DirectoryInUse, match=r"^/b: another process is using this log directory"):
        await second.start()
    assert checkpoints.read_meta_properties(files, "/b") == checkpoints.MetaProperties(BrokerId(0), "c")


@pytest.mark.parametrize("other", [{"cluster_id": "d"}, {"broker_id": 1}])
async def test_a_directory_of_another_cluster_or_broker_is_not_touched(
    files: MemoryFiles, open_logs: Opener, other: dict[str, object]
) -> None:
    first = open_logs(log_dirs="/b")
    await first.start()
    await first.shutdown()
    before = {name: files.read(f"/b/{name}") for name in files.names("/b")}

    with pytest.raises(WrongDirectory, match=r"^/b/meta\.properties"):
        await open_logs(**other).start()

    assert {name: files.read(f"/b/{name}") for name in files.names("/b")} == before
    assert not files.exists("/a/meta.properties")


async def test_a_malformed_meta_properties_is_rejected(files: MemoryFiles, open_logs: Opener) -> None:
    files.make_directory("/a")
    files.replace("/a/meta.properties", b"version=0\nbroker.id=zero\n")

    with pytest.raises(MalformedFile, match=r"^/a/meta\.properties"):
        await open_logs().start()


async def test_a_partition_in_two_directories_is_rejected(files: MemoryFiles, open_logs: Opener) -> None:
    files.make_directory("/a/orders-0")
    files.make_directory("/b/orders-0")

    with pytest.raises(KafkaStorageError, match="orders-0 is in two directories"):
        await open_logs().start()


async def test_folders_of_other_kinds_are_ignored(files: MemoryFiles, open_logs: Opener) -> None:
    files.make_directory("/a/lost+found")
    logs = open_logs()

    await logs.start()

    assert logs.all() == []


async def test_another_topic_of_the_same_name_is_rejected(open_logs: Opener) -> None:
    logs = open_logs()
    await logs.start()
    logs.get_or_create(ORDERS, TOPIC_ID, is_new=True)

    with pytest.raises(InconsistentTopicId):
        logs.get_or_create(ORDERS, uuid.UUID(int=8), is_new=False)


async def test_a_log_without_an_id_gets_one(files: MemoryFiles, open_logs: Opener) -> None:
    logs = open_logs()
    await logs.start()
    log = logs.get_or_create(ORDERS, None, is_new=True)

    logs.get_or_create(ORDERS, TOPIC_ID, is_new=False)

    assert checkpoints.read_topic_id(files, f"{log.directory}/partition.metadata") == TOPIC_ID


# Deletion.


async def test_a_deleted_log_waits_under_another_name(files: MemoryFiles, clock: FakeClock, open_logs: Opener) -> None:
    logs = open_logs(log_dirs="/a")
    await logs.start()
    append(logs.get_or_create(ORDERS, TOPIC_ID, is_new=True), b"a")

    logs.delete(ORDERS)

    assert logs.get(ORDERS) is None
    (folder,) = [name for name in files.names("/a") if name.startswith("orders")]
    assert folder.startswith("orders-0.")
    assert folder.endswith("-delete")
    clock.advance(61)
    await until(lambda: not files.exists(f"/a/{folder}"))


async def test_a_topic_can_be_made_again_while_its_old_files_wait(open_logs: Opener) -> None:
    logs = open_logs(log_dirs="/a")
    await logs.start()
    old = logs.get_or_create(ORDERS, TOPIC_ID, is_new=True)
    append(old, b"a")
    logs.delete(ORDERS)

    fresh = logs.get_or_create(ORDERS, uuid.UUID(int=8), is_new=True)

    assert fresh.log_end == 0
    with pytest.raises(KafkaStorageError):
        append(old, b"b")


async def test_deletions_that_a_stop_interrupted_are_finished(
    files: MemoryFiles, clock: FakeClock, open_logs: Opener
) -> None:
    folder = f"/a/orders-0.{uuid.UUID(int=1).hex}-delete"
    files.make_directory(folder)

    await open_logs().start()
    clock.advance(0)

    await until(lambda: not files.exists(folder))


# Settings and chores.


async def test_a_changed_setting_reaches_the_logs_of_its_topic(open_logs: Opener) -> None:
    logs = open_logs()
    await logs.start()
    log, other = logs.get_or_create(ORDERS, None, is_new=True), logs.get_or_create(OTHER, None, is_new=True)

    logs.topic_config_changed("orders", topic_config(retention_ms=5))

    assert (log.config.retention_ms, other.config.retention_ms) == (5, 604_800_000)


async def test_retention_and_checkpoints_run_from_time_to_time(
    files: MemoryFiles, clock: FakeClock, open_logs: Opener
) -> None:
    logs = open_logs(log_dirs="/a")
    await logs.start()
    log = logs.get_or_create(ORDERS, None, is_new=True)
    log.config = topic_config(retention_ms=1000)
    append(log, b"a")
    log.advance_high_watermark(Offset(1))
    await asyncio.sleep(0)  # the chores begin to wait

    clock.advance(31)

    await until(lambda: log.log_start == 1)
    await until(lambda: files.exists("/a/replication-offset-checkpoint"))
    assert checkpoints.read_offsets(files, "/a/replication-offset-checkpoint") == {ORDERS: 1}


async def test_flush_ms_of_a_topic_is_kept(clock: FakeClock, open_logs: Opener) -> None:
    logs = open_logs(log_dirs="/a")
    await logs.start()
    log = logs.get_or_create(ORDERS, None, is_new=True)
    log.config = topic_config(flush_ms=1000)
    append(log, b"a")
    await asyncio.sleep(0)

    clock.advance(11)

    await until(lambda: log.recovery_point == 1)


async def test_a_rolled_segment_is_synced(open_logs: Opener) -> None:
    logs = open_logs(log_dirs="/a")
    await logs.start()
    log = logs.get_or_create(ORDERS, None, is_new=True)
    append(log, b"a")

    log.roll()

    await until(lambda: log.recovery_point == 1)


# Failing disks.


async def test_a_full_disk_rejects_the_write_and_nothing_else(files: MemoryFiles, open_logs: Opener) -> None:
    logs = open_logs()
    await logs.start()
    log = logs.get_or_create(ORDERS, None, is_new=True)
    append(log, b"a")

    files.room = 20
    with pytest.raises(KafkaStorageError, match="no room left on the disk"):
        append(log, b"b")
    assert values(log) == [b"a"]

    files.room = None
    append(log, b"c")
    assert values(log) == [b"a", b"c"]
    assert all(usage.error is None for usage in logs.usages())


async def test_a_failing_disk_takes_its_directory_offline_and_no_other(files: MemoryFiles, open_logs: Opener) -> None:
    logs = open_logs()
    await logs.start()
    log, other = logs.get_or_create(ORDERS, None, is_new=True), logs.get_or_create(OTHER, None, is_new=True)
    gone: list[tuple[str, list[TopicPartition]]] = []
    logs.on_directory_failure.append(lambda path, partitions: gone.append((str(path), partitions)))

    files.fail_at(1, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(KafkaStorageError, match="Input/output error"):
        append(log, b"a")

    assert gone == [("/a", [ORDERS])]
    assert logs.get(ORDERS) is None
    append(other, b"b")
    with pytest.raises(KafkaStorageError, match="offline"):
        log.read(Offset(0), max_bytes=1, up_to=Offset(1), min_one_batch=True)
    with pytest.raises(KafkaStorageError, match="may be in a directory that is offline"):
        logs.get_or_create(ORDERS, None, is_new=False)
    assert str(logs.get_or_create(TopicPartition("new", 0), None, is_new=True).directory) == "/b/new-0"


async def test_an_unsynced_log_goes_offline_when_it_cannot_be_synced(files: MemoryFiles, open_logs: Opener) -> None:
    logs = open_logs(log_dirs="/a")
    await logs.start()
    log = logs.get_or_create(ORDERS, None, is_new=True)
    append(log, b"a")

    files.fail_at(1, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(KafkaStorageError):
        await logs.flush(log)

    assert log.is_offline
    await logs.shutdown()
    assert not files.exists("/a/.kafka_cleanshutdown")


async def test_a_crash_while_stopping_leaves_no_mark_of_a_clean_stop(files: MemoryFiles, open_logs: Opener) -> None:
    logs = open_logs(log_dirs="/a")
    await logs.start()
    append(logs.get_or_create(ORDERS, None, is_new=True), b"a")

    files.fail_at(3)
    with pytest.raises(Crash):
        await logs.shutdown()

    assert not files.exists("/a/.kafka_cleanshutdown")
    again = open_logs(on=files.restarted(), log_dirs="/a")
    await again.start()
    found = again.get(ORDERS)
    assert found is not None
    assert values(found) == [b"a"]


async def test_offsets_of_a_deleted_log_are_not_those_of_the_next_of_its_name(
    files: MemoryFiles, open_logs: Opener
) -> None:
    logs = open_logs(log_dirs="/a")
    await logs.start()
    log = logs.get_or_create(ORDERS, TOPIC_ID, is_new=True)
    append(log, b"a")
    await logs.flush(log)
    log.advance_high_watermark(Offset(1))
    await logs.checkpoint_high_watermarks()

    logs.delete(ORDERS)

    await until(lambda: checkpoints.read_offsets(files, "/a/replication-offset-checkpoint") == {})
    assert checkpoints.read_offsets(files, "/a/recovery-point-offset-checkpoint") == {}
    assert logs.checkpointed_high_watermark(ORDERS) == 0


async def test_a_log_that_is_cut_is_recovered_from_there(files: MemoryFiles, open_logs: Opener) -> None:
    logs = open_logs(log_dirs="/a")
    await logs.start()
    log = logs.get_or_create(ORDERS, TOPIC_ID, is_new=True)
    append(log, b"a")
    append(log, b"b")
    await logs.flush(log)

    log.truncate_to(Offset(1))

    path = "/a/recovery-point-offset-checkpoint"
    await until(lambda: files.exists(path) and checkpoints.read_offsets(files, path) == {ORDERS: 1})


async def test_cleaned_logs_say_so_in_their_checkpoint(files: MemoryFiles, clock: FakeClock, open_logs: Opener) -> None:
    logs = open_logs(log_dirs="/a")
    await logs.start()
    log = logs.get_or_create(ORDERS, TOPIC_ID, is_new=True)
    log.config = topic_config(cleanup_policy="compact", segment_index_bytes=4096)
    append(log, b"a")
    append(log, b"b")
    log.roll()
    log.advance_high_watermark(Offset(2))
    await asyncio.sleep(0)

    clock.advance(16)

    path = "/a/cleaner-offset-checkpoint"
    await until(lambda: files.exists(path) and checkpoints.read_offsets(files, path) == {ORDERS: 2})
    assert values(log) == [b"b"]


async def test_silent_producers_are_forgotten_by_the_setting_of_the_moment(clock: FakeClock, open_logs: Opener) -> None:
    settings = broker_settings(log_dirs="/a", producer_id_expiration_check_interval_ms=1000)
    logs = open_logs(settings)
    await logs.start()
    log = logs.get_or_create(ORDERS, TOPIC_ID, is_new=True)
    log.append_as_leader(sequenced(b"a", sequence=0), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS)
    await asyncio.sleep(0)

    clock.advance(60)
    await asyncio.sleep(0)
    remembered = bool(log.active_producers())
    settings.apply_dynamic({"producer.id.expiration.ms": "60000"}, {})

    def forgotten() -> bool:
        clock.advance(1)
        return not log.active_producers()

    await until(forgotten)

    assert remembered


async def test_the_cleaner_pauses_as_the_setting_of_the_moment_says(clock: FakeClock, open_logs: Opener) -> None:
    settings = broker_settings(log_dirs="/a")
    logs = open_logs(settings)
    await logs.start()
    log = logs.get_or_create(ORDERS, TOPIC_ID, is_new=True)
    log.config = topic_config(cleanup_policy="compact", segment_index_bytes=4096)
    settings.apply_dynamic({"log.cleaner.backoff.ms": "1000"}, {})
    await asyncio.sleep(0)
    clock.advance(15)  # what was being waited for already
    append(log, b"a")
    append(log, b"b")
    log.roll()
    log.advance_high_watermark(Offset(2))

    started = clock.monotonic()

    def cleaned() -> bool:
        clock.advance(0.01)
        return values(log) == [b"b"]

    await until(cleaned)

    assert clock.monotonic() - started < 15


async def test_waiting_for_a_flush_can_be_given_up_without_ending_it(open_logs: Opener) -> None:
    logs = open_logs(log_dirs="/a")
    await logs.start()
    log = logs.get_or_create(ORDERS, TOPIC_ID, is_new=True)
    append(log, b"a")

    waiting = asyncio.create_task(logs.flush(log))
    await asyncio.sleep(0)
    waiting.cancel()

    await until(lambda: log.recovery_point == 1)


async def test_a_flush_vouches_for_nothing_that_was_written_again_meanwhile(open_logs: Opener) -> None:
    logs = open_logs(log_dirs="/a")
    await logs.start()
    log = logs.get_or_create(ORDERS, TOPIC_ID, is_new=True)
    append(log, b"a")
    append(log, b"b")

    plan = log.begin_flush()
    plan.run()
    log.truncate_to(Offset(1))
    append(log, b"c")
    log.finish_flush(plan)

    assert log.recovery_point <= 1


async def test_logs_that_are_deleted_together_share_their_checkpoints(files: MemoryFiles, open_logs: Opener) -> None:
    logs = open_logs(log_dirs="/a")
    await logs.start()
    partitions = [TopicPartition("orders", number) for number in range(41)]
    for partition in partitions:
        logs.get_or_create(partition, TOPIC_ID, is_new=True)
    await logs.checkpoint_high_watermarks()

    async def steps_to_delete(some: list[TopicPartition]) -> int:
        before = files.steps
        for partition in some:
            logs.delete(partition)
        await until(lambda: not set(some) & set(checkpoints.read_offsets(files, "/a/replication-offset-checkpoint")))
        await logs.checkpoint_high_watermarks()  # after the one under way
        return files.steps - before

    for_one = await steps_to_delete(partitions[:1])
    again_for_one = await steps_to_delete(partitions[1:2])
    for_twenty = await steps_to_delete(partitions[2:22])

    assert again_for_one <= for_one
    assert for_twenty == again_for_one + 19  # each folder is renamed
