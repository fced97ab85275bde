"""The start offset of each leader epoch (leader-epoch-checkpoint): how replicas find where their logs diverge.

    0                 version
    2                 number of lines that follow
    0 0               epoch 0 began at offset 0
    3 17              epoch 3 began at offset 17; epochs that wrote nothing are not listed

Epochs and offsets grow. Source: KIP-101, KIP-279, LeaderEpochFileCache.
"""

import logging
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pykafka_cli.model import LeaderEpoch, Offset
from pykafka_cli.protocol.records.batch import NO_LEADER_EPOCH

_log = logging.getLogger(__name__)


class EpochStart(NamedTuple):
    epoch: LeaderEpoch
    start_offset: Offset


class EpochEnd(NamedTuple):
    """A leader epoch and the offset at which it ended: the first offset of the next epoch, or the log end."""

    epoch: LeaderEpoch
    end_offset: Offset


class LeaderEpochs:
    """The list, in memory; `on_change` is called after each change that has to reach the file.

    It is not called for an epoch that has no records: the file would be written for each partition whenever a broker
    starts, and who reads it needs the epochs of records only.
    """

    def __init__(
        self, entries: Iterable[EpochStart] = (), on_change: Callable[[list[EpochStart]], None] = lambda _: None
    ) -> None:
        self._entries: list[EpochStart] = []
        self._newest_is_pending = False
        self._on_change: Callable[[list[EpochStart]], None] = lambda _: None
        for entry in entries:
            self.assign(*entry)
        self._on_change = on_change

    @property
    def entries(self) -> list[EpochStart]:
        return list(self._entries)

    @property
    def latest(self) -> LeaderEpoch | None:
        """The newest epoch known; None when there is none."""
        return self._entries[-1].epoch if self._entries else None

    @property
    def latest_notified(self) -> LeaderEpoch | None:
        """The newest epoch, if `on_change` has been called since it was assigned; otherwise None."""
        return self._entries[-1].epoch if self._entries and not self._newest_is_pending else None

    def assign(self, epoch: LeaderEpoch, start_offset: Offset, *, has_records: bool = True) -> None:
        """Epoch `epoch` begins at `start_offset`. Entries that contradict it (a later epoch, or a later start) go."""
        if epoch < 0 or start_offset < 0:
            return
        entries = self._entries
        if entries and entries[-1].epoch == epoch and start_offset >= entries[-1].start_offset:
            if has_records and self._newest_is_pending:
                self._notify()
            return
        kept = len(entries)
        while kept and (entries[kept - 1].epoch >= epoch or entries[kept - 1].start_offset >= start_offset):
            kept -= 1
        dropped = entries[kept:]
        if len(dropped) > 1 or (dropped and dropped[0].start_offset != start_offset):
            _log.warning("leader epoch %d from offset %d on replaces %s", epoch, start_offset, dropped)
        entries[kept:] = [EpochStart(epoch, start_offset)]
        if has_records:
            self._notify()
        else:
            self._newest_is_pending = True

    def end_offset_for(self, epoch: LeaderEpoch, log_end: Offset) -> EpochEnd | None:
        """The end of the largest epoch up to `epoch` that is known; None when nothing can be said.

        For an epoch older than all known ones: that epoch, with the start of the oldest.
        """
        entries = self._entries
        if epoch == NO_LEADER_EPOCH or not entries or epoch > entries[-1].epoch:
            return None
        if epoch == entries[-1].epoch:
            return EpochEnd(epoch, log_end)
        following = bisect_right(entries, epoch, key=lambda entry: entry.epoch)
        end_offset = entries[following].start_offset
        return EpochEnd(entries[following - 1].epoch if following else epoch, end_offset)

    def epoch_for_offset(self, offset: Offset) -> LeaderEpoch | None:
        """The epoch that wrote `offset`; None when it is older than all known ones."""
        following = bisect_right(self._entries, offset, key=lambda entry: entry.start_offset)
        return self._entries[following - 1].epoch if following else None

    def truncate_from_end(self, end_offset: Offset) -> None:
        """Forget epochs that begin at `end_offset` or later."""
        kept = [entry for entry in self._entries if entry.start_offset < end_offset]
        if len(kept) < len(self._entries):
            self._entries = kept
            self._notify()

    def truncate_from_start(self, start_offset: Offset) -> None:
        """Forget what is below `start_offset`; the epoch that covers it begins there from now on."""
        passed = bisect_right(self._entries, start_offset, key=lambda entry: entry.start_offset)
        if not passed or (passed == 1 and self._entries[0].start_offset == start_offset):
            return
        self._entries[:passed] = [EpochStart(self._entries[passed - 1].epoch, start_offset)]
        self._notify()

    def clear(self) -> None:
        self._entries = []
        self._notify()

    def _notify(self) -> None:
        self._newest_is_pending = False
        self._on_change(self._entries)
