"""Messages as documents: Kafka's names, values that people read, and no secrets."""

import datetime
import io
import json
import uuid

import pytest
from kio.index import load_request_schema
from kio.schema.alter_user_scram_credentials.v0.request import (
    AlterUserScramCredentialsRequest,
    ScramCredentialUpsertion,
)
from kio.schema.api_versions.v0.response import ApiVersionsResponse
from kio.schema.errors import ErrorCode
from kio.schema.incremental_alter_configs.v1.request import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from kio.schema.metadata.v12.request import MetadataRequest, MetadataRequestTopic
from kio.schema.produce.v11.request import PartitionProduceData, ProduceRequest, TopicProduceData
from kio.schema.sasl_authenticate.v2.request import SaslAuthenticateRequest
from kio.schema.types import TopicName
from kio.serial import entity_writer
from kio.static.primitive import Records, i8, i16, i32, i32Timedelta

from pykafka_cli.model import Offset
from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.message_documents import (
    SECRET,
    WireHeader,
    document,
    read_header,
    request_document,
    response_document,
)
from pykafka_cli.protocol.records.record import Record, build_batch
from tests.support.vectors import FILES, frames

TOPIC_ID = uuid.UUID(int=1)


def test_fields_have_kafkas_names_and_null_is_left_out() -> None:
    request = MetadataRequest(
        topics=(MetadataRequestTopic(topic_id=TOPIC_ID, name=None),),
        allow_auto_topic_creation=False,
        include_topic_authorized_operations=False,
    )

    assert document(request) == {
        "topics": [{"topicId": "AAAAAAAAAAAAAAAAAAAAAQ"}],
        "allowAutoTopicCreation": False,
        "includeTopicAuthorizedOperations": False,
    }


def produce_request(records: bytes) -> ProduceRequest:
    return ProduceRequest(
        transactional_id=None,
        acks=i16(-1),
        timeout=i32Timedelta.parse(datetime.timedelta(milliseconds=1500)),
        topic_data=(
            TopicProduceData(
                name=TopicName("t"),
                partition_data=(PartitionProduceData(index=i32(0), records=Records(records)),),
            ),
        ),
    )


def test_records_are_summed_up_or_read() -> None:
    batch = bytes(build_batch([Record(Offset(0), 7, b"k", b"v"), Record(Offset(1), 8, None, b"w")]))
    request = produce_request(batch)

    summed_up = document(request)
    read = document(request, lambda record: (record.value or b"").decode())

    assert summed_up["timeoutMs"] == 1500
    (partition,) = summed_up["topicData"][0]["partitionData"]
    assert partition["records"] == [{"baseOffset": 0, "records": 2, "bytes": len(batch), "compression": "none"}]
    (partition,) = read["topicData"][0]["partitionData"]
    assert partition["records"]["records"] == ["v", "w"]


def test_records_that_are_none_are_only_counted() -> None:
    corrupt = bytearray(build_batch([Record(Offset(0), 7, b"k", b"v")]))
    corrupt[16] = 9  # there is no such format

    (partition,) = document(produce_request(bytes(corrupt)))["topicData"][0]["partitionData"]

    assert partition["records"].startswith(f"({len(corrupt)} bytes that are no whole batch: ")


@pytest.mark.parametrize(
    "message",
    [
        SaslAuthenticateRequest(auth_bytes=b"hidden-token"),
        AlterUserScramCredentialsRequest(
            deletions=(),
            upsertions=(
                ScramCredentialUpsertion(
                    name="u", mechanism=i8(1), iterations=i32(4096), salt=b"hidden", salted_password=b"hidden"
                ),
            ),
        ),
        IncrementalAlterConfigsRequest(
            resources=(
                AlterConfigsResource(
                    resource_type=i8(4),
                    resource_name="1",
                    configs=(AlterableConfig(name="ssl.key.password", config_operation=i8(0), value="hidden"),),
                ),
            ),
            validate_only=False,
        ),
    ],
)
def test_secrets_are_not_shown(message: object) -> None:
    shown = json.dumps(document(message))

    assert "hidden" not in shown
    assert SECRET in shown


def test_a_frame_is_read_by_its_header() -> None:
    schema = load_request_schema(3, 12)
    body = io.BytesIO()
    request = MetadataRequest(topics=None, allow_auto_topic_creation=True, include_topic_authorized_operations=False)
    entity_writer(schema)(body, request)
    frame = b"\x00\x03\x00\x0c\x00\x00\x00\x07\x00\x02pk\x00" + body.getvalue()

    assert read_header(frame) == WireHeader(3, 12, 7, "pk")
    assert read_header(frame).api == "Metadata"
    assert request_document(frame)["allowAutoTopicCreation"] is True


def test_a_response_is_read_in_the_version_of_its_request() -> None:
    body = io.BytesIO()
    entity_writer(ApiVersionsResponse)(body, ApiVersionsResponse(error_code=ErrorCode.none, api_keys=()))

    assert response_document(b"\0\0\0\7" + body.getvalue(), WireHeader(18, 0, 7, None)) == {
        "errorCode": "NONE",
        "apiKeys": [],
    }


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x00\x03\x00\x0c",
        b"\x7f\xff\x00\x00\x00\x00\x00\x01\xff\xff",
        b"\x00\x03\x00\x63\x00\x00\x00\x01\xff\xff\x00",
        b"\x00\x03\x00\x0c\x00\x00\x00\x07\xff\xff",
        b"\x00\x03\x00\x0c\x00\x00\x00\x07\xff\xff\x00\xff",
    ],
)
def test_what_cannot_be_read_is_an_error_of_the_protocol(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        request_document(frame)


@pytest.mark.parametrize("name", FILES)
def test_what_kafka_and_its_clients_have_sent_can_be_shown(name: str) -> None:
    requests: dict[tuple[str, int], WireHeader] = {}
    shown = 0
    for each in frames(name):
        frame = bytes.fromhex(each["hex"])[4:]
        if each["d"] == "request":
            header = requests[each["c"], each["id"]] = read_header(frame)
            assert (header.api, header.api_version) == (each["api"], each["v"])
            found = request_document(frame)
        else:
            request = requests.pop((each["c"], each["id"]), None)
            if request is None:
                continue  # it was sent before the recording began
            found = response_document(frame, request)
        shown += len(json.dumps(found)) > 0
    assert shown > 20
