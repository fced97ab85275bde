"""Consumed records as documents, with all fields of each: a JSON object per line, or a stream of YAML documents.

    {"topic":"t","partition":0,"offset":6,"timestamp":1700000000123,"timestamp_type":"CreateTime",
     "headers":[{"key":"h","value":"v"}],"key":"k","value":"v"}

Keys and values are texts, decoded as UTF-8 or by a deserializer; invalid UTF-8 becomes U+FFFD, as in Java. Missing
fields are null.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pykafka_cli.model import ConsumedRecord
from pykafka_cli.output.documents import as_json_line, as_yaml_document

Deserialize = Callable[[bytes], bytes] | None
"""Converts a field to the bytes of its text; None if they are the text."""

_TIMESTAMP_TYPES = {0: "CreateTime", 1: "LogAppendTime"}


class RecordDocuments:
    """Prints records as the console consumer's formatters do (rules.formatters.Formatter)."""

    def __init__(self, key: Deserialize, value: Deserialize, header: Deserialize, *, is_yaml: bool) -> None:
        self._key, self._value, self._header = key, value, header
        self._write = as_yaml_document if is_yaml else as_json_line

    def render(self, topic: str, partition: int, records: Sequence[ConsumedRecord]) -> bytes:
        """raises    DeserializationError"""
        return "".join([self._write(self._document(topic, partition, record)) for record in records]).encode()

    def _document(self, topic: str, partition: int, record: ConsumedRecord) -> dict[str, Any]:
        kind = record.timestamp_type
        return {
            "topic": topic,
            "partition": partition,
            "offset": record.offset,
            "timestamp": None if kind is None else record.timestamp,
            "timestamp_type": None if kind is None else _TIMESTAMP_TYPES[kind],
            "headers": [{"key": name, "value": _text(value, self._header)} for name, value in record.headers],
            "key": _text(record.key, self._key),
            "value": _text(record.value, self._value),
        }


def _text(field: bytes | None, deserialize: Deserialize) -> str | None:
    if field is None:
        return None
    return (field if deserialize is None else deserialize(field)).decode(errors="replace")
