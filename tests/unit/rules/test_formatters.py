import struct
from dataclasses import dataclass, field

import pytest

from pykafka_cli.model import FIRST_OFFSET, Offset, Timestamp
from pykafka_cli.rules.deserializers import DeserializationError, UnknownDeserializer, deserializer
from pykafka_cli.rules.formatters import (
    DEPRECATED_FORMATTERS,
    DefaultFormatter,
    NoOpFormatter,
    UnknownFormatter,
    formatter,
)

SERIALIZATION = "org.apache.kafka.common.serialization."


SENT_AT = Timestamp(1700000000123)


@dataclass
class Record:
    value: bytes | None = b"v"
    key: bytes | None = None
    offset: Offset = FIRST_OFFSET
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    timestamp: Timestamp | None = SENT_AT
    timestamp_type: int | None = 0


def printed(*records: Record, **properties: str) -> bytes:
    settings = {name.replace("_", "."): value for name, value in properties.items()}
    return DefaultFormatter(settings).render("t", 3, records)


def test_by_default_each_value_is_a_line() -> None:
    assert (
        printed(Record(b"a"), Record(b""), Record(None), Record(b"two\nlines \xff")) == b"a\n\nnull\ntwo\nlines \xff\n"
    )


def test_columns_have_a_fixed_order_and_one_separator() -> None:
    records = [
        Record(b"value", b"key", Offset(6), [("h1", b"v1"), ("h2", b"v2")]),
        Record(None, None, Offset(7), timestamp_type=1),
        Record(b"v", b"", Offset(8), [("", None)], timestamp=None, timestamp_type=None),
    ]
    everything = dict.fromkeys(
        ["print_value", "print_key", "print_headers", "print_offset", "print_partition", "print_timestamp"], "true"
    )

    assert printed(*records, **everything) == (
        b"CreateTime:1700000000123\tPartition:3\tOffset:6\th1:v1,h2:v2\tkey\tvalue\n"
        b"LogAppendTime:1700000000123\tPartition:3\tOffset:7\tNO_HEADERS\tnull\tnull\n"
        b"NO_TIMESTAMP\tPartition:3\tOffset:8\t:null\t\tv\n"
    )


def test_separators_and_the_null_literal_can_be_chosen() -> None:
    text = printed(
        Record(None, b"k", headers=[("a", None), ("b", b"1")]),
        print_key="true", print_headers="true", key_separator=" | ", headers_separator=";", null_literal="<none>",
        line_separator="|\n",
    )  # fmt: skip

    assert text == b"a:<none>;b:1 | k | <none>|\n"


def test_without_columns_nothing_is_printed() -> None:
    assert printed(Record(), Record(), print_value="false") == b""


def test_other_columns_end_the_line_when_the_value_is_off() -> None:
    assert printed(Record(offset=Offset(4)), print_value="false", print_offset="true") == b"Offset:4\n"


def test_only_true_switches_a_column_on() -> None:
    assert printed(Record(key=b"k"), print_key="yes") == b"v\n"
    assert printed(Record(key=b"k"), print_key=" TRUE ") == b"k\tv\n"


def test_no_records_print_nothing() -> None:
    assert printed() == b""


def test_deserializers_turn_bytes_into_text() -> None:
    text = printed(
        Record(struct.pack(">q", 321), struct.pack(">i", -7), headers=[("n", struct.pack(">h", 5))]),
        print_key="true", print_headers="true",
        key_deserializer=SERIALIZATION + "IntegerDeserializer",
        value_deserializer=SERIALIZATION + "LongDeserializer",
        headers_deserializer=SERIALIZATION + "ShortDeserializer",
    )  # fmt: skip

    assert text == b"n:5\t-7\t321\n"


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("StringDeserializer", "Grüße".encode(), "Grüße".encode()),
        ("StringDeserializer", b"\xff", "\ufffd".encode()),
        ("LongDeserializer", b"\xff" * 8, b"-1"),
        ("DoubleDeserializer", b"@\x08\0\0\0\0\0\0", b"3.0"),
        ("FloatDeserializer", struct.pack(">f", 1.1), b"1.1"),
        ("BooleanDeserializer", b"\1", b"true"),
        ("BooleanDeserializer", b"\0", b"false"),
        ("UUIDDeserializer", b"3F2504E0-4F89-11D3-9A0C-0305E82C3301", b"3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
        ("BytesDeserializer", b"ab\0", rb"ab\x00"),
        ("ByteArrayDeserializer", b"ab\0", b"ab\0"),
        ("ByteBufferDeserializer", b"ab\0", b"ab\0"),
    ],
)
def test_each_deserializer_prints_what_its_class_returns(name: str, data: bytes, text: bytes) -> None:
    assert deserializer(SERIALIZATION + name, {}, is_key=False)(data) == text


def test_strings_have_an_encoding() -> None:
    decode = deserializer(
        SERIALIZATION + "StringDeserializer", {"key.deserializer.encoding": "ISO-8859-1"}, is_key=True
    )

    assert decode(b"\xe4") == "ä".encode()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("LongDeserializer", b"null", "Size of data received by LongDeserializer is not 8"),
        ("ShortDeserializer", b"", "Size of data received by ShortDeserializer is not 2"),
        ("BooleanDeserializer", b"\2", "Unexpected byte received by BooleanDeserializer: 2"),
        ("BooleanDeserializer", b"ab", "Size of data received by BooleanDeserializer is not 1"),
        ("UUIDDeserializer", b"x", "Error parsing data into UUID"),
        ("VoidDeserializer", b"x", "Data should be null for a VoidDeserializer."),
    ],
)
def test_bytes_that_do_not_fit_are_rejected_in_the_classes_words(name: str, data: bytes, message: str) -> None:
    with pytest.raises(DeserializationError) as raised:
        deserializer(SERIALIZATION + name, {}, is_key=False)(data)

    assert str(raised.value) == message


def test_an_unknown_encoding_is_an_error_of_the_record() -> None:
    decode = deserializer(SERIALIZATION + "StringDeserializer", {"deserializer.encoding": "nosuch"}, is_key=False)

    with pytest.raises(DeserializationError, match="unsupported encoding nosuch"):
        decode(b"x")


def test_an_unknown_deserializer_prints_the_bytes_and_is_remembered() -> None:
    default = DefaultFormatter({"value.deserializer": "foo.Bar"})

    assert default.render("t", 0, [Record(b"abc")]) == b"abc\n"
    assert default.unknown_deserializers == ["foo.Bar"]
    with pytest.raises(UnknownDeserializer, match="LongDeserializer"):
        deserializer("LongDeserializer", {}, is_key=False)


def test_properties_below_a_deserializers_name_configure_it() -> None:
    default = DefaultFormatter(
        {
            "value.deserializer": SERIALIZATION + "StringDeserializer",
            "value.deserializer.deserializer.encoding": "ISO-8859-1",
        }
    )

    assert default.render("t", 0, [Record(b"\xe4")]) == "ä\n".encode()


@pytest.mark.parametrize(
    "name", ["kafka.tools.LoggingMessageFormatter", "org.apache.kafka.tools.consumer.DefaultMessageFormatter"]
)
def test_formatters_go_by_their_class_names(name: str) -> None:
    assert formatter(name, {"print.key": "true"}).render("t", 0, [Record(key=b"k")]) == b"k\tv\n"


def test_the_no_op_formatter_prints_nothing() -> None:
    no_op = formatter("kafka.tools.NoOpMessageFormatter", {})

    assert isinstance(no_op, NoOpFormatter)
    assert no_op.render("t", 0, [Record()]) == b""


def test_every_old_name_has_a_formatter_under_both_names() -> None:
    names = [*DEPRECATED_FORMATTERS, *DEPRECATED_FORMATTERS.values()]

    assert all(formatter(name, {}) for name in names)


def test_another_class_is_unknown() -> None:
    with pytest.raises(UnknownFormatter, match=r"foo\.Bar"):
        formatter("foo.Bar", {})
