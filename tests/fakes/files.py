"""A file system in memory that fails, runs full or loses power when a test says so."""

import errno
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from pykafka_cli.model import Timestamp


class Crash(BaseException):
    """The process is dead: nothing that it does from now on reaches the disk."""


class _Content:
    """Bytes of one file; `synced` is what a loss of power leaves for sure. A `small` one was written in one go."""

    def __init__(self, data: bytes = b"", synced: bytes = b"", *, small: bool = False) -> None:
        self.data = bytearray(data)
        self.synced = synced
        self.small = small
        self.modified_ms = Timestamp(0)

    def after_power_loss(self, chance: random.Random) -> bytes:
        data = bytes(self.data)
        if self.small:
            return chance.choice([self.synced, data])
        if len(data) < len(self.synced):
            return chance.choice([self.synced, data])
        written = chance.randint(_first_difference(data, self.synced), len(data))
        return data[:written] + self.synced[written:]


_directory_of = lru_cache(4096)(os.path.dirname)  # the same few files again and again


def _nobody(_path: str) -> None:
    pass


def _first_difference(one: bytes, other: bytes) -> int:
    same, different = 0, min(len(one), len(other)) + 1
    while different - same > 1:
        middle = (same + different) // 2
        if one[:middle] == other[:middle]:
            same = middle
        else:
            different = middle
    return same


class MemoryFile:
    def __init__(self, files: "MemoryFiles", content: _Content) -> None:
        self._files = files
        self._content = content

    def read_at(self, position: int, size: int) -> bytes:
        return bytes(self._content.data[position : position + size])

    def write_at(self, position: int, data: bytes | bytearray | memoryview) -> None:
        taken = self._files.admit(len(data), position + len(data) - len(self._content.data))
        stored = self._content.data
        if len(stored) < position:
            stored.extend(bytes(position - len(stored)))
        stored[position : position + taken] = data[:taken]
        if taken < len(data):
            self._files.raise_planned()

    def truncate(self, size: int) -> None:
        self._files.step()
        stored = self._content.data
        del stored[size:]
        stored.extend(bytes(size - len(stored)))

    def sync(self) -> None:
        self._files.step()
        self._content.synced = bytes(self._content.data)

    sync_data = sync

    def duplicate(self) -> "MemoryFile":
        return MemoryFile(self._files, self._content)

    def close(self) -> None:
        pass


class MemoryLock:
    def __init__(self, held: set[str], path: str) -> None:
        self._held, self._path = held, path

    def release(self) -> None:
        self._held.discard(self._path)


class MemoryFiles:
    """Twin of pykafka_cli.storage.files.DiskFiles.

    steps         changes that reached this disk so far: writes, cuts, syncs, renames, removals
    fail_at(n)    the n-th step from now fails, and `times` - 1 after it (0: none does); a write does so half way. With
                  Crash the disk is dead from then on
    die_at(n)     the same with Crash, of which `died` is told
    room          bytes that still fit; None: any number
    created       is told the path of each new file
    restarted()   the disk as the next process finds it
    """

    def __init__(self) -> None:
        self._contents: dict[str, _Content] = {}
        self._directories: set[str] = {"/"}
        self._unsynced_names: dict[str, list[dict[str, _Content]]] = {}
        self._locks: set[str] = set()
        self.steps = 0
        self.room: int | None = None
        self.created: Callable[[str], None] = _nobody
        self.now_ms = Timestamp(1_700_000_000_000)
        self._failing_steps = range(0)
        self._failure: BaseException = Crash()
        self._died: Callable[[], None] | None = None
        self._is_dead = False
        self._is_full = False

    def fail_at(self, steps_from_now: int, failure: BaseException | None = None, *, times: int = 1) -> None:
        first = self.steps + steps_from_now
        self._failing_steps, self._failure = range(first, first + times), failure or Crash()
        self._died = None

    def die_at(self, steps_from_now: int, died: Callable[[], None]) -> None:
        self.fail_at(steps_from_now, Crash())
        self._died = died

    def repair(self) -> None:
        """Let nothing fail any more, and have room."""
        self._failing_steps, self._died, self.room = range(0), None, None

    def restarted(self, *, lost_power: random.Random | None = None) -> "MemoryFiles":
        """After kill -9 everything written is there. After a loss of power, of what was not synced any beginning is:
        of a file's bytes, and of what happened to the names in a directory since it was synced."""
        fresh = MemoryFiles()
        fresh._directories = set(self._directories)
        for path, content in (self._contents if lost_power is None else self._names_after(lost_power)).items():
            data = bytes(content.data) if lost_power is None else content.after_power_loss(lost_power)
            copy = fresh._contents[path] = _Content(data, data)
            copy.modified_ms = content.modified_ms
        return fresh

    def _names_after(self, lost_power: random.Random) -> dict[str, _Content]:
        found: dict[str, _Content] = {}
        for directory in sorted(self._directories):
            states = [*self._unsynced_names.get(directory, []), self._files_in(directory)]
            found |= lost_power.choice(states)
        return found

    def _files_in(self, directory: str) -> dict[str, _Content]:
        return {path: content for path, content in self._contents.items() if _directory_of(path) == directory}

    def _remember_names(self, path: str) -> None:
        """What the directory of `path` is before a name in it changes: it may be so again after a loss of power."""
        directory = os.path.dirname(path)
        self._unsynced_names.setdefault(directory, []).append(self._files_in(directory))

    def ensure_alive(self) -> None:
        """raises Crash once the disk is dead, which who did not touch it may not have noticed."""
        if self._is_dead:
            raise Crash

    # What MemoryFile asks.

    def step(self) -> None:
        self.ensure_alive()
        self.steps += 1
        if self.steps in self._failing_steps:
            self.raise_planned()

    def admit(self, size: int, growth: int) -> int:
        """How many of `size` bytes are written; with fewer than all, `raise_planned` is due."""
        self.ensure_alive()
        self.steps += 1
        if self.steps in self._failing_steps:
            return size // 2
        if self.room is not None and growth > 0:
            if growth > self.room:
                self._is_full = True
                return max(size - growth + self.room, 0)
            self.room -= growth
        return size

    def raise_planned(self) -> None:
        if self._is_full:
            self._is_full = False
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._is_dead = isinstance(self._failure, Crash)
        if self._died is not None:
            self._died()
        raise self._failure

    # Files.

    def open(self, path: str, *, private: bool = False) -> MemoryFile:  # noqa: ARG002
        if path not in self._contents:
            self.step()
            self._in_existing_directory(path)
            self._remember_names(path)
            self._contents[path] = _Content()
            self._contents[path].modified_ms = self.now_ms
            self.created(path)
        return MemoryFile(self, self._contents[path])

    def read(self, path: str) -> bytes:
        return bytes(self._content(path).data)

    @contextmanager
    def mapped(self, path: str) -> Iterator[bytes]:
        yield self.read(path)

    def replace(self, path: str, content: bytes, *, durable: bool = True) -> None:
        self._in_existing_directory(path)
        if self.admit(len(content), len(content)) < len(content):
            self.raise_planned()
        self._remember_names(path)
        self._contents[path] = _Content(content, content if durable else b"", small=True)
        if durable:
            self._unsynced_names.pop(os.path.dirname(path), None)

    def paths(self) -> list[str]:
        """All files."""
        return sorted(self._contents)

    def names(self, directory: str) -> list[str]:
        if directory not in self._directories:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), directory)
        prefix = directory.rstrip("/") + "/"
        paths = [*self._contents, *self._directories]
        return sorted(
            {path[len(prefix) :].split("/")[0] for path in paths if path.startswith(prefix) and path != prefix}
        )

    def exists(self, path: str) -> bool:
        return path in self._contents or path in self._directories

    def is_directory(self, path: str) -> bool:
        return path in self._directories

    def size(self, path: str) -> int:
        return len(self._content(path).data)

    def modified_ms(self, path: str) -> Timestamp:
        return self._content(path).modified_ms

    def set_modified_ms(self, path: str, modified_ms: Timestamp) -> None:
        self._content(path).modified_ms = modified_ms

    def rename(self, path: str, new_path: str) -> None:
        self.step()
        if path in self._contents:
            self._remember_names(path)
            self._contents[new_path] = self._contents.pop(path)
            return
        if path not in self._directories:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

        def moved(each: str) -> str:
            return new_path + each[len(path) :] if each == path or each.startswith(path + "/") else each

        self._contents = {moved(each): content for each, content in self._contents.items()}
        self._unsynced_names = {
            moved(directory): [{moved(each): content for each, content in state.items()} for state in states]
            for directory, states in self._unsynced_names.items()
        }
        self._directories = {moved(each) for each in self._directories}

    def remove(self, path: str) -> None:
        self.step()
        if path in self._contents:
            self._remember_names(path)
            del self._contents[path]

    def make_directory(self, path: str) -> None:
        while path not in self._directories:
            self._directories.add(path)
            path = os.path.dirname(path)

    def remove_directory(self, path: str) -> None:
        self.step()
        self._must_be_directory(path)
        self._contents = {each: content for each, content in self._contents.items() if not each.startswith(path + "/")}
        self._directories = {each for each in self._directories if each != path and not each.startswith(path + "/")}

    def sync_directory(self, path: str) -> None:
        self.step()
        self._must_be_directory(path)
        self._unsynced_names.pop(path, None)

    def free_bytes(self, directory: str) -> tuple[int, int]:
        self._must_be_directory(directory)
        return 1 << 40, 1 << 40 if self.room is None else self.room

    def lock(self, path: str) -> MemoryLock:
        if path in self._locks:
            raise BlockingIOError(errno.EAGAIN, "locked", path)
        self._locks.add(path)
        return MemoryLock(self._locks, path)

    def _content(self, path: str) -> _Content:
        if path not in self._contents:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self._contents[path]

    def _in_existing_directory(self, path: str) -> None:
        self._must_be_directory(os.path.dirname(path))

    def _must_be_directory(self, path: str) -> None:
        if path not in self._directories:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
