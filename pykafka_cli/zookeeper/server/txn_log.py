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
import os
import time
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import adler32

from pykafka_cli.model import Seconds
from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.txn_records import Entry, decode_entry
from pykafka_cli.zookeeper.server.data_directory import DataDirectory, sync_directory

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


def read_entries(path: Path, after: int = 0) -> Iterator[Entry]:
    """The transactions of one file with a zxid above `after`, up to its end or a torn entry; raises LogDamaged.

    Skipped entries are not checked, as the snapshot contains them.
    """
    for stored in read_stored(path, after):
        try:
            yield decode_entry(stored.body)
        except MarshallingError as error:
            raise LogDamaged(
                f"{path} has a transaction at byte {stored.position} that cannot be decoded: {error}"
            ) from None


def read_stored(path: Path, after: int = 0) -> Iterator[Stored]:
    """The same, not decoded."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < _HEADER.size:
            return  # the server died while it created the file
        # Mapped, so that preallocated space is not read.
        with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            yield from _stored(path, data, after)


def truncate(directory: DataDirectory, zxid: int) -> None:
    """Drop all logged transactions after `zxid`, durably; no file may be open for writing.

    raises    LogDamaged, OSError
    """
    for first, path in reversed(directory.log_files()):
        if first > zxid:
            path.unlink()
            continue
        end = max((stored.end for stored in read_stored(path) if stored.zxid <= zxid), default=_HEADER.size)
        with path.open("r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())
        break
    sync_directory(directory.logs)


def _stored(path: Path, data: mmap, after: int) -> Iterator[Stored]:
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
        self._descriptor: int | None = None
        self._position = 0
        self._size = 0

    def write(self, first_zxid: int, entries: bytes) -> None:
        """Append framed `entries`, of which the first has `first_zxid`, and return once they are durable."""
        descriptor = self._open(first_zxid) if self._descriptor is None else self._descriptor
        needed = self._position + len(entries) + _ROOM
        if self._preallocate and needed > self._size:
            self._size = (needed // self._preallocate + 1) * self._preallocate
            os.ftruncate(descriptor, self._size)
        remaining = memoryview(entries)
        while remaining:
            written = os.write(descriptor, remaining)
            self._position += written
            remaining = remaining[written:]
        self._sync(descriptor)

    def roll(self) -> None:
        """Start a new file with the next entry."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    close = roll

    def _open(self, zxid: int) -> int:
        path = self._directory.log_file(zxid)
        # A file with that name can only be left from a log whose first entry was torn.
        # SCRAM credentials and tokens are in it: for its owner alone.
        descriptor = self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        header = _HEADER.pack(MAGIC, _VERSION, 0)
        os.write(descriptor, header)
        self._position = self._size = len(header)
        sync_directory(path.parent)
        return descriptor

    def _sync(self, descriptor: int) -> None:
        started = time.monotonic()
        fdatasync(descriptor)
        took = time.monotonic() - started
        if took > self._slow_fsync_seconds:
            self.slow_fsyncs += 1
            _log.warning(
                "fsync of the transaction log took %.1f s; every change waits that long. The disk may be busy.", took
            )


fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS has only fsync
