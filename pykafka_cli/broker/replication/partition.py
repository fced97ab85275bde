"""One partition on this broker: its role (partition_role.py), and the operations of each role.

    high watermark     everything below is on all in-sync replicas: consumers see it, acks=all waits for it
    low watermark      the smallest log start of all live replicas: DeleteRecords waits for it

A leader moves the high watermark after each append, fetch and ISR change; a follower gets it from its leader. No
method awaits, so none can be interleaved with another. Source: kafka.cluster.Partition.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.errors import (
    FencedLeaderEpoch,
    NotEnoughReplicas,
    NotEnoughReplicasAfterAppend,
    NotLeaderOrFollower,
    OffsetOutOfRange,
    PolicyViolation,
    UnknownLeaderEpoch,
)
from pykafka_cli.broker.replication.copying import append_copied
from pykafka_cli.broker.replication.high_watermark import effective_min_isr, high_watermark
from pykafka_cli.broker.replication.isr import (
    FollowerProgress,
    IdleFetch,
    Isr,
    ends_to_respect,
    may_join,
    out_of_sync,
)
from pykafka_cli.broker.replication.isr_updates import IsrChange, IsrConfirmed, IsrUpdates, Outcome
from pykafka_cli.broker.replication.partition_role import Absent, Follower, Leader, Role
from pykafka_cli.model import FIRST_OFFSET, FIRST_PARTITION_EPOCH, BrokerId, LeaderEpoch, Offset, Seconds, Timestamp

if TYPE_CHECKING:
    from pykafka_cli.broker.clock import Clock
    from pykafka_cli.broker.log.appending import AppendInfo
    from pykafka_cli.broker.log.partition_log import PartitionLog
    from pykafka_cli.broker.log.producer_state import AppendOrigin
    from pykafka_cli.broker.log.validation import CheckedBatch
    from pykafka_cli.broker.waiting import WaitingRoom
    from pykafka_cli.model import TopicPartition
    from pykafka_cli.protocol.inter_broker import LeaderAndIsrPartitionState

_log = logging.getLogger(__name__)

BEFORE_ALL_EPOCHS = LeaderEpoch(-1)
"""Leader epoch of a partition that has had no leader here."""

_AWAIT_CONTROLLER = frozenset(
    {
        ErrorCode.unknown_topic_or_partition,
        ErrorCode.unknown_topic_id,
        ErrorCode.fenced_leader_epoch,
        ErrorCode.invalid_update_version,
        ErrorCode.invalid_request,
        ErrorCode.new_leader_elected,
    }
)
"""Refusals which mean that the controller knows better: its next LeaderAndIsr will say what is so."""


class Partition:
    """Role and epochs. The epochs outlive roles: they fence late requests."""

    def __init__(
        self,
        topic_partition: "TopicPartition",
        *,
        broker_id: BrokerId,
        max_lag: Seconds,
        clock: "Clock",
        waiting: "WaitingRoom",
        isr_updates: IsrUpdates,
        is_alive: Callable[[BrokerId], bool],
    ) -> None:
        self.topic_partition = topic_partition
        self.role: Role = Absent()
        self.leader_epoch = BEFORE_ALL_EPOCHS
        self.partition_epoch = FIRST_PARTITION_EPOCH
        self._broker_id = broker_id
        self._max_lag = max_lag
        self._clock = clock
        self._waiting = waiting
        self._isr_updates = isr_updates
        self._is_alive = is_alive
        # The WaitingRoom's keys for the two kinds of events here. `committed` also covers changes of role.
        self.appended = ("appended", topic_partition)
        self.committed = ("committed", topic_partition)

    def __str__(self) -> str:
        return str(self.topic_partition)

    # ---- role

    @property
    def is_leader(self) -> bool:
        return isinstance(self.role, Leader)

    @property
    def leader(self) -> BrokerId | None:
        """The leader, as far as this broker knows."""
        return self.role.leader

    @property
    def log(self) -> "PartitionLog | None":
        return self.role.log

    def lead(self, state: "LeaderAndIsrPartitionState", open_log: Callable[[], "PartitionLog"]) -> bool:
        """Become the leader, or learn a newer state of a partition led already; return whether leadership is new."""
        if state.partition_epoch < self.partition_epoch:
            return False
        log = open_log()
        with self._news_for_followers():
            return self._begin_to_lead(state, log)

    def _begin_to_lead(self, state: "LeaderAndIsrPartitionState", log: "PartitionLog") -> bool:
        before = self.role if isinstance(self.role, Leader) else None
        known = {} if before is None else before.followers
        followers = {
            broker_id: known.get(broker_id, FollowerProgress())
            for broker_id in state.replicas
            if broker_id != self._broker_id
        }
        epoch_start = FIRST_OFFSET if before is None else before.epoch_start
        if state.leader_epoch > self.leader_epoch:
            now = self._clock.monotonic()
            # Even without a record the epoch must be known: a follower with a later one asks where to truncate.
            log.begin_epoch(state.leader_epoch)
            for broker_id, follower in followers.items():
                follower.leader_elected(
                    leader_end=log.log_end, in_isr=broker_id in state.isr, is_new_leader=before is None, now=now
                )
            self.leader_epoch = state.leader_epoch
            epoch_start = log.log_end
        self.partition_epoch = state.partition_epoch
        self.role = role = Leader(log, self._broker_id, epoch_start, Isr(tuple(state.isr)), followers)
        self._advance_high_watermark(role)
        return before is None

    def follow(self, state: "LeaderAndIsrPartitionState", open_log: Callable[[], "PartitionLog"]) -> bool:
        """Become a follower; return whether the leader epoch is new, so that fetching must start again."""
        if state.partition_epoch < self.partition_epoch:
            return False
        log = open_log()
        with self._news_for_followers():
            self.role = Follower(log, state.leader)
        is_new_epoch = state.leader_epoch > self.leader_epoch
        self.leader_epoch = state.leader_epoch
        self.partition_epoch = state.partition_epoch
        return is_new_epoch

    def hold(self, open_log: Callable[[], "PartitionLog"]) -> None:
        """Host a log without a leader to follow: its high watermark must not be missing from the checkpoint."""
        if isinstance(self.role, Absent):
            self.role = Follower(open_log(), None)

    def replace_log(self, log: "PartitionLog") -> None:
        """Use a complete copy of the log."""
        if not isinstance(self.role, Absent):
            with self._news_for_followers():
                self.role.log = log

    def close(self) -> None:
        """Stop serving; the log's files belong to the log manager."""
        with self._news_for_followers():
            self.role = Absent()

    def notify_all(self) -> None:
        """Notify every waiter of a change of role."""
        self._waiting.notify(self.appended)
        self._waiting.notify(self.committed)

    # ---- access to the log

    def leading(self) -> Leader:
        """raises   NotLeaderOrFollower"""
        match self.role:
            case Leader() as role:
                return role
        raise NotLeaderOrFollower(f"broker {self._broker_id} does not lead {self}")

    def leader_log(self) -> "PartitionLog":
        """raises   NotLeaderOrFollower"""
        return self.leading().log

    def log_at_epoch(self, current_leader_epoch: LeaderEpoch | None, *, only_leader: bool) -> "PartitionLog":
        """The log, for a request with `current_leader_epoch` (None: without one).

        raises   FencedLeaderEpoch (the client is behind), UnknownLeaderEpoch (this broker is behind),
                 NotLeaderOrFollower
        """
        if current_leader_epoch is not None and current_leader_epoch != self.leader_epoch:
            if current_leader_epoch < self.leader_epoch:
                raise FencedLeaderEpoch(f"{self} is at leader epoch {self.leader_epoch}, not {current_leader_epoch}")
            raise UnknownLeaderEpoch(f"{self} is only at leader epoch {self.leader_epoch} here")
        return self.leader_log() if only_leader else self.hosted_log()

    def hosted_log(self) -> "PartitionLog":
        """raises   NotLeaderOrFollower when there is none"""
        log = self.role.log
        if log is None:
            raise NotLeaderOrFollower(f"broker {self._broker_id} has no replica of {self}")
        return log

    # ---- what a follower does

    def append_from_leader(
        self, batches: memoryview, *, leader_high_watermark: Offset, leader_log_start: Offset
    ) -> "AppendInfo":
        """Append what the leader has after our log end; take over its high watermark and log start.

        raises   CorruptMessage, KafkaStorageError, NotLeaderOrFollower
        """
        log = self.hosted_log()
        before = log.high_watermark
        info = append_copied(log, batches, high_watermark=leader_high_watermark, log_start=leader_log_start)
        if log.high_watermark != before:
            self._waiting.notify(self.committed)
        return info

    def truncate_to(self, offset: Offset) -> None:
        """Drop everything from `offset` on."""
        log = self.hosted_log()
        if offset < log.high_watermark:
            _log.warning("%s: cutting to %d, below the high watermark %d", self, offset, log.high_watermark)
        log.truncate_to(offset)

    def start_at(self, offset: Offset) -> None:
        """Drop everything and continue at `offset`."""
        self.hosted_log().truncate_fully_and_start_at(offset)

    def forget_uncommitted_without_epochs(self) -> None:
        """Truncate to the high watermark if the log has no leader epochs, because it cannot be compared with another
        then."""
        log = self.hosted_log()
        if log.epochs.latest is None and log.log_end > log.high_watermark:
            self.truncate_to(log.high_watermark)

    # ---- what a leader does

    def append(
        self,
        batches: "bytearray | memoryview | CheckedBatch",
        *,
        acks: int,
        now_ms: Timestamp,
        origin: "AppendOrigin",
    ) -> "AppendInfo":
        """Write a producer's batches.

        raises   NotLeaderOrFollower, NotEnoughReplicas (acks=-1 only), and whatever validation rejects
        """
        role = self.leading()
        if acks == -1 and len(role.isr.committed) < _min_isr(role):
            raise NotEnoughReplicas(f"{self}: {len(role.isr.committed)} in sync, min.insync.replicas={_min_isr(role)}")
        info = role.log.append_as_leader(batches, leader_epoch=self.leader_epoch, now_ms=now_ms, origin=origin)
        self._advance_high_watermark(role)
        if role.followers:
            self._tell_followers(role)
            self._waiting.notify(self.appended)
        return info

    def is_replicated(self, required_offset: Offset) -> bool:
        """Whether all in-sync replicas have everything below `required_offset`.

        raises   NotLeaderOrFollower; NotEnoughReplicasAfterAppend when they have, but are too few by now
        """
        role = self.leading()
        if role.log.high_watermark < required_offset:
            return False
        if len(role.isr.maximal) < _min_isr(role):
            raise NotEnoughReplicasAfterAppend(
                f"{self}: written, but only {len(role.isr.maximal)} in sync, min.insync.replicas={_min_isr(role)}"
            )
        return True

    def follower_fetched(
        self, broker_id: BrokerId, *, fetch_offset: Offset, log_start: Offset | None, leader_end: Offset
    ) -> None:
        """Note that a follower has everything below `fetch_offset`; `leader_end` is from before its read.

        log_start   of the follower; None if it does not say (before Fetch 5)
        raises      NotLeaderOrFollower
        """
        role = self.leading()
        follower = role.followers[broker_id]
        moved = follower.log_end != fetch_offset
        deleted = follower.log_start != log_start
        follower.fetched(
            fetch_offset=fetch_offset, log_start=log_start, leader_end=leader_end, now=self._clock.monotonic()
        )
        if (
            broker_id not in role.isr.committed
            and self._is_alive(broker_id)
            and may_join(
                role.isr,
                broker_id,
                follower,
                high_watermark=role.log.high_watermark,
                epoch_start=role.epoch_start,
            )
        ):
            self._propose(role, role.isr.expanded(broker_id))
        if not (moved and self._advance_high_watermark(role)) and deleted:
            self._waiting.notify(self.committed)

    def is_idle(self, broker_id: BrokerId, fetch_offset: Offset, fetch: IdleFetch) -> bool:
        """Whether there is nothing new for a follower; if so, `fetch.end` is called once there is.

        The follower fetches from `fetch_offset`, and has been sent the high watermark and the log start.
        """
        role = self.role
        if not isinstance(role, Leader) or not fetch_offset == role.log.log_end == role.log.high_watermark:
            return False
        # A follower joins the ISR, or joins it again, when it is read.
        if role.isr.in_flight or broker_id not in role.isr.committed or broker_id not in role.followers:
            return False
        role.followers[broker_id].idle = fetch
        return True

    def announce_log_start(self) -> None:
        """Have followers told of what retention has deleted; to be called periodically."""
        role = self.role
        if isinstance(role, Leader) and role.log_start_announced != role.log.log_start:
            role.log_start_announced = role.log.log_start
            self._tell_followers(role)

    def _tell_followers(self, role: Leader) -> None:
        """Have the followers' fetches read this partition, because something has changed."""
        for follower in role.followers.values():
            if follower.idle is not None and (idle := follower.no_longer_idle()) is not None:
                idle.end()

    @contextlib.contextmanager
    def _news_for_followers(self) -> Iterator[None]:
        """The same, for what changes in the `with` block, which may end the role."""
        followers = self.role.followers.values() if isinstance(self.role, Leader) else ()
        were_idle = [follower.no_longer_idle() for follower in followers]
        try:
            yield
        finally:
            for idle in were_idle:
                if idle is not None:
                    idle.end()

    def shrink_isr(self) -> None:
        """Propose an ISR without the followers that lag; to be called periodically."""
        role = self.role
        if not isinstance(role, Leader):
            return
        lagging = out_of_sync(
            role.isr,
            role.followers,
            leader=self._broker_id,
            leader_end=role.log.log_end,
            now=self._clock.monotonic(),
            max_lag=self._max_lag,
        )
        if lagging:
            self._propose(role, role.isr.shrunk(lagging))

    def delete_records(self, before: Offset | None) -> Offset:
        """Delete records below `before` (None: all that are committed); return that offset.

        raises   NotLeaderOrFollower, PolicyViolation, OffsetOutOfRange (above the high watermark)
        """
        log = self.leader_log()
        if not log.config.deletes:
            raise PolicyViolation(f"{self} is compacted; records cannot be deleted by offset")
        offset = log.high_watermark if before is None else before
        if not 0 <= offset <= log.high_watermark:
            raise OffsetOutOfRange(f"{self}: cannot delete up to {offset}, the high watermark is {log.high_watermark}")
        log.advance_log_start(offset)
        self.announce_log_start()
        return offset

    def low_watermark(self) -> Offset | None:
        """The smallest log start of all live replicas; None until each has reported its own.

        raises   NotLeaderOrFollower
        """
        role = self.leading()
        low = role.log.log_start
        for broker_id, follower in role.followers.items():
            if self._is_alive(broker_id):
                if follower.log_start is None:
                    return None
                low = min(low, follower.log_start)
        return low

    # ---- ISR and high watermark

    def _advance_high_watermark(self, role: Leader) -> bool:
        """Advance the high watermark as far as the replicas allow; return whether it moved.

        Below min.insync.replicas it stays: what only too few replicas have must not become visible.
        """
        log = role.log
        if not role.followers:
            mark = log.log_end
        elif len(role.isr.committed) < _min_isr(role):
            return False
        else:
            ends = ends_to_respect(
                role.isr,
                role.followers,
                leader_end=log.log_end,
                now=self._clock.monotonic(),
                max_lag=self._max_lag,
                is_alive=self._is_alive,
            )
            mark = high_watermark(log.log_end, ends, log.high_watermark)
        if not log.advance_high_watermark(mark):
            return False
        self._waiting.notify(self.committed)
        return True

    def _propose(self, role: Leader, isr: Isr) -> None:
        _log.info("%s: proposing ISR %s instead of %s", self, _ids(isr.proposed), _ids(role.isr.committed))
        role.isr = isr
        self._submit(role)

    def _submit(self, role: Leader) -> None:
        change = IsrChange(
            self.topic_partition, role.log.topic_id, role.isr.proposed, self.leader_epoch, self.partition_epoch
        )
        self._isr_updates.submit(change, partial(self._isr_answered, role.isr))

    def _isr_answered(self, proposal: Isr, outcome: Outcome) -> None:
        role = self.role
        if not isinstance(role, Leader) or role.isr is not proposal:
            return  # the controller has changed it meanwhile
        self._tell_followers(role)  # whoever is no longer in it has to be read, to join it again
        if isinstance(outcome, IsrConfirmed):
            if outcome.leader_epoch != self.leader_epoch or outcome.partition_epoch < self.partition_epoch:
                return
            role.isr = Isr(outcome.isr)
            self.partition_epoch = outcome.partition_epoch
            _log.info("%s: ISR is %s", self, _ids(outcome.isr))
            self._advance_high_watermark(role)
        elif outcome in (ErrorCode.operation_not_attempted, ErrorCode.ineligible_replica):
            # Both mean that nothing was written and that our partition epoch is current.
            role.isr = proposal.settled()
        elif outcome not in _AWAIT_CONTROLLER:
            _log.warning("%s: the controller answered the ISR change with %s, trying again", self, outcome.name)
            self._submit(role)


def _min_isr(role: Leader) -> int:
    return effective_min_isr(role.log.config.min_insync_replicas, len(role.followers) + 1)


def _ids(broker_ids: tuple[BrokerId, ...]) -> str:
    return ",".join(map(str, broker_ids))
