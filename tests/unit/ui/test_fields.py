"""Keys and values, shown and typed."""

import pytest

from pykafka_cli.ui.fields import SHOWN_AS, BadField, show_as, shown, typed


@pytest.mark.parametrize(
    ("form", "data", "text"),
    [
        ("auto", "ä".encode(), "ä"),
        ("auto", b"\xff\0", "ff 00"),
        ("text", b"\xff", "\ufffd"),
        ("hex", b"ab", "61 62"),
        ("base64", b"ab", "YWI="),
        ("Long", b"\xff" * 8, "-1"),
        ("Double", bytes.fromhex("3ff8000000000000"), "1.5"),
        ("Boolean", b"\1", "true"),
        ("Integer", b"abc", "61 62 63 (Size of data received by IntegerDeserializer is not 4)"),
    ],
)
def test_bytes_are_shown_as_chosen(form: str, data: bytes, text: str) -> None:
    assert show_as(form)(data) == text


def test_an_unknown_form_is_rejected() -> None:
    with pytest.raises(BadField):
        show_as("Avro")


@pytest.mark.parametrize(
    ("text", "form", "data"),
    [("ä", "text", "ä".encode()), ("FF 00", "hex", b"\xff\0"), ("/w\n==", "base64", b"\xff"), ("", "hex", b"")],
)
def test_texts_are_read_as_chosen(text: str, form: str, data: bytes) -> None:
    assert typed(text, form) == data


@pytest.mark.parametrize(("text", "form"), [("f", "hex"), ("a", "base64"), ("é", "base64"), ("1", "Long")])
def test_a_text_of_another_form_is_rejected(text: str, form: str) -> None:
    with pytest.raises(BadField):
        typed(text, form)


def test_bytes_come_along_where_the_text_is_not_all() -> None:
    assert shown("key", b"a", SHOWN_AS["auto"]) == {"key": "a"}
    assert shown("key", b"\xff", SHOWN_AS["auto"]) == {"key": "ff", "key_base64": "/w=="}
    assert shown("key", b"\1", SHOWN_AS["Boolean"]) == {"key": "true", "key_base64": "AQ=="}
    assert shown("key", None, SHOWN_AS["auto"]) == {"key": None}
