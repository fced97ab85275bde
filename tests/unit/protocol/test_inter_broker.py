"""The four inter-broker APIs against every frame of them that was recorded between Kafka's own brokers."""

import dataclasses
import gzip
import io
import json
import typing
import uuid
from pathlib import Path
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.serial import entity_reader, entity_writer

from pykafka_cli.protocol import inter_broker
from pykafka_cli.protocol.api_keys import APIS

VECTORS = Path(__file__).resolve().parents[2] / "vectors"


def recorded() -> list[dict[str, Any]]:
    found = []
    for path in sorted((VECTORS / "wire").glob("*.jsonl.gz")):
        with gzip.open(path, "rt") as lines:
            found += [line for line in map(json.loads, lines) if line.get("key") in (4, 5, 6, 7) and "hex" in line]
    return found


def header_and_message(line: dict[str, Any]) -> tuple[Any, Any, bytes]:
    body = bytes.fromhex(line["hex"])[4:]
    message = inter_broker.load(line["key"], line["v"], line["d"])
    header, position = entity_reader(message.__header_schema__)(body, 0)
    value, size = entity_reader(message)(body, position)
    assert position + size == len(body)
    return header, value, body


def test_all_706_recorded_frames_are_read_and_written_again_byte_for_byte() -> None:
    frames = recorded()

    for line in frames:
        header, value, body = header_and_message(line)
        written = io.BytesIO()
        entity_writer(type(header))(written, header)
        entity_writer(type(value))(written, value)
        assert written.getvalue() == body, line

    assert len(frames) == 706


def test_a_recorded_leader_and_isr_has_the_meaning_it_had() -> None:
    line = next(
        line for line in recorded() if line["key"] == 4 and line["d"] == "request" and b"placed".hex() in line["hex"]
    )

    _, request, _ = header_and_message(line)

    assert isinstance(request, inter_broker.LeaderAndIsrRequest)
    topic = next(topic for topic in request.topic_states if topic.topic_name == "placed")
    assert {state.partition_index for state in topic.partition_states} <= {0, 1}
    assert all(state.is_new and state.leader_epoch == 0 for state in topic.partition_states)
    assert request.controller_epoch == 1


ALL_VERSIONS = [
    (key, version, kind)
    for key in (4, 5, 6, 7)
    for version in range(APIS[key].newest + 1)
    for kind in ("request", "response")
]


@pytest.mark.parametrize(("key", "version", "kind"), ALL_VERSIONS)
def test_each_version_is_read_back_as_it_was_written(key: int, version: int, kind: str) -> None:
    message = inter_broker.load(key, version, kind)
    value = filled(message)

    written = io.BytesIO()
    entity_writer(message)(written, value)

    assert entity_reader(message)(written.getvalue(), 0) == (value, len(written.getvalue()))


def filled(entity: type) -> object:
    """One of everything, so that each field of a version takes part."""
    sample = {"string": "s", "bool": True, "error_code": ErrorCode.stale_broker_epoch, "uuid": uuid.UUID(int=7)}
    values = {}
    for field in dataclasses.fields(entity):
        is_array = typing.get_origin(field.type) is tuple
        if "kafka_type" in field.metadata:
            value = sample.get(field.metadata["kafka_type"], 3)
            values[field.name] = (value, value) if is_array else value
        else:
            values[field.name] = (filled(typing.get_args(field.type)[0]),)
    return entity(**values)


@pytest.mark.parametrize(
    ("key", "version", "has", "lacks"),
    [
        (4, 0, "ungrouped_partition_states", "broker_epoch"),
        (4, 1, "ungrouped_partition_states", "topic_states"),
        (4, 2, "topic_states", "ungrouped_partition_states"),
        (4, 6, "type", "is_kraft_controller"),
        (5, 0, "ungrouped_partitions", "topics"),
        (5, 2, "topics", "topic_states"),
        (5, 3, "topic_states", "delete_partitions"),
        (6, 4, "ungrouped_partition_states", "broker_epoch"),
        (6, 7, "topic_states", "type"),
        (7, 1, "broker_id", "broker_epoch"),
    ],
)
def test_a_version_has_its_own_fields_only(key: int, version: int, has: str, lacks: str) -> None:
    names = inter_broker.load(key, version, "request").__dataclass_fields__

    assert has in names
    assert lacks not in names


def test_the_very_first_controlled_shutdown_has_no_client_id_in_its_header() -> None:
    assert "client_id" not in inter_broker.load(7, 0, "request").__header_schema__.__dataclass_fields__
    assert "client_id" in inter_broker.load(7, 1, "request").__header_schema__.__dataclass_fields__


@pytest.mark.parametrize(("key", "version"), [(4, 8), (4, -1), (3, 0), (7, 4)])
def test_an_unknown_version_or_api_is_a_lookup_error(key: int, version: int) -> None:
    with pytest.raises(LookupError, match=f"API {key} in version {version}"):
        inter_broker.load(key, version, "request")
