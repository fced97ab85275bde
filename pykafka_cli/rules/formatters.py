r"""Formats records as console-consumer's formatters do.

A formatter gets records of one partition at a time and returns the bytes to print; one record that it cannot print
makes
the whole call fail, and the caller repeats it record by record (only deserializers can fail).

    CreateTime:1700000000123\tPartition:0\tOffset:6\th1:v1,h2:v2\tkey\tvalue\n

source  org.apache.kafka.tools.consumer.DefaultMessageFormatter and its neighbors
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pykafka_cli.model import ConsumedRecord
from pykafka_cli.rules.deserializers import Deserializer, UnknownDeserializer, deserializer
from pykafka_cli.rules.internal_formatters import INTERNAL_FORMATTERS
from pykafka_cli.rules.java_text import is_true


class Formatter(Protocol):
    """Prints records."""

    def render(self, topic: str, partition: int, records: Sequence[ConsumedRecord]) -> bytes:
        """The bytes to print for `records`. raises DeserializationError, UnreadableRecord"""


class UnknownFormatter(LookupError):
    """The formatter class is unknown; the message is its name."""


_TIMESTAMP_TYPES = {0: b"CreateTime:", 1: b"LogAppendTime:"}


class DefaultFormatter:
    """Columns of a record, chosen by properties; unknown properties are ignored."""

    def __init__(self, properties: Mapping[str, str]) -> None:
        self.unknown_deserializers: list[str] = []
        self._timestamp = is_true(properties.get("print.timestamp"))
        self._partition = is_true(properties.get("print.partition"))
        self._offset = is_true(properties.get("print.offset"))
        self._delivery = is_true(properties.get("print.delivery"))
        self._epoch = is_true(properties.get("print.epoch"))
        self._headers = is_true(properties.get("print.headers"))
        self._key = is_true(properties.get("print.key"))
        self._value = is_true(properties.get("print.value", "true"))
        self._separator = properties.get("key.separator", "\t").encode()
        self._line_separator = properties.get("line.separator", "\n").encode()
        self._headers_separator = properties.get("headers.separator", ",").encode()
        self._null = properties.get("null.literal", "null").encode()
        self.deserialize_key = self._deserializer(properties, "key.deserializer")
        self.deserialize_value = self._deserializer(properties, "value.deserializer")
        self.deserialize_header = self._deserializer(properties, "headers.deserializer")

    def _deserializer(self, properties: Mapping[str, str], key: str) -> Deserializer | None:
        name = properties.get(key)
        if name is None:
            return None
        prefix = key + "."
        config = {name[len(prefix) :]: value for name, value in properties.items() if name.startswith(prefix)}
        try:
            return deserializer(name, config, is_key=key.startswith("key"))
        except UnknownDeserializer:
            self.unknown_deserializers.append(name)  # the script reports it and prints the bytes
            return None

    def render(self, topic: str, partition: int, records: Sequence[ConsumedRecord]) -> bytes:  # noqa: ARG002
        columns: list[list[bytes]] = []
        if self._timestamp:
            columns.append([self._timestamp_of(record) for record in records])
        if self._partition:
            columns.append([b"Partition:%d" % partition] * len(records))
        if self._offset:
            columns.append([b"Offset:%d" % record.offset for record in records])
        if self._delivery:
            columns.append([self._delivery_of(record) for record in records])
        if self._epoch:
            columns.append([b"Epoch:NOT_PRESENT"] * len(records))  # Kafka's script loses it as well
        if self._headers:
            columns.append([self._headers_of(record.headers) for record in records])
        if self._key:
            columns.append(self._texts([record.key for record in records], self.deserialize_key))
        if self._value:
            columns.append(self._texts([record.value for record in records], self.deserialize_value))
        if not columns or not records:
            return b""
        if len(columns) == 1:
            return self._line_separator.join([*columns[0], b""])
        # One list of all parts, which takes three quarters of the time of joining each line first.
        width = 2 * len(columns)
        parts = [self._separator] * (width * len(records))
        for index, column in enumerate(columns):
            parts[2 * index :: width] = column
        parts[width - 1 :: width] = [self._line_separator] * len(records)
        return b"".join(parts)

    def _texts(self, fields: list[bytes | None], deserialize: Deserializer | None) -> list[bytes]:
        null = self._null
        # The deserializer gets the null literal's bytes for a null.
        texts = [null if field is None else field for field in fields]
        return texts if deserialize is None else list(map(deserialize, texts))

    def _timestamp_of(self, record: ConsumedRecord) -> bytes:
        kind = record.timestamp_type
        return b"NO_TIMESTAMP" if kind is None else b"%s%d" % (_TIMESTAMP_TYPES[kind], record.timestamp or 0)

    def _delivery_of(self, record: ConsumedRecord) -> bytes:
        """The delivery count in a share group; other groups have none."""
        count: int | None = getattr(record, "delivery_count", None)
        return b"Delivery:NOT_PRESENT" if count is None else b"Delivery:%d" % count

    def _headers_of(self, headers: Sequence[tuple[str, bytes | None]]) -> bytes:
        if not headers:
            return b"NO_HEADERS"
        values = self._texts([value for _, value in headers], self.deserialize_header)
        return self._headers_separator.join(
            b"%s:%s" % (name.encode(), value) for (name, _), value in zip(headers, values, strict=True)
        )


class NoOpFormatter:
    """Prints nothing; the records still count."""

    def render(self, topic: str, partition: int, records: Sequence[ConsumedRecord]) -> bytes:  # noqa: ARG002
        return b""


_TOOLS = "org.apache.kafka.tools.consumer."
# The class of each old name. The coordinators' keep their old text under the old name.
DEPRECATED_FORMATTERS: Mapping[str, str] = {
    "kafka.tools.DefaultMessageFormatter": _TOOLS + "DefaultMessageFormatter",
    "kafka.tools.LoggingMessageFormatter": _TOOLS + "LoggingMessageFormatter",
    "kafka.tools.NoOpMessageFormatter": _TOOLS + "NoOpMessageFormatter",
    "kafka.coordinator.group.GroupMetadataManager$OffsetsMessageFormatter": _TOOLS + "OffsetsMessageFormatter",
    "kafka.coordinator.group.GroupMetadataManager$GroupMetadataMessageFormatter": (
        _TOOLS + "GroupMetadataMessageFormatter"
    ),
    "kafka.coordinator.transaction.TransactionLog$TransactionLogMessageFormatter": (
        _TOOLS + "TransactionLogMessageFormatter"
    ),
}
DEFAULT_FORMATTER = _TOOLS + "DefaultMessageFormatter"
FORMATTERS = sorted(
    {*DEPRECATED_FORMATTERS.values(), *filter(lambda name: name.startswith(_TOOLS), INTERNAL_FORMATTERS)}
)
"""The classes of 3.9 and later."""


def formatter(name: str, properties: Mapping[str, str]) -> Formatter:
    """The formatter of a class name, new or old.

    raises  UnknownFormatter
    """
    if name in INTERNAL_FORMATTERS:
        return INTERNAL_FORMATTERS[name]
    match DEPRECATED_FORMATTERS.get(name, name).removeprefix(_TOOLS):
        # LoggingMessageFormatter also logs at INFO, which the scripts' own logging never shows.
        case "DefaultMessageFormatter" | "LoggingMessageFormatter":
            return DefaultFormatter(properties)
        case "NoOpMessageFormatter":
            return NoOpFormatter()
    raise UnknownFormatter(name)
