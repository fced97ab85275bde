"""Keys and values in the form in which a page shows them, and in which they are typed into its fields."""

import base64
from collections.abc import Callable
from typing import Any

from pykafka_cli.rules.deserializers import DeserializationError, deserializer

Show = Callable[[bytes], str]

AUTO = "auto"
_NUMBERS_AND_SUCH = ("Short", "Integer", "Long", "Float", "Double", "Boolean", "UUID")


class BadField(ValueError):
    """The form is unknown, or a text does not have it."""


def _auto(data: bytes) -> str:
    """Text, or hex if it is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.hex(" ")


def _by_deserializer(name: str) -> Show:
    deserialize = deserializer(f"org.apache.kafka.common.serialization.{name}Deserializer", {}, is_key=False)

    def show(data: bytes) -> str:
        try:
            return deserialize(data).decode()
        except DeserializationError as problem:
            return f"{data.hex(' ')} ({problem})"

    return show


SHOWN_AS: dict[str, Show] = {
    AUTO: _auto,
    "text": lambda data: data.decode(errors="replace"),
    "hex": lambda data: data.hex(" "),
    "base64": lambda data: base64.b64encode(data).decode(),
    **{name: _by_deserializer(name) for name in _NUMBERS_AND_SUCH},
}
"""By the name that addresses contain."""

_READ_FROM: dict[str, Callable[[str], bytes]] = {
    "text": str.encode,
    "hex": bytes.fromhex,
    "base64": lambda text: base64.b64decode("".join(text.split()), validate=True),
}
TYPED_AS = tuple(_READ_FROM)


def show_as(name: str) -> Show:
    """raises    BadField"""
    if name not in SHOWN_AS:
        raise BadField(f"{name} is not one of {', '.join(SHOWN_AS)}")
    return SHOWN_AS[name]


def typed(text: str, form: str) -> bytes:
    """The bytes that a text describes.

    raises    BadField
    """
    if form not in _READ_FROM:
        raise BadField(f"{form} is not one of {', '.join(TYPED_AS)}")
    try:
        return _READ_FROM[form](text)
    except ValueError:
        raise BadField(f"{text[:40]} is not {form}") from None


def shown(name: str, data: bytes | None, show: Show) -> dict[str, Any]:
    """A key or value for a document; if its text does not contain all of it, the bytes in base64 as well."""
    if data is None:
        return {name: None}
    text = show(data)
    return {name: text} if text.encode() == data else {name: text, f"{name}_base64": base64.b64encode(data).decode()}
