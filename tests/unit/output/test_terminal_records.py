"""Records as a terminal shows them."""

from types import SimpleNamespace
from typing import Any

import pytest

from pykafka_cli.output.terminal_records import TerminalFormatter, shown_at_terminal


def shown(*records: Any, is_colored: bool = True, **properties: str) -> bytes:
    return TerminalFormatter(properties, width=40, is_colored=is_colored).render("t", 0, records)


def record(key: bytes | None, value: bytes | None = b"v") -> Any:
    return SimpleNamespace(offset=6, timestamp=1, timestamp_type=0, headers=[], key=key, value=value)


def test_records_with_the_same_key_have_the_same_color() -> None:
    first, second, third = shown(record(b"a"), record(b"b"), record(b"a")).splitlines()

    assert first == third != second
    assert first.startswith(b"\x1b[")
    assert first.endswith(b"mv\x1b[0m")


def test_without_a_key_or_colors_it_is_the_text_of_the_script() -> None:
    assert shown(record(None)) == b"v\n"
    assert shown(record(b"a", None), is_colored=False, **{"print.key": "true"}) == b"a\tnull\n"


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("größer\tx".encode(), "größer\tx".encode()),
        (b'{"a":1}', b'{"a":1}'),
        (b'{"name":"longer than the terminal is wide"}', b'{\n  "name": "longer than the terminal is wide"\n}'),
        (b"{longer than the terminal is wide, but no JSON}", b"{longer than the terminal is wide, but no JSON}"),
        (b"\xff\0", b"0xff00"),
        (b"\x1b[2Jgone", b"0x1b5b324a676f6e65"),
        ("\x9b2J".encode(), b"0xc29b324a"),
        (b"\0" * 1025, b"0x" + b"00" * 1024 + b"... (1025 bytes)"),
    ],
)
def test_long_json_is_indented_and_what_is_no_text_is_in_hex(field: bytes, expected: bytes) -> None:
    assert shown_at_terminal(field, 40) == expected
