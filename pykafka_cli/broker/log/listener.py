"""The listener of a log: what the log reports, and what it needs from its owner."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from pykafka_cli.storage.files import Files

Log = TypeVar("Log", contravariant=True)
"""PartitionLog, which imports this module."""


class LogListener(Generic[Log]):
    """Called by a log, in the log's thread. As defined here: for a log without a listener."""

    def on_failure(self, log: Log, error: OSError) -> None:
        """A disk error took the log offline."""

    def on_roll(self, log: Log) -> None:
        """A new segment was begun; the one before it will not change."""

    def on_cut(self, log: Log) -> None:
        """Records at the log's end were dropped."""

    def discard(self, log: Log, files: "Files", paths: Sequence[str]) -> None:
        """Remove files that were set aside, now or later. raises OSError"""
        del log
        for path in paths:
            files.remove(path)


UNKEPT: LogListener[object] = LogListener()
