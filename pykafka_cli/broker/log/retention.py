"""Which segments a partition no longer keeps: by age, by size, or because the log starts later. Pure decisions.

Segments go from the oldest on, and only those that lie below the high watermark as a whole. Source:
UnifiedLog.deleteOldSegments.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import Protocol

from pykafka_cli.model import Milliseconds, Offset, Timestamp, TopicPartition
from pykafka_cli.properties.topic import TopicConfig


class RetainedSegment(Protocol):
    """The properties of a segment that retention checks."""

    @property
    def base_offset(self) -> Offset: ...
    @property
    def size(self) -> int: ...
    @property
    def retention_timestamp(self) -> int: ...


def expired_segments(
    segments: Sequence[RetainedSegment],
    config: TopicConfig,
    *,
    log_start: Offset,
    high_watermark: Offset,
    log_end: Offset,
    now_ms: Timestamp,
) -> tuple[int, str]:
    """How many of the oldest segments go, and why, in words. An empty active segment always stays."""
    by_start = _leading(
        segments,
        high_watermark,
        log_end,
        lambda index: index + 1 < len(segments) and segments[index + 1].base_offset <= log_start,
    )
    outcome = (by_start, f"the log starts at {log_start}")
    if not config.deletes:
        return outcome
    if config.retention_bytes >= 0:
        surplus = sum(segment.size for segment in segments) - config.retention_bytes
        passed = [0]
        for segment in segments:
            passed.append(passed[-1] + segment.size)
        by_size = _leading(segments, high_watermark, log_end, lambda index: passed[index + 1] <= surplus)
        outcome = max(outcome, (by_size, f"retention.bytes={config.retention_bytes}"), key=lambda each: each[0])
    if config.retention_ms >= 0:
        oldest = now_ms - config.retention_ms
        by_age = _leading(segments, high_watermark, log_end, lambda index: segments[index].retention_timestamp < oldest)
        outcome = max(outcome, (by_age, f"retention.ms={config.retention_ms}"), key=lambda each: each[0])
    return outcome


def _leading(
    segments: Sequence[RetainedSegment], high_watermark: Offset, log_end: Offset, may_go: Callable[[int], bool]
) -> int:
    for index, segment in enumerate(segments):
        is_active = index + 1 == len(segments)
        end = log_end if is_active else segments[index + 1].base_offset
        if end > high_watermark or not may_go(index) or (is_active and segment.size == 0):
            return index
    return len(segments)


def jitter_ms(config: TopicConfig, topic_partition: TopicPartition, base_offset: Offset) -> Milliseconds:
    """How much sooner than segment.ms this segment is rolled, so that many partitions do not roll at the same time.

    Up to segment.jitter.ms, and always the same for the same segment.
    """
    most = min(config.segment_jitter_ms, config.max_segment_ms)
    return Milliseconds(zlib.crc32(f"{topic_partition}-{base_offset}".encode()) % most if most else 0)
