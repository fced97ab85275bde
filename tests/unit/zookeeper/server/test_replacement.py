"""A server that dies while it replaces its files by a leader's snapshot has either all of the old ones or none."""

import random
from itertools import count
from pathlib import Path
from typing import cast

import pytest

from pykafka_cli.storage.files import Files
from pykafka_cli.zookeeper.server.data_directory import DataDirectory
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.replacement import finish_replacing, replace_files
from tests.fakes.files import Crash, MemoryFiles

ZXID = 0x400000000
OLD = ["log.1", "log.300000001", "snapshot.0", "snapshot.300000000"]
NEW = [f"snapshot.{ZXID:x}"]


def directory(files: MemoryFiles) -> DataDirectory:
    return DataDirectory(Path("/data"), Path("/logs"), cast("Files", files))


def disk() -> MemoryFiles:
    files = MemoryFiles()
    its = directory(files)
    for folder in (its.snapshots, its.logs):
        files.make_directory(str(folder))
    for name in OLD:
        files.replace(str((its.logs if name.startswith("log") else its.snapshots) / name), b"old")
    return files


def names(files: MemoryFiles) -> list[str]:
    its = directory(files)
    return sorted(path.name for _, path in [*its.log_files(), *its.snapshot_files()])


def steps() -> int:
    """How many changes of the disk a replacement takes."""
    files = disk()
    before = files.steps
    replace_files(directory(files), ZXID, Database().snapshot())
    assert names(files) == NEW
    return files.steps - before


@pytest.mark.parametrize("seed", [None, *range(20)])
def test_a_death_at_any_step_leaves_all_or_nothing(seed: int | None) -> None:
    """seed    of a loss of power; None: of the process alone"""
    chance = None if seed is None else random.Random(seed)
    found: list[list[str]] = []
    for step in range(1, steps() + 1):
        files = disk()
        files.fail_at(step, Crash())
        with pytest.raises(Crash):
            replace_files(directory(files), ZXID, Database().snapshot())

        for again in count(1):  # it dies in each step of finishing, too, until it gets through
            files = files.restarted(lost_power=chance)
            files.fail_at(again, Crash())
            try:
                finish_replacing(directory(files))
            except Crash:
                continue
            files.repair()
            break

        found.append(names(files))
        assert names(files.restarted(lost_power=chance)) == found[-1], "it is durable"
        files.replace(str(directory(files).log_file(ZXID + 1)), b"new")
        files = files.restarted(lost_power=chance)
        finish_replacing(directory(files))
        assert directory(files).log_file(ZXID + 1).name in names(files), "what is logged later remains"
    assert all(each in (OLD, NEW) for each in found)
    assert found == sorted(found, key=lambda each: each == NEW), "the old ones, and from some step on the new one"
    assert NEW in found
    assert OLD in found


def test_nothing_changes_in_a_directory_where_nothing_was_replaced() -> None:
    files = disk()
    before = files.steps

    finish_replacing(directory(files))

    assert (names(files), files.steps) == (OLD, before)
