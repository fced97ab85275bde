import os
from pathlib import Path

import pytest

from pykafka_cli.zookeeper.ensemble.epochs import Epochs
from pykafka_cli.zookeeper.server.data_directory import DirectoryUnusable


def write(directory: Path, **epochs: object) -> None:
    for name, epoch in epochs.items():
        (directory / name).write_text(str(epoch))


def stored(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_a_server_on_a_new_disk_begins_before_the_first_epoch(tmp_path: Path) -> None:
    epochs = Epochs.load(tmp_path, 0)

    assert (epochs.accepted, epochs.current) == (0, 0)
    assert stored(tmp_path) == {"acceptedEpoch": "0", "currentEpoch": "0"}


def test_a_standalone_server_that_joins_an_ensemble_begins_with_the_epoch_of_its_log(tmp_path: Path) -> None:
    epochs = Epochs.load(tmp_path, 0x300000007)

    assert (epochs.accepted, epochs.current) == (3, 3)


def test_what_is_promised_is_there_after_a_restart(tmp_path: Path) -> None:
    epochs = Epochs.load(tmp_path, 0)
    epochs.accept(4)
    epochs.enter(3)

    again = Epochs.load(tmp_path, 0)

    assert (again.accepted, again.current) == (4, 3)
    assert stored(tmp_path) == {"acceptedEpoch": "4", "currentEpoch": "3"}


def test_a_promise_is_durable_before_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = Epochs.load(tmp_path, 0)
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        done.append("directory" if os.path.isdir(f"/dev/fd/{descriptor}") else "file")
        fsync(descriptor)

    def noted_replace(path: str, target: str) -> None:
        done.append(f"{Path(path).name} -> {Path(target).name}")
        replace(path, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    epochs.accept(1)

    assert done == ["file", "acceptedEpoch.tmp -> acceptedEpoch", "directory"]


def test_an_epoch_that_could_not_be_stored_is_not_promised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = Epochs.load(tmp_path, 0)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space"):
        epochs.accept(1)
    assert (epochs.accepted, stored(tmp_path)["acceptedEpoch"]) == (0, "0")


def test_the_same_epoch_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = Epochs.load(tmp_path, 0)
    epochs.accept(1)
    epochs.enter(1)
    monkeypatch.setattr(os, "fsync", None)

    epochs.accept(1)
    epochs.enter(1)

    assert (epochs.accepted, epochs.current) == (1, 1)


def test_epochs_never_go_back_and_none_is_entered_before_it_is_accepted(tmp_path: Path) -> None:
    epochs = Epochs.load(tmp_path, 0x200000000)

    with pytest.raises(ValueError, match="epoch 1 cannot follow 2"):
        epochs.accept(1)
    with pytest.raises(ValueError, match="epoch 1 cannot follow 2"):
        epochs.enter(1)
    with pytest.raises(ValueError, match="epoch 3 was not accepted"):
        epochs.enter(3)
    with pytest.raises(ValueError, match="cannot follow"):
        epochs.accept(2**31)


def test_a_server_killed_before_it_entered_the_epoch_of_its_log_enters_it(tmp_path: Path) -> None:
    write(tmp_path, acceptedEpoch=5, currentEpoch=4)

    assert Epochs.load(tmp_path, 0x500000001).current == 5
    assert stored(tmp_path)["currentEpoch"] == "5"


@pytest.mark.parametrize(
    ("epochs", "last_zxid", "why"),
    [
        ({"acceptedEpoch": 4, "currentEpoch": 4}, 0x500000001, "0x500000001, is of epoch 5"),
        ({"acceptedEpoch": 2, "currentEpoch": 3}, 0, "currentEpoch is 3"),
        (
            {"acceptedEpoch": "", "currentEpoch": 0},
            0,
            "should contain the number of an epoch, but contains ''",
        ),
        ({"currentEpoch": "-1"}, 0, "contains '-1'"),
        ({"currentEpoch": 2**31}, 0, "contains '2147483648'"),
        ({"currentEpoch": "\u00fc"}, 0, "currentEpoch cannot be read"),
    ],
)
def test_files_that_contradict_each_other_are_named(
    tmp_path: Path, epochs: dict[str, object], last_zxid: int, why: str
) -> None:
    write(tmp_path, **epochs)

    with pytest.raises(DirectoryUnusable, match=why):
        Epochs.load(tmp_path, last_zxid)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "currentEpoch").mkdir()

    with pytest.raises(DirectoryUnusable, match="currentEpoch cannot be read: Is a directory"):
        Epochs.load(tmp_path, 0)
