"""Follows a leader: one task fetches all partitions that one broker leads.

Each round sends one Fetch (a session, KIP-227; the leader responds once there is data or a change), appends what came,
takes over the leader's high watermark and log start, and cuts the log where the response says the histories part. A
partition in trouble pauses for replica.fetch.backoff.ms while the others continue; one that cannot recover by itself
(its log failed, or this broker has not received the latest from the controller) is dropped until the next LeaderAndIsr.
Source: AbstractFetcherThread, ReplicaFetcherThread, RemoteLeaderEndPoint.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from kio.schema.errors import ErrorCode
from kio.schema.list_offsets.v9.request import ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i8, i32, i64

from pykafka_cli.broker.errors import BrokerError, CorruptMessage, InvalidRecord, ReplicaNotAvailable
from pykafka_cli.broker.replication.copying import common_end
from pykafka_cli.broker.replication.fetch_values import AskedPartition, FetchTarget, PartitionKey
from pykafka_cli.broker.replication.leader_session import FetchPlan, LeaderSession
from pykafka_cli.broker.replication.peers import BrokerEndpoint, Connect, KeptConnection
from pykafka_cli.broker.replication.topic_lines import log_by_topic
from pykafka_cli.model import (
    NO_OFFSET,
    BrokerEpoch,
    LeaderEpoch,
    Milliseconds,
    Offset,
    OffsetSpec,
    Seconds,
    TopicPartition,
)
from pykafka_cli.protocol.absence import or_unknown
from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.hot_path import fetch
from pykafka_cli.protocol.records.batch import NO_LEADER_EPOCH
from pykafka_cli.storage.leader_epochs import EpochEnd
from pykafka_cli.transport.errors import ConnectionFailed

if TYPE_CHECKING:
    from pykafka_cli.broker.clock import Clock
    from pykafka_cli.broker.log.partition_log import PartitionLog
    from pykafka_cli.broker.quotas.replication_quotas import ReplicationQuota
    from pykafka_cli.broker.replication.partition import Partition

_log = logging.getLogger(__name__)


FETCH_VERSION = fetch.MAX_VERSION
FETCH_HEADER_VERSION = 2
"""No ApiVersions is sent on a follower's connection: the version is that of inter.broker.protocol.version 3.9."""

_SESSION_ENDED = frozenset({ErrorCode.fetch_session_id_not_found, ErrorCode.invalid_fetch_session_epoch})


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """The replica.fetch.* settings: bytes, milliseconds, and seconds for the pause after an error."""

    max_wait_ms: Milliseconds
    min_bytes: int
    max_bytes: int
    partition_max_bytes: int
    backoff: Seconds


@dataclass(slots=True)
class _Followed:
    """One partition of a fetcher. The log end is where it fetches next.

    key             under which the session fetches it; None while it does not
    resting_until   monotonic seconds
    trouble         the leader's last error, logged when it changes
    is_behind       whether there is more at the leader than it has, as far as is known
    """

    partition: "Partition"
    leader_epoch: LeaderEpoch
    key: PartitionKey | None = None
    resting_until: float = 0.0
    trouble: ErrorCode = ErrorCode.none
    is_behind: bool = True


class LeaderFetcher:
    """The task that follows one broker. Partitions come and go between its rounds.

    A round looks only at the partitions that may have changed; thousands of others may be followed.
    """

    def __init__(
        self,
        leader: BrokerEndpoint,
        *,
        replica_id: BrokerId,
        client_id: str,
        limits: FetchLimits,
        broker_epoch: Callable[[], BrokerEpoch | None],
        connect: Connect,
        clock: "Clock",
        quota: "ReplicationQuota",
    ) -> None:
        self.leader = leader
        self._quota = quota
        self._replica_id = replica_id
        self._client_id = client_id
        self._limits = limits
        self._broker_epoch = broker_epoch
        self._clock = clock
        self._followed: dict[TopicPartition, _Followed] = {}
        self._may_have_changed: dict[TopicPartition, _Followed] = {}
        self._gone: list[PartitionKey] = []
        self._session = LeaderSession()
        self._connection = KeptConnection(connect, client_id)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._has_lost_leader = False

    def __len__(self) -> int:
        return len(self._followed)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self._client_id)

    def close(self) -> "list[Partition]":
        """End the task; return what it followed."""
        if self._task is not None:
            self._task.cancel()
        self._connection.close()
        followed = [each.partition for each in self._followed.values()]
        self._followed.clear()
        self._may_have_changed.clear()
        return followed

    async def ended(self) -> None:
        """Wait until a closed fetcher has really ended."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def follow(self, partition: "Partition") -> None:
        """Fetch this partition from now on; it follows `leader` in its present leader epoch."""
        before = self._followed.get(partition.topic_partition)
        if before is None or before.leader_epoch != partition.leader_epoch:
            followed = _Followed(partition, partition.leader_epoch, None if before is None else before.key)
            self._followed[partition.topic_partition] = followed
            self._may_have_changed[partition.topic_partition] = followed
            partition.forget_uncommitted_without_epochs()
        self._changed.set()

    def drop(self, topic_partitions: Iterable[TopicPartition]) -> None:
        """Fetch these no more; what is under way for them will be thrown away."""
        for topic_partition in topic_partitions:
            followed = self._followed.pop(topic_partition, None)
            if followed is not None:
                self._may_have_changed.pop(topic_partition, None)
                self._pause(followed)

    def _pause(self, followed: _Followed) -> None:
        """Leave it out of the next fetch."""
        if followed.key is not None:
            self._gone.append(followed.key)
            followed.key = None

    # ---- one round

    async def _run(self) -> None:
        while True:
            try:
                await self._round()
            except Exception:
                _log.exception("following %s", self.leader)
                self._start_over()

    async def _round(self) -> None:
        self._changed.clear()
        targets = self._targets()
        gone, self._gone = self._gone, []
        plan = self._session.plan(targets, gone)
        if not plan.targets and not plan.forgotten:
            await self._until_something_is_due()
            return
        try:
            answers = await self._fetch(plan)
        except (ConnectionFailed, ProtocolError) as failure:
            if not self._has_lost_leader:
                _log.warning("following %s: %s; retrying until it responds again", self.leader, failure)
            self._has_lost_leader = True
            self._start_over()
            return
        self._has_lost_leader = False
        if self._session.accept(plan, error=answers.error_code, session_id=answers.session_id):
            await self._take(plan, answers)
        elif answers.error_code not in _SESSION_ENDED:
            _log.warning("following %s: it answered with %s", self.leader, answers.error_code.name)
            self._rest(self._followed.values())

    def _targets(self) -> list[FetchTarget]:
        """What to fetch of those that may have changed."""
        now = self._clock.monotonic()
        looked_at, self._may_have_changed = self._may_have_changed, {}
        targets = []
        for topic_partition, followed in looked_at.items():
            log = followed.partition.log
            if log is None or followed.resting_until > now or self._is_held_back(followed, log):
                self._pause(followed)
                self._may_have_changed[topic_partition] = followed
                continue
            if followed.is_behind:  # a quota may hold it back in any round
                self._may_have_changed[topic_partition] = followed
            asked = AskedPartition(
                topic_partition.topic,
                log.topic_id,
                topic_partition.partition,
                fetch_offset=log.log_end,
                max_bytes=self._limits.partition_max_bytes,
                current_leader_epoch=followed.leader_epoch,
                last_fetched_epoch=log.epochs.latest,
                log_start=log.log_start,
            )
            followed.key = asked.key
            targets.append(FetchTarget(topic_partition, asked))
        return targets

    def _is_held_back(self, followed: _Followed, log: "PartitionLog") -> bool:
        """Whether it has to wait, being throttled and behind, because too much was fetched; then it rests so long."""
        if not followed.is_behind or not self._quota.is_set or not self._is_throttled(followed, log):
            return False
        wait = self._quota.wait()
        followed.resting_until = self._clock.monotonic() + min(wait, self._limits.backoff)
        return bool(wait)

    def _is_throttled(self, followed: _Followed, log: "PartitionLog") -> bool:
        replicas = log.config.follower_replication_throttled_replicas
        return self._quota.covers(replicas, followed.partition.topic_partition.partition)

    async def _until_something_is_due(self) -> None:
        due = min((followed.resting_until for followed in self._may_have_changed.values()), default=None)
        timer = None
        if due is not None:
            timer = self._clock.call_later(Seconds(max(0.0, due - self._clock.monotonic())), self._changed.set)
        try:
            await self._changed.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def _fetch(self, plan: FetchPlan) -> fetch.FetchResponse:
        request = fetch.FetchRequest(
            max_wait_ms=self._limits.max_wait_ms,
            min_bytes=self._limits.min_bytes,
            max_bytes=self._limits.max_bytes,
            replica_id=self._replica_id,
            replica_epoch=or_unknown(self._broker_epoch()),
            session_id=plan.session_id,
            session_epoch=plan.epoch,
            topics=[
                fetch.FetchTopic(None, topic_id, [_wanted(target.asked) for target in targets])
                for topic_id, targets in groupby(plan.named, key=_topic_id)
            ],
            forgotten=[
                fetch.ForgottenTopic(None, topic_id, [target.topic_partition.partition for target in targets])
                for topic_id, targets in groupby(plan.forgotten, key=_topic_id)
            ],
        )
        connection = await self._connection.to(self.leader)
        body = fetch.encode_request(request, FETCH_VERSION)
        return fetch.decode_response(
            await connection.request_raw(fetch.API_KEY, FETCH_VERSION, FETCH_HEADER_VERSION, body), 0, FETCH_VERSION
        )

    def _start_over(self) -> None:
        """It is unknown what the leader processed: a new connection, a full fetch, after a rest."""
        self._connection.close()
        self._session.lost()
        self._rest(self._followed.values())

    # ---- the response

    async def _take(self, plan: FetchPlan, answers: fetch.FetchResponse) -> None:
        lost = []
        in_trouble: dict[ErrorCode, list[TopicPartition]] = {}
        for topic in answers.topics:
            for fetched in topic.partitions:
                target = plan.targets.get((topic.topic_id, fetched.partition_index)) if topic.topic_id else None
                if target is None or (followed := self._still_follows(target)) is None:
                    continue
                self._may_have_changed[target.topic_partition] = followed
                if fetched.error_code is ErrorCode.offset_out_of_range:
                    lost.append(followed)
                elif fetched.error_code is not ErrorCode.none:
                    if self._take_error(followed, fetched.error_code):
                        in_trouble.setdefault(fetched.error_code, []).append(target.topic_partition)
                else:
                    followed.trouble = ErrorCode.none
                    self._take_records(followed, fetched)
        for error, partitions in in_trouble.items():
            what = f"the leader answers with {error.name}"
            # Nearly always the controller's requests reached the two brokers at different times.
            log_by_topic(_log, what, ((each, f"{what}; asking again until it does not") for each in partitions))
        for followed in lost:
            await self._find_place(followed)

    def _still_follows(self, target: FetchTarget) -> _Followed | None:
        """The partition, if it is still at the place from which `target` was fetched."""
        followed = self._followed.get(target.topic_partition)
        if followed is None or followed.leader_epoch != target.asked.current_leader_epoch:
            return None
        log = followed.partition.log
        if log is not None and log.log_end == target.asked.fetch_offset:
            return followed
        self._may_have_changed[target.topic_partition] = followed
        return None

    def _take_records(self, followed: _Followed, fetched: fetch.FetchPartitionResponse) -> None:
        partition = followed.partition
        try:
            if fetched.diverging_epoch is not None:
                self._cut(partition, fetched.diverging_epoch)
            else:
                partition.append_from_leader(
                    memoryview(fetched.records),
                    leader_high_watermark=fetched.high_watermark,
                    leader_log_start=fetched.log_start_offset,
                )
                self._count(followed, fetched)
        except (CorruptMessage, InvalidRecord) as error:
            # What is wrong may be on its way only, or be cut from the leader's log before we ask again.
            _log.error("%s: the leader sent records that cannot be right: %s", partition, error)
            self._rest([followed])
        except Exception:
            _log.exception("%s cannot be followed any further; waiting for the controller", partition)
            self.drop([partition.topic_partition])

    def _count(self, followed: _Followed, fetched: fetch.FetchPartitionResponse) -> None:
        """Remember how far behind it is, and what it took of the quota."""
        log = followed.partition.hosted_log()
        followed.is_behind = fetched.high_watermark > log.log_end
        if fetched.records and self._quota.is_set and self._is_throttled(followed, log):
            self._quota.record(len(fetched.records))

    def _cut(self, partition: "Partition", diverging: fetch.EpochEndOffset) -> None:
        epoch, end_offset = diverging.epoch, diverging.end_offset
        offset = common_end(partition.hosted_log(), EpochEnd(epoch, end_offset) if end_offset >= 0 else None)
        _log.info("%s: its leader's epoch %d ended at %d; cutting to %d", partition, epoch, end_offset, offset)
        partition.truncate_to(offset)

    def _take_error(self, followed: _Followed, error: ErrorCode) -> bool:
        """Whether the error is another than before."""
        if error is ErrorCode.fenced_leader_epoch:
            _log.info(
                "%s has a newer leader epoch than %d; waiting for it",
                followed.partition,
                followed.leader_epoch,
            )
            self.drop([followed.partition.topic_partition])
            return False
        is_new, followed.trouble = error is not followed.trouble, error
        self._rest([followed])
        return is_new

    async def _find_place(self, followed: _Followed) -> None:
        """After OFFSET_OUT_OF_RANGE: begin where the leader can serve.

        Its log ends before ours: it was elected without being in sync, and what it lacks is lost. Its log starts after
        our end: we were away so long that it deleted what would come next, and our records are all outdated.
        """
        partition = followed.partition
        try:
            leader_end = await self._leader_offset(followed, OffsetSpec.LATEST)
            leader_start = await self._leader_offset(followed, OffsetSpec.EARLIEST)
            if self._followed.get(partition.topic_partition) is not followed or partition.log is None:
                return
            if leader_end < partition.log.log_end:
                _log.warning("%s: the leader's log ends at %d; cutting to it", partition, leader_end)
                partition.truncate_to(leader_end)
            elif leader_start > partition.log.log_end:
                _log.warning("%s: the leader's log starts at %d; starting there as well", partition, leader_start)
                partition.start_at(leader_start)
            else:
                self._rest([followed])  # the leader has grown meanwhile, or will soon know its own epochs
        except (ConnectionFailed, BrokerError) as failure:
            _log.info("%s: could not learn the leader's offsets: %s", partition, failure)
            self._rest([followed])

    async def _leader_offset(self, followed: _Followed, end: OffsetSpec) -> Offset:
        topic, index = followed.partition.topic_partition
        connection = await self._connection.to(self.leader)
        response = await connection.request(
            ListOffsetsRequest(
                replica_id=BrokerId(self._replica_id),
                isolation_level=i8(0),
                topics=(
                    ListOffsetsTopic(
                        name=TopicName(topic),
                        partitions=(
                            ListOffsetsPartition(
                                partition_index=i32(index),
                                current_leader_epoch=i32(followed.leader_epoch),
                                timestamp=i64(end),
                            ),
                        ),
                    ),
                ),
            )
        )
        answer = response.topics[0].partitions[0]
        if answer.error_code is not ErrorCode.none:
            raise ReplicaNotAvailable(f"ListOffsets was answered with {answer.error_code.name}")
        offset: Offset = answer.offset
        return offset

    def _rest(self, followed: Iterable[_Followed]) -> None:
        until = self._clock.monotonic() + self._limits.backoff
        for each in followed:
            each.resting_until = until
            if self._followed.get(each.partition.topic_partition) is each:
                self._may_have_changed[each.partition.topic_partition] = each


def _topic_id(target: FetchTarget) -> uuid.UUID | None:
    return target.asked.topic_id


def _wanted(asked: AskedPartition) -> fetch.FetchPartition:
    return fetch.FetchPartition(
        asked.partition,
        asked.fetch_offset,
        asked.max_bytes,
        current_leader_epoch=NO_LEADER_EPOCH if asked.current_leader_epoch is None else asked.current_leader_epoch,
        last_fetched_epoch=NO_LEADER_EPOCH if asked.last_fetched_epoch is None else asked.last_fetched_epoch,
        log_start_offset=NO_OFFSET if asked.log_start is None else asked.log_start,
    )
