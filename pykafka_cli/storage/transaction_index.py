"""Aborted transactions whose abort marker is in one segment (.txnindex); the file exists only when there are some.

    version int16 = 0 | producer_id int64 | first_offset int64 | last_offset int64 (the marker's) | last_stable int64

34 bytes each, in the order of the markers. `last_stable` is the last stable offset when the marker was written: no
transaction that aborts later can begin below it, which lets a search end. Source: KIP-98, TransactionIndex, AbortedTxn.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pykafka_cli.model import Offset, ProducerId
from pykafka_cli.storage.files import File, Files
from pykafka_cli.storage.index_file import CorruptIndex

_ENTRY = struct.Struct(">hqqqq")


class AbortedTransaction(NamedTuple):
    producer_id: ProducerId
    first_offset: Offset
    last_offset: Offset
    last_stable: Offset


def stored_entries(data: bytes, path: str) -> Iterator[AbortedTransaction]:
    """The entries of a file as they are; a truncated one at the end is omitted.

    path    for the message
    raises  CorruptIndex, in Kafka's words, at an entry of a version above 0
    """
    for version, *fields in _ENTRY.iter_unpack(data[: len(data) // _ENTRY.size * _ENTRY.size]):
        if (known := version >> 8) > 0:  # Kafka checks the first of the two bytes
            raise CorruptIndex(
                f"Unexpected aborted transaction version {known} in transaction index {path}, current version is 0"
            )
        yield AbortedTransaction(*fields)


class TransactionIndex:
    def __init__(self, files: Files, path: str, base_offset: Offset) -> None:
        self._files = files
        self.path = path
        self._base_offset = base_offset
        self._entries: list[AbortedTransaction] | None = None
        self._is_dirty = False

    def start_empty(self) -> None:
        """Start in a new segment, without reading the disk."""
        self._entries = []

    def entries(self) -> list[AbortedTransaction]:
        """raises CorruptIndex when the file cannot be true."""
        if self._entries is None:
            data = self._files.read(self.path) if self._files.exists(self.path) else b""
            whole = data[: len(data) // _ENTRY.size * _ENTRY.size]
            entries: list[AbortedTransaction] = []
            for version, *fields in _ENTRY.iter_unpack(whole):
                entry = AbortedTransaction(*fields)
                if version != 0 or not self._base_offset <= entry.last_offset or entry.first_offset > entry.last_offset:
                    raise CorruptIndex(f"{self.path}: {entry} (version {version}) cannot be")
                entries.append(entry)
            self._entries = entries
        return self._entries

    def append(self, entry: AbortedTransaction) -> None:
        entries = self.entries()
        file = self._files.open(self.path)
        try:
            file.write_at(len(entries) * _ENTRY.size, _ENTRY.pack(0, *entry))
        finally:
            file.close()
        entries.append(entry)
        self._is_dirty = True

    def truncate_to(self, offset: Offset) -> None:
        """Drop transactions whose marker is at `offset` or later."""
        entries = self.entries()
        kept = [entry for entry in entries if entry.last_offset < offset]
        if len(kept) < len(entries):
            self.rebuild(kept)

    def rebuild(self, entries: list[AbortedTransaction]) -> None:
        """Replace everything; no file is made for nothing."""
        self._entries = entries
        if not entries and not self._files.exists(self.path):
            return
        file = self._files.open(self.path)
        try:
            file.truncate(0)
            if entries:
                file.write_at(0, b"".join(_ENTRY.pack(0, *entry) for entry in entries))
        finally:
            file.close()
        self._is_dirty = True

    def handle_to_sync(self) -> File | None:
        """A separate handle to sync what was written; None when there is nothing new."""
        if not self._is_dirty:
            return None
        self._is_dirty = False
        return self._files.open(self.path)

    def unload(self) -> None:
        """Forget what is in memory; the file has it."""
        self._entries = None
