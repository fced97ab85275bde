"""The Fetch request of a fetcher to one broker."""

import datetime
from collections.abc import Mapping

from kio.schema.fetch.v12.request import FetchPartition, FetchRequest, FetchTopic
from kio.schema.types import TopicName
from kio.static.primitive import i8, i32, i32Timedelta, i64

from pykafka_cli.clients.consuming.sources import Source
from pykafka_cli.model import TopicPartition
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.protocol.absence import or_minus_one

OLDEST_FETCH = 4
"""The first version with an isolation level."""


def fetch_request(settings: ConsumerSettings, sources: Mapping[TopicPartition, Source]) -> FetchRequest:
    by_topic: dict[str, list[Source]] = {}
    for partition, source in sources.items():
        by_topic.setdefault(partition.topic, []).append(source)
    return FetchRequest(
        max_wait=i32Timedelta.parse(datetime.timedelta(milliseconds=settings.fetch_max_wait_ms)),
        min_bytes=i32(settings.fetch_min_bytes),
        max_bytes=i32(settings.fetch_max_bytes),
        isolation_level=i8(settings.isolation_level == "read_committed"),
        topics=tuple(
            FetchTopic(
                topic=TopicName(topic),
                partitions=tuple(
                    FetchPartition(
                        partition=i32(source.partition.partition),
                        current_leader_epoch=i32(or_minus_one(source.leader_epoch)),
                        fetch_offset=i64(source.offset or 0),
                        partition_max_bytes=i32(settings.max_partition_fetch_bytes),
                    )
                    for source in its
                ),
            )
            for topic, its in by_topic.items()
        ),
        forgotten_topics_data=(),
        rack_id=settings.client_rack,
    )
