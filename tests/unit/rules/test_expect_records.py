"""Which records count, and how their bytes are shown."""

import re
import struct

import pytest

from pykafka_cli.model import Offset
from pykafka_cli.rules.deserializers import deserializer
from pykafka_cli.rules.expect_records import Came, Filter, Texts, in_hex, parse_header, quoted
from tests.support.came_records import PARTITION, Record

LONG = deserializer("org.apache.kafka.common.serialization.LongDeserializer", {}, is_key=True)
PLAIN = Texts()


def matching(expression: str) -> Filter:
    return Filter(value=re.compile(expression), expression=expression)


@pytest.mark.parametrize(
    ("wanted", "record"),
    [
        (Filter(), Record(None)),
        (Filter(key="k"), Record(key=b"k")),
        (Filter(key=""), Record(key=b"")),
        (Filter(key="\ufffd"), Record(key=b"\xff")),
        (Filter(headers=(("h", "v"),)), Record(headers=[("h", b"u"), ("h", b"v")])),
        (Filter(headers=(("h", "v"), ("h", "v"))), Record(headers=[("h", b"v"), ("h", b"v")])),
        (Filter(headers=(("h", None),)), Record(headers=[("h", None)])),
        (Filter(headers=(("h", ""),)), Record(headers=[("h", b"")])),
        (matching("b+"), Record(b"abba")),
    ],
)
def test_a_record_that_counts(wanted: Filter, record: Record) -> None:
    assert wanted.problem(record, PLAIN) == ""


@pytest.mark.parametrize(
    ("wanted", "record", "problem"),
    [
        (Filter(key="k"), Record(key=b"K"), "with another key"),
        (Filter(key=""), Record(key=None), "with another key"),
        (Filter(headers=(("h", "v"),)), Record(headers=[("h", b"u"), ("i", b"v")]), "without header h=v"),
        (Filter(headers=(("h", "v"), ("h", "v"))), Record(headers=[("h", b"v")]), "without header h=v"),
        (Filter(headers=(("h", ""),)), Record(headers=[("h", None)]), "without header h="),
        (Filter(headers=(("h", None),)), Record(), "without header h"),
        (Filter(headers=(("", None),)), Record(), "without header "),
        (matching("^b"), Record(b"ab"), 'with a value that does not match "^b"'),
        (matching(""), Record(None), 'with a value that does not match ""'),
    ],
)
def test_a_record_that_does_not_count(wanted: Filter, record: Record, problem: str) -> None:
    assert wanted.problem(record, PLAIN) == problem


def test_keys_are_compared_as_their_deserializer_has_them() -> None:
    texts = Texts(key=LONG)

    assert Filter(key="7").problem(Record(key=struct.pack(">q", 7)), texts) == ""
    assert "that cannot be deserialized (Size of data" in Filter(key="7").problem(Record(key=b"7"), texts)


def test_what_is_kept_of_a_record() -> None:
    record = Record(b"\x00\xff", "k\u00e9y".encode(), [("h", b"v"), ("n", None)], Offset(9))

    assert PLAIN.came(PARTITION, record) == Came(
        PARTITION, Offset(9), "k\u00e9y", "hex:00 ff", (("h", "v"), ("n", None))
    )
    assert Texts(value=LONG).came(PARTITION, record).value == "hex:00 ff"
    assert PLAIN.came(PARTITION, record).place == "orders-0, offset 9"


def test_texts_are_shown_in_one_line_without_control_characters() -> None:
    assert quoted(None) == "null"
    assert quoted('a"\n\x1b[31m\x9b\u2028') == '"a\\"\\n\\u001b[31m\\u009b\\u2028"'
    assert quoted("x" * 300).endswith("x... (302 characters)")
    assert in_hex(bytes(50)) == f"hex:{'00 ' * 39}00 ... (50 bytes)"


def test_a_filter_says_what_counts() -> None:
    everything = Filter("k", (("h", "v"), ("i", None)), re.compile("x"), "x")

    assert everything.words == ' with key "k", header h=v, header i, a value that matches "x"'
    assert Filter().words == ""
    assert [parse_header(word) for word in ("h=v=w", "h=", "h")] == [("h", "v=w"), ("h", ""), ("h", None)]
