"""Cases from reference runs of java.util.Properties.load; see also the property at the end."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.properties.grammar import (
    MalformedProperties,
    Property,
    read_properties,
    without_login,
    write_properties,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1", ("a", "1")),
        ("b : 2", ("b", "2")),
        ("c 3", ("c", "3")),
        ("g", ("g", "")),
        ("m=a=b:c", ("m", "a=b:c")),
        ("  lead = x", ("lead", "x")),
        ("trail=x  ", ("trail", "x  ")),
        ("hash=a#b", ("hash", "a#b")),
        ("key\\ with\\=both = 1", ("key with=both", "1")),
        ("key.separator=\\t", ("key.separator", "\t")),
        ("q=\\q\\\\", ("q", "q\\")),
        ("u=\\u00e9\\u0041", ("u", "éA")),
        ("pair=\\ud83d\\ude00", ("pair", "😀")),
        ("form\f=\fx", ("form", "x")),
        ("two = = x", ("two", "= x")),
        ("=only", ("", "only")),
        ("end=x\\", ("end", "x")),
    ],
)
def test_one_line_gives_key_and_value(text: str, expected: tuple[str, str]) -> None:
    assert [(p.key, p.value) for p in read_properties(text.encode("iso-8859-1"))] == [expected]


def test_the_byte_order_mark_of_a_windows_editor_is_dropped() -> None:
    assert read_properties(b"\xef\xbb\xbfa=1\r\nb=2\r\n") == [Property("a", "1", 1), Property("b", "2", 2)]


def test_bytes_are_latin_1() -> None:
    assert read_properties(b"name=caf\xe9")[0].value == "café"


def test_comments_and_blank_lines_are_dropped_but_counted() -> None:
    assert read_properties(b"# one\r\n\r\n! two\\\na=1\r \t\nb=2") == [Property("a", "1", 4), Property("b", "2", 6)]


def test_a_continued_line_loses_the_next_ones_leading_blanks_and_keeps_its_own_number() -> None:
    assert read_properties(b"list=a,\\\n    b,\\\r\n\t# c\nnext=1\n") == [
        Property("list", "a,b,# c", 1),
        Property("next", "1", 4),
    ]


def test_an_even_number_of_backslashes_does_not_continue() -> None:
    assert read_properties(b"a=x\\\\\nb=1") == [Property("a", "x\\", 1), Property("b", "1", 2)]


def test_both_assignments_of_a_repeated_key_are_returned_in_order() -> None:
    assert [p.value for p in read_properties(b"a=1\na=2")] == ["1", "2"]


def test_a_short_unicode_escape_is_rejected_with_its_line() -> None:
    with pytest.raises(MalformedProperties, match=re.escape("line 2: malformed \\uXXXX escape: \\u12")):
        read_properties(b"a=1\nb=\\u12")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_rejected_as_malformed(data: bytes) -> None:
    try:
        found = read_properties(data)
    except MalformedProperties:
        return
    assert all(1 <= p.line <= data.count(b"\n") + data.count(b"\r") + 1 for p in found)


# What UTF-16 cannot hold, half a surrogate pair, is no text.
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(values=st.dictionaries(texts, texts))
def test_what_is_written_is_read_back(values: dict[str, str]) -> None:
    written = write_properties(values)

    assert {each.key: each.value for each in read_properties(written.encode("ascii"))} == values


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("localhost:9092", "localhost:9092"),
        ("alice:a-secret@localhost:2181,localhost:2182/path", "[hidden]@localhost:2181,localhost:2182/path"),
        ("https://alice:a@sec/ret@localhost/token", "https://[hidden]@localhost/token"),
        ("a:1,alice:a-secret@localhost:2", "[hidden]@localhost:2"),
    ],
)
def test_the_login_of_an_address_is_not_shown(address: str, shown: str) -> None:
    assert without_login(address) == shown
