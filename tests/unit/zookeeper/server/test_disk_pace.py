from collections.abc import Callable

import pytest

from pykafka_cli.zookeeper.server.disk_pace import DiskPace
from tests.fakes.clock import FakeClock

QUICK_MS, ENOUGH = 0.05, 200


class Disk:
    """A disk whose writes take as long as the test says."""

    def __init__(self) -> None:
        self._clock = FakeClock()
        self.pace = DiskPace(self._clock.monotonic)

    def write(self, milliseconds: float, times: int = 1) -> None:
        write: Callable[[], None] = self.pace.timed(lambda: self._clock.advance(milliseconds / 1000))
        for _ in range(times):
            write()


@pytest.fixture
def disk() -> Disk:
    return Disk()


def test_a_disk_is_not_quick_before_it_has_been(disk: Disk) -> None:
    disk.write(QUICK_MS, 10)

    assert not disk.pace.is_quick


def test_a_disk_that_has_been_quick_for_long_is_quick(disk: Disk) -> None:
    disk.write(QUICK_MS, ENOUGH)

    assert disk.pace.is_quick


def test_a_disk_is_not_quick_after_a_stall(disk: Disk) -> None:
    disk.write(QUICK_MS, ENOUGH)
    disk.write(1000)
    disk.write(QUICK_MS, ENOUGH)

    assert not disk.pace.is_quick


def test_a_disk_with_regular_stalls_is_never_quick(disk: Disk) -> None:
    for _ in range(10):
        disk.write(QUICK_MS, 100)
        disk.write(50)

        assert not disk.pace.is_quick


def test_a_write_that_fails_is_raised(disk: Disk) -> None:
    def fail() -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        disk.pace.timed(fail)()
