"""Records in `pk expect`: their fields as texts, and whether they count."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pykafka_cli.model import ConsumedRecord, Offset, TopicPartition
from pykafka_cli.rules.deserializers import DeserializationError, Deserializer

_MOST_SHOWN = 200
_MOST_BYTES = 40


class Came(NamedTuple):
    """A record for reports. Key and value are texts, or in hex if they are not text."""

    partition: TopicPartition
    offset: Offset
    key: str | None
    value: str | None
    headers: tuple[tuple[str, str | None], ...]

    @property
    def place(self) -> str:
        return f"{self.partition}, offset {self.offset}"


class Texts:
    """Converts fields to texts, with a deserializer if given, otherwise from UTF-8."""

    def __init__(self, key: Deserializer | None = None, value: Deserializer | None = None) -> None:
        self._key, self._value = key, value

    def key(self, record: ConsumedRecord) -> str | None:
        """raises    DeserializationError"""
        return _text(record.key, self._key)

    def value(self, record: ConsumedRecord) -> str | None:
        """raises    DeserializationError"""
        return _text(record.value, self._value)

    def came(self, partition: TopicPartition, record: ConsumedRecord) -> Came:
        headers = tuple((name, _readable(value, None)) for name, value in record.headers)
        key, value = _readable(record.key, self._key), _readable(record.value, self._value)
        return Came(partition, record.offset, key, value, headers)


def _text(data: bytes | None, deserialize: Deserializer | None) -> str | None:
    if data is None:
        return None
    return (data if deserialize is None else deserialize(data)).decode(errors="replace")


def _readable(data: bytes | None, deserialize: Deserializer | None) -> str | None:
    try:
        return None if data is None else (data if deserialize is None else deserialize(data)).decode()
    except (UnicodeDecodeError, DeserializationError):
        return in_hex(data or b"")


def in_hex(data: bytes) -> str:
    """`hex:00 0a ff`, shortened, with the number of bytes."""
    rest = f" ... ({len(data)} bytes)" if len(data) > _MOST_BYTES else ""
    return f"hex:{data[:_MOST_BYTES].hex(' ')}{rest}"


def quoted(text: str | None) -> str:
    """A text for people: in quotes, on one line, shortened, without control characters."""
    if text is None:
        return "null"
    if text.startswith("hex:"):
        return text
    return shortened("".join(_visible(sign) for sign in json.dumps(text, ensure_ascii=False)))


def shortened(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}... ({len(text)} characters)"


def _visible(sign: str) -> str:
    return sign if sign.isprintable() else f"\\u{ord(sign):04x}"


class Filter(NamedTuple):
    """Selects records that count: with this key, all of these headers, and a value that matches the expression.

    headers    None means any value; a header that is given twice must occur twice
    """

    key: str | None = None
    headers: tuple[tuple[str, str | None], ...] = ()
    value: re.Pattern[str] | None = None
    expression: str = ""
    """The expression for the value, as given."""

    @property
    def words(self) -> str:
        """` with key "k"`; empty if all records count."""
        parts = [f"key {quoted(self.key)}"] if self.key is not None else []
        parts += [f"header {_header(*each)}" for each in self.headers]
        parts += [f"a value that matches {quoted(self.expression)}"] if self.value is not None else []
        return f" with {', '.join(parts)}" if parts else ""

    def problem(self, record: ConsumedRecord, texts: Texts) -> str:
        """Why a record does not count; empty if it does."""
        try:
            if self.key is not None and texts.key(record) != self.key:
                return "with another key"
            if (missing := _missing_header(self.headers, record.headers)) is not None:
                return f"without header {missing}"
            if self.value is not None:
                text = texts.value(record)
                if text is None or not self.value.search(text):
                    return f"with a value that does not match {quoted(self.expression)}"
        except DeserializationError as error:
            return f"that cannot be deserialized ({error})"
        return ""


def _missing_header(
    wanted: Sequence[tuple[str, str | None]], headers: Sequence[tuple[str, bytes | None]]
) -> str | None:
    """The first missing header; None if all are present."""
    if not wanted:
        return None
    there = Counter((name, _text(value, None)) for name, value in headers)
    names = Counter(name for name, _ in headers)
    for name, value in wanted:
        if value is None and not names[name]:
            return name
        if value is not None:
            if not there[name, value]:
                return _header(name, value)
            there[name, value] -= 1
    return None


def _header(name: str, value: str | None) -> str:
    return name if value is None else f"{name}={value}"


def parse_header(word: str) -> tuple[str, str | None]:
    """Parse `NAME=VALUE`, or `NAME` for any value."""
    name, equals, value = word.partition("=")
    return name, value if equals else None
