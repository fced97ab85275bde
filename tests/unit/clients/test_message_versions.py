"""Messages in other versions of their APIs."""

import importlib
import io
import pkgutil
import uuid
from dataclasses import fields, replace
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v1.response import MetadataResponse as OldMetadataResponse
from kio.schema.metadata.v1.response import (
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from kio.schema.metadata.v12.request import MetadataRequest, MetadataRequestTopic
from kio.schema.metadata.v12.response import MetadataResponse
from kio.serial import entity_writer

from pykafka_cli.clients.message_versions import as_type, in_version
from pykafka_cli.transport.messages import response_type_of

ASKED = {
    "metadata": 12,
    "describe_configs": 4,
    "list_offsets": 9,
    "delete_records": 2,
    "create_topics": 7,
    "create_partitions": 3,
    "describe_log_dirs": 4,
    "elect_leaders": 2,
    "incremental_alter_configs": 1,
    "describe_client_quotas": 1,
    "alter_client_quotas": 1,
}


def test_a_request_loses_what_an_older_version_does_not_have() -> None:
    request = MetadataRequest(
        topics=(MetadataRequestTopic(topic_id=uuid.uuid4(), name="t"),),
        allow_auto_topic_creation=False,
        include_topic_authorized_operations=True,
    )

    older = in_version(request, 4)

    assert type(older).__module__ == "kio.schema.metadata.v4.request"
    assert [topic.name for topic in older.topics] == ["t"]
    assert older.allow_auto_topic_creation is False
    assert in_version(request, 12) is request


def test_an_answer_gets_the_defaults_of_what_an_older_version_did_not_say() -> None:
    partition = MetadataResponsePartition(
        error_code=ErrorCode.none, partition_index=0, leader_id=1, replica_nodes=(1,), isr_nodes=(1,)
    )
    older = OldMetadataResponse(
        brokers=(MetadataResponseBroker(node_id=1, host="h", port=9092, rack=None),),
        controller_id=1,
        topics=(
            MetadataResponseTopic(error_code=ErrorCode.none, name="t", is_internal=False, partitions=(partition,)),
        ),
    )

    newest = as_type(older, MetadataResponse)

    assert newest.cluster_id is None
    assert newest.brokers[0].host == "h"
    assert newest.topics[0].topic_id is None
    assert newest.topics[0].partitions[0].leader_epoch == -1
    assert newest.topics[0].partitions[0].isr_nodes == (1,)


def versions_of(api: str) -> list[int]:
    package = importlib.import_module(f"kio.schema.{api}")
    return sorted(int(module.name.removeprefix("v")) for module in pkgutil.iter_modules(package.__path__))


@pytest.mark.parametrize(
    ("api", "version"),
    [(api, version) for api, newest in ASKED.items() for version in versions_of(api) if version <= newest],
)
def test_every_version_of_what_is_asked_can_be_made_and_written(api: str, version: int) -> None:
    newest = importlib.import_module(f"kio.schema.{api}.v{ASKED[api]}.request")
    request_type = next(kind for name, kind in vars(newest).items() if name.endswith("Request"))
    request = blank(request_type)

    other = in_version(request, version)

    entity_writer(type(other))(io.BytesIO(), other)
    answer = as_type(blank(response_type_of(type(other))), response_type_of(request_type))
    entity_writer(type(answer))(io.BytesIO(), answer)
    assert (type(other).__version__, type(answer).__version__) == (version, ASKED[api])


def blank(message_type: type[Any]) -> Any:
    """A message with nothing in it."""
    from pykafka_cli.clients.message_versions import _default

    made = message_type(**{field.name: _default(field)(None) for field in fields(message_type)})
    return replace(made)
