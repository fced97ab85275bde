"""Kafka's stored messages by tables; tests/cli/test_dump_log.py compares all tables with Kafka's own classes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.protocol.java_strings import java_utf_8
from pykafka_cli.protocol.stored_messages import (
    Field,
    Reader,
    Schema,
    UnreadableRecord,
    array,
    int8,
    int32,
    string,
    structure,
)
from pykafka_cli.rules.cluster_metadata import CONTROL_RECORDS, METADATA_RECORDS
from pykafka_cli.rules.internal_topics import CONSUMER_OFFSETS, CONSUMER_SUBSCRIPTION, TRANSACTION_LOG_VALUE

TAGGED = Schema(
    range(2), 0, (Field("name", string), Field("state", int8, tag=0, default=-1), Field("more", int8, first=1, tag=1))
)
SCHEMAS = [
    *(schema for pair in CONSUMER_OFFSETS.values() for schema in pair),
    *(schema for _, schema in [*METADATA_RECORDS.values(), *CONTROL_RECORDS.values()]),
    CONSUMER_SUBSCRIPTION,
    TRANSACTION_LOG_VALUE,
]


def test_a_tagged_field_is_there_only_when_it_was_sent_with_another_value_than_its_default() -> None:
    assert TAGGED.read(Reader(b"\x02a\x00"), 0) == {"name": "a"}
    assert TAGGED.read(Reader(b"\x02a\x01\x00\x01\x05"), 0) == {"name": "a", "state": 5}
    assert TAGGED.read(Reader(b"\x02a\x01\x00\x01\xff"), 0) == {"name": "a"}


def test_tags_that_are_not_known_are_skipped_and_those_of_later_versions_rejected() -> None:
    assert TAGGED.read(Reader(b"\x02a\x01\x09\x03xyz"), 0) == {"name": "a"}
    with pytest.raises(UnreadableRecord, match="Tag 1 is not valid for version 0"):
        TAGGED.read(Reader(b"\x02a\x01\x01\x01\x05"), 0)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "null"),
        (b"\xff\xff", "non-nullable field name was serialized as null"),
        (b"\x00\x05ab", "Error reading byte array of 5 byte\\(s\\): only 2 byte\\(s\\) available"),
        (
            b"\x00\x00\x00\x00\x00\x09",
            "Tried to allocate a collection of size 9, but there are only 0 bytes remaining.",
        ),
        (b"\x00\x00\xff\xff\xff\xff", "non-nullable field numbers was serialized as null"),
    ],
)
def test_what_cannot_be_read_is_reported_in_kafkas_words(data: bytes, said: str) -> None:
    schema = Schema(range(1), 1, (Field("name", string), Field("numbers", array(int32))))

    with pytest.raises(UnreadableRecord, match=f"^{said}$"):
        schema.read(Reader(data), 0)


def test_a_version_that_is_too_new_is_read_as_the_newest_unless_a_structure_rejects() -> None:
    inner = structure("Inner", Field("number", int8))
    schema = Schema(range(1), 9, (Field("number", int8), Field("inner", array(inner))))

    assert schema.read(Reader(b"\x07" + bytes(4)), 5) == {"number": 7, "inner": []}
    with pytest.raises(UnreadableRecord, match="Can't read version 5 of Inner"):
        schema.read(Reader(b"\x07\0\0\0\x01\x02"), 5)


@given(st.sampled_from(SCHEMAS), st.integers(0, 5), st.binary(max_size=200))
def test_any_bytes_are_read_or_rejected(schema: Schema, version: int, data: bytes) -> None:
    try:
        values = schema.read(Reader(data), version)
    except UnreadableRecord:
        return
    assert set(values) <= {field.name for field in schema.fields}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain \xc3\xa4", "plain ä"),
        (b"\xed\xa0\x80x", "\ufffdx"),
        (b"\xed\xa0x", "\ufffdx"),
        (b"\xed\xa0", "\ufffd"),
        (b"\xed\x20", "\ufffd "),
        (b"\xc0\x80", "\ufffd\ufffd"),
        (b"\xf0\x9f\x98", "\ufffd"),
    ],
)
def test_what_is_not_utf_8_becomes_as_many_marks_as_in_java(data: bytes, text: str) -> None:
    assert java_utf_8(data) == text
