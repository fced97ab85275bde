"""Compares the replicas of a partition batch by batch, as kafka-replica-verification.sh does.

Replicas are compared as far as each has a batch below its high watermark; the next fetch starts after the last batch
that
all of them have. Only headers are compared: a batch's last offset, and its checksum, which covers its records.
Source: ReplicaVerificationTool.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pykafka_cli.model import NO_OFFSET, BrokerId, Offset, ReplicaRecords, TopicPartition
from pykafka_cli.protocol.records.batch import BatchHeader, walk


class OtherOffset(NamedTuple):
    """Batches at the same offset end at different offsets: the rest cannot be compared."""

    partition: TopicPartition
    first_replica: BrokerId
    first_offset: Offset
    replica: BrokerId
    offset: Offset

    def __str__(self) -> str:
        return (
            f"partition {self.partition}: replica {self.first_replica}'s offset {self.first_offset} doesn't match "
            f"replica {self.replica}'s offset {self.offset}"
        )

    def document(self) -> dict[str, object]:
        return {
            "topic": self.partition.topic,
            "partition": self.partition.partition,
            "replicas": [
                {"broker": self.first_replica, "offset": self.first_offset},
                {"broker": self.replica, "offset": self.offset},
            ],
        }


class OtherChecksum(NamedTuple):
    """Batches that end at the same offset have different content."""

    partition: TopicPartition
    offset: Offset
    first_replica: BrokerId
    first_checksum: int
    replica: BrokerId
    checksum: int

    def __str__(self) -> str:
        return (
            f"partition {self.partition} has unmatched checksum at offset {self.offset}; replica "
            f"{self.first_replica}'s checksum {self.first_checksum}; replica {self.replica}'s checksum {self.checksum}"
        )

    def document(self) -> dict[str, object]:
        return {
            "topic": self.partition.topic,
            "partition": self.partition.partition,
            "offset": self.offset,
            "replicas": [
                {"broker": self.first_replica, "checksum": self.first_checksum},
                {"broker": self.replica, "checksum": self.checksum},
            ],
        }


Finding = OtherOffset | OtherChecksum


@dataclass(slots=True)
class Verified:
    """The replicas of a partition are equal below `offset`, apart from `findings`."""

    offset: Offset
    findings: list[Finding]


def verify(partition: TopicPartition, offset: Offset, replicas: Mapping[BrokerId, ReplicaRecords]) -> Verified:
    """Compare the batches fetched at `offset`, by broker.

    raises  CorruptRecords if the bytes are not batches
    """
    verified = Verified(offset, [])
    streams = {broker: _replicated(replicas[broker]) for broker in sorted(replicas)}
    while streams:
        first: tuple[BrokerId, BatchHeader] | None = None
        is_everywhere = True
        for broker, batches in streams.items():
            header = next(batches, None)
            if header is None:
                is_everywhere = False
            elif first is None:
                first = broker, header
            elif first[1].last_offset != header.last_offset:
                verified.findings.append(
                    OtherOffset(partition, first[0], first[1].last_offset, broker, header.last_offset)
                )
                return verified
            elif first[1].crc != header.crc:
                verified.findings.append(
                    OtherChecksum(partition, header.last_offset, first[0], first[1].crc, broker, header.crc)
                )
        if not is_everywhere or first is None:
            break
        verified.offset = first[1].next_offset
    return verified


def _replicated(replica: ReplicaRecords) -> Iterator[BatchHeader]:
    """Headers of whole batches below the high watermark."""
    for _, header in walk(replica.batches):
        if replica.high_watermark is None or header.last_offset >= replica.high_watermark:
            return
        yield header


class Lag(NamedTuple):
    """The partition whose verified offset is furthest behind its high watermark."""

    lag: int
    partition: TopicPartition
    offset: Offset


def lag_text(found: Lag | None, partitions: int) -> str:
    lag, where, offset = found or (-1, "null", NO_OFFSET)
    return f"max lag is {lag} for partition {where} at offset {offset} among {partitions} partitions"


def lag_document(found: Lag | None, partitions: int) -> dict[str, object]:
    """Everything but the number of partitions is null without such a partition."""
    lag, (topic, partition), offset = found or (None, (None, None), None)
    return {"topic": topic, "partition": partition, "offset": offset, "lag": lag, "partitions": partitions}


def largest_lag(
    offsets: Mapping[TopicPartition, Offset], high_watermarks: Mapping[TopicPartition, Offset]
) -> Lag | None:
    """By the high watermark that is largest among a partition's replicas; None where no partition has one."""
    lags = (
        Lag(high_watermarks[each] - offset, each, offset) for each, offset in offsets.items() if each in high_watermarks
    )
    return max((lag for lag in lags if lag.lag >= 0), key=lambda lag: lag.lag, default=None)
