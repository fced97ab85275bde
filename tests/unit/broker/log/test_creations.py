"""Many new logs are created in a thread; what one that cannot be created says, `create` says."""

import asyncio
import errno
import threading
import uuid
from collections.abc import AsyncIterator

import pytest

from pykafka_cli.broker.errors import KafkaStorageError
from pykafka_cli.broker.log.creations import AT_A_TIME, NewLog
from pykafka_cli.broker.log.log_manager import LogManager
from pykafka_cli.model import BrokerId, TopicPartition
from tests.fakes.clock import FakeClock
from tests.fakes.files import MemoryFiles
from tests.support.event_loop import settle
from tests.support.logs import broker_settings, topic_config
from tests.support.polling import PATIENCE_S

TOPIC_ID = uuid.UUID(int=7)


class SlowFiles(MemoryFiles):
    """Makes no directory of a partition before `released` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()
        self.released.set()

    def make_directory(self, path: str) -> None:
        if "orders" in path:
            assert self.released.wait(PATIENCE_S)
        super().make_directory(path)


def new(*partitions: int, is_new: bool = True) -> list[NewLog]:
    return [NewLog(TopicPartition("orders", each), TOPIC_ID, is_new) for each in partitions]


@pytest.fixture
def files() -> SlowFiles:
    return SlowFiles()


@pytest.fixture
async def logs(files: SlowFiles) -> AsyncIterator[LogManager]:
    logs = LogManager(
        broker_settings(log_dirs="/a,/b"),
        FakeClock(),
        lambda topic: topic_config(segment_index_bytes=4096),
        broker_id=BrokerId(0),
        cluster_id="c",
        files=files,
    )
    await logs.start()
    yield logs
    files.released.set()
    await logs.shutdown()


async def test_others_have_their_turn_while_logs_are_created(logs: LogManager, files: SlowFiles) -> None:
    files.released.clear()

    creating = asyncio.ensure_future(logs.create_all(new(0, 1)))
    await settle()
    assert not creating.done()
    assert not logs.all()
    files.released.set()
    await creating

    assert sorted(log.topic_partition.partition for log in logs.all()) == [0, 1]


async def test_more_than_a_thread_creates_at_a_time_are_spread_over_the_directories(logs: LogManager) -> None:
    await logs.create_all(new(*range(AT_A_TIME + 2)))

    assert [len(usage.logs) for usage in logs.usages()] == [AT_A_TIME // 2 + 1] * 2
    assert {log.topic_id for log in logs.all()} == {TOPIC_ID}


async def test_logs_that_are_there_are_left_alone(logs: LogManager) -> None:
    (there,) = new(0)
    log = logs.get_or_create(*there[:2], is_new=True)

    await logs.create_all(new(0, 1))

    assert logs.get(there.topic_partition) is log


async def test_a_log_is_created_in_the_directory_that_was_chosen_for_it(logs: LogManager) -> None:
    for partition in range(3):
        logs.prefer_directory(TopicPartition("orders", partition), "/b")

    await logs.create_all(new(0, 1, 2))

    assert [len(usage.logs) for usage in logs.usages()] == [0, 3]


async def test_a_log_that_cannot_be_created_costs_the_others_nothing(logs: LogManager, files: SlowFiles) -> None:
    files.fail_at(1, OSError(errno.EMFILE, "Too many open files"))

    await logs.create_all(new(0, 1))

    assert [log.topic_partition.partition for log in logs.all()] == [1]
    files.fail_at(1, OSError(errno.EMFILE, "Too many open files"))
    with pytest.raises(KafkaStorageError, match=r"orders-0: cannot create a log in /a: .*Too many open files"):
        logs.get_or_create(TopicPartition("orders", 0), TOPIC_ID, is_new=True)


async def test_who_gives_up_waiting_does_not_stop_the_creation(logs: LogManager, files: SlowFiles) -> None:
    files.released.clear()
    first = asyncio.ensure_future(logs.create_all(new(0)))
    await settle()
    first.cancel()

    again = asyncio.ensure_future(logs.create_all(new(0)))
    files.released.set()
    await again

    assert len(logs.all()) == 1
