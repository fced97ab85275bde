"""Snapshots: all sessions and znodes as of one transaction, in one file.

    magic int32 "ZKSN" | version int32 (2) | dbid int64 (-1)
    count int32, of sessions      each: id int64 | timeout in ms int32
    count int32, of ACLs          each: number int64 | vector of ACL
    znodes, parents first         each: path string ("" the root) | data buffer | ACL's number int64 | StatPersisted
    "/" string                    the end of the znodes
    adler32 int64 | "/" string    of all bytes before it
    zxid int64 | version int32 (2) | digest of the tree int64         absent before 3.6
    adler32 int64 | "/" string    of all bytes before it, likewise

The ACL numbered -1 is world:anyone:cdrwa and is not listed. A snapshot is written under a temporary name and renamed
when it is durable, so one with its final name is whole. ZooKeeper's own may have been written while it was running
("fuzzy"): they contain some effects of later transactions, and replaying the log after the snapshot's zxid corrects
them.
Source: org.apache.zookeeper.server.{ReferenceCountedACLCache, persistence.FileSnap, persistence.SnapStream}.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import adler32

from pykafka_cli.storage.files import DISK, File, Files
from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.jute import Int, Long, Reader, encode, read
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, Acl, StatPersisted
from pykafka_cli.zookeeper.protocol.txn_records import DIGEST_VERSION
from pykafka_cli.zookeeper.server.database import Snapshot
from pykafka_cli.zookeeper.server.paths import ROOT
from pykafka_cli.zookeeper.server.tree import NodeImage

MAGIC = b"ZKSN"
_VERSION = 2
_HEADER = Struct(">4siq")
_COUNT = Struct(">i")
_LONG = Struct(">q")
_END = "/"
OPEN_ACL_NUMBER = -1
"""Stands for OPEN_ACL, which is not among the numbered ACLs."""
_BUFFER = 1 << 20


class SnapshotInvalid(Exception):
    """The file is not a whole snapshot; the message says why."""


class SessionEntry(NamedTuple):
    id: Long
    timeout_ms: Int


class AclEntry(NamedTuple):
    number: Long
    acl: tuple[Acl, ...]


class _NodeEntry(NamedTuple):
    path: str
    data: bytes | None
    acl_number: Long
    stat: StatPersisted


class _Seal(NamedTuple):
    checksum: Long
    end: str


class _Digest(NamedTuple):
    zxid: Long
    version: Int
    digest: Long


def write_snapshot(path: Path, snapshot: Snapshot, files: Files = DISK) -> None:
    """Write `snapshot` to `path`; once the file exists it is whole and durable."""
    temporary = str(path.with_name(f".{path.name}.tmp"))
    try:
        file = files.open(temporary, private=True)  # SCRAM credentials and tokens are in it
        try:
            file.truncate(0)
            _write_parts(file, _file_parts(snapshot))
            file.sync()
        finally:
            file.close()
        files.rename(temporary, str(path))
    except OSError:
        files.remove(temporary)
        raise
    files.sync_directory(str(path.parent))


def _file_parts(snapshot: Snapshot) -> Iterator[bytes]:
    """All bytes of the file."""
    checksum = 1
    for part in chain([_HEADER.pack(MAGIC, _VERSION, -1)], tree_parts(snapshot)):
        checksum = adler32(part, checksum)
        yield part
    seal = encode(_Seal(checksum, _END))
    yield seal
    digest = encode(_Digest(snapshot.digest_zxid, DIGEST_VERSION, snapshot.digest))
    yield digest
    yield encode(_Seal(adler32(seal + digest, checksum), _END))


def _write_parts(file: File, parts: Iterable[bytes]) -> None:
    """Write from the file's beginning on, many parts at a time."""
    position, buffer = 0, bytearray()
    for part in parts:
        buffer += part
        if len(buffer) >= _BUFFER:
            file.write_at(position, buffer)
            position += len(buffer)
            buffer.clear()
    file.write_at(position, buffer)


def read_snapshot(path: Path, files: Files = DISK) -> Snapshot:
    """Read the snapshot at `path`; raises SnapshotInvalid, or OSError if it cannot be read. Also reads `.gz`."""
    data = files.read(str(path))
    if data[:2] == b"\x1f\x8b":
        import gzip  # only if ZooKeeper was configured to compress

        try:
            data = gzip.decompress(data)
        except (OSError, EOFError) as error:
            raise SnapshotInvalid(f"{path} is not a complete gzip file: {error}") from None
    if data[:4] != MAGIC:
        raise SnapshotInvalid(f"{path} is not a snapshot of ZooKeeper: it begins with {data[:8].hex()}")
    reader = Reader(data, _HEADER.size)
    try:
        timeouts = dict([read(SessionEntry, reader) for _ in range(reader.count())])
        acls = dict([read(AclEntry, reader) for _ in range(reader.count())])
        nodes = list(_read_nodes(reader, {**acls, OPEN_ACL_NUMBER: OPEN_ACL}))
        _check_seal(path, reader)
        if not reader.remaining:
            return Snapshot(timeouts, nodes)
        zxid, version, digest = read(_Digest, reader)
        _check_seal(path, reader)
    except MarshallingError as error:
        raise SnapshotInvalid(f"{path} is truncated: {error}") from None
    return Snapshot(timeouts, nodes, zxid, digest) if version == DIGEST_VERSION else Snapshot(timeouts, nodes)


def remove_leftovers(directory: Path, files: Files = DISK) -> None:
    """Delete files of a server that died while it wrote a snapshot."""
    for name in files.names(str(directory)):
        if name.startswith(".snapshot.") and name.endswith(".tmp"):
            files.remove(str(directory / name))


def tree_parts(snapshot: Snapshot) -> Iterator[bytes]:
    """The bytes between the header and the first checksum; a leader sends the same to a server far behind."""
    yield _COUNT.pack(len(snapshot.timeouts))
    for session_id, timeout_ms in snapshot.timeouts.items():
        yield encode(SessionEntry(session_id, timeout_ms))
    numbers: dict[tuple[Acl, ...], int] = {OPEN_ACL: OPEN_ACL_NUMBER}
    for node in snapshot.nodes:
        numbers.setdefault(node.acl, len(numbers))
    yield _COUNT.pack(len(numbers) - 1)
    for acl, number in numbers.items():
        if number != OPEN_ACL_NUMBER:
            yield encode(AclEntry(number, acl))
    for path, data, acl, stat in snapshot.nodes:
        yield encode(_NodeEntry("" if path == ROOT else path, data, numbers[acl], stat))
    yield _string(_END)


def read_node(reader: Reader, acls: Mapping[int, tuple[Acl, ...]]) -> NodeImage | None:
    """The next znode; None at their end. Raises MarshallingError.

    acls    by number, which the znode refers to
    """
    path = reader.string()
    if path == _END:
        return None
    if path is None:
        raise MarshallingError(f"a znode without a path at {reader.position}")
    data = reader.buffer()
    (number,) = reader.fixed(_LONG)
    if number not in acls:
        raise MarshallingError(f"{path} has ACL {number}, which the snapshot does not contain")
    return NodeImage(path or ROOT, data, acls[number], read(StatPersisted, reader))


def _read_nodes(reader: Reader, acls: Mapping[int, tuple[Acl, ...]]) -> Iterator[NodeImage]:
    while (node := read_node(reader, acls)) is not None:
        yield node


def _check_seal(path: Path, reader: Reader) -> None:
    actual = adler32(reader.data[: reader.position])
    if read(_Seal, reader) != (actual, _END):
        raise SnapshotInvalid(f"{path} is damaged: its checksum is wrong")


def _string(text: str) -> bytes:
    data = text.encode()
    return _COUNT.pack(len(data)) + data
