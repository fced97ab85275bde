from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pykafka_cli.servers.shared_times import SharedTimes


def test_processes_take_each_time_once(tmp_path: Path) -> None:
    file = tmp_path / "faults" / "0"
    SharedTimes(file, 100).create()

    with ThreadPoolExecutor(8) as takers:
        taken = list(takers.map(lambda _: SharedTimes(file, 100).take(), range(300)))

    assert taken.count(True) == 100
    assert SharedTimes(file, 100).left == 0


def test_what_is_left_is_seen_by_all(tmp_path: Path) -> None:
    here, there = SharedTimes(tmp_path / "0", 3), SharedTimes(tmp_path / "0", 3)
    here.create()

    assert there.take()

    assert (here.left, there.left) == (2, 2)


def test_nothing_happens_any_more_once_the_file_is_deleted(tmp_path: Path) -> None:
    times = SharedTimes(tmp_path / "0", 3)
    times.create()
    (tmp_path / "0").unlink()

    assert (times.left, times.take()) == (0, False)
    assert not (tmp_path / "0").exists()
