"""Requests and responses as documents for people: Kafka's field names, no secrets, records summed up or read.

    {"topics": [{"name": "orders", "partitions": [...]}], "allowAutoTopicCreation": false}

Field names are those of Kafka's message definitions. Durations are milliseconds, times are ISO 8601, ids are base64 as
Kafka writes them. What is secret by its field or by the config that it is of is replaced.
"""

import base64
import datetime
import uuid
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from pykafka_cli.protocol.api_keys import APIS, ApiKey
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.codec import read_request_header, schema_of
from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.hot_path.wire import Cursor
from pykafka_cli.protocol.message_reading import message_reader
from pykafka_cli.protocol.records.batch import BatchHeader, CorruptRecords, walk
from pykafka_cli.protocol.records.record import Record, records_in

SECRET = "(secret)"
_SECRET_FIELDS = frozenset({"auth_bytes", "hmac", "salt", "salted_password"})
_SECRET_WORDS = ("password", "secret", "jaas", "credential", "keystore.certificate", "truststore.certificates")
_NAMES = ("config_name", "name", "key")
"""Fields that name the config beside them; the first that there is."""
_SECRET_ENDS = (".key", ".token")
_RESPONSE_HEADER = 4

ShowRecord = Callable[[Record], Any]
"""What a record is shown as."""


class WireHeader(NamedTuple):
    """The header of a request and of its response."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None

    @property
    def api(self) -> str:
        """ListOffsets for 2; the number of an API that is not known here."""
        return api_title(self.api_key)


def api_title(key: int) -> str:
    return APIS[key].title if key in APIS else f"Api{key}"


def read_header(frame: Buffer) -> WireHeader:
    """raises    ProtocolError"""
    found = read_request_header(memoryview(frame))
    return WireHeader(found.api_key, found.api_version, found.correlation_id, found.client_id)


def request_document(frame: Buffer, show_record: ShowRecord | None = None) -> dict[str, Any]:
    """The body of a request, given whole but for its length.

    raises    ProtocolError where it cannot be read
    """
    data = memoryview(frame)
    header = read_request_header(data)
    schema = _schema(header.api_key, header.api_version, "request")
    position = _after_tags(data, header.position) if schema.__flexible__ else header.position
    return document(message_reader(schema)(data, position), show_record)


def response_message(frame: Buffer, of: WireHeader) -> tuple[Any, int]:
    """A response, and where its body begins in the frame, which is whole but for its length.

    raises    ProtocolError
    """
    data = memoryview(frame)
    schema = _schema(of.api_key, of.api_version, "response")
    is_tagged = schema.__flexible__ and of.api_key != ApiKey.API_VERSIONS
    position = _after_tags(data, _RESPONSE_HEADER) if is_tagged else _RESPONSE_HEADER
    return message_reader(schema)(data, position), position


def response_document(frame: Buffer, of: WireHeader, show_record: ShowRecord | None = None) -> dict[str, Any]:
    """raises    ProtocolError where it cannot be read"""
    message, _ = response_message(frame, of)
    return document(message, show_record)


def _schema(key: int, version: int, kind: str) -> Any:
    """raises    ProtocolError for what nobody here can read"""
    try:
        return schema_of(key, version, kind)
    except Exception as error:  # kio raises several types
        raise ProtocolError(f"{api_title(key)} {version} cannot be decoded here") from error


def _after_tags(data: memoryview, position: int) -> int:
    try:
        cursor = Cursor(data, position)
        cursor.tags()
    except (IndexError, ValueError) as error:
        raise ProtocolError("a header that ends too early") from error
    return cursor.position


# ---- values


def document(message: Any, show_record: ShowRecord | None = None, *, is_of_secret: bool = False) -> dict[str, Any]:
    """The fields of a message of kio's, without those that are null.

    is_of_secret    whether it belongs to a config whose value nobody should see, such as a synonym of one
    """
    found = {}
    is_of_secret = is_of_secret or _is_of_secret(message)
    for each in fields(message):
        value = getattr(message, each.name)
        if value is None:
            continue
        if each.name in _SECRET_FIELDS or (each.name == "value" and is_of_secret):
            value = SECRET
        elif each.name == "records":
            value = _records(value, show_record)
        elif each.name == "api_key":
            value = api_title(value)
        name = _camel(each.name)
        if isinstance(value, datetime.timedelta) and not name.endswith("Ms"):
            name += "Ms"  # kio leaves the unit to the type
        found[name] = _plain(value, show_record, is_of_secret=is_of_secret)
    return found


def _is_of_secret(entry: Any) -> bool:
    """Whether a config entry is one whose value nobody should see."""
    name = next((str(getattr(entry, each)) for each in _NAMES if hasattr(entry, each)), "").lower()
    is_named = name.endswith(_SECRET_ENDS) or any(word in name for word in _SECRET_WORDS)
    return is_named or bool(getattr(entry, "is_sensitive", False))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _plain(value: Any, show_record: ShowRecord | None, *, is_of_secret: bool) -> Any:
    if is_dataclass(value):
        return document(value, show_record, is_of_secret=is_of_secret)
    if isinstance(value, tuple | list):
        return [_plain(each, show_record, is_of_secret=is_of_secret) for each in value]
    return next((convert(value) for kind, convert in _CONVERSIONS.items() if isinstance(value, kind)), value)


def _milliseconds(value: datetime.timedelta) -> int:
    return value // datetime.timedelta(milliseconds=1)


def _base64_id(value: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(value.bytes).decode().rstrip("=")


_CONVERSIONS: Mapping[type, Callable[[Any], Any]] = {
    bool: bool,
    IntEnum: lambda value: value.name.upper(),
    datetime.timedelta: _milliseconds,
    datetime.datetime: lambda value: value.isoformat(),
    uuid.UUID: _base64_id,
    bytes: lambda value: f"({len(value)} bytes)",
    memoryview: lambda value: f"({len(value)} bytes)",
    int: int,
    float: float,
    str: str,
}
"""By type, the first that fits."""


def _batch(header: BatchHeader) -> dict[str, Any]:
    found: dict[str, Any] = {
        "baseOffset": int(header.base_offset),
        "records": header.record_count,
        "bytes": header.size,
        "compression": header.compression.name.lower(),
    }
    if header.has_producer_id:
        found |= {
            "producerId": int(header.producer_id),
            "producerEpoch": int(header.producer_epoch),
            "baseSequence": header.base_sequence,
        }
    flags = {"isTransactional": header.is_transactional, "isControl": header.is_control}
    return found | {name: True for name, is_set in flags.items() if is_set}


def _records(value: Any, show_record: ShowRecord | None) -> Any:
    """Batches by their headers, and their records if they are to be shown."""
    data = bytes(value)
    batches = []
    try:
        for _, header in walk(data):
            batches.append(_batch(header))
        if show_record is None:
            return batches
        return {"batches": batches, "records": [show_record(each) for each in records_in(data)]}
    except (CorruptRecords, ValueError) as error:
        return f"({len(data)} bytes that are no whole batch: {error})"
