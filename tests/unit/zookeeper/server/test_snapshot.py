import gzip
from pathlib import Path

import pytest

from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, READ_ACL, Acl, Id, StatPersisted
from pykafka_cli.zookeeper.server.database import Database, Snapshot
from pykafka_cli.zookeeper.server.snapshot import SnapshotInvalid, read_snapshot, remove_leftovers, write_snapshot
from pykafka_cli.zookeeper.server.tree import NodeImage, Tree
from tests.support.recorded_directories import unpacked

ALICE = (Acl(31, Id("digest", "alice:hash")),)
STAT = StatPersisted(1, 2, 1000, 2000, 3, 4, 5, 0, 6)
SNAPSHOT = Snapshot(
    {0x100: 4000, -(1 << 56): 30_000},
    [
        NodeImage("/", b"", OPEN_ACL, STAT),
        NodeImage("/null", None, READ_ACL, STAT),
        NodeImage("/null/child", b"\x00\xff", ALICE, STAT._replace(ephemeral_owner=0x100)),
        NodeImage("/ä", b"", ALICE, STAT),
    ],
    digest_zxid=7,
    digest=-5,
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "snapshot.7", SNAPSHOT)

    assert read_snapshot(tmp_path / "snapshot.7") == SNAPSHOT


def test_an_empty_server_writes_what_zookeeper_would_read(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "snapshot.0", Database().snapshot())

    theirs = read_snapshot(unpacked("zookeeper", tmp_path) / "version-2/snapshot.0")
    assert read_snapshot(tmp_path / "snapshot.0") == theirs


def test_zookeepers_snapshot_is_read_with_its_digest(tmp_path: Path) -> None:
    snapshot = read_snapshot(unpacked("zookeeper", tmp_path) / "version-2/snapshot.14")

    assert snapshot.timeouts == {0x0100_0072_2D5E_0001: 30_000}
    assert snapshot.digest_zxid == 0x14
    assert Tree.restore(snapshot.nodes, 0x14).digest == snapshot.digest


def test_a_compressed_snapshot_is_read(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "snapshot.7", SNAPSHOT)
    packed = tmp_path / "snapshot.7.gz"
    packed.write_bytes(gzip.compress((tmp_path / "snapshot.7").read_bytes()))

    assert read_snapshot(packed) == SNAPSHOT


def test_a_snapshot_from_before_digests_is_read(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "snapshot.7", SNAPSHOT)
    whole = (tmp_path / "snapshot.7").read_bytes()
    (tmp_path / "snapshot.6").write_bytes(whole[: -(20 + 13)])

    assert read_snapshot(tmp_path / "snapshot.6") == SNAPSHOT._replace(digest_zxid=0, digest=0)


def test_a_snapshot_that_is_cut_anywhere_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.7"
    write_snapshot(path, SNAPSHOT)
    whole = path.read_bytes()
    without_digest = len(whole) - 33

    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        if end != without_digest:
            with pytest.raises(SnapshotInvalid):
                read_snapshot(path)


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.7"
    write_snapshot(path, SNAPSHOT)
    whole = path.read_bytes()

    for position in range(16, len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x40]) + whole[position + 1 :])
        with pytest.raises(SnapshotInvalid):
            read_snapshot(path)


def test_half_a_compressed_file_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.7.gz"
    path.write_bytes(gzip.compress(bytes(1000))[:20])

    with pytest.raises(SnapshotInvalid, match="not a complete gzip file"):
        read_snapshot(path)


def test_a_snapshot_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    broken = SNAPSHOT._replace(nodes=[*SNAPSHOT.nodes, NodeImage("/\ud800", b"", OPEN_ACL, STAT)])

    with pytest.raises(UnicodeEncodeError):
        write_snapshot(tmp_path / "snapshot.7", broken)

    assert not (tmp_path / "snapshot.7").exists()
    remove_leftovers(tmp_path)
    assert not list(tmp_path.iterdir())
