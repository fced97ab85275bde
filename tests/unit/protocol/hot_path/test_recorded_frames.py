"""Produce, Fetch and OffsetCommit as Kafka's clients and brokers send them: read as kio does, written byte for byte."""

import uuid
from itertools import groupby
from typing import Any

import pytest

from pykafka_cli.protocol.hot_path import fetch, offset_commit, produce
from pykafka_cli.protocol.hot_path.wire import LeaderIdAndEpoch, NodeEndpoint
from tests.support.vectors import FILES, body_of, frames, request_of, response_of

FLEXIBLE_FROM = {"Produce": 9, "Fetch": 12}


def recorded(api: str, direction: str) -> list[Any]:
    """For each version up to sixty frames from each file."""
    found = []
    for name in FILES:
        fitting = [frame for frame in frames(name) if (frame["api"], frame["d"]) == (api, direction)]
        fitting.sort(key=lambda frame: frame["v"])
        for version, group in groupby(fitting, key=lambda frame: frame["v"]):
            some = [pytest.param(frame, id=f"{name}-v{version}-{frame['c']}-{frame['id']}") for frame in group]
            found += some[:60]
    return found


@pytest.mark.parametrize("frame", recorded("Produce", "request"))
def test_a_produce_request_says_what_kio_reads(frame: dict[str, Any]) -> None:
    data, theirs = body_of(frame), request_of(frame)

    ours = produce.decode_request(memoryview(data), 0, frame["v"])

    assert (ours.transactional_id, ours.acks) == (theirs.transactional_id, theirs.acks)
    assert ours.timeout_ms == round(theirs.timeout.total_seconds() * 1000)
    assert [(topic.name, [(p.index, bytes(p.records)) for p in topic.partitions]) for topic in ours.topics] == [
        (topic.name, [(p.index, p.records) for p in topic.partition_data]) for topic in theirs.topic_data
    ]


@pytest.mark.parametrize("frame", recorded("Produce", "response"))
def test_a_produce_answer_is_written_as_kafka_wrote_it(frame: dict[str, Any]) -> None:
    theirs = response_of(frame)
    ours = produce.ProduceResponse(
        [
            produce.ProduceTopicResponse(topic.name, [produce_partition(each) for each in topic.partition_responses])
            for topic in theirs.responses
        ],
        round(theirs.throttle_time.total_seconds() * 1000),
        [NodeEndpoint(n.node_id, n.host, n.port, n.rack) for n in getattr(theirs, "node_endpoints", ())],
    )
    assert b"".join(produce.encode_response(ours, frame["v"])) == body_of(frame)


def produce_partition(each: Any) -> produce.ProducePartitionResponse:
    leader = getattr(each, "current_leader", None)
    append_time = each.log_append_time
    return produce.ProducePartitionResponse(
        each.index,
        each.error_code,
        each.base_offset,
        -1 if append_time is None else round(append_time.timestamp() * 1000),
        each.log_start_offset,
        [produce.RecordError(e.batch_index, e.batch_index_error_message) for e in getattr(each, "record_errors", ())],
        getattr(each, "error_message", None),
        LeaderIdAndEpoch(leader.leader_id, leader.leader_epoch) if leader and leader.leader_id >= 0 else None,
    )


@pytest.mark.parametrize("frame", recorded("OffsetCommit", "request"))
def test_an_offset_commit_says_what_kio_reads(frame: dict[str, Any]) -> None:
    theirs = request_of(frame)

    ours = offset_commit.decode_request(memoryview(body_of(frame)), 0, frame["v"])

    assert (ours.group_id, ours.member_id) == (theirs.group_id, theirs.member_id)
    assert ours.generation_id_or_member_epoch == generation_of(theirs)
    assert ours.group_instance_id == getattr(theirs, "group_instance_id", None)
    assert [(topic.name, [committed(each) for each in topic.partitions]) for topic in ours.topics] == [
        (topic.name, [committed(each) for each in topic.partitions]) for topic in theirs.topics
    ]


def generation_of(request: Any) -> int:
    """It has another name since version 9."""
    names = ("generation_id_or_member_epoch", "generation_id")
    return next(int(getattr(request, name)) for name in names if hasattr(request, name))


def committed(partition: Any) -> tuple[int, int, int, str | None]:
    leader_epoch = getattr(partition, "committed_leader_epoch", -1)
    return partition.partition_index, partition.committed_offset, leader_epoch, partition.committed_metadata


@pytest.mark.parametrize("frame", recorded("Fetch", "request"))
def test_a_fetch_request_survives_reading_and_writing(frame: dict[str, Any]) -> None:
    data = body_of(frame)
    request = fetch.decode_request(memoryview(data), 0, frame["v"])
    assert fetch.encode_request(request, frame["v"]) == data


@pytest.mark.parametrize("frame", recorded("Fetch", "response"))
def test_a_fetch_answer_survives_reading_and_writing(frame: dict[str, Any]) -> None:
    data = body_of(frame)
    response = fetch.decode_response(memoryview(data), 0, frame["v"])
    assert b"".join(fetch.encode_response(response, frame["v"])) == data


@pytest.mark.parametrize("frame", recorded("Fetch", "response")[::20])
def test_a_fetch_answer_says_what_kio_reads(frame: dict[str, Any]) -> None:
    theirs = response_of(frame)
    ours = fetch.decode_response(memoryview(body_of(frame)), 0, frame["v"])
    assert [
        (each.partition_index, each.error_code, each.high_watermark, each.log_start_offset, bytes(each.records))
        for topic in ours.topics
        for each in topic.partitions
    ] == [
        (each.partition_index, each.error_code, each.high_watermark, each.log_start_offset, each.records or b"")
        for topic in theirs.responses
        for each in topic.partitions
    ]


@pytest.mark.parametrize("version", range(fetch.MIN_VERSION, fetch.MAX_VERSION + 1))
def test_every_fetch_version_carries_what_it_has_fields_for(version: int) -> None:
    by_id = version >= 13
    request = fetch.FetchRequest(
        500,
        1,
        [
            fetch.FetchTopic(
                None if by_id else "t", uuid.UUID(int=7) if by_id else None, [fetch.FetchPartition(3, 9, 99)]
            )
        ],
        replica_id=2,
        isolation_level=1 if version >= 4 else 0,
    )

    again = fetch.decode_request(memoryview(fetch.encode_request(request, version)), 0, version)

    assert again == request


@pytest.mark.parametrize("version", range(fetch.MIN_VERSION, fetch.MAX_VERSION + 1))
def test_records_are_handed_on_without_a_copy(version: int) -> None:
    records = memoryview(bytearray(b"batch"))
    topic = fetch.FetchTopicResponse("t", None, [fetch.FetchPartitionResponse(0, records=records)])

    buffers = fetch.encode_response(fetch.FetchResponse([topic]), version)

    assert any(buffer is records for buffer in buffers)
    assert fetch.decode_response(memoryview(b"".join(buffers)), 0, version).topics[0].partitions[0].records == b"batch"


def test_records_of_a_produce_request_can_be_stamped_in_the_frame() -> None:
    frame = next(frame for frame in frames("console") if (frame["api"], frame["d"]) == ("Produce", "request"))
    data = bytearray(body_of(frame))

    records = produce.decode_request(memoryview(data), 0, frame["v"]).topics[0].partitions[0].records
    assert records is not None
    before = data.index(records)
    records[0:8] = b"\xff" * 8

    assert data[before : before + 8] == b"\xff" * 8
