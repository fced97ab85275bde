"""A flush as a plan: made by the log's own thread, carried out by any, so that fsync never blocks the loop."""

import contextlib
from typing import NamedTuple

from pykafka_cli.model import Offset
from pykafka_cli.storage.files import File, Files


class FlushPlan(NamedTuple):
    """Handles to sync; when `run` has returned, everything below `up_to` is on the device.

    rewrites  of the log's segments when the plan was made: what was written over them since is not in it
    """

    files: Files
    directory: str
    handles: list[File]
    up_to: Offset
    rewrites: int

    def run(self) -> None:
        """Sync. raises OSError: what can be read may then be lost all the same, so the log must not be used again."""
        try:
            for handle in self.handles:
                handle.sync()
        finally:
            for handle in self.handles:
                handle.close()
        if self.handles:
            with contextlib.suppress(FileNotFoundError):  # the log was deleted meanwhile
                self.files.sync_directory(self.directory)
