"""The transaction log: every change in order, written before it is acknowledged.

    file      magic int32 "ZKLG" | version int32 (2) | dbid int64 (0) | entries | zeros up to the preallocated size
    entry     adler32 of body, int64 | length of body int32 | body | "B"                  body: see protocol/txn_records

A file is named after the zxid of its first entry, and not written any more once there is a newer one. It ends where an
entry
begins with zeros (checksum 0, length 0: preallocated) or is incomplete (torn: the server died before
the entry was durable, so it was never acknowledged). A whole entry with a wrong checksum is damage: rejected, not
skipped. Source: org.apache.zookeeper.server.persistence.FileTxnLog.
"""

import logging
import time
from collections.abc import Iterator
from mmap import mmap
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import adler32

from pykafka_cli.model import Seconds
from pykafka_cli.storage.files import DISK, File, Files
from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.txn_records import Entry, decode_entry
from pykafka_cli.zookeeper.server.data_directory import DataDirectory

_log = logging.getLogger(__name__)

MAGIC = b"ZKLG"
_VERSION = 2
_HEADER = Struct(">4siq")
_ENTRY_HEADER = Struct(">qi")
_END_OF_ENTRY = b"B"
_ZXID = Struct(">q")
_ZXID_AT = 12  # in a body: after client_id and cxid
_ROOM = 4096  # bytes left in a file below which more is preallocated


class LogDamaged(Exception):
    """A log is damaged; the message says where, and what can be done."""


class Stored(NamedTuple):
    """A transaction in a file: its number, its bytes, and where they and their frame begin and end."""

    zxid: int
    body: bytes
    position: int
    end: int


def frame_entry(body: bytes) -> bytes:
    """An entry as stored in the file."""
    return _ENTRY_HEADER.pack(adler32(body), len(body)) + body + _END_OF_ENTRY


def read_entries(path: Path, after: int = 0, files: Files = DISK) -> Iterator[Entry]:
    """The transactions of one file with a zxid above `after`, up to its end or a torn entry; raises LogDamaged.

    Skipped entries are not checked, as the snapshot contains them.
    """
    for stored in read_stored(path, after, files):
        try:
            yield decode_entry(stored.body)
        except MarshallingError as error:
            raise LogDamaged(
                f"{path} has a transaction at byte {stored.position} that cannot be decoded: {error}"
            ) from None


def read_stored(path: Path, after: int = 0, files: Files = DISK) -> Iterator[Stored]:
    """The same, not decoded."""
    with files.mapped(str(path)) as data:  # so that preallocated space is not read
        if len(data) >= _HEADER.size:  # otherwise the server died while it created the file
            yield from _stored(path, data, after)


def truncate(directory: DataDirectory, zxid: int) -> None:
    """Drop all logged transactions after `zxid`, durably; no file may be open for writing.

    raises    LogDamaged, OSError
    """
    files = directory.files
    for first, path in reversed(directory.log_files()):
        if first > zxid:
            files.remove(str(path))
            continue
        stored = read_stored(path, files=files)
        end = max((each.end for each in stored if each.zxid <= zxid), default=_HEADER.size)
        file = files.open(str(path))
        try:
            file.truncate(end)
            file.sync()
        finally:
            file.close()
        break
    files.sync_directory(str(directory.logs))


def _stored(path: Path, data: bytes | mmap, after: int) -> Iterator[Stored]:
    magic, version, _ = _HEADER.unpack_from(data)
    if magic != MAGIC or version != _VERSION:
        raise LogDamaged(f"{path} is not a transaction log of ZooKeeper: it begins with {data[:8].hex()}")
    position = _HEADER.size
    while position + _ENTRY_HEADER.size <= len(data):
        checksum, length = _ENTRY_HEADER.unpack_from(data, position)
        start = position + _ENTRY_HEADER.size
        end = start + length
        if length == 0:
            return
        if length > 0 and data[end : end + 1] != _END_OF_ENTRY:
            _log.warning("%s ends in a torn transaction at byte %d, which was never acknowledged", path, position)
            return
        zxid = _ZXID.unpack_from(data, start + _ZXID_AT)[0] if length >= _ZXID_AT + _ZXID.size else 0
        if 0 < zxid <= after:
            position = end + 1
            continue
        body = data[start:end] if length > 0 else b""
        if adler32(body) != checksum:
            raise LogDamaged(
                f"{path} is damaged at byte {position}: the checksum of a whole transaction is wrong. The rest cannot"
                f" be trusted. Restore the file; or, to start without it, truncate the file to {position} "
                "bytes and move later logs away"
            )
        yield Stored(zxid, body, position, end + 1)
        position = end + 1


class TxnLog:
    """Writes the log. All methods block; call them from one thread at a time.

    directory             of the files
    preallocate           bytes by which a file grows ahead of what is written, so that an fsync need not record a new
                          size each time; the space is not occupied before it is used
    slow_fsync_seconds    an fsync that takes longer is logged as a warning
    """

    def __init__(self, directory: DataDirectory, *, preallocate: int, slow_fsync_seconds: Seconds) -> None:
        self._directory = directory
        self._preallocate = preallocate
        self._slow_fsync_seconds = slow_fsync_seconds
        self.slow_fsyncs = 0
        """How many took longer than that."""
        self._file: File | None = None
        self._position = 0
        self._size = 0

    def write(self, first_zxid: int, entries: bytes) -> None:
        """Append framed `entries`, of which the first has `first_zxid`, and return once they are durable."""
        file = self._open(first_zxid) if self._file is None else self._file
        needed = self._position + len(entries) + _ROOM
        if self._preallocate and needed > self._size:
            self._size = (needed // self._preallocate + 1) * self._preallocate
            file.truncate(self._size)
        file.write_at(self._position, entries)
        self._position += len(entries)
        self._sync(file)

    def roll(self) -> None:
        """Start a new file with the next entry."""
        if self._file is not None:
            self._file.close()
            self._file = None

    close = roll

    def _open(self, zxid: int) -> File:
        files, path = self._directory.files, self._directory.log_file(zxid)
        # SCRAM credentials and tokens are in it: for its owner alone.
        file = self._file = files.open(str(path), private=True)
        file.truncate(0)  # a file with that name can only be left from a log whose first entry was torn
        header = _HEADER.pack(MAGIC, _VERSION, 0)
        file.write_at(0, header)
        self._position = self._size = len(header)
        files.sync_directory(str(path.parent))
        return file

    def _sync(self, file: File) -> None:
        started = time.monotonic()
        file.sync_data()
        took = time.monotonic() - started
        if took > self._slow_fsync_seconds:
            self.slow_fsyncs += 1
            _log.warning(
                "fsync of the transaction log took %.1f s; every change waits that long. The disk may be busy.", took
            )
