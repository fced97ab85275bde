"""Reads for a Fetch: each partition up to what the fetcher may see, within the sizes that it requests.

    who fetches                         sees up to
    a follower                          the log end
    a consumer                          the high watermark
    a consumer of committed records     the last stable offset

The bound on the whole response and the one on a partition hold except for the first batch found: were it larger than
either, nobody could ever get past it (KIP-74). Source: ReplicaManager.readFromLog, Partition.fetchRecords.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.errors import (
    BrokerError,
    InconsistentTopicId,
    NotLeaderOrFollower,
    OffsetOutOfRange,
    UnknownLeaderEpoch,
    error_code_of,
)
from pykafka_cli.broker.replication.fetch_values import AskedPartition, FetchResult, FetchTarget
from pykafka_cli.broker.replication.partition import Partition
from pykafka_cli.broker.replication.truncation import diverges
from pykafka_cli.model import BrokerId, LeaderEpoch, Milliseconds, Offset, TopicPartition
from pykafka_cli.protocol.records.batch import CorruptRecords
from pykafka_cli.storage.leader_epochs import EpochEnd

if TYPE_CHECKING:
    from pykafka_cli.broker.log.partition_log import PartitionLog

_log = logging.getLogger(__name__)

_DO_NOT_WAIT = Milliseconds(0)
_NO_ERROR = ErrorCode.none  # an attribute of an enumeration is slow to look up


class Visibility(Enum):
    """How far a fetcher may see."""

    LOG_END = "log end"
    HIGH_WATERMARK = "high watermark"
    LAST_STABLE = "last stable offset"

    def end_of(self, log: "PartitionLog") -> Offset:
        if self is Visibility.HIGH_WATERMARK:
            return log.high_watermark
        return log.log_end if self is Visibility.LOG_END else log.last_stable


@dataclass(frozen=True, slots=True)
class FetchTerms:
    """What holds for all partitions of one fetch.

    follower      the broker that fetches; None for a consumer
    only_leader   a follower's log will not do
    """

    follower: BrokerId | None = None
    visibility: Visibility = Visibility.HIGH_WATERMARK
    only_leader: bool = True
    max_wait_ms: Milliseconds = _DO_NOT_WAIT
    min_bytes: int = 1
    max_bytes: int = 2**31 - 1


FindPartition: TypeAlias = Callable[[TopicPartition], Partition]
"""The partition hosted here; raises NotLeaderOrFollower, UnknownTopicOrPartition or KafkaStorageError."""


HoldsBack: TypeAlias = "Callable[[Partition, PartitionLog], bool]"
"""Whether a follower gets no records of a partition for now."""


def nothing_is_held_back(_partition: Partition, _log: "PartitionLog") -> bool:
    return False


def read_all(
    find: FindPartition,
    targets: Sequence[FetchTarget],
    terms: FetchTerms,
    *,
    take_progress: bool,
    holds_back: HoldsBack = nothing_is_held_back,
) -> list[FetchResult]:
    """Read every target once, in order.

    take_progress   whether to record a follower's offsets; not when the same request reads a second time
    """
    results: list[FetchResult] = []
    left, first_batch_due = terms.max_bytes, True
    for target in targets:
        try:
            result = _read_one(find, target, terms, left, first_batch_due, take_progress, holds_back)
        except BrokerError as error:
            result = FetchResult(error_code_of(error))
        except Exception:
            _log.exception("fetching %s from offset %d", target.topic_partition, target.asked.fetch_offset)
            result = FetchResult(ErrorCode.unknown_server_error)
        size = len(result.records)
        if size:
            first_batch_due = False
            left = max(0, left - size)
        results.append(result)
    return results


def may_answer(results: list[FetchResult], terms: FetchTerms, *, has_idle: bool = False) -> bool:
    """Whether a fetch need not wait: enough data, or something that the fetcher must know now.

    has_idle    whether it waits for partitions that were not read as well
    """
    if terms.max_wait_ms <= 0 or not (results or has_idle):
        return True
    size = 0
    for result in results:
        if result.error_code is not _NO_ERROR or result.diverging_epoch is not None:
            return True
        size += len(result.records)
    return size >= terms.min_bytes


def enough_has_come(
    find: FindPartition,
    targets: Sequence[FetchTarget],
    terms: FetchTerms,
    holds_back: HoldsBack = nothing_is_held_back,
) -> Callable[[], bool]:
    """The condition on which a waiting fetch reads again: min_bytes are there, or a partition has changed its role."""

    def enough() -> bool:
        size = 0
        for topic_partition, asked in targets:
            try:
                partition = find(topic_partition)
                log = _log_for(partition, asked, terms)
                end = terms.visibility.end_of(log)
                if asked.fetch_offset < end and holds_back(partition, log):
                    continue
                if asked.fetch_offset > end or (asked.fetch_offset < end and terms.min_bytes <= 1):
                    return True
                if asked.fetch_offset < end:
                    size += min(log.segments.bytes_between(asked.fetch_offset, end), asked.max_bytes)
            except (BrokerError, OSError, CorruptRecords):
                return True  # whatever is wrong, reading again will show it
        return size >= terms.min_bytes

    return enough


def _log_for(partition: Partition, asked: AskedPartition, terms: FetchTerms) -> "PartitionLog":
    return partition.log_at_epoch(asked.current_leader_epoch, only_leader=terms.only_leader)


def _read_one(
    find: FindPartition,
    target: FetchTarget,
    terms: FetchTerms,
    max_bytes: int,
    first_batch_due: bool,
    take_progress: bool,
    holds_back: HoldsBack,
) -> FetchResult:
    asked = target.asked
    partition = find(target.topic_partition)
    log = _log_for(partition, asked, terms)
    if asked.topic_id is not None and log.topic_id is not None and log.topic_id != asked.topic_id:
        raise InconsistentTopicId(f"{partition} belongs to topic id {log.topic_id}, not {asked.topic_id}")
    if terms.follower is not None and terms.follower not in partition.leading().followers:
        not_a_replica = UnknownLeaderEpoch if asked.current_leader_epoch is not None else NotLeaderOrFollower
        raise not_a_replica(f"broker {terms.follower} is no replica of {partition} here")
    # All offsets are from before the read, and before this fetch counts: the high watermark that it moves is sent next
    # time.
    log_end = log.log_end
    result = FetchResult(_NO_ERROR, log.high_watermark, log.last_stable, log.log_start)
    if asked.last_fetched_epoch is not None:
        result.diverging_epoch = _diverging_epoch(log, asked.last_fetched_epoch, asked.fetch_offset)
        if result.diverging_epoch is not None:
            return result
    is_held_back = holds_back(partition, log)
    data = log.read(
        asked.fetch_offset,
        max_bytes=0 if is_held_back else min(asked.max_bytes, max_bytes),
        up_to=terms.visibility.end_of(log),
        min_one_batch=first_batch_due and not is_held_back,
    )
    result.records = data.records
    if terms.visibility is Visibility.LAST_STABLE:
        result.aborted_transactions = (
            log.segments.aborted_transactions(asked.fetch_offset, data.next_offset) if data.records else ()
        )
    if take_progress and terms.follower is not None:
        partition.follower_fetched(
            terms.follower, fetch_offset=asked.fetch_offset, log_start=asked.log_start, leader_end=log_end
        )
    return result


def _diverging_epoch(log: "PartitionLog", last_fetched_epoch: LeaderEpoch, fetch_offset: Offset) -> EpochEnd | None:
    """Where the log of an asker that fetched `last_fetched_epoch` last parts from this one; None if it does not.

    raises   OffsetOutOfRange when that is unknown
    """
    ours = log.end_offset_for_epoch(last_fetched_epoch)
    if ours is None:
        raise OffsetOutOfRange(f"where leader epoch {last_fetched_epoch} ended is not known here")
    if fetch_offset < log.log_start:
        raise OffsetOutOfRange(f"offset {fetch_offset} is below the log start {log.log_start}")
    return ours if diverges(ours, last_fetched_epoch=last_fetched_epoch, fetch_offset=fetch_offset) else None
