"""Messages with what kio cannot read: tagged fields from the future, and durations without measure."""

import io
import struct
from datetime import timedelta
from typing import Any

import pytest
from kio.index import load_request_schema, load_response_schema
from kio.schema.api_versions.v4.response import (
    ApiVersion,
    ApiVersionsResponse,
    FinalizedFeatureKey,
    SupportedFeatureKey,
)
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12.request import MetadataRequest, MetadataRequestTopic
from kio.schema.types import TopicName
from kio.serial import entity_writer
from kio.static.primitive import i16, i32Timedelta, i64

from pykafka_cli.protocol.errors import MOST_ELEMENTS, ProtocolError
from pykafka_cli.protocol.message_reading import message_reader

UNKNOWN = b"\x63\x03abc"  # tag 99 with three bytes
FAR_TAG = b"\xff\xff\x03\x00"  # tag 65535 with none
LONGEST = timedelta(milliseconds=(2**63 - 1) // 1000)
FEATURES = ApiVersionsResponse(
    error_code=ErrorCode.none,
    api_keys=(ApiVersion(api_key=i16(3), min_version=i16(0), max_version=i16(12)),),
    throttle_time=i32Timedelta.parse(timedelta(0)),
    supported_features=(
        SupportedFeatureKey(name="one", min_version=i16(0), max_version=i16(1)),
        SupportedFeatureKey(name="two", min_version=i16(0), max_version=i16(2)),
    ),
    finalized_features_epoch=i64(7),
    finalized_features=(FinalizedFeatureKey(name="one", max_version_level=i16(1), min_version_level=i16(1)),),
)


def written(message: Any) -> bytes:
    buffer = io.BytesIO()
    entity_writer(type(message))(buffer, message)
    return buffer.getvalue()


def read(schema: Any, data: bytes, position: int = 0) -> Any:
    return message_reader(schema)(memoryview(data), position)


def test_unknown_tags_of_structures_in_arrays_are_skipped() -> None:
    topics = tuple(MetadataRequestTopic(topic_id=None, name=TopicName(name)) for name in ("one", "two"))
    request = MetadataRequest(topics=topics, allow_auto_topic_creation=False, include_topic_authorized_operations=False)
    of_topics = written(request).replace(b"one\0", b"one\1" + UNKNOWN).replace(b"two\0", b"two\2" + UNKNOWN + FAR_TAG)
    data = of_topics[:-1] + b"\1" + FAR_TAG

    assert read(MetadataRequest, b"before" + data, len(b"before")) == request


def test_unknown_tags_within_and_beside_known_ones_are_skipped() -> None:
    data = written(FEATURES)
    of_one = b"\4one\0\0\0\1"  # a feature and its range
    assert of_one in data
    inner = data.replace(of_one + b"\0", of_one + b"\1" + UNKNOWN, 1)
    tags = inner.index(b"\3\0", 8)  # three tagged fields, of which the first is 0
    size = tags + 2
    grown = inner[:size] + bytes([inner[size] + len(UNKNOWN)]) + inner[size + 1 :]
    beside = grown[:tags] + b"\4" + grown[tags + 1 :] + UNKNOWN

    assert read(ApiVersionsResponse, beside) == FEATURES


@pytest.mark.parametrize("cut", range(1, len(UNKNOWN) + 1))
def test_an_unknown_tag_that_ends_too_early_is_rejected(cut: int) -> None:
    data = written(FEATURES)
    tags = data.index(b"\3\0", 8)

    with pytest.raises(ProtocolError):
        read(ApiVersionsResponse, (data[:tags] + b"\4" + data[tags + 1 :] + UNKNOWN)[:-cut])


def test_a_message_of_nothing_but_tags_is_rejected() -> None:
    tags = MOST_ELEMENTS + 1
    count = bytes([tags & 0x7F | 0x80, tags >> 7 & 0x7F | 0x80, tags >> 14])

    with pytest.raises(ProtocolError, match="more than"):
        read(load_request_schema(12, 4), b"\2g\0\0\0\1\2m\0" + count + b"\x63\0" * tags)


@pytest.mark.parametrize(
    ("milliseconds", "duration"),
    [
        pytest.param(2**63 - 1, LONGEST, id="the longest"),
        pytest.param(-(2**63), -LONGEST, id="the shortest"),
        pytest.param(1000, timedelta(seconds=1), id="an ordinary one"),
    ],
)
def test_a_duration_is_what_comes_closest_to_it(milliseconds: int, duration: timedelta) -> None:
    renew_delegation_token = b"\4abc" + struct.pack(">q", milliseconds)

    assert read(load_request_schema(39, 2), renew_delegation_token + b"\0").renew_period == duration
    assert read(load_request_schema(39, 2), renew_delegation_token + b"\1" + UNKNOWN).renew_period == duration


def test_a_structure_that_may_be_null_is_looked_through() -> None:
    heartbeat_answer = bytes(4) + b"\0\0" + b"\0" + b"\2m" + bytes(8)
    of_null = heartbeat_answer + b"\xff" + b"\1" + UNKNOWN
    of_some = heartbeat_answer + b"\1" + b"\1" + b"\1" + UNKNOWN + b"\0"  # no partitions

    assert read(load_response_schema(68, 0), of_null).assignment is None
    assert read(load_response_schema(68, 0), of_some).assignment.topic_partitions == ()
