"""Responses of Metadata written by hand, compared with those of kio's writer in every version that kio has."""

import io
import uuid
from dataclasses import fields
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from kio.index import load_response_schema
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12.response import (
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from kio.schema.types import BrokerId, TopicName
from kio.serial import entity_writer
from kio.static.primitive import i32

from pykafka_cli.protocol.hot_path import metadata


def partition(index: int, *replicas: int, error: ErrorCode = ErrorCode.none) -> MetadataResponsePartition:
    return MetadataResponsePartition(
        error_code=error,
        partition_index=i32(index),
        leader_id=BrokerId(replicas[0] if replicas else -1),
        leader_epoch=i32(index + 7),
        replica_nodes=tuple(map(BrokerId, replicas)),
        isr_nodes=tuple(map(BrokerId, replicas[:1])),
        offline_replicas=tuple(map(BrokerId, replicas[1:])),
    )


def topic(text: str, *partitions: MetadataResponsePartition, **values: Any) -> MetadataResponseTopic:
    plain = {"error_code": ErrorCode.none, "name": TopicName(text), "topic_id": uuid.UUID(int=len(text))}
    return MetadataResponseTopic(**(plain | {"partitions": partitions} | values))


SHARED = partition(0, 1, 2, 3)
RESPONSE = SimpleNamespace(
    throttle_time=timedelta(milliseconds=1500),
    brokers=(
        MetadataResponseBroker(node_id=BrokerId(1), host="h\u00f6st", port=i32(9092), rack="r"),
        MetadataResponseBroker(node_id=BrokerId(2), host="other", port=i32(9093)),
    ),
    cluster_id="cluster",
    controller_id=BrokerId(2),
    topics=(
        topic("a", SHARED, partition(1, 2), partition(2, error=ErrorCode.leader_not_available)),
        topic("b" * 200, SHARED, is_internal=True, topic_authorized_operations=i32(0b101)),
        topic("gone", error_code=ErrorCode.unknown_topic_or_partition, topic_id=None),
    ),
    cluster_authorized_operations=i32(7),
)


@pytest.mark.parametrize("version", range(13))
def test_a_response_is_written_as_kio_writes_it(version: int) -> None:
    schema: Any = load_response_schema(3, version)
    buffer = io.BytesIO()
    entity_writer(schema)(buffer, RESPONSE)

    assert {each.name for each in fields(schema)} <= set(vars(RESPONSE))
    assert metadata.encode_response(RESPONSE, version) == buffer.getvalue()


def test_from_version_12_on_a_topic_may_have_no_name() -> None:
    nameless = topic("", name=None, error_code=ErrorCode.unknown_topic_id, topic_id=uuid.UUID(int=9))
    response = SimpleNamespace(**{**vars(RESPONSE), "topics": (nameless,)})
    buffer = io.BytesIO()
    entity_writer(load_response_schema(3, 12))(buffer, response)

    assert metadata.encode_response(response, 12) == buffer.getvalue()
