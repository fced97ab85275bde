"""The file behind an index: entries of one size, growing, in a file that is preallocated while its segment is active.

Zeros follow the last entry until the segment is rolled or closed; then the file is cut to its entries. An entry of
zeros never occurs, so a file left preallocated by a crash can still be read. Entries are kept in memory once they were
needed, and written through. Source: AbstractIndex.
"""

from pykafka_cli.storage.files import File, Files


class CorruptIndex(Exception):
    """An index that contradicts itself or its log; it is rebuilt from the log, nothing is lost."""


class IndexFile:
    """Byte storage of one index; OffsetIndex and TimeIndex give the entries their meaning."""

    def __init__(self, files: Files, path: str, entry_size: int, max_size: int) -> None:
        self._files = files
        self.path = path
        self._entry_size = entry_size
        self.max_entries = max_size // entry_size
        self._room = self.max_entries * entry_size
        self._file: File | None = None
        self.is_dirty = False  # something was written since the last `handle_to_sync`

    def read(self) -> bytes:
        """All entries, without the zeros after them; none when there is no file.

        raises  CorruptIndex when it ends in the middle of one
        """
        if not self._files.exists(self.path):
            return b""
        data = self._files.read(self.path)
        filled = -(-len(data.rstrip(b"\0")) // self._entry_size) * self._entry_size
        if filled > len(data):
            raise CorruptIndex(f"{self.path}: {len(data)} bytes end in the middle of an entry")
        return data[:filled]

    def read_last(self) -> bytes:
        """The last entry of a file that was cut to size; empty when there is none."""
        size = self._files.size(self.path) if self._files.exists(self.path) else 0
        size -= size % self._entry_size
        if not size:
            return b""
        file = self._files.open(self.path)
        try:
            return file.read_at(size - self._entry_size, self._entry_size)
        finally:
            file.close()

    def write(self, slot: int, entry: bytes) -> None:
        self._opened().write_at(slot * self._entry_size, entry)
        self.is_dirty = True

    def preallocate(self, entries: int) -> None:
        """Make room for more entries, as an active segment has it; what is after `entries` becomes zeros."""
        file = self._opened()
        file.truncate(entries * self._entry_size)
        file.truncate(max(self._room, entries * self._entry_size))
        self.is_dirty = True
        self.close()

    def cut(self, entries: int) -> None:
        """Keep `entries`, drop the rest and the zeros."""
        self._opened().truncate(entries * self._entry_size)
        self.is_dirty = True
        self.close()

    def rewrite(self, data: bytes) -> None:
        """Replace all entries."""
        file = self._opened()
        file.truncate(0)
        if data:
            file.write_at(0, data)
        self.is_dirty = True
        self.close()

    def handle_to_sync(self) -> File | None:
        """A separate handle to sync what was written; None when there is nothing new."""
        if not self.is_dirty:
            return None
        self.is_dirty = False
        return self._files.open(self.path)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> File:
        if self._file is None:
            self._file = self._files.open(self.path)
        return self._file
