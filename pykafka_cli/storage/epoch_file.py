"""leader-epoch-checkpoint of one folder, behind the list in memory (leader_epochs.py).

It is written at each change, without a sync: batches carry their epochs, so what a crash loses here comes back from
them. A flush makes it durable, and writes it when there was no room before.
"""

import os
from collections.abc import Callable, Sequence

from pykafka_cli.storage import checkpoints
from pykafka_cli.storage.files import File, Files, is_full
from pykafka_cli.storage.leader_epochs import EpochStart


class EpochFile:
    def __init__(self, files: Files, directory: str, on_error: Callable[[OSError], None]) -> None:
        self._files = files
        self.directory = directory
        self._on_error = on_error
        self._is_dirty = False
        self._unwritten: Sequence[EpochStart] | None = None

    def store(self, entries: Sequence[EpochStart]) -> None:
        """Write the list. A full disk postpones it; any other error is for `on_error`, which raises."""
        try:
            self._write(entries)
        except OSError as error:
            if not is_full(error):
                self._on_error(error)
            self._unwritten = list(entries)

    def _write(self, entries: Sequence[EpochStart]) -> None:
        checkpoints.write_leader_epochs(self._files, self._path, entries, durable=False)
        self._is_dirty, self._unwritten = True, None

    def handles_to_sync(self) -> list[File]:
        """A handle to sync the file, if it has changed. raises OSError, also while there is no room for it."""
        if self._unwritten is not None:
            self._write(self._unwritten)
        if not self._is_dirty:
            return []
        self._is_dirty = False
        return [self._files.open(self._path)]

    @property
    def _path(self) -> str:
        return os.path.join(self.directory, checkpoints.LEADER_EPOCHS)
