"""The in-sync replicas: what a leader knows of its followers, and what it decides from that. Pure.

A follower is in sync while it has all that the leader has, or had all of it at some moment within the last
replica.lag.time.max.ms. Silence alone is no lag: only a leader with something newer makes a follower fall behind.
Times are monotonic seconds. Source: kafka.cluster.Replica, kafka.cluster.Partition, KIP-497.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pykafka_cli.model import BrokerId, Offset, Seconds

NEVER = -math.inf  # a moment before all others: "has not been caught up with this leader"


class IdleFetch(Protocol):
    """A partition that a follower's fetch session leaves out, because the follower has all of it and knows that.

    fetched_at    when the follower last fetched with the session: it still had all of the partition then
    """

    @property
    def fetched_at(self) -> float: ...

    def end(self) -> None:
        """Let the session's fetches read the partition again, from now on."""


@dataclass(slots=True)
class FollowerProgress:
    """One follower, as its leader sees it through the fetches.

    log_start, log_end       of the follower; None before its first fetch from this leader
    leader_end_at_fetch      the leader's log end when the follower last fetched; None before
    fetched_at               when that was
    caught_up_at             the latest moment at which the follower had all that the leader had
    idle                     while its fetches leave this partition out: then both moments are those of its last fetch
    """

    log_start: Offset | None = None
    log_end: Offset | None = None
    leader_end_at_fetch: Offset | None = None
    fetched_at: float = NEVER
    caught_up_at: float = NEVER
    idle: IdleFetch | None = None

    def fetched(self, *, fetch_offset: Offset, log_start: Offset | None, leader_end: Offset, now: float) -> None:
        """Record a fetch from `fetch_offset`, which is the follower's log end, while the leader's is `leader_end`.

        A follower that now has what the leader had at the fetch before was caught up then, even if the leader grows
        too fast for it ever to reach the current end.
        """
        before = self.leader_end_at_fetch
        self.idle = None
        if fetch_offset >= leader_end:
            self.caught_up_at = max(self.caught_up_at, now)
        elif before is not None and fetch_offset >= before:
            self.caught_up_at = max(self.caught_up_at, self.fetched_at)
        self.log_start = log_start
        self.log_end = fetch_offset
        self.leader_end_at_fetch = leader_end if before is None else max(leader_end, before)
        self.fetched_at = now

    def no_longer_idle(self) -> IdleFetch | None:
        """Count its fetches one by one again; returns what was `idle`, to be ended once there is something new."""
        idle, self.idle = self.idle, None
        if idle is not None:
            self.fetched_at = self.caught_up_at = max(self.caught_up_at, idle.fetched_at)
        return idle

    def leader_elected(self, *, leader_end: Offset, in_isr: bool, is_new_leader: bool, now: float) -> None:
        """Start a leader epoch: a follower in the ISR has the whole lag time to fetch, any other counts as behind."""
        if is_new_leader:
            self.log_start = self.log_end = self.leader_end_at_fetch = None
            self.fetched_at = NEVER
        else:
            self.leader_end_at_fetch = leader_end
            # Not brought back into the ISR before it has fetched in this epoch.
            self.fetched_at = now if in_isr else NEVER
        self.caught_up_at = now if in_isr else NEVER

    def is_caught_up(self, leader_end: Offset, now: float, max_lag: Seconds) -> bool:
        return self.log_end == leader_end or now - self.caught_up_at <= max_lag


@dataclass(frozen=True, slots=True)
class Isr:
    """The in-sync replicas: what the controller last confirmed, and the one change that awaits its response.

    At most one of `adding` and `removing` is set. Until the response comes, the high watermark must respect `maximal`:
    a replica that may have joined counts, one that may have left still counts. The order is the controller's and is
    kept, as `kafka-topics --describe` shows it.
    """

    committed: tuple[BrokerId, ...] = ()
    adding: tuple[BrokerId, ...] = ()
    removing: tuple[BrokerId, ...] = ()

    @property
    def in_flight(self) -> bool:
        return bool(self.adding or self.removing)

    @property
    def maximal(self) -> tuple[BrokerId, ...]:
        return self.committed + self.adding

    @property
    def proposed(self) -> tuple[BrokerId, ...]:
        """The ISR that is requested from the controller."""
        return tuple(broker_id for broker_id in self.maximal if broker_id not in self.removing)

    def expanded(self, broker_id: BrokerId) -> "Isr":
        return Isr(self.committed, adding=(broker_id,))

    def shrunk(self, broker_ids: Iterable[BrokerId]) -> "Isr":
        return Isr(self.committed, removing=tuple(broker_ids))

    def settled(self) -> "Isr":
        """The change in flight was rejected: back to what is confirmed."""
        return Isr(self.committed)


def out_of_sync(
    isr: Isr,
    followers: Mapping[BrokerId, FollowerProgress],
    *,
    leader: BrokerId,
    leader_end: Offset,
    now: float,
    max_lag: Seconds,
) -> tuple[BrokerId, ...]:
    """The members of the ISR that must leave it; none while a change is in flight."""
    if isr.in_flight:
        return ()
    return tuple(
        broker_id
        for broker_id in isr.committed
        if broker_id != leader
        and not ((follower := followers.get(broker_id)) is not None and follower.is_caught_up(leader_end, now, max_lag))
    )


def may_join(
    isr: Isr, broker_id: BrokerId, follower: FollowerProgress, *, high_watermark: Offset, epoch_start: Offset
) -> bool:
    """Whether a follower may be proposed for the ISR.

    It needs all that is committed, and all that was in the log when this leader epoch began: between the high
    watermark and that point lie records that an earlier leader may have acknowledged.
    """
    return (
        not isr.in_flight
        and broker_id not in isr.committed
        and follower.log_end is not None
        and follower.log_end >= max(high_watermark, epoch_start)
    )


def ends_to_respect(
    isr: Isr,
    followers: Mapping[BrokerId, FollowerProgress],
    *,
    leader_end: Offset,
    now: float,
    max_lag: Seconds,
    is_alive: Callable[[BrokerId], bool],
) -> list[Offset | None]:
    """The log ends of the followers that hold the high watermark back; None for one that has not fetched yet.

    In addition to the ISR, these are the followers on their way into it; a high watermark ahead of them would never let
    them in.
    """
    maximal = isr.maximal
    return [
        follower.log_end
        for broker_id, follower in followers.items()
        if broker_id in maximal or (follower.is_caught_up(leader_end, now, max_lag) and is_alive(broker_id))
    ]
