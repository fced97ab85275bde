"""Decoders of kafka-dump-log: a record's key and value as text, or as the fields of Kafka's internal topics.

A decoder takes offset, key and value and returns the key and payload to print; None is not printed. Fields are shown as
JSON (java_json.py). Decoding errors are printed in place of the key or payload, in Kafka's words.

source  kafka.tools.DumpLogSegments, TransactionLog.formatRecordKeyAndValue, org.apache.kafka.tools.api
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pykafka_cli.java_hash import java_hash, scala_hash_set_order
from pykafka_cli.model import Offset
from pykafka_cli.protocol.java_strings import java_utf_8
from pykafka_cli.protocol.records.batch import CorruptRecords
from pykafka_cli.protocol.records.control import ControlType
from pykafka_cli.protocol.stored_messages import NO_MESSAGE, Field, Reader, Schema, UnreadableRecord, int16
from pykafka_cli.rules import internal_topics as topics
from pykafka_cli.rules.cluster_metadata import CONTROL_RECORDS, CONTROL_TYPES, METADATA_RECORDS, read_framed
from pykafka_cli.rules.java_json import json_text
from pykafka_cli.rules.remote_log_metadata import remote_log_metadata_text

Shown: TypeAlias = str | dict[str, Any] | None
Decoder: TypeAlias = Callable[[Offset, bytes | None, bytes | None], tuple[Shown, Shown]]
FieldDecoder: TypeAlias = Callable[[bytes], str]

DELETED = "<DELETE>"
DECODERS_PACKAGE = "org.apache.kafka.tools.api."
OLD_DECODERS_PACKAGE = "kafka.serializer."
_ANY_FIELD = Field("", int16)


class UnknownDecoder(LookupError):
    """The class is unknown."""


class Undecodable(ValueError):
    """Bytes that a decoder class rejects, which ends the dump."""


def text_of(shown: str | dict[str, Any]) -> str:
    return shown if isinstance(shown, str) else json_text(shown)


# Classes for keys or values.


def field_decoder(class_name: str) -> tuple[FieldDecoder, str]:
    """The decoder of a class name, and a notice about an old name.

    raises  UnknownDecoder
    """
    for package in (DECODERS_PACKAGE, OLD_DECODERS_PACKAGE):
        name = class_name.removeprefix(package)
        if class_name == package + name and name in _FIELD_DECODERS:
            is_old = package == OLD_DECODERS_PACKAGE
            notice = f"{class_name} is deprecated. Please use {DECODERS_PACKAGE}{name} instead" if is_old else ""
            return _FIELD_DECODERS[name], notice
    raise UnknownDecoder(class_name)


def _big_endian(name: str, layout: str) -> FieldDecoder:
    number = struct.Struct(layout)

    def decode(data: bytes) -> str:
        if len(data) < number.size:
            raise Undecodable(f"{name} needs {number.size} bytes, and there are {len(data)}")
        return str(number.unpack_from(data)[0])

    return decode


_FIELD_DECODERS: Mapping[str, FieldDecoder] = {
    "StringDecoder": java_utf_8,
    "IntegerDecoder": _big_endian("IntegerDecoder", ">i"),
    "LongDecoder": _big_endian("LongDecoder", ">q"),
    # Java prints the array's identity here; users want to see the data.
    "DefaultDecoder": java_utf_8,
}


@dataclass(frozen=True, slots=True)
class FieldsDecoder:
    """Decodes key and value with one decoder each."""

    key: FieldDecoder = java_utf_8
    value: FieldDecoder = java_utf_8

    def __call__(self, _offset: Offset, key: bytes | None, value: bytes | None) -> tuple[Shown, Shown]:
        return None if key is None else self.key(key), None if value is None else self.value(value)


# Kafka's own topics.


def consumer_offsets(offset: Offset, key: bytes | None, value: bytes | None) -> tuple[Shown, Shown]:
    """Records of __consumer_offsets."""
    if key is None:
        raise Undecodable(
            f"Failed to decode message at offset {offset} using offset topic decoder (message had a missing key)"
        )
    try:
        reader = Reader(key)
        kind = _version(reader, "key")
        if kind not in topics.CONSUMER_OFFSETS:
            return f"Unknown record type {kind} at offset {offset}, skipping.", None
        key_schema, value_schema = topics.CONSUMER_OFFSETS[kind]
        what = _message(key_schema, reader, kind, "key")
        if value is None:
            return {"type": str(kind), "data": what}, DELETED
        reader = Reader(value)
        version = _version(reader, "value")
        data = _message(value_schema, reader, version, "value")
    except UnreadableRecord as error:
        return f"Error at offset {offset}, skipping. {error}", None
    if value_schema is topics.GROUP_METADATA_VALUE and data["protocolType"] == "consumer":
        for member in data["members"]:
            member["subscription"] = _expanded(topics.CONSUMER_SUBSCRIPTION, member["subscription"])
            member["assignment"] = _expanded(topics.CONSUMER_ASSIGNMENT, member["assignment"])
    return {"type": str(kind), "data": what}, {"version": str(version), "data": data}


def _version(reader: Reader, of: str) -> int:
    try:
        return int(int16(reader, _ANY_FIELD))
    except UnreadableRecord:
        raise UnreadableRecord(f"Could not read version from {of}'s buffer.") from None


def _message(schema: Schema, reader: Reader, version: int, of: str) -> dict[str, Any]:
    try:
        return schema.read(reader, version)
    except UnreadableRecord as error:
        raise UnreadableRecord(
            f"Could not read record with version {version} from {of}'s buffer due to: {error}."
        ) from None


def _expanded(schema: Schema, data: bytes) -> dict[str, Any] | bytes:
    """A member's bytes decoded as consumers do; the bytes themselves if they are of another type."""
    reader = Reader(data)
    try:
        return schema.read(reader, int(int16(reader, _ANY_FIELD)))
    except UnreadableRecord:
        return data


def transaction_state(offset: Offset, key: bytes | None, value: bytes | None) -> tuple[Shown, Shown]:
    """Records of __transaction_state.

    raises  Undecodable
    """
    try:
        reader = Reader(key or b"")
        if (version := int(int16(reader, _ANY_FIELD))) not in topics.TRANSACTION_LOG_KEY.versions:
            return f"unknown::version={version}", None
        transactional_id = topics.TRANSACTION_LOG_KEY.read(reader, version)["transactionalId"]
        return f"transaction_metadata::transactionalId={transactional_id}", _transaction_text(value)
    except UnreadableRecord as error:
        reason = "it is truncated" if str(error) == NO_MESSAGE else error
        raise Undecodable(f"Record at offset {offset} is none of __transaction_state: {reason}") from None


def _transaction_text(value: bytes | None) -> str:
    if value is None:
        return DELETED
    reader = Reader(value)
    if (version := int(int16(reader, _ANY_FIELD))) not in topics.TRANSACTION_LOG_VALUE.versions:
        raise UnreadableRecord(f"Unknown version {version} from the transaction log message value")
    data = topics.TRANSACTION_LOG_VALUE.read(reader, version)
    if (status := data["transactionStatus"]) not in topics.TRANSACTION_STATES:
        raise UnreadableRecord(f"Unknown transaction state id {status} from the transaction status message")
    state = topics.TRANSACTION_STATES[status]
    partitions = data["transactionPartitions"] or [] if state != "Empty" else []
    names = list(dict.fromkeys((each["topic"], number) for each in partitions for number in each["partitionIds"]))
    # TopicPartition.hashCode; the script prints a hash set in its order.
    order = scala_hash_set_order(31 * (31 + number) + java_hash(topic) for topic, number in names)
    return (
        f"producerId:{data['producerId']},producerEpoch:{data['producerEpoch']},state={state}"
        f",partitions=[{','.join(f'{names[place][0]}-{names[place][1]}' for place in order)}]"
        f",txnLastUpdateTimestamp={data['transactionLastUpdateTimestampMs']}"
        f",txnTimeoutMs={data['transactionTimeoutMs']}"
    )


def cluster_metadata(offset: Offset, _key: bytes | None, value: bytes | None) -> tuple[Shown, Shown]:
    """Records of KRaft's __cluster_metadata and of its snapshots."""
    try:
        record = read_framed(METADATA_RECORDS, value)
    except UnreadableRecord as error:
        return None, f"Error at {offset}, skipping. {error}"
    return None, {"type": record.type, "version": record.version, "data": record.data}


def remote_log_metadata(offset: Offset, _key: bytes | None, value: bytes | None) -> tuple[Shown, Shown]:
    """Records of __remote_log_metadata."""
    try:
        return None, remote_log_metadata_text(value)
    except UnreadableRecord as error:
        return None, f"Error at offset {offset}, skipping. {error}"


# Control records.

_KEY_SIZE, _MARKER_SIZE = 4, 6


def control_record(key: bytes | None, value: bytes | None) -> dict[str, Any]:
    """Decode a control record: an object with one or two names.

    raises  CorruptRecords, in Kafka's words, when key or value cannot be read
    """
    if key is None or len(key) < _KEY_SIZE:
        raise CorruptRecords(
            "Invalid value size found for end control record key. Must have at least "
            f"{_KEY_SIZE} bytes, but found only {len(key or b'')}"
        )
    version, kind = struct.unpack_from(">hh", key)
    if version < 0:
        raise CorruptRecords(f"Invalid version found for control record: {version}. May indicate data corruption")
    if kind in (ControlType.ABORT, ControlType.COMMIT):
        return _end_of_transaction(ControlType(kind), value)
    if kind in CONTROL_RECORDS:
        name, schema = CONTROL_RECORDS[kind]
        try:
            return {name: schema.read(Reader(value or b""), 0)}
        except UnreadableRecord as error:
            raise CorruptRecords(str(error)) from None
    return {"controlType": f"{CONTROL_TYPES.get(kind, 'UNKNOWN')}({kind})"}


def _end_of_transaction(kind: ControlType, value: bytes | None) -> dict[str, Any]:
    if value is None or len(value) < _MARKER_SIZE:
        raise CorruptRecords(
            "Invalid value size found for end transaction marker. Must have at least "
            f"{_MARKER_SIZE} bytes, but found only {len(value or b'')}"
        )
    version, coordinator_epoch = struct.unpack_from(">hi", value)
    if version < 0:
        raise CorruptRecords(
            f"Invalid version found for end transaction marker: {version}. May indicate data corruption"
        )
    return {"endTxnMarker": kind.name, "coordinatorEpoch": coordinator_epoch}
