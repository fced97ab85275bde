"""What the log relies on in a file system, held by the disk and by its twin in memory alike."""

import subprocess
import sys
from pathlib import Path

import pytest

from pykafka_cli.model import Timestamp
from pykafka_cli.storage.files import DiskFiles, Files, ReadOnlyFiles
from tests.fakes.files import MemoryFiles


@pytest.fixture(params=["disk", "memory"])
def files(request: pytest.FixtureRequest) -> Files:
    return DiskFiles() if request.param == "disk" else MemoryFiles()


@pytest.fixture
def folder(files: Files, tmp_path: Path) -> str:
    path = str(tmp_path / "a" / "b")
    files.make_directory(path)
    files.make_directory(path)
    return path


def test_a_file_is_written_and_read_at_positions(files: Files, folder: str) -> None:
    file = files.open(f"{folder}/f")

    file.write_at(0, b"hello")
    file.write_at(8, memoryview(b"world"))

    assert file.read_at(0, 100) == b"hello\0\0\0world"
    assert file.read_at(3, 2) == b"lo"
    assert file.read_at(99, 5) == b""
    assert files.size(f"{folder}/f") == 13
    file.close()


def test_a_file_is_cut_and_extended_with_zeros(files: Files, folder: str) -> None:
    file = files.open(f"{folder}/f")
    file.write_at(0, b"hello")

    file.truncate(2)
    file.truncate(4)

    assert files.read(f"{folder}/f") == b"he\0\0"
    file.close()


def test_what_is_mapped_is_what_was_written(files: Files, folder: str) -> None:
    file = files.open(f"{folder}/f", private=True)
    file.write_at(0, b"hello")
    file.sync_data()
    file.close()
    files.open(f"{folder}/empty").close()

    with files.mapped(f"{folder}/f") as data, files.mapped(f"{folder}/empty") as nothing:
        assert (data[1:3], len(data), len(nothing)) == (b"el", 5, 0)


def test_a_private_file_is_for_its_owner_alone_even_if_it_was_not_before(tmp_path: Path) -> None:
    path = tmp_path / "f"
    DiskFiles().open(str(path)).close()
    before = path.stat().st_mode

    DiskFiles().open(str(path), private=True).close()

    assert (before & 0o777, path.stat().st_mode & 0o777) == (0o644, 0o600)


def test_opening_again_keeps_what_is_there(files: Files, folder: str) -> None:
    first = files.open(f"{folder}/f")
    first.write_at(0, b"x")

    second = files.open(f"{folder}/f")

    assert second.read_at(0, 1) == b"x"
    first.close()
    second.close()


def test_a_duplicate_outlives_the_handle_it_came_from(files: Files, folder: str) -> None:
    file = files.open(f"{folder}/f")
    file.write_at(0, b"x")
    duplicate = file.duplicate()
    file.close()

    duplicate.sync()

    assert duplicate.read_at(0, 1) == b"x"
    duplicate.close()


def test_an_open_file_stays_usable_under_another_name(files: Files, folder: str) -> None:
    file = files.open(f"{folder}/f")
    files.rename(f"{folder}/f", f"{folder}/g")

    file.write_at(0, b"x")

    assert files.read(f"{folder}/g") == b"x"
    assert not files.exists(f"{folder}/f")
    file.close()


@pytest.mark.parametrize("durable", [True, False])
def test_a_replaced_file_has_the_new_content_alone(files: Files, folder: str, durable: bool) -> None:
    files.replace(f"{folder}/f", b"old and long")

    files.replace(f"{folder}/f", b"new", durable=durable)

    assert files.read(f"{folder}/f") == b"new"
    assert files.names(folder) == ["f"]


def test_a_rename_replaces_its_target(files: Files, folder: str) -> None:
    files.replace(f"{folder}/f", b"new")
    files.replace(f"{folder}/g", b"old")

    files.rename(f"{folder}/f", f"{folder}/g")

    assert files.read(f"{folder}/g") == b"new"


def test_a_folder_is_renamed_with_all_that_is_in_it(files: Files, folder: str) -> None:
    files.make_directory(f"{folder}/t-0")
    files.replace(f"{folder}/t-0/f", b"x")

    files.rename(f"{folder}/t-0", f"{folder}/t-0.gone")

    assert files.names(folder) == ["t-0.gone"]
    assert files.read(f"{folder}/t-0.gone/f") == b"x"


def test_names_are_sorted_and_distinguish_folders_from_files(files: Files, folder: str) -> None:
    files.make_directory(f"{folder}/d")
    files.replace(f"{folder}/c", b"")
    files.replace(f"{folder}/e", b"")

    assert files.names(folder) == ["c", "d", "e"]
    assert [files.is_directory(f"{folder}/{name}") for name in "cde"] == [False, True, False]


def test_removing_takes_what_is_there(files: Files, folder: str) -> None:
    files.replace(f"{folder}/f", b"x")

    files.remove(f"{folder}/f")
    files.remove(f"{folder}/f")

    assert files.names(folder) == []
    files.remove_directory(folder)
    assert not files.exists(folder)


def test_what_is_not_there_is_not_found(files: Files, folder: str) -> None:
    for ask in (files.read, files.size, files.modified_ms, files.names, files.remove_directory, files.sync_directory):
        with pytest.raises(FileNotFoundError):
            ask(f"{folder}/missing")
    with pytest.raises(FileNotFoundError):
        files.open(f"{folder}/missing/f")
    with pytest.raises(FileNotFoundError):
        files.rename(f"{folder}/missing", f"{folder}/g")


def test_the_time_of_a_file_can_be_set(files: Files, folder: str) -> None:
    files.replace(f"{folder}/f", b"x")

    files.set_modified_ms(f"{folder}/f", Timestamp(1_600_000_000_123))

    assert files.modified_ms(f"{folder}/f") == 1_600_000_000_123


def test_a_volume_reports_its_room(files: Files, folder: str) -> None:
    total, usable = files.free_bytes(folder)

    assert total >= usable > 0


def test_a_lock_is_held_once_until_it_is_released(files: Files, folder: str) -> None:
    lock = files.lock(f"{folder}/.lock")
    with pytest.raises(BlockingIOError):
        files.lock(f"{folder}/.lock")

    lock.release()

    files.lock(f"{folder}/.lock").release()


def test_a_lock_is_held_against_other_processes(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys\nf = open(sys.argv[1], 'w')\nfcntl.lockf(f, 2)\nprint(flush=True)\ninput()",
            path,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()

    with pytest.raises(BlockingIOError):
        DiskFiles().lock(str(path))
    holder.communicate(b"\n")
    DiskFiles().lock(str(path)).release()


def test_files_to_look_at_are_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    files = ReadOnlyFiles()

    file = files.open(str(path))
    assert file.read_at(1, 9) == b"bc"
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.write_at(0, b"x")
    file.close()
    for change in (files.remove, files.make_directory, files.remove_directory):
        with pytest.raises(OSError, match="Read-only file system"):
            change(str(path))
    with pytest.raises(OSError, match="Read-only file system"):
        files.replace(str(path), b"x")
    with pytest.raises(OSError, match="Read-only file system"):
        files.rename(str(path), str(tmp_path / "other"))
    with pytest.raises(FileNotFoundError):
        files.open(str(tmp_path / "other"))
    assert path.read_bytes() == b"abc"


def test_who_only_looks_shares_the_lock(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    path.touch()
    first, second = ReadOnlyFiles().lock(str(path)), ReadOnlyFiles().lock(str(path))
    first.release()
    second.release()

    DiskFiles().lock(str(path)).release()
