"""Lines of JSON as records to send."""

from types import SimpleNamespace
from typing import Any

import pytest

from pykafka_cli.model import Timestamp
from pykafka_cli.output.record_documents import RecordDocuments
from pykafka_cli.rules.json_lines import InputRecord, JsonReader, in_one_line, is_unfinished, parse_record


def test_what_was_consumed_is_what_is_produced() -> None:
    consumed: Any = SimpleNamespace(
        offset=6, timestamp=1_700_000_000_123, timestamp_type=0, key="ä".encode(), value=b'{"a":"\\n"}\n',
        headers=[("h", b"1"), ("h", None)],
    )  # fmt: skip
    line = RecordDocuments(None, None, None, is_yaml=False).render("t", 2, [consumed])

    assert parse_record(line) == InputRecord(
        "ä".encode(), b'{"a":"\\n"}\n', [("h", b"1"), ("h", None)], 2, Timestamp(1_700_000_000_123)
    )


@pytest.mark.parametrize(
    ("line", "record"),
    [
        (b"{}", InputRecord(None, None, [], None, None)),
        (b'{"value":{"a": [1, null]},"key":5}', InputRecord(b"5", b'{"a":[1,null]}', [], None, None)),
        (b'{"headers":{"a":"x","b":null}}', InputRecord(None, None, [("a", b"x"), ("b", None)], None, None)),
        (b'{"timestamp":null,"offset":7,"topic":"other"}', InputRecord(None, None, [], None, None)),
    ],
)
def test_members_may_be_missing_or_values(line: bytes, record: InputRecord) -> None:
    assert parse_record(line) == record


@pytest.mark.parametrize(
    "line",
    [
        b"text", b"[]", b'{"partition":-1}', b'{"partition":true}', b'{"timestamp":"now"}', b'{"timestamp":1.5}',
        b'{"headers":5}', b'{"headers":[{"value":"x"}]}', b'{"value":"\\ud800"}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_record_is_rejected(line: bytes) -> None:
    with pytest.raises(ValueError):
        parse_record(line)


def test_a_bad_line_is_named_and_those_before_it_are_kept() -> None:
    reader = JsonReader()
    reader.read([b'{"value":"a"}'])

    records, bad = reader.read([b"", b'{"value":"b"}', b"c", b'{"value":"d"}'])

    assert [(number, record.value) for number, record in records] == [(3, b"b")]
    assert str(bad).startswith("line 4: not JSON: ")


@pytest.mark.parametrize("text", ["{", '{"a":', '{"a": 1,', '{"a": {\n"b": 1}', "[", '{\n"a": 1\n'])
def test_a_document_without_its_end_continues(text: str) -> None:
    assert is_unfinished(text)


@pytest.mark.parametrize("text", ["", " ", "{}", '{"a": 1}', "}", "typo", '{"a" 1', "{'a': 1}", "[" * 100_000 + "x"])
def test_what_is_whole_or_wrong_does_not_continue(text: str) -> None:
    assert not is_unfinished(text)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('{\n  "a": 1\n}\n{"b":\n2}', '{   "a": 1 }\n{"b": 2}'),
        ('typo\n{\n"a": 1}', 'typo\n{ "a": 1}'),
        ('{"a": 1}\n{', '{"a": 1}\n{'),
        ("", ""),
    ],
)
def test_each_document_gets_a_line(text: str, lines: str) -> None:
    assert in_one_line(text) == lines
