"""Versions that kio lacks, against layouts written out from Kafka's message definitions."""

import struct
from datetime import timedelta
from typing import Any

import pytest
from kio.schema.alter_partition.v3 import response as alter_partition
from kio.schema.create_topics.v7 import response as create_topics
from kio.schema.delete_topics.v6 import response as delete_topics
from kio.schema.describe_configs.v4 import response as describe_configs
from kio.schema.errors import ErrorCode
from kio.schema.list_offsets.v9 import response as list_offsets
from kio.schema.offset_commit.v9 import response as offset_commit
from kio.schema.offset_for_leader_epoch.v4 import response as offset_for_leader_epoch
from kio.schema.write_txn_markers.v1 import response as write_txn_markers

from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.protocol import first_versions
from pykafka_cli.protocol.codec import message_codec
from pykafka_cli.protocol.first_versions_adapters import OldStyleListOffsetsPartitionResponse

NO_TIME = timedelta(0)
TOPIC = b"\0\0\0\1\0\1t"  # an array of one, which begins with its name
LIST_OFFSETS, OFFSET_COMMIT, OFFSET_FETCH, CREATE_TOPICS, DELETE_TOPICS, EPOCH = 2, 8, 9, 19, 20, 23
WRITE_TXN_MARKERS, DESCRIBE_CONFIGS, ALTER_DIRS, DESCRIBE_DIRS, ALTER_PARTITION = 27, 32, 34, 35, 56


def codec(api_key: int, version: int) -> Any:
    return message_codec(api_key, version, HANDLERS[api_key].max_version)


def read(api_key: int, version: int, body: bytes) -> Any:
    return codec(api_key, version).decode_request(memoryview(body), 0)


def written(api_key: int, version: int, response: Any, request: Any = None) -> bytes:
    (data,) = codec(api_key, version).encode_response(7, response, request)
    assert data[:4] == b"\0\0\0\7"
    return data[4:]


def test_every_version_before_kios_is_offered() -> None:
    for api_key, begins in first_versions.KIO_BEGINS.items():
        assert HANDLERS[api_key].min_version == 0
        assert [first_versions.is_missing_in_kio(api_key, version) for version in (0, begins)] == [True, False]


def test_list_offsets_0_asks_for_several_offsets() -> None:
    request = read(LIST_OFFSETS, 0, struct.pack(">i", -1) + TOPIC + struct.pack(">iiqi", 1, 3, -1, 5))

    (partition,) = request.topics[0].partitions
    assert (request.replica_id, request.isolation_level, request.topics[0].name) == (-1, 0, "t")
    assert (partition.partition_index, partition.timestamp, partition.max_num_offsets) == (3, -1, 5)


def test_list_offsets_0_is_answered_with_several_offsets() -> None:
    found = OldStyleListOffsetsPartitionResponse(partition_index=3, error_code=ErrorCode.none, old_style_offsets=(9, 4))
    refused = list_offsets.ListOffsetsPartitionResponse(partition_index=4, error_code=ErrorCode.not_leader_or_follower)
    topic = list_offsets.ListOffsetsTopicResponse(name="t", partitions=(found, refused))

    data = written(LIST_OFFSETS, 0, list_offsets.ListOffsetsResponse(throttle_time=NO_TIME, topics=(topic,)))

    assert data == TOPIC + struct.pack(">iihiqq", 2, 3, 0, 2, 9, 4) + struct.pack(">ihi", 4, 6, 0)


def test_offset_commit_0_names_neither_member_nor_time() -> None:
    body = b"\0\1g" + TOPIC + struct.pack(">iiq", 1, 3, 42) + b"\0\1m"

    request = read(OFFSET_COMMIT, 0, body)

    (partition,) = request.topics[0].partitions
    assert (request.group_id, request.member_id, request.generation_id_or_member_epoch) == ("g", "", -1)
    assert (partition.partition_index, partition.committed_offset, partition.committed_metadata) == (3, 42, "m")


def test_offset_commit_1_has_a_time_for_each_offset() -> None:
    body = b"\0\1g" + struct.pack(">i", 5) + b"\0\2me" + TOPIC + struct.pack(">iiqq", 1, 3, 42, 1000) + b"\xff\xff"

    request = read(OFFSET_COMMIT, 1, body)

    (partition,) = request.topics[0].partitions
    assert (request.member_id, request.generation_id_or_member_epoch) == ("me", 5)
    assert (partition.committed_offset, partition.commit_timestamp, partition.committed_metadata) == (42, 1000, None)


@pytest.mark.parametrize("version", [0, 1])
def test_offset_commit_is_answered_without_throttle_time(version: int) -> None:
    partition = offset_commit.OffsetCommitResponsePartition(partition_index=3, error_code=ErrorCode.none)
    topic = offset_commit.OffsetCommitResponseTopic(name="t", partitions=(partition,))

    data = written(OFFSET_COMMIT, version, offset_commit.OffsetCommitResponse(throttle_time=NO_TIME, topics=(topic,)))

    assert data == TOPIC + struct.pack(">iih", 1, 3, 0)


def test_offset_fetch_0_is_that_of_one_group() -> None:
    (group,) = read(OFFSET_FETCH, 0, b"\0\1g" + TOPIC + struct.pack(">iii", 2, 3, 4)).groups

    assert (group.group_id, group.topics[0].name, group.topics[0].partition_indexes) == ("g", "t", (3, 4))


@pytest.mark.parametrize("version", [0, 1])
def test_create_topics_got_validate_only_and_error_messages(version: int) -> None:
    body = TOPIC + struct.pack(">ihiii", 2, 1, 0, 0, 1500) + (b"\1" if version else b"")
    refused = create_topics.CreatableTopicResult(
        name="t", topic_id=None, error_code=ErrorCode.topic_already_exists, error_message="no", configs=()
    )

    request = read(CREATE_TOPICS, version, body)
    data = written(CREATE_TOPICS, version, create_topics.CreateTopicsResponse(throttle_time=NO_TIME, topics=(refused,)))

    (topic,) = request.topics
    assert (topic.name, topic.num_partitions, topic.replication_factor) == ("t", 2, 1)
    assert (request.timeout, request.validate_only) == (timedelta(milliseconds=1500), bool(version))
    assert data == TOPIC + struct.pack(">h", 36) + (b"\0\2no" if version else b"")


def test_delete_topics_0_is_answered_without_throttle_time() -> None:
    request = read(DELETE_TOPICS, 0, TOPIC + struct.pack(">i", 1500))
    gone = delete_topics.DeletableTopicResult(name="t", topic_id=None, error_code=ErrorCode.none, error_message=None)

    data = written(
        DELETE_TOPICS, 0, delete_topics.DeleteTopicsResponse(throttle_time=NO_TIME, responses=(gone,)), request
    )

    assert [each.name for each in request.topics] == ["t"]
    assert data == TOPIC + b"\0\0"


@pytest.mark.parametrize("version", [0, 1])
def test_offset_for_leader_epoch_got_the_epoch_into_its_answer(version: int) -> None:
    request = read(EPOCH, version, TOPIC + struct.pack(">iii", 1, 3, 8))
    end = offset_for_leader_epoch.EpochEndOffset(error_code=ErrorCode.none, partition=3, leader_epoch=7, end_offset=42)
    topic = offset_for_leader_epoch.OffsetForLeaderTopicResult(topic="t", partitions=(end,))

    data = written(
        EPOCH, version, offset_for_leader_epoch.OffsetForLeaderEpochResponse(throttle_time=NO_TIME, topics=(topic,))
    )

    (partition,) = request.topics[0].partitions
    assert (request.replica_id, partition.partition, partition.current_leader_epoch, partition.leader_epoch) == (
        -2, 3, -1, 8,
    )  # fmt: skip
    assert data == TOPIC + struct.pack(">ihi", 1, 0, 3) + (struct.pack(">i", 7) if version else b"") + struct.pack(
        ">q", 42
    )


def test_write_txn_markers_0_is_not_flexible() -> None:
    body = struct.pack(">iqhb", 1, 7, 2, 1) + TOPIC + struct.pack(">iii", 1, 3, 11)
    partition = write_txn_markers.WritableTxnMarkerPartitionResult(partition_index=3, error_code=ErrorCode.none)
    topic = write_txn_markers.WritableTxnMarkerTopicResult(name="t", partitions=(partition,))
    result = write_txn_markers.WritableTxnMarkerResult(producer_id=7, topics=(topic,))

    (marker,) = read(WRITE_TXN_MARKERS, 0, body).markers
    data = written(WRITE_TXN_MARKERS, 0, write_txn_markers.WriteTxnMarkersResponse(markers=(result,)))

    assert (marker.producer_id, marker.producer_epoch, marker.transaction_result) == (7, 2, True)
    assert (marker.topics[0].partition_indexes, marker.coordinator_epoch) == ((3,), 11)
    assert data == struct.pack(">iq", 1, 7) + TOPIC + struct.pack(">iih", 1, 3, 0)


@pytest.mark.parametrize(("source", "is_default"), [(5, b"\1"), (1, b"\0")])
def test_describe_configs_0_distinguishes_defaults_from_the_rest(source: int, is_default: bytes) -> None:
    request = read(DESCRIBE_CONFIGS, 0, struct.pack(">ib", 1, 2) + b"\0\1t" + struct.pack(">i", -1))
    config = describe_configs.DescribeConfigsResourceResult(
        name="k", value="v", read_only=False, config_source=source, is_sensitive=True, synonyms=(), documentation=None
    )
    result = describe_configs.DescribeConfigsResult(
        error_code=ErrorCode.none, error_message=None, resource_type=2, resource_name="t", configs=(config,)
    )

    data = written(
        DESCRIBE_CONFIGS, 0, describe_configs.DescribeConfigsResponse(throttle_time=NO_TIME, results=(result,))
    )

    assert (request.resources[0].configuration_keys, request.include_synonyms) == (None, False)
    assert data == (struct.pack(">iihh", 0, 1, 0, -1) + b"\2\0\1t" + b"\0\0\0\1\0\1k\0\1v" + b"\0" + is_default + b"\1")


def test_moves_and_descriptions_of_directories_look_as_they_did_later() -> None:
    dirs = read(ALTER_DIRS, 0, b"\0\0\0\1\0\2/a" + TOPIC + struct.pack(">ii", 1, 3)).dirs
    assert [(each.path, each.topics[0].name, each.topics[0].partitions) for each in dirs] == [("/a", "t", (3,))]
    assert read(DESCRIBE_DIRS, 0, b"\xff\xff\xff\xff").topics is None


@pytest.mark.parametrize("version", [0, 1])
def test_alter_partition_named_topics_before_it_had_their_ids(version: int) -> None:
    recovery = b"\1" if version else b""
    body = struct.pack(">iq", 1, 9) + b"\2\2t\2" + struct.pack(">ii", 3, 8) + b"\3" + struct.pack(">ii", 1, 2)
    body += recovery + struct.pack(">i", 4) + b"\0\0\0"
    request = read(ALTER_PARTITION, version, b"\0" + body)
    changed = alter_partition.PartitionData(
        partition_index=3, error_code=ErrorCode.ineligible_replica, leader_id=1, leader_epoch=8, isr=(1,),
        partition_epoch=5,
    )  # fmt: skip
    response = alter_partition.AlterPartitionResponse(
        throttle_time=NO_TIME,
        error_code=ErrorCode.none,
        topics=(alter_partition.TopicData(topic_id=None, partitions=(changed,)),),
    )

    data = written(ALTER_PARTITION, version, response, request)

    (topic,) = request.topics
    (partition,) = topic.partitions
    assert (topic.topic_name, partition.partition_index, partition.leader_recovery_state) == ("t", 3, version)
    assert [each.broker_id for each in partition.new_isr_with_epochs] == [1, 2]
    operation_not_attempted = 55
    assert (
        data
        == b"\0"
        + struct.pack(">ih", 0, 0)
        + b"\2\2t\2"
        + struct.pack(">ihii", 3, operation_not_attempted, 1, 8)
        + b"\2"
        + struct.pack(">i", 1)
        + (b"\0" if version else b"")
        + struct.pack(">i", 5)
        + b"\0\0\0"
    )


def test_acls_0_know_no_pattern_types() -> None:
    nobody = struct.pack(">h", -1)
    described = read(29, 0, b"\2\0\1t" + nobody * 2 + b"\3\3")
    created = read(30, 0, b"\0\0\0\1" + b"\2\0\1t\0\1p\0\1h\3\3")
    deleted = read(31, 0, b"\0\0\0\1" + b"\2\0\1t" + nobody * 2 + b"\3\3")

    assert (described.resource_type_filter, described.resource_name_filter, described.pattern_type_filter) == (
        2,
        "t",
        3,
    )
    (creation,) = created.creations
    assert (creation.resource_name, creation.principal, creation.resource_pattern_type) == ("t", "p", 3)
    assert [each.pattern_type_filter for each in deleted.filters] == [3]
