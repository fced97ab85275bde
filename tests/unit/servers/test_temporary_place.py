"""Temporary directories are deleted with their command, or by a later one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from pykafka_cli.servers.temporary_place import left_behind, temporary_place

KILLED = """
import os, signal, sys
from pathlib import Path
from pykafka_cli.servers.temporary_place import temporary_place
with temporary_place("pk-", Path(sys.argv[1])) as path:
    (path / "file").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_directory_is_there_for_its_block_only(tmp_path: Path) -> None:
    with temporary_place("pk-", tmp_path) as path:
        (path / "file").touch()
        assert list(tmp_path.glob("pk-*")) == [path]

    assert not list(tmp_path.iterdir())


def test_what_a_killed_command_left_is_deleted_by_the_next_one(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()

    with temporary_place("pk-", tmp_path) as path:
        assert list(tmp_path.iterdir()) == [path]
        assert path != left


def test_a_directory_in_use_stays_and_so_does_what_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "pk-file").touch()
    (tmp_path / "other").mkdir()
    os.symlink(tmp_path / "other", tmp_path / "pk-link")
    with temporary_place("pk-", tmp_path) as used, temporary_place("pk-", tmp_path):
        assert used.is_dir()
        assert not list(left_behind("pk-", tmp_path))

    assert sorted(each.name for each in tmp_path.iterdir()) == ["other", "pk-file", "pk-link"]
