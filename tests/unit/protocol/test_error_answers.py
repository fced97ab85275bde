import json
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from kio.index import load_request_schema, load_response_schema
from kio.schema.alter_replica_log_dirs.v2.request import AlterReplicaLogDirsRequest
from kio.schema.alter_replica_log_dirs.v2.response import AlterReplicaLogDirsResponse
from kio.schema.alter_user_scram_credentials.v0.request import AlterUserScramCredentialsRequest
from kio.schema.alter_user_scram_credentials.v0.response import AlterUserScramCredentialsResponse
from kio.schema.create_topics.v7.request import CreateTopicsRequest
from kio.schema.create_topics.v7.response import CreateTopicsResponse
from kio.schema.delete_groups.v2.request import DeleteGroupsRequest
from kio.schema.delete_groups.v2.response import DeleteGroupsResponse
from kio.schema.errors import ErrorCode
from kio.schema.list_groups.v5.request import ListGroupsRequest
from kio.schema.list_groups.v5.response import ListGroupsResponse
from kio.schema.write_txn_markers.v1.request import WriteTxnMarkersRequest
from kio.schema.write_txn_markers.v1.response import WriteTxnMarkersResponse
from kio.serial import entity_reader

from pykafka_cli.protocol import first_versions
from pykafka_cli.protocol.codec import message_codec
from pykafka_cli.protocol.error_answers import error_answer
from pykafka_cli.protocol.hot_path import fetch
from tests.support.samples import sample
from tests.support.vectors import VECTORS

APIS = [api for api in json.loads((VECTORS / "api-versions.json").read_text())["apis"] if api["overlap"]]
REFUSED = ErrorCode.cluster_authorization_failed


def test_the_answers_own_code_is_accepted_where_there_is_one() -> None:
    answer = error_answer(ListGroupsResponse, sample(ListGroupsRequest), REFUSED, None)
    assert (answer.error_code, answer.groups) == (REFUSED, ())


def test_each_topic_of_the_request_gets_an_entry_with_code_and_words() -> None:
    (topic,) = error_answer(CreateTopicsResponse, sample(CreateTopicsRequest), REFUSED, "not you").topics
    assert (topic.name, topic.error_code, topic.error_message, topic.num_partitions) == ("x", REFUSED, "not you", -1)


def test_a_plain_name_in_the_request_names_its_entry() -> None:
    (group,) = error_answer(DeleteGroupsResponse, DeleteGroupsRequest(groups_names=("g",)), REFUSED, None).results
    assert (group.group_id, group.error_code) == ("g", REFUSED)


def test_entries_are_filled_down_to_where_the_codes_are() -> None:
    (marker,) = error_answer(WriteTxnMarkersResponse, sample(WriteTxnMarkersRequest), REFUSED, None).markers
    (topic,) = marker.topics
    (partition,) = topic.partitions
    assert (marker.producer_id, topic.name, partition.partition_index, partition.error_code) == (1, "x", 1, REFUSED)


def test_entries_are_found_where_the_request_has_them_deeper_or_in_two_arrays() -> None:
    (topic,) = error_answer(AlterReplicaLogDirsResponse, sample(AlterReplicaLogDirsRequest), REFUSED, None).results
    (partition,) = topic.partitions
    assert (topic.topic_name, partition.partition_index, partition.error_code) == ("x", 1, REFUSED)
    upsertion = replace(sample(AlterUserScramCredentialsRequest), deletions=())
    (user,) = error_answer(AlterUserScramCredentialsResponse, upsertion, REFUSED, "not you").results
    assert (user.user, user.error_code, user.error_message) == ("x", REFUSED, "not you")


def codes(value: Any) -> list[ErrorCode]:
    """Every error code in a response."""
    if isinstance(value, ErrorCode):
        return [value]
    if isinstance(value, tuple | list):
        return [code for each in value for code in codes(each)]
    if is_dataclass(value):
        return [code for field in fields(value) for code in codes(getattr(value, field.name))]
    return []


@pytest.mark.parametrize("api", [api for api in APIS if api["key"] > 1], ids=lambda api: api["name"])
def test_every_api_reports_an_error_in_every_version(api: dict[str, Any]) -> None:
    lowest, newest = 0 if api["key"] in first_versions.KIO_BEGINS else api["overlap"][0], api["overlap"][1]
    request = sample(load_request_schema(api["key"], newest))
    lowest = 3 if api["name"] == "DescribeLogDirs" else lowest  # DescribeLogDirs has no place before
    for version in range(lowest, newest + 1):
        codec = message_codec(api["key"], version, newest)

        (data,) = codec.encode_response(5, codec.error_response(request, REFUSED, "not you"), request)

        missing = first_versions.is_missing_in_kio(api["key"], version)
        schema = (
            first_versions.load(api["key"], version, "response")
            if missing
            else load_response_schema(api["key"], version)
        )
        read, _ = entity_reader(schema)(data, 5 if schema.__flexible__ and api["key"] != 18 else 4)
        assert REFUSED in codes(read)


@pytest.mark.parametrize("version", range(3, 12))
def test_produce_reports_an_error_for_each_partition(version: int) -> None:
    request = message_codec(0, 9, 11).decode_request(memoryview(b"\0\0\0\1\0\0\0\1\2\2t\2\0\0\0\3\1\0\0\0"), 0)
    codec = message_codec(0, version, 11)

    buffers = codec.encode_response(5, codec.error_response(request, REFUSED, "not you"), request)

    flexible = version >= 9
    read, _ = entity_reader(load_response_schema(0, version))(b"".join(buffers), 5 if flexible else 4)
    assert [(p.index, p.error_code) for topic in read.responses for p in topic.partition_responses] == [(3, REFUSED)]


@pytest.mark.parametrize("version", range(4, 18))
def test_fetch_reports_an_error(version: int) -> None:
    request = sample_fetch()
    codec = message_codec(1, version, 17)

    buffers = codec.encode_response(5, codec.error_response(request, REFUSED, None), request)

    read, _ = entity_reader(load_response_schema(1, version))(b"".join(buffers), 5 if version >= 12 else 4)
    assert REFUSED in codes(read)


def sample_fetch() -> Any:
    return fetch.FetchRequest(1, 1, [fetch.FetchTopic("t", None, [fetch.FetchPartition(0, 0, 1)])])
