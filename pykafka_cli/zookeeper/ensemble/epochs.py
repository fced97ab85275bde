"""The epochs of a server of an ensemble, on disk before they are promised.

    dataDir/version-2/acceptedEpoch   the newest epoch whose leader this server has agreed to follow, as text
    dataDir/version-2/currentEpoch    the newest epoch whose leader's history it has

A server that has accepted an epoch follows no leader of an earlier one. 0 <= current <= accepted, since an epoch is
accepted first; a server that was stopped in between has accepted an epoch that it never entered.

Source: org.apache.zookeeper.server.quorum.QuorumPeer (readLongFromFile, writeLongToFile), AtomicFileWritingIdiom
"""

from pathlib import Path
from typing import Self

from pykafka_cli.storage.files import DISK, Files
from pykafka_cli.zookeeper.server.data_directory import DirectoryUnusable

_ACCEPTED, _CURRENT = "acceptedEpoch", "currentEpoch"
_MOST = 2**31 - 1  # a zxid has 32 bits for it, and is never negative


class Epochs:
    """Both epochs of one server. An epoch is stored, to survive a power failure, before `accept` or `enter` returns."""

    def __init__(self, directory: Path, accepted: int, current: int, files: Files = DISK) -> None:
        self._directory = directory
        self._files = files
        self.accepted = accepted
        self.current = current

    @classmethod
    def load(cls, directory: Path, last_zxid: int, files: Files = DISK) -> Self:
        """Read the epochs in `directory` (version-2), or write the first ones.

        last_zxid    of the last logged transaction; a server that was never in an ensemble begins with its epoch
        raises       DirectoryUnusable if they contradict each other or the log
        source       QuorumPeer.loadDataBase
        """
        of_log = last_zxid >> 32
        current, accepted = _read(directory / _CURRENT, files), _read(directory / _ACCEPTED, files)
        self = cls(directory, of_log if accepted is None else accepted, of_log if current is None else current, files)
        if of_log > max(self.current, self.accepted):
            raise DirectoryUnusable(
                f"{directory / _ACCEPTED} is {self.accepted}, but the last transaction, 0x{last_zxid:x}, is of epoch "
                f"{of_log}; the file is older than the log"
            )
        if self.accepted < self.current:
            raise DirectoryUnusable(
                f"{directory / _ACCEPTED} is {self.accepted}, but {_CURRENT} is {self.current}: an epoch is accepted "
                f"first, so the files are not from the same time"
            )
        if accepted is None:
            self._write(_ACCEPTED, self.accepted)
        if current is None:
            self._write(_CURRENT, self.current)
        if of_log > self.current:
            # The server was stopped after it had caught up with that epoch's leader, before it could record that here.
            # A leader sends its whole history before its own transactions, so this server has all of it.
            self.enter(of_log)
        return self

    def accept(self, epoch: int) -> None:
        """Promise to follow no leader of an epoch before `epoch`; raises OSError."""
        _ensure_grows(self.accepted, epoch)
        if epoch != self.accepted:
            self._write(_ACCEPTED, epoch)
            self.accepted = epoch

    def enter(self, epoch: int) -> None:
        """Record that this server has the history of the leader of `epoch` on disk; raises OSError."""
        _ensure_grows(self.current, epoch)
        if epoch > self.accepted:
            raise ValueError(f"epoch {epoch} was not accepted before; {self.accepted} was")
        if epoch != self.current:
            self._write(_CURRENT, epoch)
            self.current = epoch

    def _write(self, name: str, epoch: int) -> None:
        self._files.replace(str(self._directory / name), str(epoch).encode())


def _ensure_grows(before: int, epoch: int) -> None:
    if not before <= epoch <= _MOST:
        raise ValueError(f"epoch {epoch} cannot follow {before}")


def _read(path: Path, files: Files) -> int | None:
    """The number in a file; None: there is no such file."""
    try:
        text = files.read(str(path)).decode("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DirectoryUnusable(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not text.isdecimal() or int(text) > _MOST:
        raise DirectoryUnusable(f"{path} should contain the number of an epoch, but contains {text[:40]!r}")
    return int(text)
