"""The codec against every frame that was recorded from Apache Kafka, its clients and others."""

import io
import json
import struct
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from kio.index import load_request_schema, load_response_schema
from kio.schema.add_partitions_to_txn.v5.response import AddPartitionsToTxnResult
from kio.schema.errors import ErrorCode
from kio.schema.find_coordinator.v6.response import Coordinator
from kio.schema.join_group.v9.response import JoinGroupResponse
from kio.schema.metadata.v12.response import MetadataResponse, MetadataResponseTopic
from kio.schema.offset_fetch.v9.request import OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics
from kio.schema.offset_fetch.v9.response import OffsetFetchResponse, OffsetFetchResponseGroup
from kio.serial import entity_reader, entity_writer

from pykafka_cli.protocol import inter_broker
from pykafka_cli.protocol.codec import (
    RequestHeader,
    ensure_attributes,
    ensure_kept,
    message_codec,
    read_request_header,
)
from pykafka_cli.protocol.describe_transactions import DescribeTransactionsResponse
from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.message_fields import copier, default_of
from tests.support.vectors import FILES, VECTORS, frames

APIS = json.loads((VECTORS / "api-versions.json").read_text())["apis"]
NEWEST = {api["key"]: (api["overlap"] or (0, api["max"]))[1] for api in APIS}
NO_TIME = timedelta(0)
BY_HAND = ("Produce", "Fetch", "OffsetCommit")


def newest_class(api_key: int, kind: str) -> Any:
    if (api_key, kind) == (65, "response"):
        return DescribeTransactionsResponse  # kio's own cannot write every moment that it reads
    if 4 <= api_key <= 7:
        return inter_broker.load(api_key, NEWEST[api_key], kind)
    return (load_request_schema if kind == "request" else load_response_schema)(api_key, NEWEST[api_key])


def encoded(entity: Any) -> bytes:
    buffer = io.BytesIO()
    entity_writer(type(entity))(buffer, entity)
    return buffer.getvalue()


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_request_is_read_in_the_newest_shape(name: str) -> None:
    wrong = []
    for frame in frames(name):
        if frame["d"] != "request":
            continue
        data = memoryview(bytearray(bytes.fromhex(frame["hex"])[4:]))  # writable, as frames are received
        header = read_request_header(data)
        request = message_codec(frame["key"], frame["v"], NEWEST[frame["key"]]).decode_request(data, header.position)
        if header[:4] != (frame["key"], frame["v"], frame["id"], frame["client"]):
            wrong.append(header)
        if frame["api"] in BY_HAND:  # test_recorded_frames.py compares these
            continue
        if type(request) is not newest_class(frame["key"], "request"):
            wrong.append(request)
        if frame["v"] == NEWEST[frame["key"]] and not bytes(data).endswith(encoded(request)):
            wrong.append(request)
    assert wrong == []


def raised(frame: dict[str, Any], old: Any) -> Any:
    """A recorded answer in the newest shape; the moves of adapters.py by hand."""
    copy = copier(type(old), newest_class(frame["key"], "response"))
    new = copy(old) if copy else old
    if frame["api"] == "FindCoordinator" and frame["v"] <= 3:
        only = Coordinator(
            key="", node_id=old.node_id, host=old.host, port=old.port, error_code=old.error_code,
            error_message=getattr(old, "error_message", None),
        )  # fmt: skip
        return replace(new, coordinators=(only,))
    if frame["api"] == "OffsetFetch" and frame["v"] <= 7:
        return replace(
            new, groups=(OffsetFetchResponseGroup(group_id="", topics=old.topics, error_code=old.error_code),)
        )
    if frame["api"] == "AddPartitionsToTxn" and frame["v"] <= 3:
        result = AddPartitionsToTxnResult(transactional_id="", topic_results=old.results_by_topic_v3_and_below)
        return replace(new, results_by_transaction=(result,))
    return new


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_answer_is_written_as_kafka_wrote_it(name: str) -> None:
    wrong = []
    for frame in frames(name):
        if frame["d"] != "response" or frame["key"] <= 1:
            continue
        key, version, data = frame["key"], frame["v"], bytes.fromhex(frame["hex"])[4:]
        schema = inter_broker.load(key, version, "response") if 4 <= key <= 7 else load_response_schema(key, version)
        if frame["api"] == "DescribeTransactions":
            schema = DescribeTransactionsResponse
        header = 5 if schema.__flexible__ and key != 18 else 4
        old, _ = entity_reader(schema)(data, header)
        buffers = message_codec(key, version, NEWEST[key]).encode_response(frame["id"], raised(frame, old), None)
        if b"".join(buffers) != data:
            wrong.append(frame)
    assert wrong == []


@pytest.mark.parametrize("api", APIS, ids=lambda api: api["name"])
def test_every_version_can_be_spoken(api: dict[str, Any]) -> None:
    lowest, newest = api["overlap"] or (api["min"], api["max"])
    for version in range(lowest, newest + 1):
        assert message_codec(api["key"], version, newest)


# Metadata is left out: its topics of version 0 cannot be null, those of the newest are.
@pytest.mark.parametrize("api", [api for api in APIS if api["overlap"] and api["key"] not in (0, 1, 3)])
def test_defaults_of_an_older_request_are_those_of_the_newest(api: dict[str, Any]) -> None:
    lowest, newest = api["overlap"]
    old, new = load_request_schema(api["key"], lowest), load_request_schema(api["key"], newest)
    empty = copier(old, new) or (lambda value: value)
    of_old = old(**{field.name: default_of(field) for field in fields(old)})
    of_new = new(**{field.name: default_of(field) for field in fields(new)})
    assert empty(of_old) == of_new


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes"),
        (b"\0\0\0\0\0\0\0\0\0", "9 bytes"),
        (b"\0\3\0\0\0\0\0\1\0\5abc", "client id of 5 bytes in a request of 13"),
        (b"\0\3\0\0\0\0\0\1\0\2\xff\xff", "not UTF-8"),
    ],
)
def test_a_header_that_is_none_is_rejected(data: bytes, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        read_request_header(memoryview(data))


def test_the_client_id_may_be_null() -> None:
    assert read_request_header(memoryview(b"\0\x12\0\3\0\0\0\7\xff\xff\0")) == RequestHeader(18, 3, 7, None, 10)


def test_controlled_shutdown_0_has_a_header_without_client_id() -> None:
    assert read_request_header(memoryview(b"\0\7\0\0\0\0\0\x09\0\0\0\1")) == RequestHeader(7, 0, 9, None, 8)


def test_tagged_fields_of_a_header_are_skipped() -> None:
    body = b"\2x\2y\0"
    request = message_codec(18, 3, 4).decode_request(memoryview(b"\1\5\2ab" + body), 0)
    assert (request.client_software_name, request.client_software_version) == ("x", "y")


def old_request(api_key: int, version: int, newest: int, body: bytes) -> Any:
    return message_codec(api_key, version, newest).decode_request(memoryview(body), 0)


def test_a_tagged_field_that_is_not_known_is_skipped() -> None:
    body = b"\0" + b"\x02a\x021" + b"\x01\x63\x03abc"  # of the header none; two names; tag 99 with three bytes

    request = message_codec(18, 3, 4).decode_request(memoryview(body), 0)

    assert (request.client_software_name, request.client_software_version) == ("a", "1")


def test_a_duration_beyond_all_that_python_knows_is_as_long_as_can_be() -> None:
    body = b"\0\1g" + struct.pack(">i", -1) + b"\0\0" + struct.pack(">q", 2**63 - 1) + bytes(4)

    request = message_codec(8, 2, 8).decode_request(memoryview(body), 0)

    assert request.group_id == "g"


def test_metadata_0_asks_for_all_topics_with_an_empty_list_and_later_ones_for_none() -> None:
    assert old_request(3, 0, 12, b"\0\0\0\0").topics is None
    assert old_request(3, 1, 12, b"\0\0\0\0").topics == ()
    assert old_request(3, 1, 12, b"\xff\xff\xff\xff").topics is None


def test_metadata_0_creates_topics_as_it_always_did() -> None:
    assert old_request(3, 0, 12, b"\0\0\0\0").allow_auto_topic_creation is True


def test_join_group_0_rebalances_within_its_session_timeout() -> None:
    body = b"\0\1g" + struct.pack(">i", 9000) + b"\0\0" + b"\0\1c" + b"\0\0\0\0"
    request = old_request(11, 0, 9, body)
    assert (request.session_timeout, request.rebalance_timeout) == (timedelta(seconds=9), timedelta(seconds=9))


def test_find_coordinator_with_one_key_is_one_of_many() -> None:
    assert old_request(10, 0, 6, b"\0\1g").coordinator_keys == ("g",)


def test_leave_group_with_one_member_is_one_of_many() -> None:
    request = old_request(13, 0, 5, b"\0\1g\0\1m")
    assert [(each.member_id, each.group_instance_id) for each in request.members] == [("m", None)]


def test_delete_topics_by_name_has_no_ids() -> None:
    request = old_request(20, 1, 6, b"\0\0\0\1\0\1t\0\0\0\0")
    assert [(each.name, each.topic_id) for each in request.topics] == [("t", None)]


@pytest.mark.parametrize(("count", "topics"), [(b"\0\0\0\0", ()), (b"\xff\xff\xff\xff", None)])
def test_offset_fetch_of_one_group_is_one_of_many(count: bytes, topics: object) -> None:
    (group,) = old_request(9, 2, 9, b"\0\1g" + count).groups
    assert (group.group_id, group.topics) == ("g", topics)


def written(api_key: int, version: int, newest: int, response: Any, request: Any = None) -> Any:
    """What a client of `version` reads of a response."""
    (data,) = message_codec(api_key, version, newest).encode_response(0, response, request)
    schema = load_response_schema(api_key, version)
    return entity_reader(schema)(data, 5 if schema.__flexible__ else 4)[0]


def test_offset_fetch_1_reports_a_groups_error_for_each_partition() -> None:
    group = OffsetFetchRequestGroup(
        group_id="g", topics=(OffsetFetchRequestTopics(name="t", partition_indexes=(0, 3)),)
    )
    failed = OffsetFetchResponseGroup(group_id="g", topics=(), error_code=ErrorCode.not_coordinator)
    response = OffsetFetchResponse(throttle_time=NO_TIME, groups=(failed,))

    (topic,) = written(9, 1, 9, response, OffsetFetchRequest(groups=(group,), require_stable=False)).topics

    assert [(each.partition_index, each.error_code) for each in topic.partitions] == [
        (0, ErrorCode.not_coordinator),
        (3, ErrorCode.not_coordinator),
    ]


def test_join_group_before_7_has_an_empty_protocol_for_none() -> None:
    failed = JoinGroupResponse(
        throttle_time=NO_TIME, error_code=ErrorCode.unknown_member_id, protocol_name=None, leader="", member_id="",
        members=(),
    )  # fmt: skip
    assert written(11, 6, 9, failed).protocol_name == ""


def test_metadata_before_12_has_an_empty_name_for_an_unknown_topic_id() -> None:
    topic = MetadataResponseTopic(
        error_code=ErrorCode.unknown_topic_id, name=None, topic_id=None, is_internal=False, partitions=()
    )
    answer = MetadataResponse(throttle_time=NO_TIME, brokers=(), cluster_id="c", controller_id=1, topics=(topic,))
    (read,) = written(3, 10, 12, answer).topics
    assert (read.name, read.error_code) == ("", ErrorCode.unknown_topic_id)


def test_a_version_whose_answer_cannot_be_written_is_found_when_it_is_prepared() -> None:
    with pytest.raises(TypeError, match=r"is not in the newest version"):
        ensure_attributes(load_response_schema(10, 3), load_response_schema(10, 6))
    with pytest.raises(TypeError, match="would be lost"):
        ensure_kept(load_request_schema(57, 0), load_request_schema(57, 1))
