"""ZooKeeper's data directory: its layout, its lock, and which files may be deleted.

    dataDir/.lock                              held while a server has the directory (ours; ZooKeeper has no such thing)
    dataDir/version-2/snapshot.<zxid in hex>   all znodes and sessions after that transaction
    dataLogDir/version-2/log.<zxid in hex>     transactions from that one on; dataLogDir is dataDir unless configured

To recover, a server needs one whole snapshot, the newest log that begins at or before the next transaction, and all
later logs. Source: org.apache.zookeeper.server.persistence.FileTxnSnapLog, org.apache.zookeeper.server.PurgeTxnLog.
"""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Self

from pykafka_cli.storage.files import DISK, Files

_VERSION = "version-2"
_LOCK = ".lock"
_SNAPSHOT = "snapshot"
_LOG = "log"


class DirectoryUnusable(Exception):
    """The directory cannot be used; the message says which, why and what would help."""


class DataDirectory:
    """The files of one server. Nothing is created before `lock`."""

    def __init__(self, data: Path, log: Path | None = None, files: Files = DISK) -> None:
        self.files = files
        self._data = data
        self.snapshots = data / _VERSION
        self.logs = (log or data) / _VERSION
        self._lock: IO[str] | None = None

    def lock(self) -> Self:
        """Lock the directory for this process, creating it if need be.

        raises    DirectoryUnusable if another process has it or it cannot be written; then nothing was changed
        """
        try:
            self._data.mkdir(parents=True, exist_ok=True)
            lock = (self._data / _LOCK).open("a")
        except OSError as error:
            raise DirectoryUnusable(f"dataDir {self._data} cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise DirectoryUnusable(
                f"dataDir {self._data} is in use by another ZooKeeper server; stop that one, or use another dataDir"
            ) from None
        self._lock = lock
        try:
            self.snapshots.mkdir(parents=True, exist_ok=True)
            self.logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.unlock()
            raise DirectoryUnusable(f"{error.filename} cannot be created: {error.strerror}") from None
        return self

    @contextmanager
    def kept_from_servers(self) -> Iterator[None]:
        """Hold the lock while files are only read, so that no server changes them.

        raises    DirectoryUnusable if a server of ours has the directory, or it does not exist
        """
        if not self.snapshots.is_dir():
            raise DirectoryUnusable(f"dataDir {self._data} has no {_VERSION}, where ZooKeeper keeps its data")
        with ExitStack() as held:
            if (self._data / _LOCK).exists():
                lock = held.enter_context((self._data / _LOCK).open())
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    raise DirectoryUnusable(
                        f"dataDir {self._data} is in use by a ZooKeeper server; stop it first"
                    ) from None
            yield

    def unlock(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def snapshot_files(self) -> list[tuple[int, Path]]:
        """(zxid, file) of each snapshot, newest first."""
        return sorted(self._numbered(self.snapshots, _SNAPSHOT), reverse=True)

    def last_snapshot(self) -> tuple[int, int] | None:
        """The zxid of the newest snapshot, and when it was written, in seconds since 1970; None without any."""
        for zxid, path in self.snapshot_files():
            with suppress(FileNotFoundError):  # it was purged just now
                return zxid, self.files.modified_ms(str(path)) // 1000
        return None

    def log_files(self) -> list[tuple[int, Path]]:
        """(zxid of the first transaction, file) of each log, oldest first."""
        return sorted(self._numbered(self.logs, _LOG))

    def log_files_from(self, zxid: int) -> list[tuple[int, Path]]:
        """The logs that may hold transactions from `zxid` on, oldest first."""
        files = self.log_files()
        earlier = [number for number, _ in files if number <= zxid]
        return [(number, path) for number, path in files if not earlier or number >= earlier[-1]]

    def snapshot_file(self, zxid: int) -> Path:
        """The path of the snapshot as of `zxid`."""
        return self.snapshots / f"{_SNAPSHOT}.{zxid:x}"

    def log_file(self, zxid: int) -> Path:
        """The path of the log that begins with `zxid`."""
        return self.logs / f"{_LOG}.{zxid:x}"

    def purge(self, keep: int) -> list[Path]:
        """Delete all but the newest `keep` snapshots and the logs that any of these needs; return the deleted files."""
        snapshots = self.snapshot_files()
        if len(snapshots) <= keep:
            return []
        oldest_kept = snapshots[keep - 1][0]
        needed = {path for _, path in self.log_files_from(oldest_kept + 1)}
        superfluous = [path for _, path in snapshots[keep:]]
        superfluous += [path for _, path in self.log_files() if path not in needed]
        for path in superfluous:
            self.files.remove(str(path))
        return superfluous

    def sizes(self) -> tuple[int, int]:
        """The sizes in bytes of all snapshots and of all logs."""
        return (
            sum(self.files.size(str(path)) for _, path in self.snapshot_files()),
            sum(self.files.size(str(path)) for _, path in self.log_files()),
        )

    def _numbered(self, directory: Path, prefix: str) -> list[tuple[int, Path]]:
        """Files `prefix.<zxid in hex>`; others are ignored."""
        found = []
        names = self.files.names(str(directory)) if self.files.is_directory(str(directory)) else []
        for name in names:
            kind, _, number = name.partition(".")
            if kind == prefix:
                with suppress(ValueError):
                    found.append((int(number, 16), directory / name))
        return found
