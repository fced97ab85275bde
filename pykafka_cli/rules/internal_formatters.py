"""Formatters for __consumer_offsets and __transaction_state: JSON as since Kafka 3.9, a text line under the old names.

JSON objects follow each other without line ends, as in the script. Records of another kind print nothing.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pykafka_cli.protocol.stored_messages import Schema
from pykafka_cli.rules import internal_topics as topics
from pykafka_cli.rules.internal_topics import version_of


class _KeyAndValue(Protocol):
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class JsonFormatter:
    """`{"key":{"version":..,"data":..},"value":{..}}`; an unknown version's data is "unknown"."""

    key: Schema
    value: Schema
    other_keys: Schema | None = None  # the other kind of record in the topic, which prints nothing

    def render(self, topic: str, partition: int, records: Sequence[_KeyAndValue]) -> bytes:  # noqa: ARG002
        return b"".join(map(self._object, records))

    def _object(self, record: _KeyAndValue) -> bytes:
        if record.key is not None and self.other_keys and version_of(record.key) in self.other_keys.versions:
            return b""
        document = {"key": self._part(self.key, record.key), "value": self._part(self.value, record.value)}
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False, default=_base64).encode()

    @staticmethod
    def _part(schema: Schema, data: bytes | None) -> dict[str, Any] | None:
        if data is None:
            return None
        fields = topics.read(schema, data)
        return {"version": version_of(data), "data": "unknown" if fields is None else fields}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass(frozen=True, slots=True)
class TextFormatter:
    """`key::value` as the coordinators' classes print themselves; a null value is NULL."""

    key: Schema
    value: Schema
    key_text: Callable[[dict[str, Any]], str]
    value_text: Callable[[dict[str, Any], dict[str, Any]], str]

    def render(self, topic: str, partition: int, records: Sequence[_KeyAndValue]) -> bytes:  # noqa: ARG002
        return b"".join(map(self._line, records))

    def _line(self, record: _KeyAndValue) -> bytes:
        if record.key is None or (key := topics.read(self.key, record.key)) is None:
            return b""
        if record.value is None:
            text = "NULL"
        elif (value := topics.read(self.value, record.value)) is None:
            text = f"unknown version {version_of(record.value)}"
        else:
            text = self.value_text(key, value)
        return f"{self.key_text(key)}::{text}\n".encode()


def _offset_text(_key: dict[str, Any], value: dict[str, Any]) -> str:
    epoch, expires = value.get("leaderEpoch", -1), value.get("expireTimestamp", -1)
    return (
        f"OffsetAndMetadata(offset={value['offset']}"
        f", leaderEpoch={'Optional.empty' if epoch < 0 else f'Optional[{epoch}]'}"
        f", metadata={value['metadata']}, commitTimestamp={value['commitTimestamp']}"
        f", expireTimestamp={'None' if expires < 0 else f'Some({expires})'})"
    )


def _group_text(key: dict[str, Any], value: dict[str, Any]) -> str:
    members = value["members"] or []
    protocol_type = value["protocolType"]
    return (
        f"GroupMetadata(groupId={key['group']}, generation={value['generation']}"
        f", protocolType={f'Some({protocol_type})' if protocol_type else 'None'}"
        f", currentState={'Stable' if members else 'Empty'}"
        f", members=HashMap({', '.join(_member_text(member, value['protocol']) for member in members)}))"
    )


def _member_text(member: dict[str, Any], protocol: str | None) -> str:
    instance, session = member.get("groupInstanceId"), member["sessionTimeout"]
    return (
        f"{member['memberId']} -> MemberMetadata(memberId={member['memberId']}"
        f", groupInstanceId={'None' if instance is None else f'Some({instance})'}"
        f", clientId={member['clientId']}, clientHost={member['clientHost']}, sessionTimeoutMs={session}"
        f", rebalanceTimeoutMs={member.get('rebalanceTimeout', session)}, supportedProtocols=List({protocol}))"
    )


def _transaction_text(key: dict[str, Any], value: dict[str, Any]) -> str:
    state = topics.TRANSACTION_STATES.get(value["transactionStatus"], str(value["transactionStatus"]))
    partitions = [
        f"{entry['topic']}-{partition}"
        for entry in value["transactionPartitions"] or []
        for partition in entry["partitionIds"]
    ]
    return (
        f"TransactionMetadata(transactionalId={key['transactionalId']}, producerId={value['producerId']}"
        f", producerEpoch={value['producerEpoch']}, txnTimeoutMs={value['transactionTimeoutMs']}, state={state}"
        f", pendingState=None, topicPartitions=HashSet({', '.join(partitions)})"
        f", txnStartTimestamp={value['transactionStartTimestampMs']}"
        f", txnLastUpdateTimestamp={value['transactionLastUpdateTimestampMs']})"
    )


INTERNAL_FORMATTERS: Mapping[str, JsonFormatter | TextFormatter] = {
    "org.apache.kafka.tools.consumer.OffsetsMessageFormatter": JsonFormatter(
        topics.OFFSET_COMMIT_KEY, topics.OFFSET_COMMIT_VALUE, other_keys=topics.GROUP_METADATA_KEY
    ),
    "org.apache.kafka.tools.consumer.GroupMetadataMessageFormatter": JsonFormatter(
        topics.GROUP_METADATA_KEY, topics.GROUP_METADATA_VALUE, other_keys=topics.OFFSET_COMMIT_KEY
    ),
    "org.apache.kafka.tools.consumer.TransactionLogMessageFormatter": JsonFormatter(
        topics.TRANSACTION_LOG_KEY, topics.TRANSACTION_LOG_VALUE
    ),
    "kafka.coordinator.group.GroupMetadataManager$OffsetsMessageFormatter": TextFormatter(
        topics.OFFSET_COMMIT_KEY,
        topics.OFFSET_COMMIT_VALUE,
        lambda key: f"[{key['group']},{key['topic']},{key['partition']}]",
        _offset_text,
    ),
    "kafka.coordinator.group.GroupMetadataManager$GroupMetadataMessageFormatter": TextFormatter(
        topics.GROUP_METADATA_KEY, topics.GROUP_METADATA_VALUE, lambda key: str(key["group"]), _group_text
    ),
    "kafka.coordinator.transaction.TransactionLog$TransactionLogMessageFormatter": TextFormatter(
        topics.TRANSACTION_LOG_KEY,
        topics.TRANSACTION_LOG_VALUE,
        lambda key: str(key["transactionalId"]),
        _transaction_text,
    ),
}
