"""Produce 0-2 and Fetch 0-3, whose layouts are written out here from Kafka's message definitions."""

import struct

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.protocol.codec import message_codec
from pykafka_cli.protocol.hot_path import fetch, produce

ONE_TOPIC = b"\0\0\0\1\0\1t"


@pytest.mark.parametrize("version", [0, 1, 2])
def test_produce_before_3_has_no_transactional_id(version: int) -> None:
    body = struct.pack(">hi", -1, 1500) + ONE_TOPIC + struct.pack(">iii", 1, 3, 5) + b"batch"

    request = message_codec(0, version, 11).decode_request(memoryview(body), 0)

    (topic,) = request.topics
    (partition,) = topic.partitions
    assert (request.transactional_id, request.acks, request.timeout_ms) == (None, -1, 1500)
    assert (topic.name, partition.index, bytes(partition.records)) == ("t", 3, b"batch")


@pytest.mark.parametrize(("version", "append_time", "throttle"), [(0, False, False), (1, False, True), (2, True, True)])
def test_answers_to_produce_grew_throttle_and_append_time(version: int, append_time: bool, throttle: bool) -> None:
    partition = produce.ProducePartitionResponse(3, ErrorCode.none, base_offset=42, log_append_time_ms=7)
    response = produce.ProduceResponse([produce.ProduceTopicResponse("t", [partition])], throttle_time_ms=9)

    (data,) = produce.encode_response(response, version)

    expected = ONE_TOPIC + struct.pack(">iihq", 1, 3, 0, 42)
    expected += struct.pack(">q", 7) if append_time else b""
    assert data == expected + (struct.pack(">i", 9) if throttle else b"")


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_fetch_before_4_reads_what_is_committed_and_knows_max_bytes_from_3_on(version: int) -> None:
    limits = struct.pack(">iii", -1, 500, 1) + (struct.pack(">i", 9999) if version == 3 else b"")
    body = limits + ONE_TOPIC + struct.pack(">iiqi", 1, 3, 42, 1000)

    request = fetch.decode_request(memoryview(body), 0, version)

    assert (request.replica_id, request.max_wait_ms, request.min_bytes, request.isolation_level) == (-1, 500, 1, 0)
    assert request.max_bytes == (9999 if version == 3 else fetch.MAX_BYTES)
    assert request.topics == [fetch.FetchTopic("t", None, [fetch.FetchPartition(3, 42, 1000)])]
    assert fetch.encode_request(request, version) == body


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_answers_to_fetch_before_4_have_no_last_stable_offset(version: int) -> None:
    partition = fetch.FetchPartitionResponse(
        3, high_watermark=50, last_stable_offset=40, log_start_offset=1, records=b"abc"
    )
    response = fetch.FetchResponse([fetch.FetchTopicResponse("t", None, [partition])], throttle_time_ms=9)

    data = b"".join(fetch.encode_response(response, version))

    expected = ONE_TOPIC + struct.pack(">iihqi", 1, 3, 0, 50, 3) + b"abc"
    assert data == (struct.pack(">i", 9) if version else b"") + expected
