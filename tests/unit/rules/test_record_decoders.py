"""Keys and values as kafka-dump-log shows them; tests/cli/test_dump_log.py has whole logs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.model import Offset
from pykafka_cli.protocol.records import CorruptRecords
from pykafka_cli.rules import record_decoders as decoders
from pykafka_cli.rules.java_json import json_text

OPTIONAL_BYTES = st.none() | st.binary(max_size=60)


def test_numbers_are_big_endian_and_what_is_left_over_is_not_looked_at() -> None:
    assert decoders.field_decoder("org.apache.kafka.tools.api.IntegerDecoder")[0](b"\xff\xff\xff\xfe\x01") == "-2"
    assert decoders.field_decoder("org.apache.kafka.tools.api.LongDecoder")[0](b"\0" * 7 + b"\x07") == "7"


def test_a_number_cut_short_is_rejected() -> None:
    decode, _ = decoders.field_decoder("kafka.serializer.LongDecoder")

    with pytest.raises(decoders.Undecodable, match="LongDecoder needs 8 bytes, and there are 3"):
        decode(b"abc")


def test_old_names_earn_a_notice() -> None:
    assert decoders.field_decoder("kafka.serializer.DefaultDecoder")[1] == (
        "kafka.serializer.DefaultDecoder is deprecated. Please use org.apache.kafka.tools.api.DefaultDecoder instead"
    )
    assert decoders.field_decoder("org.apache.kafka.tools.api.DefaultDecoder")[1] == ""


@pytest.mark.parametrize("name", ["", "StringDecoder", "com.example.Decoder", "kafka.serializer.Other"])
def test_other_classes_are_not_known(name: str) -> None:
    with pytest.raises(decoders.UnknownDecoder):
        decoders.field_decoder(name)


def test_json_is_written_as_jackson_writes_it() -> None:
    value = {"a": [None, True, 1], "b": b"\x01\x02\x03", "c": 1e7, "d": 'ä"\\u001f\x1f\n'}

    assert json_text(value) == r'{"a":[null,true,1],"b":"AQID","c":1.0E7,"d":"ä\"\\u001f\u001F\n"}'


@given(st.integers(), OPTIONAL_BYTES, OPTIONAL_BYTES)
def test_any_record_is_shown_or_rejected(offset: int, key: bytes | None, value: bytes | None) -> None:
    for decode in (
        decoders.consumer_offsets,
        decoders.transaction_state,
        decoders.cluster_metadata,
        decoders.remote_log_metadata,
    ):
        try:
            shown = decode(Offset(offset), key, value)
        except decoders.Undecodable:
            continue
        assert all(each is None or decoders.text_of(each) for each in shown)


@given(OPTIONAL_BYTES, OPTIONAL_BYTES)
def test_any_control_record_is_read_or_rejected(key: bytes | None, value: bytes | None) -> None:
    try:
        said = decoders.control_record(key, value)
    except CorruptRecords:
        return
    assert said
