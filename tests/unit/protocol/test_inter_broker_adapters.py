"""Requests of controllers of older releases; built with the older classes, since no frame of theirs was recorded."""

import io
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.serial import entity_reader, entity_writer

from pykafka_cli.protocol.codec import message_codec
from pykafka_cli.protocol.inter_broker import (
    LeaderAndIsrPartitionError,
    LeaderAndIsrResponse,
    LeaderAndIsrTopicError,
    load,
)
from tests.support.samples import sample

NEWEST = {4: 7, 5: 4, 6: 8, 7: 3}


def raised(request: Any) -> Any:
    """`request` written by its own version and read as the broker reads it."""
    buffer = io.BytesIO(b"\0" if request.__flexible__ else b"")
    buffer.seek(0, io.SEEK_END)
    entity_writer(type(request))(buffer, request)
    codec = message_codec(request.__api_key__, request.__version__, NEWEST[request.__api_key__])
    return codec.decode_request(memoryview(buffer.getvalue()), 0)


@pytest.mark.parametrize("version", range(8))
def test_leader_and_isr_of_any_version_groups_partitions_by_topic(version: int) -> None:
    request = raised(sample(load(4, version, "request")))
    (topic,) = request.topic_states
    (state,) = topic.partition_states
    assert (topic.topic_name, state.partition_index, state.leader, state.isr) == ("x", 1, 1, (1,))
    assert (state.is_new, request.controller_epoch) == (version >= 1, 1)


@pytest.mark.parametrize("version", range(8))
def test_leader_and_isr_of_any_version_is_answered_for_each_partition(version: int) -> None:
    request = raised(sample(load(4, version, "request")))
    error = LeaderAndIsrPartitionError(partition_index=1, error_code=ErrorCode.stale_broker_epoch)
    topics = tuple(
        LeaderAndIsrTopicError(topic_id=topic.topic_id, partition_errors=(error,)) for topic in request.topic_states
    )

    (data,) = message_codec(4, version, 7).encode_response(0, LeaderAndIsrResponse(topics=topics), request)

    schema = load(4, version, "response")
    answer, _ = entity_reader(schema)(data, 5 if schema.__flexible__ else 4)
    (told,) = answer.partition_errors if version < 5 else answer.topics[0].partition_errors
    assert (told.partition_index, told.error_code) == (1, ErrorCode.stale_broker_epoch)
    assert version >= 5 or told.topic_name == "x"


@pytest.mark.parametrize("version", range(5))
def test_stop_replica_of_any_version_says_of_each_partition_whether_to_delete_it(version: int) -> None:
    (topic,) = raised(sample(load(5, version, "request"))).topic_states
    (state,) = topic.partition_states
    assert (topic.topic_name, state.partition_index, state.delete_partition) == ("x", 1, True)


@pytest.mark.parametrize("version", range(9))
def test_update_metadata_of_any_version_names_partitions_and_listeners(version: int) -> None:
    request = raised(sample(load(6, version, "request")))
    (topic,), (broker,) = request.topic_states, request.live_brokers
    (endpoint,) = broker.endpoints
    assert (topic.topic_name, topic.partition_states[0].leader) == ("x", 1)
    assert (broker.id, endpoint.host, endpoint.port) == (1, "x", 1)
    assert endpoint.listener == ("PLAINTEXT" if version == 0 else "SSL" if version < 3 else "x")


@pytest.mark.parametrize("version", range(4))
def test_controlled_shutdown_of_any_version_names_its_broker(version: int) -> None:
    assert raised(sample(load(7, version, "request"))).broker_id == 1
