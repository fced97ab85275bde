"""Fetches from any replica, leader or not, to compare replicas: replica id -2 of Fetch (key 1).

source  FetchRequest.DEBUGGING_REPLICA_ID_ID
"""

import datetime
from collections.abc import Mapping

from kio.schema.fetch.v12.request import FetchPartition, FetchRequest, FetchTopic
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i8, i32, i32Timedelta, i64

from pykafka_cli.clients.session import Session
from pykafka_cli.model import (
    DEBUGGING_REPLICA_ID,
    Milliseconds,
    Offset,
    ReplicaRecords,
    Seconds,
    TopicPartition,
    in_seconds,
    partitions_by_topic,
)

MAX_BYTES = 2**31 - 1
_OLDEST_FETCH = 4
_READ_UNCOMMITTED = i8(0)


async def fetch_replicas(
    session: Session,
    broker: BrokerId,
    offsets: Mapping[TopicPartition, Offset],
    *,
    partition_bytes: int,
    max_wait_ms: Milliseconds,
) -> dict[TopicPartition, ReplicaRecords]:
    """A broker's batches of these partitions from an offset on; empty for partitions with errors.

    raises  ConnectionFailed
    """
    request = FetchRequest(
        replica_id=DEBUGGING_REPLICA_ID,
        max_wait=i32Timedelta.parse(datetime.timedelta(milliseconds=max_wait_ms)),
        min_bytes=i32(1),
        max_bytes=i32(MAX_BYTES),
        isolation_level=_READ_UNCOMMITTED,
        topics=tuple(
            FetchTopic(
                topic=TopicName(topic),
                partitions=tuple(
                    FetchPartition(
                        partition=i32(index),
                        fetch_offset=i64(offsets[TopicPartition(topic, index)]),
                        partition_max_bytes=i32(partition_bytes),
                    )
                    for index in indexes
                ),
            )
            for topic, indexes in partitions_by_topic(offsets).items()
        ),
        forgotten_topics_data=(),
        rack_id="",
    )
    timeout = session.settings.request_timeout + in_seconds(max_wait_ms)
    answer = await session.ask(request, broker=broker, oldest=_OLDEST_FETCH, timeout=Seconds(timeout))
    return {
        TopicPartition(topic.topic, int(part.partition_index)): ReplicaRecords()
        if part.error_code
        else ReplicaRecords(Offset(int(part.high_watermark)), bytes(part.records or b""))
        for topic in answer.responses
        for part in topic.partitions
    }
