r"""Formats records by a template, with the letters of kcat's -f.

%t topic    %p partition    %o offset    %T timestamp in ms    %h headers, as name=value,name=value
%k key      %s value        %K, %S length in bytes, -1 for null    %R length of the value, 4 bytes, big-endian
%% percent sign    \n \r \t \\ \xHH
"""

import re
import struct
from collections.abc import Callable, Sequence

from pykafka_cli.model import ConsumedRecord
from pykafka_cli.rules.deserializers import Deserializer

_PIECE = re.compile(r"%(?P<token>.?)|\\(?:x(?P<hex>[0-9A-Fa-f]{1,2})|(?P<escape>.?))|[^%\\]+", re.DOTALL)
_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\"}
_LENGTH = struct.Struct(">i")
_NO_TIMESTAMP = -1

Field = Callable[[str, int, ConsumedRecord], bytes]


class BadTemplate(ValueError):
    """A template with an unknown letter; the message names it."""


class Template:
    """Prints records as the console consumer's formatters do (rules.formatters.Formatter)."""

    def __init__(self, template: str, key: Deserializer | None = None, value: Deserializer | None = None) -> None:
        """raises    BadTemplate"""
        self._pieces = [_piece(found, key, value) for found in _PIECE.finditer(template)]

    def render(self, topic: str, partition: int, records: Sequence[ConsumedRecord]) -> bytes:
        """raises    DeserializationError"""
        return b"".join([
            piece if isinstance(piece, bytes) else piece(topic, partition, record)
            for record in records
            for piece in self._pieces
        ])  # fmt: skip


def _piece(found: "re.Match[str]", key: Deserializer | None, value: Deserializer | None) -> bytes | Field:
    if found["hex"]:
        return bytes([int(found["hex"], 16)])
    if (escape := found["escape"]) is not None:
        if escape not in _ESCAPES:
            raise BadTemplate(rf"\{escape} is not one of \n, \r, \t, \\ and \xHH")
        return _ESCAPES[escape]
    if (token := found["token"]) is None:
        return found[0].encode()
    if token == "%":
        return b"%"
    if token not in (fields := _fields(key, value)):
        raise BadTemplate(f"%{token} is not one of {', '.join(f'%{letter}' for letter in fields)} and %%")
    return fields[token]


def _fields(key: Deserializer | None, value: Deserializer | None) -> dict[str, Field]:
    return {
        "t": lambda topic, _partition, _record: topic.encode(),
        "p": lambda _topic, partition, _record: b"%d" % partition,
        "o": lambda _topic, _partition, record: b"%d" % record.offset,
        "T": lambda _topic, _partition, record: (
            b"%d" % (_NO_TIMESTAMP if record.timestamp is None else record.timestamp)
        ),
        "k": lambda _topic, _partition, record: _text(record.key, key),
        "K": lambda _topic, _partition, record: b"%d" % _length(record.key),
        "s": lambda _topic, _partition, record: _text(record.value, value),
        "S": lambda _topic, _partition, record: b"%d" % _length(record.value),
        "R": lambda _topic, _partition, record: _LENGTH.pack(_length(record.value)),
        "h": lambda _topic, _partition, record: _headers(record.headers),
    }


def _text(field: bytes | None, deserialize: Deserializer | None) -> bytes:
    if field is None:
        return b""
    return field if deserialize is None else deserialize(field)


def _length(field: bytes | None) -> int:
    return -1 if field is None else len(field)


def _headers(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    return b",".join(b"%s=%s" % (name.encode(), b"NULL" if value is None else value) for name, value in headers)
