"""Where a follower's log and its leader's part, and how far the follower must cut. Pure.

Both sides know, for each leader epoch, where it ended in their own log. The leader compares the last epoch a follower
fetched with its own history; if the follower has something else there, the answer names the point (a diverging epoch)
and the follower cuts and asks again. Source: KIP-101, KIP-279, KIP-595 (truncation on fetch), AbstractFetcherThread.
"""

from typing import NamedTuple

UNDEFINED_EPOCH = -1
UNDEFINED_OFFSET = -1


class EpochEnd(NamedTuple):
    """A leader epoch and the offset at which it ended: the first offset of the next epoch, or the log end."""

    epoch: int
    end_offset: int

    @property
    def is_known(self) -> bool:
        return self.epoch != UNDEFINED_EPOCH and self.end_offset != UNDEFINED_OFFSET


def diverges(leader: EpochEnd, *, last_fetched_epoch: int, fetch_offset: int) -> bool:
    """Whether a follower that is at `fetch_offset`, with `last_fetched_epoch` before it, has what the leader lacks.

    leader    the leader's end of the largest epoch not above `last_fetched_epoch`
    """
    return leader.epoch < last_fetched_epoch or leader.end_offset < fetch_offset


def truncation_point(leader: EpochEnd, *, local: EpochEnd, log_end: int, fetch_offset: int) -> int:
    """The offset to cut to after the leader answered with a diverging epoch; there may be another one below it.

    leader         what the answer said
    local          the follower's own end of the largest epoch not above `leader.epoch`; unknown if it has none so old
    fetch_offset   where this follower began: its high watermark, or its log end if it tracks epochs
    """
    if leader.end_offset == UNDEFINED_OFFSET:
        return min(fetch_offset, log_end)
    if leader.epoch == UNDEFINED_EPOCH or not local.is_known:
        return min(leader.end_offset, log_end)
    if local.epoch != leader.epoch:
        # The leader went through an epoch that this replica never saw; what came after its own last common epoch goes.
        return min(local.end_offset, log_end)
    return min(local.end_offset, leader.end_offset, log_end)
