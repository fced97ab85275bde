import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pykafka_cli.zookeeper.server.disk_pace import DiskPace
from pykafka_cli.zookeeper.server.group_commit import GroupCommit
from tests.support.event_loop import until


class Disk:
    """A disk whose writes end when the test says so."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, bytes]] = []
        self.delivered: list[str] = []
        self.failure: BaseException | None = None
        self.breaks = False
        self.may_write = threading.Semaphore(0)
        self.commit: GroupCommit[str] = GroupCommit(
            ThreadPoolExecutor(1),
            write=self._write,
            roll=lambda: self.batches.append((0, b"roll")),
            deliver=self.delivered.extend,
            failed=self._failed,
        )

    def _write(self, zxid: int, entries: bytes) -> None:
        assert self.may_write.acquire(timeout=20)
        if self.breaks:
            raise OSError("no space left")
        self.batches.append((zxid, entries))

    def _failed(self, error: BaseException) -> None:
        self.failure = error


@pytest.fixture
async def disk() -> Disk:
    return Disk()


async def test_what_is_reported_while_nothing_is_written_is_reported_at_once(disk: Disk) -> None:
    disk.commit.hold("answer")

    assert disk.delivered == ["answer"]
    assert disk.commit.is_idle


async def test_what_is_reported_after_a_change_waits_for_the_disk(disk: Disk) -> None:
    disk.commit.append(1, b"a")
    disk.commit.hold("answer")
    await asyncio.sleep(0)
    assert disk.delivered == []

    disk.may_write.release()
    await disk.commit.drain()

    assert disk.delivered == ["answer"]


async def test_all_of_one_turn_is_one_batch(disk: Disk) -> None:
    disk.may_write.release()
    for zxid, entry in ((1, b"a"), (2, b"b"), (3, b"c")):
        disk.commit.append(zxid, entry)
        disk.commit.hold(f"answer {zxid}")

    await disk.commit.drain()

    assert disk.batches == [(1, b"abc")]
    assert disk.delivered == ["answer 1", "answer 2", "answer 3"]


async def test_what_comes_during_a_write_is_the_next_batch(disk: Disk) -> None:
    disk.commit.append(1, b"a")
    disk.commit.hold("answer 1")
    await asyncio.sleep(0)
    disk.commit.append(2, b"b")
    disk.commit.append(3, b"c")
    disk.commit.hold("answer 3")

    disk.may_write.release()
    await until(lambda: bool(disk.delivered))
    assert disk.delivered == ["answer 1"]
    disk.may_write.release()
    await disk.commit.drain()

    assert disk.batches == [(1, b"a"), (2, b"bc")]
    assert disk.delivered == ["answer 1", "answer 3"]


async def test_a_read_during_a_write_waits_for_that_write_only(disk: Disk) -> None:
    disk.commit.append(1, b"a")
    await asyncio.sleep(0)
    disk.commit.hold("what was read")
    assert disk.delivered == []

    disk.may_write.release()
    await disk.commit.drain()

    assert disk.delivered == ["what was read"]


async def test_a_roll_takes_place_after_the_batch(disk: Disk) -> None:
    for zxid in (1, 2):
        disk.may_write.release()
        disk.commit.append(zxid, b"x")
        disk.commit.roll()
        await disk.commit.drain()

    assert disk.batches == [(1, b"x"), (0, b"roll"), (2, b"x"), (0, b"roll")]


async def test_after_a_failed_write_nobody_gets_anything(disk: Disk) -> None:
    disk.breaks = True
    disk.commit.append(1, b"a")
    disk.commit.hold("answer 1")
    await asyncio.sleep(0)
    disk.commit.append(2, b"b")
    disk.commit.hold("answer 2")

    disk.may_write.release()
    await disk.commit.drain()

    assert str(disk.failure) == "no space left"
    assert disk.delivered == []


async def test_after_a_failed_write_nothing_is_written_even_if_the_disk_would_work_again(disk: Disk) -> None:
    disk.breaks = True
    disk.may_write.release()
    disk.commit.append(1, b"a")
    await disk.commit.drain()
    disk.breaks = False

    disk.may_write.release()
    disk.commit.hold("what was read")
    disk.commit.append(2, b"b")
    disk.commit.hold("answer 2")
    await disk.commit.drain()
    await asyncio.sleep(0)

    assert (disk.batches, disk.delivered) == ([], [])


class QuickPace(DiskPace):
    """Of a disk that the event loop waits for."""

    def __init__(self) -> None:
        super().__init__(float)

    is_quick = True


class QuickDisk:
    """A disk that writes in the thread that asks; `events` is what happened, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.breaks = False
        self.threads: set[int] = set()
        self.commit: GroupCommit[str] = GroupCommit(
            ThreadPoolExecutor(1),
            write=self._write,
            roll=lambda: self.events.append("roll"),
            deliver=lambda items: self.events.extend(f"deliver {item}" for item in items),
            failed=lambda error: self.events.append(f"failed: {error}"),
            pace=QuickPace(),
        )

    def _write(self, zxid: int, entries: bytes) -> None:
        self.threads.add(threading.get_ident())
        if self.breaks:
            raise OSError("no space left")
        self.events.append(f"write {zxid} {entries.decode()}")


@pytest.fixture
async def quick_disk() -> QuickDisk:
    return QuickDisk()


async def test_the_event_loop_writes_to_a_quick_disk_itself(quick_disk: QuickDisk) -> None:
    quick_disk.commit.append(1, b"a")
    quick_disk.commit.hold("answer 1")
    quick_disk.commit.append(2, b"b")
    quick_disk.commit.roll()
    await quick_disk.commit.drain()

    assert quick_disk.events == ["write 1 ab", "roll", "deliver answer 1"]
    assert quick_disk.threads == {threading.get_ident()}


async def test_what_is_sent_in_a_turn_goes_before_the_event_loop_waits_for_the_disk(quick_disk: QuickDisk) -> None:
    quick_disk.commit.append(1, b"a")
    asyncio.get_running_loop().call_soon(quick_disk.events.append, "send")
    await quick_disk.commit.drain()

    assert quick_disk.events == ["send", "write 1 a"]


async def test_nothing_is_delivered_after_a_quick_disk_has_failed(quick_disk: QuickDisk) -> None:
    quick_disk.breaks = True
    quick_disk.commit.append(1, b"a")
    quick_disk.commit.hold("answer 1")
    await quick_disk.commit.drain()
    quick_disk.breaks = False
    quick_disk.commit.append(2, b"b")
    quick_disk.commit.hold("answer 2")
    await asyncio.sleep(0)

    assert quick_disk.events == ["failed: no space left"]
