"""Answers to Metadata, byte for byte those that kio writes."""

import io
from dataclasses import fields, replace
from typing import Any
from uuid import UUID

import pytest
from kio.index import load_response_schema
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12.response import MetadataResponse
from kio.serial import entity_writer

from pykafka_cli.protocol.hot_path import metadata
from tests.samples import sample


def as_kio_writes(response: Any, version: int) -> bytes:
    buffer = io.BytesIO()
    entity_writer(load_response_schema(metadata.API_KEY, version))(buffer, response)
    return buffer.getvalue()


def answer(version: int, **changes: Any) -> Any:
    """Two topics, one with partitions, in the shape of `version`."""
    response = sample(load_response_schema(metadata.API_KEY, version))
    (topic,), (broker,) = response.topics, response.brokers
    (partition,) = topic.partitions
    wide = replace(
        partition, error_code=ErrorCode.leader_not_available, leader_id=-1, replica_nodes=(3, 1, 2), isr_nodes=()
    )
    bare = replace(topic, error_code=ErrorCode.unknown_topic_or_partition, name="ü" * 200, partitions=())
    known = {each.name for each in fields(response)}
    return replace(
        response,
        topics=(replace(topic, partitions=(partition, wide) * 70), bare),
        brokers=(broker, broker),
        **{name: value for name, value in changes.items() if name in known},
    )


@pytest.mark.parametrize("version", range(13))
def test_an_answer_is_written_as_kio_writes_it(version: int) -> None:
    response = answer(version)
    assert metadata.encode_response(response, version) == as_kio_writes(response, version)


@pytest.mark.parametrize("version", range(2, 13))
def test_what_may_be_null_is_written_as_kio_writes_it(version: int) -> None:
    response = answer(version, cluster_id=None)
    response = replace(response, brokers=tuple(replace(each, rack=None) for each in response.brokers))
    assert metadata.encode_response(response, version) == as_kio_writes(response, version)


def test_a_topic_may_have_no_name_or_no_id() -> None:
    response = sample(MetadataResponse)
    (topic,) = response.topics
    response = replace(response, topics=(replace(topic, name=None), replace(topic, topic_id=None), topic))
    assert topic.topic_id == UUID(int=9)
    assert metadata.encode_response(response, 12) == as_kio_writes(response, 12)
