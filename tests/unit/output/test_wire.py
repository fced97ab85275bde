"""Messages on the wire as text and JSON."""

import io
import json
from typing import Any

import pytest

from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.output.wire import WirePrinter, record_document
from pykafka_cli.protocol.message_documents import WireHeader
from pykafka_cli.protocol.records.record import Record
from pykafka_cli.rules.wire_log import WireMessage

HEADER = WireHeader(3, 12, 5, "pk")


def printed(body: Any, *, took: float | None = None, **settings: bool) -> str:
    file = io.StringIO()
    WirePrinter(file, **settings).show(WireMessage(1.5, "b:9092", HEADER, took is not None, took, body, 120))
    return file.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "is_colored"), [(None, True), ("", True), ("1", False)])
def test_a_terminal_gets_colors_unless_no_color_is_set(
    no_color: str | None, is_colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    terminal = Terminal()

    WirePrinter(terminal).show(WireMessage(1.5, "b:9092", HEADER, False, None, {}, 120))

    assert ("\x1b[" in terminal.getvalue()) is is_colored


def test_a_request_is_a_line_with_its_fields_below() -> None:
    assert printed({"topics": [{"name": "t"}], "allowAutoTopicCreation": False}) == (
        "    1.500 → Metadata 12 #5  b:9092  120 bytes, client pk\n"
        "    topics: [{name: t}]\n"
        "    allowAutoTopicCreation: false\n"
    )


def test_a_response_has_its_time() -> None:
    assert printed({}, took=0.0042) == "    1.500 ← Metadata 12 #5  b:9092  4.2 ms, 120 bytes\n"


def test_what_cannot_be_decoded_says_why() -> None:
    assert printed("Metadata 99 cannot be decoded here").endswith("\n    (Metadata 99 cannot be decoded here)\n")


def test_long_lists_are_folded() -> None:
    topics = [{"name": f"topic-{number}", "partitions": list(range(40))} for number in range(20)]

    folded, whole = printed({"topics": topics}), printed({"topics": topics}, is_folded=False)

    assert "      - name: topic-0\n" in folded
    assert "      ... 15 more\n" in folded
    assert whole.count("- name:") == 20
    assert max(map(len, whole.splitlines())) <= 200


def test_json_is_an_object_per_line() -> None:
    (line,) = printed({"a": 1}, took=0.001, as_json=True).splitlines()

    assert json.loads(line) == {
        "seconds": 1.5,
        "address": "b:9092",
        "type": "response",
        "api": "Metadata",
        "version": 12,
        "correlation_id": 5,
        "client_id": "pk",
        "milliseconds": 1.0,
        "bytes": 120,
        "body": {"a": 1},
        "error": None,
    }


@pytest.mark.parametrize(("value", "shown"), [(b"v", "v"), (b"\xff\x00", "0xff00"), (None, None)])
def test_records_are_text_or_hex(value: bytes | None, shown: str | None) -> None:
    found = record_document(Record(Offset(3), Timestamp(7), b"k", value, (("h", b"1"),)))

    assert found == {"offset": 3, "timestamp": 7, "key": "k", "value": shown, "headers": {"h": "1"}}
