"""The file system that a log needs, as a seam: the disk, or a twin that fails and forgets when a test says so.

Paths are strings. Every call may raise OSError. Nothing is durable before `sync` (a file's bytes) or `sync_directory`
(names in it); a rename replaces its target at one instant. tests/fakes/files.py has the twin.
"""

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from mmap import ACCESS_READ, mmap
from typing import ClassVar, NoReturn, Protocol

from pykafka_cli.model import Timestamp
from pykafka_cli.protocol.buffers import Buffer


def is_full(error: OSError) -> bool:
    """Whether there was no room: nothing is broken, and the same may work later."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


class File(Protocol):
    """An open file; positions are absolute, so readers and the one writer share it."""

    def read_at(self, position: int, size: int) -> bytes:
        """Up to `size` bytes; fewer only at the end of the file."""

    def write_at(self, position: int, data: Buffer) -> None:
        """Write all of `data`, or raise with any part of it written."""

    def truncate(self, size: int) -> None:
        """Cut, or extend with zeros that take no room."""

    def sync(self) -> None:
        """Return when what was written is on the device."""

    def sync_data(self) -> None:
        """The same, without what is not needed to read it, such as the time of the change."""

    def duplicate(self) -> "File":
        """A second handle, so that another thread can sync while this one is closed."""

    def close(self) -> None: ...


class Lock(Protocol):
    def release(self) -> None: ...


class Files(Protocol):
    def open(self, path: str, *, private: bool = False) -> File:
        """Open for reading and writing, created when missing.

        private    what it has is for its owner alone
        """

    def read(self, path: str) -> bytes: ...

    def mapped(self, path: str) -> AbstractContextManager[bytes | mmap]:
        """The bytes of a file, of which only those are read that are looked at."""

    def replace(self, path: str, content: bytes, *, durable: bool = True) -> None:
        """Write a small file so that after a crash it is the old one or the new one; `durable`: it is the new one."""

    def names(self, directory: str) -> list[str]:
        """Names in a directory, sorted."""

    def exists(self, path: str) -> bool: ...

    def is_directory(self, path: str) -> bool: ...

    def size(self, path: str) -> int: ...

    def modified_ms(self, path: str) -> Timestamp: ...

    def set_modified_ms(self, path: str, modified_ms: Timestamp) -> None: ...

    def rename(self, path: str, new_path: str) -> None: ...

    def remove(self, path: str) -> None:
        """Delete a file; a missing one is not an error."""

    def make_directory(self, path: str) -> None:
        """With its parents; one that is there is no error."""

    def remove_directory(self, path: str) -> None:
        """With all that is in it."""

    def sync_directory(self, path: str) -> None: ...

    def free_bytes(self, directory: str) -> tuple[int, int]:
        """(total, usable) bytes of the volume."""

    def lock(self, path: str) -> Lock:
        """Hold `path` against every other process; raises BlockingIOError when somebody has it."""


_fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS has only fsync
_FOR_ALL, _FOR_ITS_OWNER = 0o644, 0o600


class DiskFile:
    """A file descriptor."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read_at(self, position: int, size: int) -> bytes:
        data = os.pread(self._descriptor, size, position)
        if len(data) == size or not data:
            return data
        parts = [data]  # one call reads 2 GiB at most, and a signal may cut it short
        read = len(data)
        while read < size and (data := os.pread(self._descriptor, size - read, position + read)):
            parts.append(data)
            read += len(data)
        return b"".join(parts)

    def write_at(self, position: int, data: Buffer) -> None:
        written = os.pwrite(self._descriptor, data, position)
        while written < len(data):
            with memoryview(data) as view:
                count = os.pwrite(self._descriptor, view[written:], position + written)
            if count == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written += count

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def sync_data(self) -> None:
        _fdatasync(self._descriptor)

    def duplicate(self) -> "DiskFile":
        return DiskFile(os.dup(self._descriptor))

    def close(self) -> None:
        os.close(self._descriptor)


def open_to_read(path: str) -> DiskFile:
    """A file that must be there, without touching it. raises OSError."""
    return DiskFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC))


class _DiskLock:
    # POSIX locks, as Java's FileChannel.tryLock takes them, do not exclude within one process: hence the set.
    held: ClassVar[set[str]] = set()

    def __init__(self, path: str) -> None:
        self._path = os.path.realpath(path)
        if self._path in self.held:
            raise BlockingIOError(errno.EAGAIN, "locked by this process", path)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise BlockingIOError(errno.EAGAIN, "locked by another process", path) from None
            raise
        self.held.add(self._path)

    def release(self) -> None:
        self.held.discard(self._path)
        os.close(self._descriptor)


class DiskFiles:
    """The real file system."""

    def open(self, path: str, *, private: bool = False) -> DiskFile:
        mode = _FOR_ITS_OWNER if private else _FOR_ALL
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
        if private:
            os.fchmod(descriptor, mode)  # it may have existed, for others to read
        return DiskFile(descriptor)

    def read(self, path: str) -> bytes:
        with open(path, "rb") as file:
            return file.read()

    @contextlib.contextmanager
    def mapped(self, path: str) -> Iterator[bytes | mmap]:
        with open(path, "rb") as file:
            if not os.fstat(file.fileno()).st_size:
                yield b""  # nothing can be mapped
                return
            with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
                yield data

    def replace(self, path: str, content: bytes, *, durable: bool = True) -> None:
        temporary = path + ".tmp"
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            self.sync_directory(os.path.dirname(path))

    def names(self, directory: str) -> list[str]:
        return sorted(os.listdir(directory))

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def is_directory(self, path: str) -> bool:
        return os.path.isdir(path)

    def size(self, path: str) -> int:
        return os.stat(path).st_size

    def modified_ms(self, path: str) -> Timestamp:
        return Timestamp(os.stat(path).st_mtime_ns // 1_000_000)

    def set_modified_ms(self, path: str, modified_ms: Timestamp) -> None:
        os.utime(path, ns=(modified_ms * 1_000_000, modified_ms * 1_000_000))

    def rename(self, path: str, new_path: str) -> None:
        os.replace(path, new_path)

    def remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)

    def make_directory(self, path: str) -> None:
        os.makedirs(path, exist_ok=True)

    def remove_directory(self, path: str) -> None:
        shutil.rmtree(path)

    def sync_directory(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def free_bytes(self, directory: str) -> tuple[int, int]:
        usage = shutil.disk_usage(directory)
        return usage.total, usage.free

    def lock(self, path: str) -> Lock:
        return _DiskLock(path)


DISK: Files = DiskFiles()


class _SharedLock:
    # Any number of readers may hold it, but not together with a writer.
    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise BlockingIOError(errno.EAGAIN, "locked by another process", path) from None
            raise

    def release(self) -> None:
        os.close(self._descriptor)


class ReadOnlyFiles(DiskFiles):
    """The real file system, to be looked at: whatever would change it fails with EROFS."""

    def open(self, path: str, *, private: bool = False) -> DiskFile:  # noqa: ARG002
        """Open what must be there, for reading."""
        return DiskFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC))

    def lock(self, path: str) -> Lock:
        """Keep writers away; `path` must be there."""
        return _SharedLock(path)

    def _refuse(self, path: str, *_: object, **__: object) -> NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    replace = set_modified_ms = rename = remove = make_directory = remove_directory = _refuse
