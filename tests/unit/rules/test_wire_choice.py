"""What follows --show-wire=, and records by console-consumer's formatters."""

import pytest

from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.protocol.records.record import Record
from pykafka_cli.rules.wire_choice import BadWireChoice, formatted, parse_choice
from pykafka_cli.rules.wire_log import WireFilter

DEFAULT = "org.apache.kafka.tools.consumer.DefaultMessageFormatter"
PACKAGE = "org.apache.kafka.common.serialization"
RECORD = Record(Offset(3), Timestamp(7), b"\0\0\0\x05", b"v", (("h", b"1"),))


def test_words_select_and_say_how() -> None:
    found = parse_choice("json,full,Fetch,produce,topic=orders,topic=bills")

    assert found.only == WireFilter(frozenset({"fetch", "produce"}), frozenset({"orders", "bills"}))
    assert (found.is_json, found.is_folded, found.has_records) == (True, False, False)
    assert parse_choice("records").has_records
    assert parse_choice(f"formatter={DEFAULT}").has_records


@pytest.mark.parametrize("text", ["", "nonsense", "json,,full", "topic=", "formatter=x.Y", "formatter="])
def test_a_word_that_selects_nothing_is_rejected(text: str) -> None:
    with pytest.raises(BadWireChoice):
        parse_choice(text)


def test_a_record_is_shown_as_the_formatter_prints_it() -> None:
    properties = {"print.key": "true", "key.deserializer": f"{PACKAGE}.IntegerDeserializer", "print.headers": "true"}

    assert formatted(DEFAULT, properties)(RECORD) == "h:1\t5\tv"


def test_a_record_that_the_formatter_cannot_print_says_why() -> None:
    shown = formatted(DEFAULT, {"value.deserializer": f"{PACKAGE}.LongDeserializer"})(RECORD)

    assert shown == "(Size of data received by LongDeserializer is not 8)"
