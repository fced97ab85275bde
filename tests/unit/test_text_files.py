import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pykafka_cli.text_files import write_private_text


@pytest.fixture(autouse=True)
def lenient() -> Iterator[None]:
    """Let others read new files, unless they are created otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_private_file_is_its_owners_from_the_moment_at_which_it_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []
    monkeypatch.setattr(os, "fchmod", lambda descriptor, _: modes.append(os.fstat(descriptor).st_mode & 0o777))

    write_private_text(tmp_path / "new", "secret\n")

    assert modes == [0o600]
    assert (tmp_path / "new").read_text() == "secret\n"


def test_one_that_others_could_read_is_closed_to_them_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("a longer text")
    (tmp_path / "old").chmod(0o644)

    write_private_text(tmp_path / "old", "secret")

    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "old").read_text() == "secret"


def test_an_error_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError) as raised:
        write_private_text(tmp_path / "no" / "folder", "secret")
    assert raised.value.filename == str(tmp_path / "no" / "folder")
