"""Logs and batches for tests: in memory unless a test needs the disk."""

from pathlib import Path
from typing import Any

from pykafka_cli.broker.log.listener import UNKEPT, LogListener
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.recovery import load_log
from pykafka_cli.model import (
    FIRST_OFFSET,
    CoordinatorEpoch,
    LeaderEpoch,
    Milliseconds,
    Offset,
    ProducerEpoch,
    ProducerId,
    Timestamp,
    TopicPartition,
)
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.protocol.records import ControlType, Record, build_batch, build_marker, records_in
from tests.fakes.clock import FakeClock
from tests.fakes.files import MemoryFiles

NOW_MS = Timestamp(1_700_000_000_000)
ORDERS = TopicPartition("orders", 0)
FOLDER = Path("/logs/orders-0")


def broker_settings(**keys: Any) -> BrokerSettings:
    """Broker settings; keys with underscores for dots."""
    values = {"zookeeper.connect": "localhost:2181", **{name.replace("_", "."): value for name, value in keys.items()}}
    return BrokerSettings(Property(name, str(value), 0) for name, value in values.items())


def topic_config(**keys: Any) -> TopicConfig:
    """Topic settings; keys with underscores for dots."""
    return TopicConfig.resolve(broker_settings(), {name.replace("_", "."): str(value) for name, value in keys.items()})


def open_log(
    files: MemoryFiles,
    *,
    clock: FakeClock | None = None,
    had_clean_shutdown: bool = True,
    recovery_point: Offset = FIRST_OFFSET,
    log_start: Offset = FIRST_OFFSET,
    listener: LogListener[PartitionLog] = UNKEPT,
    **keys: Any,
) -> PartitionLog:
    """The log in FOLDER, made when there is none."""
    files.make_directory(str(FOLDER))
    return load_log(
        files,
        FOLDER,
        ORDERS,
        topic_config(**{"segment_index_bytes": 4096, **keys}),
        clock=clock or FakeClock(NOW_MS),
        had_clean_shutdown=had_clean_shutdown,
        recovery_point=Offset(recovery_point),
        log_start=Offset(log_start),
        producer_expiration_ms=Milliseconds(86_400_000),
        listener=listener,
    )


def batch(*values: bytes | None, key: bytes | None = b"k", timestamp: Timestamp = NOW_MS, **header: Any) -> bytearray:
    """A batch as a producer sends it: from offset 0 on, one record a value."""
    records = [Record(Offset(index), timestamp, key, value) for index, value in enumerate(values)]
    return build_batch(records, **header)


def sequenced(*values: bytes, sequence: int, producer: int = 7, epoch: int = 0, **header: Any) -> bytearray:
    """A batch of an idempotent producer."""
    return batch(*values, producer_id=producer, producer_epoch=epoch, base_sequence=sequence, **header)


def marker(kind: ControlType, *, producer: int = 7, epoch: int = 0, coordinator_epoch: int = 0) -> bytearray:
    """An end of transaction marker as a coordinator writes it."""
    return build_marker(
        kind,
        producer_id=ProducerId(producer),
        producer_epoch=ProducerEpoch(epoch),
        coordinator_epoch=CoordinatorEpoch(coordinator_epoch),
        timestamp=NOW_MS,
    )


def append(log: PartitionLog, *values: bytes, **header: Any) -> int:
    """Append a batch as the leader of epoch 0; returns the first offset."""
    return log.append_as_leader(batch(*values, **header), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS).first_offset


def read_all(log: PartitionLog, start: int | None = None, *, max_bytes: int = 1 << 20) -> list[Record]:
    """Every record from `start` (the log's start) to its end, markers left out."""
    offset = log.log_start if start is None else start
    found: list[Record] = []
    while offset < log.log_end:
        data = log.read(Offset(offset), max_bytes=max_bytes, up_to=log.log_end, min_one_batch=True)
        found += [record for record in records_in(data.records) if record.offset >= offset]
        assert data.next_offset > offset
        offset = data.next_offset
    return found


def values(log: PartitionLog) -> list[bytes | None]:
    """The values of every record, in order."""
    return [record.value for record in read_all(log)]
