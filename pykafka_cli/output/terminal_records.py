"""Records for people at a terminal: a color for each key, long JSON indented, bytes in hex.

The columns are those of Kafka's formatter. Control characters are escaped.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from unicodedata import category

from pykafka_cli.model import ConsumedRecord
from pykafka_cli.rules.deserializers import Deserializer
from pykafka_cli.rules.formatters import DefaultFormatter

_COLORS = (32, 33, 34, 35, 36, 92, 93, 94, 95, 96)
"""SGR's foreground colors, without black, white and red, which stands for errors."""
_MOST_BYTES = 1024
"""Number of bytes shown of a binary field."""


class TerminalFormatter(DefaultFormatter):
    """Kafka's formatter, with its properties.

    width       columns of the terminal
    is_colored  whether to use colors; not if NO_COLOR is set
    """

    def __init__(self, properties: Mapping[str, str], *, width: int, is_colored: bool) -> None:
        super().__init__(properties)
        self._width = width
        self._is_colored = is_colored

    def render(self, topic: str, partition: int, records: Sequence[ConsumedRecord]) -> bytes:
        """raises    DeserializationError"""
        return b"".join([
            self._colored(record.key, super(TerminalFormatter, self).render(topic, partition, [record]))
            for record in records
        ])  # fmt: skip

    def _colored(self, key: bytes | None, text: bytes) -> bytes:
        line = text.removesuffix(self._line_separator)
        if key is None or not line or not self._is_colored:
            return text
        return b"\x1b[%dm%s\x1b[0m%s" % (_COLORS[zlib.crc32(key) % len(_COLORS)], line, text[len(line) :])

    def _texts(self, fields: list[bytes | None], deserialize: Deserializer | None) -> list[bytes]:
        texts = super()._texts(fields, deserialize)
        return [shown_at_terminal(text, self._width) for text in texts]


def shown_at_terminal(field: bytes, width: int) -> bytes:
    """A field as text: binary data in hex, and JSON indented if it is longer than `width`."""
    try:
        text = field.decode()
    except UnicodeDecodeError:
        return _hex(field)
    if any(category(sign) == "Cc" and sign not in "\n\t" for sign in text):
        return _hex(field)
    if text[:1] not in ("{", "[") or (len(text) < width and "\n" not in text):
        return field
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return field


def _hex(field: bytes) -> bytes:
    rest = b"" if len(field) <= _MOST_BYTES else b"... (%d bytes)" % len(field)
    return b"0x" + field[:_MOST_BYTES].hex().encode() + rest
