"""Answers ListOffsets for one partition: the offset of a timestamp, or of an OffsetSpec (model.py).

For a replica the latest is the log end. Nothing is tiered here, so that the earliest local offset is the log start, and
there is no latest tiered one.

ListOffsets 0 asks for something else: where segments begin that were last written before a time.

Source: Partition.fetchOffsetForTimestamp, UnifiedLog.fetchOffsetByTimestamp, UnifiedLog.legacyFetchOffsetsBefore.
"""

from typing import NamedTuple

from pykafka_cli.broker.errors import OffsetNotAvailable
from pykafka_cli.broker.replication.partition import Partition
from pykafka_cli.broker.replication.partition_role import Leader
from pykafka_cli.broker.replication.reading import Visibility
from pykafka_cli.model import LeaderEpoch, Offset, OffsetSpec, Timestamp


class ListedOffset(NamedTuple):
    """An offset; the timestamp of the record there, if requested; the leader epoch that wrote it, if known."""

    offset: Offset
    timestamp: Timestamp | None = None
    leader_epoch: LeaderEpoch | None = None


def listed_offset(
    partition: Partition,
    timestamp: Timestamp | OffsetSpec,
    *,
    visibility: Visibility,
    current_leader_epoch: LeaderEpoch | None = None,
    only_leader: bool = True,
) -> ListedOffset | None:
    """None when no visible record is that late, and for what is tiered, as nothing is.

    visibility   LOG_END for brokers, who may see what is not committed
    raises       FencedLeaderEpoch, UnknownLeaderEpoch, NotLeaderOrFollower; OffsetNotAvailable right after an election,
                 while the new leader does not know how far its own log is committed: "latest" might go back
    """
    log = partition.log_at_epoch(current_leader_epoch, only_leader=only_leader)
    if timestamp in (OffsetSpec.EARLIEST, OffsetSpec.EARLIEST_LOCAL):
        return ListedOffset(log.log_start, leader_epoch=log.epochs.epoch_for_offset(log.log_start))
    if timestamp == OffsetSpec.LATEST_TIERED:
        return None
    end = visibility.end_of(log)
    listed = None
    if timestamp == OffsetSpec.LATEST:
        listed = ListedOffset(end, leader_epoch=partition.leader_epoch)
    else:
        found = log.max_timestamp_offset() if isinstance(timestamp, OffsetSpec) else log.offset_for_timestamp(timestamp)
        if found is not None and found.offset < end:
            return ListedOffset(found.offset, found.timestamp, found.leader_epoch)
    role = partition.role
    if visibility is not Visibility.LOG_END and isinstance(role, Leader) and role.epoch_start > log.high_watermark:
        raise OffsetNotAvailable(
            f"{partition}: the high watermark {log.high_watermark} has not reached {role.epoch_start}, "
            f"where leader epoch {partition.leader_epoch} began"
        )
    return listed


def old_style_offsets(
    partition: Partition,
    timestamp: Timestamp | OffsetSpec,
    limit: int,
    *,
    visibility: Visibility,
    only_leader: bool,
    now_ms: Timestamp,
) -> list[Offset]:
    """At most `limit` offsets, largest first: where segments last written up to `timestamp` begin, and the end.

    raises   NotLeaderOrFollower
    """
    log = partition.log_at_epoch(None, only_leader=only_leader)
    times = [(max(segment.base_offset, log.log_start), segment.modified_ms) for segment in log.segments]
    if log.segments.active.size:
        times.append((log.log_end, now_ms))
    if timestamp == OffsetSpec.EARLIEST:
        times = times[:1]
    elif timestamp != OffsetSpec.LATEST:
        while times and times[-1][1] > timestamp:
            times.pop()
    newest_first = [offset for offset, _ in reversed(times)][: max(limit, 0)]
    end = visibility.end_of(log)
    visible = [offset for offset in newest_first if offset <= end]
    return visible if len(visible) == len(newest_first) else [end, *visible]
