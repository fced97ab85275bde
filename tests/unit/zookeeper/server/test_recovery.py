import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from pykafka_cli.model import Seconds
from pykafka_cli.zookeeper.protocol.jute import JuteRecord
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import CreateSessionTxn, CreateTxn, TxnHeader, encode_entry
from pykafka_cli.zookeeper.server.data_directory import DataDirectory
from pykafka_cli.zookeeper.server.database import Database
from pykafka_cli.zookeeper.server.recovery import recover
from pykafka_cli.zookeeper.server.snapshot import SnapshotInvalid, write_snapshot
from pykafka_cli.zookeeper.server.txn_log import LogDamaged, TxnLog, frame_entry
from tests.support.recorded_directories import unpacked
from tests.support.zookeeper.directories import as_recorded, recorded_tree

SESSION = 0x100


class Written:
    """A directory with a log, in which each `create` is a transaction."""

    def __init__(self, folder: Path) -> None:
        self.directory = DataDirectory(folder / "data").lock()
        self.database = recover(self.directory).database
        self.log = TxnLog(self.directory, preallocate=65_536, slow_fsync_seconds=Seconds(10))

    def __call__(self, kind: OpCode, record: JuteRecord, *, digest: int | None = None) -> None:
        zxid = self.database.tree.last_zxid + 1
        header = TxnHeader(SESSION, 0, zxid, 1000, kind)
        self.database.apply(header, record, [])
        self.log.write(zxid, frame_entry(encode_entry(header, record, digest or self.database.tree.digest)))

    def create(self, *paths: str, ephemeral: bool = False) -> None:
        for path in paths:
            self(OpCode.CREATE, CreateTxn(path, b"", OPEN_ACL, ephemeral, -1))

    def snapshot(self) -> Path:
        path = self.directory.snapshot_file(self.database.tree.last_zxid)
        write_snapshot(path, self.database.snapshot())
        return path

    def recovered(self) -> Database:
        return recover(self.directory).database


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    written = Written(tmp_path)
    yield written
    written.directory.unlock()


@pytest.mark.parametrize(("name", "replayed"), [("zookeeper", 7), ("zookeeper-torn", 6)])
def test_what_zookeeper_wrote_before_it_was_killed_is_read_as_zookeeper_reads_it(
    tmp_path: Path, name: str, replayed: int, caplog: pytest.LogCaptureFixture
) -> None:
    directory = DataDirectory(unpacked(name, tmp_path))

    recovered = recover(directory)

    tree, theirs = as_recorded(recovered.database.tree), recorded_tree(name)
    if name == "zookeeper-torn":  # recorded by a later session, whose ephemeral it lacks and whose start it counts
        tree = {path: znode for path, znode in tree.items() if path in theirs}
    assert tree == theirs
    assert recovered.replayed == replayed
    assert "digest" not in caplog.text


def test_zookeepers_own_recovery_of_a_torn_log_and_ours_agree(tmp_path: Path) -> None:
    ours = recover(DataDirectory(unpacked("zookeeper-torn", tmp_path))).database
    theirs = recover(DataDirectory(unpacked("zookeeper-torn-recovered", tmp_path))).database

    assert theirs.tree.last_zxid > ours.tree.last_zxid == 0x1A
    assert "/several/b" in ours.tree.nodes


def test_an_empty_directory_gets_the_snapshot_without_which_zookeeper_would_not_start(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data").lock()

    recovered = recover(directory)

    assert recovered.replayed == 0
    assert [path.name for _, path in directory.snapshot_files()] == ["snapshot.0"]


def test_the_newest_snapshot_and_the_log_after_it_make_the_tree(written: Written) -> None:
    written.create("/a", "/b")
    written.snapshot()
    written.log.roll()
    written.create("/c")

    recovered = recover(written.directory)

    assert recovered.replayed == 1
    assert recovered.database.tree.image() == written.database.tree.image()
    assert recovered.database.tree.last_zxid == 3


def test_a_log_that_began_before_the_snapshot_continues_after_it(written: Written) -> None:
    written.create("/a")
    written.snapshot()
    written.create("/b")

    assert written.recovered().tree.image() == written.database.tree.image()


def test_a_broken_snapshot_gives_way_to_the_one_before(written: Written, caplog: pytest.LogCaptureFixture) -> None:
    written.create("/a")
    broken = written.snapshot()
    broken.write_bytes(broken.read_bytes()[:-5])

    assert written.recovered().tree.image() == written.database.tree.image()
    assert "Skipping a snapshot" in caplog.text


def test_without_a_whole_snapshot_nothing_is_started(written: Written) -> None:
    written.directory.snapshot_file(0).write_bytes(b"ZKSN")

    with pytest.raises(SnapshotInvalid, match=r"no usable snapshot in "):
        written.recovered()


def test_transactions_without_the_snapshot_they_build_on_are_rejected(written: Written) -> None:
    written.create("/a")
    written.directory.snapshot_file(0).unlink()

    with pytest.raises(SnapshotInvalid, match="has no snapshot, but"):
        written.recovered()


def test_a_log_file_that_was_only_created_does_not_matter(written: Written) -> None:
    written.directory.log_file(1).write_bytes(b"ZKLG")

    assert written.recovered().tree.last_zxid == 0


def test_a_log_that_is_missing_in_between_is_noticed(written: Written) -> None:
    written.create("/a")
    written.log.roll()
    written.create("/b")
    written.log.roll()
    written.create("/c")
    written.directory.log_file(2).unlink()

    with pytest.raises(LogDamaged, match=r"log\.3 continues with transaction 0x3, but 0x2 is missing"):
        written.recovered()


def test_a_new_epoch_of_an_ensemble_begins_to_count_again(written: Written) -> None:
    written.create("/a")
    written.database.tree.last_zxid = 5 << 32
    written.create("/b")

    assert written.recovered().tree.last_zxid == 5 << 32 | 1


def test_a_torn_log_is_followed_by_the_next_one(written: Written) -> None:
    written.create("/a", "/b")
    path = written.directory.log_file(1)
    data = path.read_bytes().rstrip(b"\0")
    path.write_bytes(data[:-10])
    again = TxnLog(written.directory, preallocate=0, slow_fsync_seconds=Seconds(10))
    header = TxnHeader(SESSION, 0, 2, 1000, OpCode.CREATE)
    again.write(2, frame_entry(encode_entry(header, CreateTxn("/other", b"", OPEN_ACL, False, 2), 0)))

    tree = written.recovered().tree

    assert ("/a" in tree.nodes, "/b" in tree.nodes, "/other" in tree.nodes) == (True, False, True)


def test_sessions_are_recovered_from_snapshot_and_log(written: Written) -> None:
    written(OpCode.CREATE_SESSION, CreateSessionTxn(4000))
    written.create("/e", ephemeral=True)
    written.snapshot()

    recovered = written.recovered()

    assert recovered.timeouts == {SESSION: 4000}
    assert "/e" in recovered.tree.nodes


def test_ephemerals_of_sessions_that_are_gone_go_too_and_for_good(
    written: Written, caplog: pytest.LogCaptureFixture
) -> None:
    written.create("/a", "/e", ephemeral=True)

    recovered = written.recovered()

    assert not {"/a", "/e"} & set(recovered.tree.nodes)
    assert "Removed ephemeral znodes of sessions that had ended: /a, /e" in caplog.text
    caplog.clear()
    assert written.recovered().tree.image() == recovered.tree.image()
    assert caplog.text == ""


def test_a_replay_that_goes_another_way_than_the_original_is_reported_once(
    written: Written, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/a", "/b"):
        written(OpCode.CREATE, CreateTxn(path, b"", OPEN_ACL, False, -1), digest=99)

    with caplog.at_level(logging.ERROR):
        written.recovered()

    assert caplog.text.count("From transaction 0x1 (CREATE) on") == 1


def test_half_written_snapshots_are_cleared_away(written: Written) -> None:
    leftover = written.directory.snapshots / ".snapshot.5.tmp"
    leftover.write_bytes(b"half")

    written.recovered()

    assert not leftover.exists()
