"""What a Fetch reads: each partition up to what the fetcher may see, within the sizes that it set.

    who fetches                         sees up to
    a follower                          the log end
    a consumer                          the high watermark
    a consumer of committed records     the last stable offset

The bound on the whole answer and the one on a partition hold except for the first batch found: were it larger than
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
from pykafka_cli.broker.replication.fetch_sessions import Answer, FetchTarget
from pykafka_cli.broker.replication.partition import NO_EPOCH, Partition
from pykafka_cli.broker.replication.truncation import EpochEnd, diverges
from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.hot_path.fetch import CONSUMER, AbortedTransaction, EpochEndOffset, FetchPartitionResponse
from pykafka_cli.protocol.records.batch import CorruptRecords

if TYPE_CHECKING:
    from pykafka_cli.broker.log.partition_log import PartitionLog

log_ = logging.getLogger(__name__)


class Visibility(Enum):
    """How far a fetcher may see."""

    LOG_END = "log end"
    HIGH_WATERMARK = "high watermark"
    LAST_STABLE = "last stable offset"

    def end_of(self, log: "PartitionLog") -> int:
        if self is Visibility.HIGH_WATERMARK:
            return log.high_watermark
        return log.log_end if self is Visibility.LOG_END else log.last_stable


@dataclass(frozen=True, slots=True)
class FetchTerms:
    """What holds for all partitions of one fetch. `only_leader`: a follower's log will not do."""

    replica_id: int = CONSUMER
    visibility: Visibility = Visibility.HIGH_WATERMARK
    only_leader: bool = True
    max_wait_ms: int = 0
    min_bytes: int = 1
    max_bytes: int = 2**31 - 1

    @property
    def is_follower(self) -> bool:
        return self.replica_id >= 0


FindPartition: TypeAlias = Callable[[TopicPartition], Partition]
"""The partition hosted here; raises NotLeaderOrFollower, UnknownTopicOrPartition or KafkaStorageError."""


def read_all(
    find: FindPartition, targets: Sequence[FetchTarget], terms: FetchTerms, *, take_progress: bool
) -> list[Answer]:
    """Read every target once, in order.

    take_progress   whether a follower's offsets are news; not when the same request reads a second time
    """
    answers: list[Answer] = []
    left, first_batch_due = terms.max_bytes, True
    for target in targets:
        try:
            answer = _read_one(find, target, terms, left, first_batch_due, take_progress)
        except BrokerError as error:
            answer = FetchPartitionResponse(target.partition, error_code_of(error))
        except Exception:
            log_.exception("fetching %s-%d from offset %d", target.topic, target.partition, target.fetch_offset)
            answer = FetchPartitionResponse(target.partition, ErrorCode.unknown_server_error)
        size = len(answer.records)
        if size:
            first_batch_due = False
            left = max(0, left - size)
        answers.append((target, answer))
    return answers


def may_answer(answers: list[Answer], terms: FetchTerms) -> bool:
    """Whether a fetch need not wait: enough data, or something that the fetcher must know now."""
    if terms.max_wait_ms <= 0 or not answers:
        return True
    size = 0
    for _, answer in answers:
        if answer.error_code is not ErrorCode.none or answer.diverging_epoch is not None:
            return True
        size += len(answer.records)
    return size >= terms.min_bytes


def enough_has_come(find: FindPartition, targets: Sequence[FetchTarget], terms: FetchTerms) -> Callable[[], bool]:
    """The condition on which a waiting fetch reads again: min_bytes are there, or a partition has changed its role."""

    def enough() -> bool:
        size = 0
        for target in targets:
            try:
                log = _log_for(_find(find, target), target, terms)
                end = terms.visibility.end_of(log)
                if target.fetch_offset > end or (target.fetch_offset < end and terms.min_bytes <= 1):
                    return True
                if target.fetch_offset < end:
                    size += min(log.segments.bytes_between(target.fetch_offset, end), target.max_bytes)
            except (BrokerError, OSError, CorruptRecords):
                return True  # whatever is wrong, reading again will tell
        return size >= terms.min_bytes

    return enough


def _find(find: FindPartition, target: FetchTarget) -> Partition:
    assert target.topic is not None, "only targets of known topics are read"
    return find(TopicPartition(target.topic, target.partition))


def _log_for(partition: Partition, target: FetchTarget, terms: FetchTerms) -> "PartitionLog":
    return partition.log_at_epoch(target.current_leader_epoch, only_leader=terms.only_leader)


def _read_one(
    find: FindPartition,
    target: FetchTarget,
    terms: FetchTerms,
    max_bytes: int,
    first_batch_due: bool,
    take_progress: bool,
) -> FetchPartitionResponse:
    partition = _find(find, target)
    log = _log_for(partition, target, terms)
    if target.topic_id is not None and log.topic_id is not None and log.topic_id != target.topic_id:
        raise InconsistentTopicId(f"{partition} belongs to topic id {log.topic_id}, not {target.topic_id}")
    if terms.is_follower and terms.replica_id not in partition.leading().followers:
        not_a_replica = UnknownLeaderEpoch if target.current_leader_epoch != NO_EPOCH else NotLeaderOrFollower
        raise not_a_replica(f"broker {terms.replica_id} is no replica of {partition} here")
    # All offsets are from before the read, and before this fetch counts: the mark that it moves is told next time.
    log_end = log.log_end
    answer = FetchPartitionResponse(
        target.partition,
        high_watermark=log.high_watermark,
        last_stable_offset=log.last_stable,
        log_start_offset=log.log_start,
    )
    diverging_epoch = _diverging_epoch(log, target)
    if diverging_epoch is not None:
        answer.diverging_epoch = EpochEndOffset(*diverging_epoch)
        return answer
    data = log.read(
        target.fetch_offset,
        max_bytes=min(target.max_bytes, max_bytes),
        up_to=terms.visibility.end_of(log),
        min_one_batch=first_batch_due,
    )
    answer.records = data.records
    if terms.visibility is Visibility.LAST_STABLE:
        aborted = log.segments.aborted_transactions(target.fetch_offset, data.next_offset) if data.records else ()
        answer.aborted_transactions = [AbortedTransaction(each.producer_id, each.first_offset) for each in aborted]
    if take_progress and terms.is_follower:
        partition.follower_fetched(
            terms.replica_id, fetch_offset=target.fetch_offset, log_start=target.log_start, leader_end=log_end
        )
    return answer


def _diverging_epoch(log: "PartitionLog", target: FetchTarget) -> EpochEnd | None:
    """Where the asker's log parts from this one, if it says what it fetched last and if they part.

    raises   OffsetOutOfRange when that cannot be told
    """
    if target.last_fetched_epoch == NO_EPOCH:
        return None
    ours = EpochEnd(*log.end_offset_for_epoch(target.last_fetched_epoch))
    if not ours.is_known:
        raise OffsetOutOfRange(f"where leader epoch {target.last_fetched_epoch} ended is not known here")
    if target.fetch_offset < log.log_start:
        raise OffsetOutOfRange(f"offset {target.fetch_offset} is below the log start {log.log_start}")
    if diverges(ours, last_fetched_epoch=target.last_fetched_epoch, fetch_offset=target.fetch_offset):
        return ours
    return None
