"""How far a log is committed: the offset below which every in-sync replica has everything. Pure.

Consumers read up to it, acks=all waits for it, a new leader never lacks anything below it.
"""

from collections.abc import Iterable


def high_watermark(leader_end: int, isr_ends: Iterable[int], current: int) -> int:
    """The mark after looking at all ends: the smallest of them, and never less than `current`.

    An end of -1 is a follower that has not fetched yet; it holds the mark where it is.
    """
    return max(current, min((*isr_ends, leader_end)))


def effective_min_isr(min_insync_replicas: int, replica_count: int) -> int:
    """min.insync.replicas, which may not ask for more replicas than there are."""
    return min(min_insync_replicas, replica_count)
