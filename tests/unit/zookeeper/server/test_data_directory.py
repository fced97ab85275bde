from collections.abc import Iterator
from pathlib import Path

import pytest

from pykafka_cli.zookeeper.server.data_directory import DataDirectory, DirectoryUnusable


def touched(directory: DataDirectory, *names: str) -> None:
    for name in names:
        (directory.snapshots if name.startswith("snapshot") else directory.logs).joinpath(name).write_bytes(b"")


def names(files: list[tuple[int, Path]]) -> list[str]:
    return [path.name for _, path in files]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[DataDirectory]:
    directory = DataDirectory(tmp_path / "data").lock()
    yield directory
    directory.unlock()


def test_nothing_is_created_before_the_lock(tmp_path: Path) -> None:
    DataDirectory(tmp_path / "data")

    assert not list(tmp_path.iterdir())


def test_a_directory_is_had_by_one_server_at_a_time(tmp_path: Path, directory: DataDirectory) -> None:
    other = DataDirectory(tmp_path / "data")
    with pytest.raises(DirectoryUnusable, match="in use by another ZooKeeper server"):
        other.lock()

    directory.unlock()
    other.lock()


def test_who_only_looks_keeps_servers_away_and_changes_nothing(tmp_path: Path, directory: DataDirectory) -> None:
    looking, server = DataDirectory(tmp_path / "data"), DataDirectory(tmp_path / "data")
    with pytest.raises(DirectoryUnusable, match="in use by a ZooKeeper server"), looking.kept_from_servers():
        pass
    directory.unlock()
    before = sorted(tmp_path.rglob("*"))

    with looking.kept_from_servers(), DataDirectory(tmp_path / "data").kept_from_servers():
        with pytest.raises(DirectoryUnusable, match="in use"):
            server.lock()
        assert sorted(tmp_path.rglob("*")) == before

    server.lock().unlock()


def test_there_is_nothing_to_look_at_where_no_server_was(tmp_path: Path) -> None:
    with (
        pytest.raises(DirectoryUnusable, match="has no version-2"),
        DataDirectory(tmp_path / "data").kept_from_servers(),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_logs_may_live_elsewhere(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data", tmp_path / "logs").lock()

    assert directory.snapshot_file(0x1A) == tmp_path / "data/version-2/snapshot.1a"
    assert directory.log_file(0x1B) == tmp_path / "logs/version-2/log.1b"
    assert directory.logs.is_dir()


def test_a_file_where_the_directory_should_be_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(DirectoryUnusable, match="data cannot be used: File exists"):
        DataDirectory(tmp_path / "data").lock()


def test_a_directory_that_cannot_be_made_is_given_back(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")

    with pytest.raises(DirectoryUnusable, match="logs"):
        DataDirectory(tmp_path / "data", tmp_path / "logs").lock()
    DataDirectory(tmp_path / "data").lock()


def test_files_are_ordered_by_number_not_by_name(directory: DataDirectory) -> None:
    touched(directory, "snapshot.9", "snapshot.10", "snapshot.a", "log.9", "log.a", "log.10", "log.text", "snapshot.")

    assert names(directory.snapshot_files()) == ["snapshot.10", "snapshot.a", "snapshot.9"]
    assert names(directory.log_files()) == ["log.9", "log.a", "log.10"]


def test_the_log_that_began_before_a_transaction_may_hold_it(directory: DataDirectory) -> None:
    touched(directory, "log.1", "log.5", "log.9")

    assert names(directory.log_files_from(7)) == ["log.5", "log.9"]
    assert names(directory.log_files_from(9)) == ["log.9"]
    assert names(directory.log_files_from(0)) == ["log.1", "log.5", "log.9"]


def test_purging_keeps_the_newest_snapshots_and_the_logs_they_need(directory: DataDirectory) -> None:
    touched(directory, "snapshot.0", "snapshot.5", "snapshot.9", "snapshot.d", "log.1", "log.4", "log.8", "log.c")

    purged = directory.purge(3)

    assert sorted(path.name for path in purged) == ["log.1", "snapshot.0"]
    assert names(directory.log_files()) == ["log.4", "log.8", "log.c"]


def test_purging_does_nothing_while_there_are_few_snapshots(directory: DataDirectory) -> None:
    touched(directory, "snapshot.0", "snapshot.5", "snapshot.9", "log.1", "log.4")

    assert directory.purge(3) == []


def test_sizes_are_those_of_the_files(directory: DataDirectory) -> None:
    directory.snapshot_file(1).write_bytes(b"123")
    directory.log_file(1).write_bytes(b"12345")

    assert directory.sizes() == (3, 5)
