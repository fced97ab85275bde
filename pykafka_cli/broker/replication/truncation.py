"""Where a follower's log and its leader's diverge, and where the follower must truncate. Pure.

Both sides know, for each leader epoch, where it ended in their own log. The leader compares the last epoch a follower
fetched with its own history; if the follower has something else there, the response names the point (a diverging epoch)
and the follower cuts and asks again. Source: KIP-101, KIP-279, KIP-595 (truncation on fetch), AbstractFetcherThread.
"""

from pykafka_cli.model import LeaderEpoch, Offset
from pykafka_cli.storage.leader_epochs import EpochEnd


def diverges(leader: EpochEnd, *, last_fetched_epoch: LeaderEpoch, fetch_offset: Offset) -> bool:
    """Whether a follower that is at `fetch_offset`, with `last_fetched_epoch` before it, has what the leader lacks.

    leader    the leader's end of the largest epoch not above `last_fetched_epoch`
    """
    return leader.epoch < last_fetched_epoch or leader.end_offset < fetch_offset


def truncation_point(
    leader: EpochEnd | None, *, local: EpochEnd | None, log_end: Offset, fetch_offset: Offset
) -> Offset:
    """The offset to cut to after the leader answered with a diverging epoch; there may be another one below it.

    leader         what the response said; None when it knows of no end
    local          the follower's own end of the largest epoch not above `leader.epoch`; None if it has none so old
    fetch_offset   where this follower began: its high watermark, or its log end if it tracks epochs
    """
    if leader is None:
        return min(fetch_offset, log_end)
    if local is None:
        return min(leader.end_offset, log_end)
    if local.epoch != leader.epoch:
        # The leader went through an epoch that this replica never saw; what came after its own last common epoch goes.
        return min(local.end_offset, log_end)
    return min(local.end_offset, leader.end_offset, log_end)
