"""The listener of a log: what the log reports, and what it needs from its owner."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pykafka_cli.broker.log.partition_log import PartitionLog
    from pykafka_cli.storage.files import Files


class LogListener:
    """Called by a log, in its own thread. As defined here: for a log without a listener."""

    def on_failure(self, log: "PartitionLog", error: OSError) -> None:
        """A disk error took the log offline."""

    def on_roll(self, log: "PartitionLog") -> None:
        """A segment was begun; the one before it will not change any more."""

    def on_cut(self, log: "PartitionLog") -> None:
        """Records at the log's end were dropped."""

    def discard(self, log: "PartitionLog", files: "Files", paths: Sequence[str]) -> None:
        """Remove files that were set aside, now or later. raises OSError"""
        del log
        for path in paths:
            files.remove(path)


UNKEPT = LogListener()
