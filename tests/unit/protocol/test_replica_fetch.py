import uuid
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kio.schema.errors import ErrorCode
from kio.schema.fetch.v17.request import FetchPartition, FetchRequest
from kio.serial import entity_reader

from pykafka_cli.protocol.replica_fetch import MalformedAnswer, decode_answers, encode_fetch
from tests.vectors_of import frames, response_of

T, U = uuid.UUID(int=1), uuid.UUID(int=2)
RECORDED = [frame for frame in frames("cluster") if frame["api"] == "Fetch" and frame["v"] == 17]
ANSWERS = [frame for frame in RECORDED if frame["d"] == "response"]


def body(frame) -> memoryview:
    return memoryview(bytes.fromhex(frame["hex"]))[9:]


def known_by_kio(frame):
    for topic in response_of(frame).responses:
        for partition in topic.partitions:
            diverging = (partition.diverging_epoch.epoch, partition.diverging_epoch.end_offset)
            yield (
                topic.topic_id,
                partition.partition_index,
                partition.error_code,
                partition.high_watermark,
                partition.log_start_offset,
                None if diverging == (-1, -1) else diverging,
            )


def test_every_recorded_answer_reads_as_kio_reads_it() -> None:
    for frame in ANSWERS:
        answers, expected = decode_answers(body(frame)), response_of(frame)
        assert (answers.error_code, answers.session_id) == (expected.error_code, expected.session_id)
        assert [partition[:6] for partition in answers.partitions] == list(known_by_kio(frame))


def test_the_recordings_have_records_errors_and_divergence() -> None:
    partitions = [partition for frame in ANSWERS for partition in decode_answers(body(frame)).partitions]

    assert any(len(partition.records) > 60 for partition in partitions)
    assert any(partition.error_code is not ErrorCode.none for partition in partitions)


def test_records_are_a_view_into_the_answer() -> None:
    frame = next(f for f in ANSWERS if any(len(p.records) for p in decode_answers(body(f)).partitions))
    data = body(frame)

    (records,) = [p.records for p in decode_answers(data).partitions if len(p.records)][:1]

    assert records.obj is data.obj
    assert int.from_bytes(records[8:12]) + 12 <= len(records)


def test_a_request_groups_partitions_by_topic_and_reads_back() -> None:
    def partition(index: int) -> FetchPartition:
        return FetchPartition(partition=index, fetch_offset=7, partition_max_bytes=100)

    data = encode_fetch(
        replica_id=2,
        broker_epoch=33,
        max_wait_ms=500,
        min_bytes=1,
        max_bytes=1000,
        session_id=5,
        session_epoch=6,
        partitions=[(T, partition(0)), (T, partition(1)), (U, partition(0))],
        forgotten=[(U, 1), (U, 2)],
    )
    request, end = entity_reader(FetchRequest)(data, 0)

    assert end == len(data)
    assert (request.replica_state.replica_id, request.replica_state.replica_epoch) == (2, 33)
    assert [(topic.topic_id, len(topic.partitions)) for topic in request.topics] == [(T, 2), (U, 1)]
    assert [(topic.topic_id, topic.partitions) for topic in request.forgotten_topics_data] == [(U, (1, 2))]
    assert (request.session_id, request.session_epoch) == (5, 6)


def test_a_recorded_request_is_what_we_would_send() -> None:
    frame = next(f for f in RECORDED if f["d"] == "request" and f.get("client", "").endswith("-fetcher-0"))
    data = bytes.fromhex(frame["hex"])[4:]
    client_id_size = int.from_bytes(data[8:10])
    request, _ = entity_reader(FetchRequest)(data, 10 + client_id_size + 1)

    ours = encode_fetch(
        replica_id=request.replica_state.replica_id,
        broker_epoch=request.replica_state.replica_epoch,
        max_wait_ms=round(request.max_wait.total_seconds() * 1000),
        min_bytes=request.min_bytes,
        max_bytes=request.max_bytes,
        session_id=request.session_id,
        session_epoch=request.session_epoch,
        partitions=[(topic.topic_id, partition) for topic in request.topics for partition in topic.partitions],
        forgotten=[(topic.topic_id, index) for topic in request.forgotten_topics_data for index in topic.partitions],
    )

    assert ours == data[10 + client_id_size + 1 :]


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_malformed(data: bytes) -> None:
    with suppress(MalformedAnswer):
        assert decode_answers(memoryview(data)).partitions is not None


@given(st.data())
def test_a_recorded_answer_cut_short_is_malformed(data) -> None:
    whole = body(data.draw(st.sampled_from(ANSWERS[:50])))
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(MalformedAnswer):
        decode_answers(whole[:cut])
