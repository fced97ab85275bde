import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.rules.line_readers import (
    BadReaderProperties,
    LineReader,
    LineReaderSettings,
    LineSplitter,
    RecordBlock,
)


def reader(**properties: str) -> LineReader:
    return LineReader(
        LineReaderSettings.from_properties({key.replace("_", "."): value for key, value in properties.items()})
    )


def split(*chunks: bytes) -> list[bytes]:
    splitter = LineSplitter()
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.finish()


# ---- lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\n\nb\n", [b"a", b"", b"b"]),
        (b"a\r\nb\rc\n\r\n", [b"a", b"b", b"c", b""]),
        (b"a\n\r", [b"a", b""]),
        (b"  blanks kept  \x0b\x0c\x1c\n", [b"  blanks kept  \x0b\x0c\x1c"]),
        ("Grüße, 世界 ✓\u2028x\x85\n".encode(), ["Grüße, 世界 ✓\u2028x\x85".encode()]),
        (b"bad \xff\xfe\n", "bad \ufffd\ufffd".encode().splitlines()),
        (b"cut \xe4\xb8", ["cut \ufffd".encode()]),
    ],
)
def test_lines_end_where_java_ends_them(text: bytes, lines: list[bytes]) -> None:
    assert split(text) == lines


@given(st.lists(st.sampled_from([b"\r", b"\n", b"x", b"\xc3\xa9", b"\xff"]), max_size=12).map(b"".join), st.data())
def test_lines_are_the_same_however_the_bytes_arrive(text: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    chunks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert split(*chunks) == split(text)


def test_an_empty_line_behind_a_line_end_that_arrived_in_two_parts_is_a_line() -> None:
    assert split(b"a\r", b"\n", b"\n") == [b"a", b""]


def test_a_line_comes_out_as_soon_as_its_end_is_there() -> None:
    splitter = LineSplitter()

    assert splitter.feed(b"one\r") == [b"one"]
    assert splitter.feed(b"\ntwo") == []
    assert splitter.feed(b"\n") == [b"two"]
    assert splitter.finish() == []


# ---- records


def test_without_properties_the_line_is_the_value() -> None:
    block, bad = reader().read([b"a\tb", b""])

    assert (block, bad) == (RecordBlock(1, [b"a\tb", b""]), None)


def test_the_key_ends_at_the_first_separator() -> None:
    block, bad = reader(parse_key="true", key_separator=":").read([b"a:1", b"b:2:3", b":empty key", b"empty value:"])

    assert bad is None
    assert list(block.keys or ()) == [b"a", b"b", b"", b"empty value"]
    assert list(block.values) == [b"1", b"2:3", b"empty key", b""]
    assert block.headers is None


def test_a_separator_may_be_several_characters_or_none() -> None:
    two, _ = reader(parse_key="true", key_separator="::").read([b"x:y::z"])
    none, _ = reader(parse_key="true", key_separator="").read([b"whole"])

    assert (list(two.keys or ()), list(two.values)) == ([b"x:y"], [b"z"])
    assert (list(none.keys or ()), list(none.values)) == ([b""], [b"whole"])


def test_a_line_without_separator_ends_the_reading_after_the_records_before_it() -> None:
    lines = reader(parse_key="true", key_separator=":")
    lines.read([b"k:v"])

    block, bad = lines.read([b"ok:sent", b"nosep", b"ok:never sent"])

    assert (list(block.keys or ()), list(block.values)) == ([b"ok"], [b"sent"])
    assert str(bad) == "No key separator found on line number 3: 'nosep'"


def test_errors_can_be_ignored() -> None:
    block, bad = reader(parse_key="true", key_separator=":", ignore_error="true").read([b"with:key", b"without"])

    assert bad is None
    assert (list(block.keys or ()), list(block.values)) == ([b"with", None], [b"key", b"without"])


def test_headers_come_before_the_key() -> None:
    block, bad = reader(parse_headers="true", parse_key="true").read([b"h1:v1,h2:v:2\tkey\tvalue\tend", b"h:\tk\t"])

    assert bad is None
    assert block.headers == [[("h1", b"v1"), ("h2", b"v:2")], [("h", b"")]]
    assert list(block.keys or ()) == [b"key", b"k"]
    assert list(block.values) == [b"value\tend", b""]


def test_headers_without_keys_leave_the_keys_out() -> None:
    block, _ = reader(parse_headers="true").read([b"h1:v1,h1:v2\tplain\tvalue"])

    assert block == RecordBlock(1, [b"plain\tvalue"], None, [[("h1", b"v1"), ("h1", b"v2")]])


def test_the_separator_of_headers_is_an_expression() -> None:
    properties = {
        "parse.headers": "true",
        "headers.separator": "[;,]",
        "headers.key.separator": "=",
        "headers.delimiter": "|",
    }
    block, _ = LineReader(LineReaderSettings.from_properties(properties)).read([b"a=1;b=2,c=3|v"])

    assert block.headers == [[("a", b"1"), ("b", b"2"), ("c", b"3")]]


def test_the_null_marker_stands_for_null_in_every_field() -> None:
    lines = reader(parse_headers="true", parse_key="true", null_marker="NULL")
    block, bad = lines.read([b"NULL\tk\tno headers", b"h:NULL\tk\tNULL", b"h:1\tNULL\tv"])

    assert bad is None
    assert block.headers == [[], [("h", None)], [("h", b"1")]]
    assert block.keys == [b"k", b"k", None]
    assert block.values == [b"no headers", None, b"v"]
    assert reader(null_marker="NULL").read([b"NULL", b"x"])[0].values == [None, b"x"]


@pytest.mark.parametrize(
    ("properties", "line", "message"),
    [
        ({}, b"no delimiter here", "No headers delimiter found on line number 1: 'no delimiter here'"),
        ({}, b"h1\tvalue", "No header key separator found in pair 'h1' on line number 1"),
        ({"parse_key": "true"}, b"h1:v\tno key", "No key separator found on line number 1: 'h1:v\tno key'"),
        ({"parse_key": "true"}, b"h1\tno key", "No key separator found on line number 1: 'h1\tno key'"),
        (
            {"null_marker": "NULL"},
            b"NULL:x\tvalue",
            "Header keys should not be equal to the null marker 'NULL' as they can't be null",
        ),
    ],
)
def test_a_bad_header_part_is_named_in_the_scripts_words(properties: dict[str, str], line: bytes, message: str) -> None:
    block, bad = reader(parse_headers="true", **properties).read([line])

    assert list(block.values) == []
    assert str(bad) == message


def test_ignored_errors_in_headers_keep_what_is_there() -> None:
    block, bad = reader(parse_headers="true", ignore_error="true").read([b"h1\tvalue", b"plain line", b"\t\tx"])

    assert bad is None
    assert block.headers == [[("h1", None)], [], [("", None)]]
    assert block.values == [b"value", b"plain line", b"\tx"]


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"headers.delimiter": ","}, "headers.delimiter and headers.separator may not be equal"),
        ({"headers.delimiter": ":"}, "headers.delimiter and headers.key.separator may not be equal"),
        ({"headers.separator": ":"}, "headers.separator and headers.key.separator may not be equal"),
        ({"null.marker": "\t"}, "null.marker and key.separator may not be equal"),
        ({"null.marker": ","}, "null.marker and headers.separator may not be equal"),
        ({"null.marker": "|", "headers.delimiter": "|"}, "null.marker and headers.delimiter may not be equal"),
        ({"null.marker": ":"}, "null.marker and headers.key.separator may not be equal"),
    ],
)
def test_separators_must_differ(properties: dict[str, str], message: str) -> None:
    with pytest.raises(BadReaderProperties) as raised:
        LineReaderSettings.from_properties(properties)

    assert str(raised.value) == message


def test_only_true_switches_a_property_on() -> None:
    assert LineReaderSettings.from_properties({"parse.key": " TRUE "}).parse_key
    assert not LineReaderSettings.from_properties({"parse.key": "yes", "nosuch": "1"}).parse_key
