"""Reads a number of records of a topic without a group."""

import asyncio
import contextlib
import json
from typing import Any, NamedTuple

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.offsets import known, list_offsets
from pykafka_cli.clients.consuming.fetcher import Fetcher
from pykafka_cli.clients.error_traits import TOPIC_MISSING
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import Offset, OffsetSpec, Timestamp, TopicPartition
from pykafka_cli.properties.consumer import ConsumerSettings

LOOK_AGAIN_S = 0.05


class Record(NamedTuple):
    """A record with the topic and partition that it was read from; `timestamp_ms` is since the epoch."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: Timestamp
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @property
    def text(self) -> str:
        """The value as UTF-8; empty without a value."""
        return (self.value or b"").decode()

    def json(self) -> Any:
        """The value, parsed. raises ValueError"""
        return json.loads(self.value or b"")


async def read_records(session: Session, topic: str, count: int | None, came: list[Record], *, committed: bool) -> None:
    """Append records to `came` until it has `count`; with None, all that are there now.

    Records of one partition keep their order. It waits for a missing topic, and for records.
    raises    ApiError, ConnectionFailed, CorruptRecords
    """
    level = "read_committed" if committed else "read_uncommitted"
    settings = ConsumerSettings({"isolation.level": level, "auto.offset.reset": "earliest"})
    partitions = await _partitions(session, topic, waits=count is not None)
    left = await _ends(session, partitions, committed=committed) if count is None else {}
    fetcher = Fetcher(session, settings, lambda _: None, lambda *_: None)
    try:
        fetcher.add(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
        while left if count is None else len(came) < count:
            if fetched := fetcher.take():
                came += (_record(fetched.partition, each) for each in fetched.records)
                if fetched.next.offset >= left.get(fetched.partition, fetched.next.offset + 1):
                    del left[fetched.partition]
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(fetcher.ready.wait(), LOOK_AGAIN_S)
    finally:
        fetcher.close()
        await asyncio.sleep(0)  # its requests end before the session's connections close
    if count is not None:
        del came[count:]


async def _partitions(session: Session, topic: str, *, waits: bool) -> list[TopicPartition]:
    while True:
        (found,) = (await session.metadata([topic])).topics
        code = ErrorCode(found.error_code)
        if code is not ErrorCode.none and not (waits and code in TOPIC_MISSING):
            raise ApiError(code, f"{topic}: {ApiError(code)}")
        if found.partitions:
            return [TopicPartition(topic, int(each.partition_index)) for each in found.partitions]
        await asyncio.sleep(LOOK_AGAIN_S)


async def _ends(session: Session, partitions: list[TopicPartition], *, committed: bool) -> dict[TopicPartition, Offset]:
    """The ends of partitions that have records."""
    starts, ends = [
        known(await list_offsets(session, dict.fromkeys(partitions, end), read_committed=committed), naming=True)
        for end in (OffsetSpec.EARLIEST, OffsetSpec.LATEST)
    ]
    return {partition: end for partition, end in ends.items() if end != starts[partition]}


def _record(partition: TopicPartition, record: Any) -> Record:
    headers = tuple((name, value) for name, value in record.headers)
    return Record(
        partition.topic, partition.partition, record.offset, record.timestamp, record.key, record.value, headers
    )
