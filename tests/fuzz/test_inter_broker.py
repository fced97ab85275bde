"""Whatever a broker may say to another survives the wire, and no part of a message passes for a whole one."""

import dataclasses
import io
import typing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kio.schema.errors import ErrorCode
from kio.serial import entity_reader, entity_writer
from kio.serial.errors import SerialError

from pykafka_cli.protocol import inter_broker
from pykafka_cli.protocol.api_keys import APIS

WIDTHS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}


def primitives(kafka_type: str, annotation: object) -> st.SearchStrategy:
    if kafka_type in WIDTHS:
        half = 1 << (WIDTHS[kafka_type] - 1)
        return st.integers(-half, half - 1)
    nullable = type(None) in typing.get_args(annotation)
    # kio reads the zero UUID as None and a null string only where the schema allows it
    match kafka_type:
        case "bool":
            return st.booleans()
        case "error_code":
            return st.sampled_from(ErrorCode)
        case "uuid":
            return st.none() | st.uuids()
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    return st.none() | text if nullable else text


def entities(entity: type) -> st.SearchStrategy:
    members = {}
    for field in dataclasses.fields(entity):
        is_array = typing.get_origin(field.type) is tuple
        if "kafka_type" not in field.metadata:
            element = entities(typing.get_args(field.type)[0])
        else:
            element = primitives(field.metadata["kafka_type"], field.type)
        members[field.name] = st.lists(element, max_size=3).map(tuple) if is_array else element
    return st.builds(entity, **members)


messages = st.sampled_from(
    [
        inter_broker.load(key, version, kind)
        for key in (4, 5, 6, 7)
        for version in range(APIS[key].newest + 1)
        for kind in ("request", "response")
    ]
).flatmap(entities)


def encoded(value: Any) -> bytes:
    written = io.BytesIO()
    entity_writer(type(value))(written, value)
    return written.getvalue()


@given(messages)
def test_what_is_written_is_read_back(value: Any) -> None:
    data = encoded(value)

    assert entity_reader(type(value))(data, 0) == (value, len(data))


@given(messages, st.data())
def test_a_message_cut_short_is_rejected(value: Any, data: st.DataObject) -> None:
    whole = encoded(value)
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]

    with pytest.raises(SerialError):
        entity_reader(type(value))(part, 0)
