"""How far a log is committed: the offset below which every in-sync replica has everything. Pure.

Consumers read up to it, acks=all waits for it, a new leader never lacks anything below it.
"""

from collections.abc import Iterable

from pykafka_cli.model import Offset


def high_watermark(leader_end: Offset, isr_ends: Iterable[Offset | None], current: Offset) -> Offset:
    """The mark after looking at all ends: the smallest of them, and never less than `current`.

    An end of None is a follower that has not fetched yet; it holds the mark where it is.
    """
    lowest = leader_end
    for end in isr_ends:
        if end is None:
            return current
        lowest = min(lowest, end)
    return max(current, lowest)


def effective_min_isr(min_insync_replicas: int, replica_count: int) -> int:
    """min.insync.replicas, which may not require more replicas than there are."""
    return min(min_insync_replicas, replica_count)
