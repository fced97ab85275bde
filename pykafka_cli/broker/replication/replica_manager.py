"""All replicas of one broker: the entry point of handlers, coordinators and the controller's requests.

Appending and reading are immediate. What waits - acks=all, a fetch without enough data, DeleteRecords - waits in the
WaitingRoom for what partitions announce. This class also runs the background work: the fetchers of what it
follows, and the check for followers that lag. Source: kafka.server.ReplicaManager.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pykafka_cli.broker.errors import BrokerError, InvalidRequiredAcks, RequestTimedOut
from pykafka_cli.broker.log.batch_checks import BatchChecks
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.broker.quotas.replication_quotas import (
    FOLLOWER_RATE,
    LEADER_RATE,
    MOVES_RATE,
    ReplicationQuota,
    move_windows,
    replication_windows,
)
from pykafka_cli.broker.replication.directory_moves import DirectoryMoves
from pykafka_cli.broker.replication.fetch_sessions import NO_IDLE, FetchContext, FetchSessions
from pykafka_cli.broker.replication.fetch_values import FetchResult, FetchTarget
from pykafka_cli.broker.replication.fetcher import FetchLimits, LeaderFetcher
from pykafka_cli.broker.replication.fetchers import Fetchers
from pykafka_cli.broker.replication.hosted_partitions import HostedPartitions
from pykafka_cli.broker.replication.isr import IdleFetch
from pykafka_cli.broker.replication.isr_updates import IsrUpdates
from pykafka_cli.broker.replication.partition import Partition
from pykafka_cli.broker.replication.peers import BrokerEndpoint, BrokerEndpoints, Connect, ControllerChannel
from pykafka_cli.broker.replication.reading import (
    FetchTerms,
    HoldsBack,
    enough_has_come,
    may_answer,
    nothing_is_held_back,
    read_all,
)
from pykafka_cli.broker.replication.roles import Errors, OnLeadership, Roles
from pykafka_cli.model import BrokerEpoch, BrokerId, Milliseconds, Offset, Seconds, TopicPartition, in_seconds

if TYPE_CHECKING:
    from pykafka_cli.broker.clock import Clock
    from pykafka_cli.broker.log.appending import AppendInfo
    from pykafka_cli.broker.log.log_manager import LogManager
    from pykafka_cli.broker.log.partition_log import PartitionLog
    from pykafka_cli.broker.log.validation import CheckedBatch
    from pykafka_cli.broker.metadata.cache import MetadataCache
    from pykafka_cli.broker.waiting import WaitingRoom
    from pykafka_cli.properties.broker import BrokerSettings
    from pykafka_cli.protocol.inter_broker import LeaderAndIsrRequest, StopReplicaRequest

_log = logging.getLogger(__name__)

LAST_SESSION_ID = 2**31 - 1
_COORDINATOR_READ_BYTES = (
    5 * 1024 * 1024
)  # what a coordinator reads at a time while it loads (offsets.load.buffer.size)


class ReplicaManager:
    """The replicas of broker `settings.broker_id`.

    broker_epoch   this broker's current epoch (czxid of its registration)
    connect        opens connections to other brokers
    """

    def __init__(
        self,
        settings: "BrokerSettings",
        clock: "Clock",
        logs: "LogManager",
        metadata: "MetadataCache",
        waiting: "WaitingRoom",
        *,
        broker_epoch: Callable[[], BrokerEpoch | None],
        connect: Connect,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._logs = logs
        self._metadata = metadata
        self._waiting = waiting
        self._broker_epoch = broker_epoch
        self._connect = connect
        endpoints = BrokerEndpoints(metadata, settings.inter_broker_listener)
        self._limits = FetchLimits(
            max_wait_ms=Milliseconds(settings.replica_fetch_wait_max_ms),
            min_bytes=settings.replica_fetch_min_bytes,
            max_bytes=settings.replica_fetch_response_max_bytes,
            partition_max_bytes=settings.replica_fetch_max_bytes,
            backoff=in_seconds(settings.replica_fetch_backoff_ms),
        )
        self.sessions = FetchSessions(
            settings.max_incremental_fetch_session_cache_slots, lambda: random.randint(1, LAST_SESSION_ID)
        )
        self.hosted = HostedPartitions(metadata, self._new_partition)
        self._controller = ControllerChannel(settings, metadata, connect, waiting=waiting, clock=clock)
        self._isr_updates = IsrUpdates(
            settings.broker_id, broker_epoch=broker_epoch, ask_controller=self._controller.ask, clock=clock
        )
        self._fetchers = Fetchers(self._new_fetcher, settings.num_replica_fetchers)
        self._moves = DirectoryMoves(
            logs, clock.of_peers, ReplicationQuota(settings, clock.of_peers, MOVES_RATE, move_windows(settings))
        )
        self._roles = Roles(
            settings.broker_id,
            hosted=self.hosted,
            logs=logs,
            metadata=metadata,
            fetchers=self._fetchers,
            moves=self._moves,
            broker_epoch=broker_epoch,
            endpoint_of=endpoints.of,
        )
        self._leader_quota, self._follower_quota = (
            ReplicationQuota(settings, clock.of_peers, rate, replication_windows(settings))
            for rate in (LEADER_RATE, FOLLOWER_RATE)
        )
        self.batch_checks = BatchChecks()
        self._tasks: list[asyncio.Task[None]] = []
        logs.on_directory_failure.append(self._directory_failed)

    async def start(self) -> None:
        """Begin to watch for followers that lag; half the lag time between looks, so that none exceeds it by more."""
        lag = in_seconds(self._settings.replica_lag_time_max_ms)
        self._tasks = [
            asyncio.get_running_loop().create_task(self._shrink_isrs_every(Seconds(lag / 2)), name="isr-shrinking")
        ]

    async def stop(self) -> None:
        """End fetching and everything that runs by itself; the logs stay open."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.batch_checks.stop()
        await self._fetchers.stop()
        await self._moves.stop()
        await self._isr_updates.stop()
        self._controller.close()

    @property
    def fetcher_count(self) -> int:
        return len(self._fetchers)

    # ---- the controller's requests

    @property
    def on_leadership(self) -> list[OnLeadership]:
        """Called after each change of roles; coordinators add themselves."""
        return self._roles.on_leadership

    async def become_leader_or_follower(self, request: "LeaderAndIsrRequest") -> Errors:
        """The result for each partition. raises StaleBrokerEpoch, StaleControllerEpoch."""
        return await self._roles.take_leader_and_isr(request)

    async def stop_replicas(self, request: "StopReplicaRequest") -> Errors:
        """The result for each partition. raises StaleBrokerEpoch, StaleControllerEpoch."""
        return await self._roles.take_stop_replica(request)

    def partition(self, topic_partition: TopicPartition) -> Partition:
        """raises   UnknownTopicOrPartition, NotLeaderOrFollower, KafkaStorageError"""
        return self.hosted.require(topic_partition)

    # ---- appending

    async def checked(
        self, batches: Mapping[TopicPartition, bytearray | memoryview]
    ) -> "tuple[dict[TopicPartition, bytearray | memoryview | CheckedBatch], dict[TopicPartition, BrokerError]]":
        """Clients' batches to be appended, with those checked that may take long; and why others are refused."""
        return await self.batch_checks.checked(
            batches, lambda each: self.hosted.require(each).leader_log(), self._clock.now_ms()
        )

    async def append(
        self,
        entries: "Mapping[TopicPartition, bytearray | memoryview | CheckedBatch]",
        *,
        acks: int,
        timeout_ms: Milliseconds,
        origin: AppendOrigin = AppendOrigin.CLIENT,
    ) -> "dict[TopicPartition, AppendInfo | BrokerError]":
        """Write one batch for each partition and, with acks=-1, wait until the in-sync replicas have them.

        entries   writable; batches are stamped in place
        returns   the result for each partition. RequestTimedOut: written, but not confirmed in time
        """
        if acks not in (-1, 0, 1):
            return {tp: InvalidRequiredAcks(f"acks={acks}; it is 0, 1 or -1 (all)") for tp in entries}
        results: dict[TopicPartition, AppendInfo | BrokerError] = {}
        pending: dict[TopicPartition, Offset] = {}  # the log end that the in-sync replicas have to reach
        unflushed = []
        now_ms = self._clock.now_ms()
        for topic_partition, batches in entries.items():
            try:
                partition = self.hosted.require(topic_partition)
                results[topic_partition] = info = partition.append(batches, acks=acks, now_ms=now_ms, origin=origin)
                if info.must_flush:
                    unflushed.append(partition.leader_log())
                if acks == -1 and not partition.is_replicated(info.next_offset):
                    pending[topic_partition] = info.next_offset
            except BrokerError as error:
                results[topic_partition] = error
            except Exception as error:
                _log.exception("appending to %s", topic_partition)
                results[topic_partition] = BrokerError(f"{topic_partition}: {error!r}")
        for log in unflushed:
            await self._logs.flush(log)
        if pending:
            await self._await_replication(pending, results, timeout_ms)
        return results

    async def _await_replication(
        self,
        pending: dict[TopicPartition, Offset],
        results: "dict[TopicPartition, AppendInfo | BrokerError]",
        timeout_ms: Milliseconds,
    ) -> None:
        """Wait for what was written; what then went wrong takes the place of the result."""

        def all_settled() -> bool:
            for topic_partition, required in list(pending.items()):
                try:
                    if not self.hosted.require(topic_partition).is_replicated(required):
                        continue
                except BrokerError as error:
                    results[topic_partition] = error
                del pending[topic_partition]
            return not pending

        if all_settled():
            return
        keys = [self.hosted.require(topic_partition).committed for topic_partition in pending]
        if not await self._waiting.wait_until(keys, all_settled, self._deadline(timeout_ms)):
            for topic_partition in pending:
                results[topic_partition] = RequestTimedOut(
                    f"{topic_partition}: written, but not on all in-sync replicas within {timeout_ms} ms"
                )

    # ---- reading

    async def fetch(
        self, targets: list[FetchTarget], terms: FetchTerms, session: FetchContext = NO_IDLE
    ) -> list[FetchResult]:
        """Read `targets`; without enough data wait for it, at most `terms.max_wait_ms`.

        targets    partitions that the session leaves out are added when they change meanwhile
        """
        if terms.follower is not None and self._leader_quota.is_set:
            return await self._fetch_within_quota(targets, terms, session, terms.follower)
        return await self._fetch(targets, terms, session, nothing_is_held_back)

    async def _fetch_within_quota(
        self, targets: list[FetchTarget], terms: FetchTerms, session: FetchContext, follower: BrokerId
    ) -> list[FetchResult]:
        """As `fetch`; throttled replicas that are behind get nothing while the quota is exceeded."""
        quota = self._leader_quota

        def is_throttled(partition: Partition, log: "PartitionLog") -> bool:
            return quota.covers(log.config.leader_replication_throttled_replicas, partition.topic_partition.partition)

        def holds_back(partition: Partition, log: "PartitionLog") -> bool:
            is_in_sync = follower in partition.leading().isr.committed
            return bool(not is_in_sync and is_throttled(partition, log) and quota.wait())

        results = await self._fetch(targets, terms, session, holds_back)
        for target, result in zip(targets, results, strict=True):
            hosted = self.hosted.get(target.topic_partition) if result.records else None
            if hosted is not None and hosted.log is not None and is_throttled(hosted, hosted.log):
                quota.record(len(result.records))
        return results

    async def _fetch(
        self, targets: list[FetchTarget], terms: FetchTerms, session: FetchContext, holds_back: HoldsBack
    ) -> list[FetchResult]:
        results = read_all(self.hosted.require, targets, terms, take_progress=True, holds_back=holds_back)
        if may_answer(results, terms, has_idle=session.has_idle):
            return results
        partitions = [self.hosted.require(target.topic_partition) for target in targets]
        keys: list[Hashable] = [each.committed if terms.follower is None else each.appended for each in partitions]
        enough = enough_has_come(self.hosted.require, targets, terms, holds_back)
        deadline = self._deadline(terms.max_wait_ms)
        if session.has_idle:

            def take(target: FetchTarget) -> None:
                targets.append(target)
                self._waiting.notify(session)

            with session.on_news(take):
                await self._waiting.wait_until([session, *keys], enough, deadline)
        else:
            await self._waiting.wait_until(keys, enough, deadline)
        return read_all(self.hosted.require, targets, terms, take_progress=False, holds_back=holds_back)

    def is_idle(self, follower: BrokerId, target: FetchTarget, fetch: IdleFetch) -> bool:
        """As Partition.is_idle, for a partition that was read for this follower."""
        partition = self.hosted.get(target.topic_partition)
        return partition is not None and partition.is_idle(follower, target.asked.fetch_offset, fetch)

    # ---- deleting

    async def delete_records(
        self, before: Mapping[TopicPartition, Offset | None], timeout_ms: Milliseconds
    ) -> dict[TopicPartition, Offset | BrokerError]:
        """Delete below the given offsets (None: below the high watermark), on all live replicas.

        returns   for each partition its low watermark, or why not. RequestTimedOut: deleted here, not yet everywhere
        """
        results: dict[TopicPartition, Offset | BrokerError] = {}
        pending: dict[TopicPartition, Offset] = {}
        for topic_partition, offset in before.items():
            try:
                pending[topic_partition] = self.hosted.require(topic_partition).delete_records(offset)
            except BrokerError as error:
                results[topic_partition] = error

        def all_settled() -> bool:
            for topic_partition, required in list(pending.items()):
                try:
                    low_watermark = self.hosted.require(topic_partition).low_watermark()
                    if low_watermark is None or low_watermark < required:
                        continue
                    results[topic_partition] = low_watermark
                except BrokerError as error:
                    results[topic_partition] = error
                del pending[topic_partition]
            return not pending

        if not all_settled():
            keys = [self.hosted.require(topic_partition).committed for topic_partition in pending]
            await self._waiting.wait_until(keys, all_settled, self._deadline(timeout_ms))
            for topic_partition in pending:
                results[topic_partition] = RequestTimedOut(
                    f"{topic_partition}: not deleted on all replicas within {timeout_ms} ms"
                )
        return results

    # ---- directories

    def move(self, topic_partition: TopicPartition, path: str) -> None:
        """Move the replica to the log directory `path`; one that is not here yet will be made there.

        raises   LogDirNotFound, KafkaStorageError; NotLeaderOrFollower, UnknownTopicOrPartition when it is not here
        """
        if self._logs.get(topic_partition) is None:
            self._logs.prefer_directory(topic_partition, path)
        self._moves.begin(self.hosted.require(topic_partition), path)

    # ---- what a coordinator needs (its PartitionWriter)

    def append_records(self, partition: TopicPartition, batch: bytearray) -> Offset:
        """Write one batch of a coordinator; return the offset of its last record."""
        info = self.hosted.require(partition).append(
            batch, acks=-1, now_ms=self._clock.now_ms(), origin=AppendOrigin.COORDINATOR
        )
        return info.last_offset

    async def replicated(self, partition: TopicPartition, offset: Offset, timeout_ms: Milliseconds) -> None:
        """Wait until the record at `offset` is on all in-sync replicas.

        raises   RequestTimedOut, NotEnoughReplicasAfterAppend, NotLeaderOrFollower
        """
        hosted = self.hosted.require(partition)

        def is_there() -> bool:
            return hosted.is_replicated(Offset(offset + 1))

        if not await self._waiting.wait_until([hosted.committed], is_there, self._deadline(timeout_ms)):
            raise RequestTimedOut(f"{partition}: offset {offset} not on all in-sync replicas within {timeout_ms} ms")

    def read(self, partition: TopicPartition, start: Offset) -> bytes:
        """Whole batches from the one that holds `start` on."""
        log = self.hosted.require(partition).leader_log()
        return log.read(start, max_bytes=_COORDINATOR_READ_BYTES, up_to=log.log_end, min_one_batch=True).records

    def log_start(self, partition: TopicPartition) -> Offset:
        return self.hosted.require(partition).leader_log().log_start

    def log_end(self, partition: TopicPartition) -> Offset:
        return self.hosted.require(partition).leader_log().log_end

    def high_watermark(self, partition: TopicPartition) -> Offset:
        return self.hosted.require(partition).leader_log().high_watermark

    # ---- how the parts are made

    def _deadline(self, timeout_ms: Milliseconds) -> float:
        return self._clock.monotonic() + in_seconds(timeout_ms)

    def _directory_failed(self, _directory: Path, lost: list[TopicPartition]) -> None:
        """Stop serving what was in a failed log directory; other replicas take over once the controller is
        notified."""
        self._fetchers.drop(lost)
        for topic_partition in lost:
            self._moves.cancel(topic_partition)
            self.hosted.take_offline(topic_partition)

    async def _shrink_isrs_every(self, interval: Seconds) -> None:
        while True:
            await self._clock.of_peers.sleep(interval)
            for partition in list(self.hosted):
                partition.shrink_isr()
                partition.announce_log_start()

    def _new_partition(self, topic_partition: TopicPartition) -> Partition:
        return Partition(
            topic_partition,
            broker_id=self._settings.broker_id,
            max_lag=in_seconds(self._settings.replica_lag_time_max_ms),
            clock=self._clock.of_peers,
            waiting=self._waiting,
            isr_updates=self._isr_updates,
            is_alive=self._metadata.is_alive,
        )

    def _new_fetcher(self, leader: BrokerEndpoint, number: int) -> LeaderFetcher:
        return LeaderFetcher(
            leader,
            replica_id=self._settings.broker_id,
            client_id=f"broker-{self._settings.broker_id}-fetcher-{number}",
            limits=self._limits,
            broker_epoch=self._broker_epoch,
            connect=self._connect,
            clock=self._clock.of_peers,
            quota=self._follower_quota,
        )
