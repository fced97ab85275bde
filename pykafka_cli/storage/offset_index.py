"""Sparse index from record offset to byte position in one segment file (.index).

One entry is 8 bytes, big-endian: relative offset (int32), file position (int32). The offset is the last one of the
batch that starts at the position, relative to the segment's base offset, so an index is valid only next to its .log
file. Entries grow in both columns. Losing the file costs time, never data. Source: OffsetIndex.
"""

import struct
import sys
from array import array
from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple

from pykafka_cli.model import Offset
from pykafka_cli.storage.files import Files
from pykafka_cli.storage.index_file import CorruptIndex, IndexFile

_ENTRY = struct.Struct(">II")
_AS_STORED = struct.Struct(">ii")  # Kafka reads both with a sign, which only damage shows
MAX_RELATIVE_OFFSET = 0x7FFFFFFF


class OffsetPosition(NamedTuple):
    offset: Offset
    position: int


def stored_entries(data: bytes, base_offset: Offset) -> list[OffsetPosition]:
    """Every entry of a file as it is, zeros and damage included; a truncated entry at the end is omitted."""
    whole = data[: len(data) // _AS_STORED.size * _AS_STORED.size]
    return [OffsetPosition(base_offset + relative, position) for relative, position in _AS_STORED.iter_unpack(whole)]


class OffsetIndex:
    def __init__(self, files: Files, path: str, base_offset: Offset, max_size: int) -> None:
        self.file = IndexFile(files, path, _ENTRY.size, max_size)
        self._base_offset = base_offset
        self._columns: tuple[array[int], array[int]] | None = None  # relative offsets, positions

    @property
    def is_full(self) -> bool:
        return len(self._loaded()[0]) >= self.file.max_entries

    def __len__(self) -> int:
        return len(self._loaded()[0])

    def start_empty(self) -> None:
        """Start a new index in a new segment, without reading the disk."""
        self._columns = (array("I"), array("I"))

    def append(self, last_offset: Offset, position: int) -> None:
        """Add the batch that starts at `position`; a full index takes no more, which the caller prevents by rolling."""
        offsets, positions = self._loaded()
        relative = last_offset - self._base_offset
        self.file.write(len(offsets), _ENTRY.pack(relative, position))
        offsets.append(relative)
        positions.append(position)

    def lookup(self, offset: Offset) -> int:
        """A position at or before the batch that holds `offset`; 0 when nothing closer is known."""
        offsets, positions = self._loaded()
        slot = bisect_right(offsets, max(offset - self._base_offset, -1)) if offset >= self._base_offset else 0
        return positions[slot - 1] if slot else 0

    def boundary_before(self, position: int) -> int:
        """The start of a batch, at or before `position` and as near to it as is known."""
        positions = self._loaded()[1]
        slot = bisect_right(positions, position)
        return positions[slot - 1] if slot else 0

    @property
    def last_position(self) -> int:
        positions = self._loaded()[1]
        return positions[-1] if positions else 0

    def truncate_to(self, offset: Offset) -> None:
        """Drop entries of batches that hold `offset` or a later one."""
        offsets, positions = self._loaded()
        slot = 0
        if offset > self._base_offset:
            slot = bisect_right(offsets, offset - self._base_offset - 1)
        del offsets[slot:], positions[slot:]
        self.file.preallocate(slot)

    def entries(self) -> list[tuple[Offset, int]]:
        """(last offset, position) pairs. raises CorruptIndex when the file cannot be true."""
        return [
            (Offset(self._base_offset + relative), position) for relative, position in zip(*self._loaded(), strict=True)
        ]

    def rebuild(self, entries: list[tuple[Offset, int]]) -> None:
        """Replace everything by (last offset, position) pairs."""
        offsets = array("I", (last_offset - self._base_offset for last_offset, _ in entries))
        positions = array("I", (position for _, position in entries))
        self._columns = (offsets, positions)
        self.file.rewrite(b"".join(_ENTRY.pack(*entry) for entry in zip(offsets, positions, strict=True)))

    def preallocate(self) -> None:
        self.file.preallocate(len(self))

    def cut(self) -> None:
        self.file.cut(len(self))

    def unload(self) -> None:
        """Forget what is in memory; the file has it."""
        self._columns = None
        self.file.close()

    def _loaded(self) -> "tuple[array[int], array[int]]":
        if self._columns is None:
            entries = array("I")
            entries.frombytes(self.file.read())
            if sys.byteorder == "little":
                entries.byteswap()
            offsets, positions = entries[0::2], entries[1::2]
            if any(a >= b for a, b in pairwise(positions)) or any(a >= b for a, b in pairwise(offsets)):
                raise CorruptIndex(f"{self.file.path}: entries do not grow")
            self._columns = (offsets, positions)
        return self._columns
