"""What __consumer_offsets and __transaction_state hold, read for printing.

Every key and value begins with its version (int16, big-endian), followed by the fields of that version in the order of
the tables below; from `flexible` on, lengths are compact (unsigned varint of length + 1) and tagged fields end each
structure.

    key versions      0, 1  offset commit      2  group metadata          (__consumer_offsets)
                      0     transactional id                              (__transaction_state)

source  OffsetCommitKey, OffsetCommitValue, GroupMetadataKey, GroupMetadataValue, TransactionLogKey and
        TransactionLogValue of Kafka's message definitions
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

ANY = 1 << 15  # above every version


@dataclass(frozen=True, slots=True)
class Field:
    """One field and the versions that carry it, `first` up to `last`."""

    name: str
    read: Callable[["Reader"], Any]
    first: int = 0
    last: int = ANY


@dataclass(frozen=True, slots=True)
class Schema:
    """A structure: versions it knows, the first that is flexible (compact lengths, tagged fields), its fields."""

    versions: range
    flexible: int
    fields: tuple[Field, ...]


class UnreadableRecord(ValueError):
    """Bytes that are not what the topic should hold."""


class Reader:
    """Takes fields off one key or value, in order."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self.version = 0
        self.flexible = False

    def _take(self, count: int) -> bytes:
        taken = self._data[self._position : self._position + count]
        if count < 0 or len(taken) < count:
            raise UnreadableRecord(f"ends within a field at byte {self._position}")
        self._position += count
        return taken

    def int8(self) -> int:
        return int.from_bytes(self._take(1), "big", signed=True)

    def int16(self) -> int:
        return int.from_bytes(self._take(2), "big", signed=True)

    def int32(self) -> int:
        return int.from_bytes(self._take(4), "big", signed=True)

    def int64(self) -> int:
        return int.from_bytes(self._take(8), "big", signed=True)

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def _length(self, plain: Callable[[], int]) -> int:
        """Of a string, bytes or array; -1 for null."""
        return self._varint() - 1 if self.flexible else plain()

    def string(self) -> str | None:
        length = self._length(self.int16)
        return None if length < 0 else self._take(length).decode(errors="replace")

    def bytes(self) -> "bytes | None":
        length = self._length(self.int32)
        return None if length < 0 else self._take(length)

    def array(self, item: Callable[[], Any]) -> list[Any] | None:
        length = self._length(self.int32)
        return None if length < 0 else [item() for _ in range(length)]

    def structure(self, fields: tuple[Field, ...]) -> dict[str, Any]:
        values = {field.name: field.read(self) for field in fields if field.first <= self.version <= field.last}
        if self.flexible:
            for _ in range(self._varint()):  # tagged fields, none of which is known here
                self._varint()
                self._take(self._varint())
        return values


def version_of(data: bytes) -> int:
    """The version that a key or value begins with."""
    if len(data) < 2:
        raise UnreadableRecord("too short for a version")
    return int(struct.unpack_from(">h", data)[0])


def read(schema: Schema, data: bytes) -> dict[str, Any] | None:
    """The fields by Kafka's own names; None for a version that `schema` does not know.

    raises  UnreadableRecord if the bytes end too early
    """
    reader = Reader(data)
    reader.version = reader.int16()
    if reader.version not in schema.versions:
        return None
    reader.flexible = reader.version >= schema.flexible
    return reader.structure(schema.fields)


def _members(reader: Reader) -> list[Any] | None:
    return reader.array(lambda: reader.structure(_MEMBER))


def _partitions(reader: Reader) -> list[Any] | None:
    return reader.array(lambda: reader.structure(_TOPIC_PARTITIONS))


def _partition_ids(reader: Reader) -> list[Any] | None:
    return reader.array(reader.int32)


_MEMBER = (
    Field("memberId", Reader.string),
    Field("groupInstanceId", Reader.string, first=3),
    Field("clientId", Reader.string),
    Field("clientHost", Reader.string),
    Field("rebalanceTimeout", Reader.int32, first=1),
    Field("sessionTimeout", Reader.int32),
    Field("subscription", Reader.bytes),
    Field("assignment", Reader.bytes),
)
_TOPIC_PARTITIONS = (Field("topic", Reader.string), Field("partitionIds", _partition_ids))

OFFSET_COMMIT_KEY = Schema(
    range(2), ANY, (Field("group", Reader.string), Field("topic", Reader.string), Field("partition", Reader.int32))
)
OFFSET_COMMIT_VALUE = Schema(
    range(5),
    4,
    (
        Field("offset", Reader.int64),
        Field("leaderEpoch", Reader.int32, first=3),
        Field("metadata", Reader.string),
        Field("commitTimestamp", Reader.int64),
        Field("expireTimestamp", Reader.int64, first=1, last=1),
    ),
)
GROUP_METADATA_KEY = Schema(range(2, 3), ANY, (Field("group", Reader.string),))
GROUP_METADATA_VALUE = Schema(
    range(5),
    4,
    (
        Field("protocolType", Reader.string),
        Field("generation", Reader.int32),
        Field("protocol", Reader.string),
        Field("leader", Reader.string),
        Field("currentStateTimestamp", Reader.int64, first=2),
        Field("members", _members),
    ),
)
TRANSACTION_LOG_KEY = Schema(range(1), ANY, (Field("transactionalId", Reader.string),))
TRANSACTION_LOG_VALUE = Schema(
    range(2),
    1,
    (
        Field("producerId", Reader.int64),
        Field("producerEpoch", Reader.int16),
        Field("transactionTimeoutMs", Reader.int32),
        Field("transactionStatus", Reader.int8),
        Field("transactionPartitions", _partitions),
        Field("transactionLastUpdateTimestampMs", Reader.int64),
        Field("transactionStartTimestampMs", Reader.int64),
    ),
)
TRANSACTION_STATES: Mapping[int, str] = {
    0: "Empty",
    1: "Ongoing",
    2: "PrepareCommit",
    3: "PrepareAbort",
    4: "CompleteCommit",
    5: "CompleteAbort",
    6: "Dead",
    7: "PrepareEpochFence",
}
