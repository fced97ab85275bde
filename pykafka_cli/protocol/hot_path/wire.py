"""Kafka's primitive types over a memoryview, and the structures that Produce and Fetch share.

Integers are big-endian. In flexible versions (KIP-482) lengths and counts are unsigned varints, one more than the
number (0 is null), and each structure ends in tagged fields: count, then tag, size and bytes of each.
Before, a string's length is int16, that of bytes and arrays int32, and -1 is null.
"""

import struct
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pykafka_cli.model import BrokerId, LeaderEpoch, Milliseconds
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.errors import MOST_ELEMENTS, ProtocolError
from pykafka_cli.protocol.records.batch import NO_LEADER_EPOCH

INT16, INT32, INT64 = struct.Struct(">h"), struct.Struct(">i"), struct.Struct(">q")
_NO_UUID = bytes(16)
_UUIDS_KEPT = 1024  # followers and consumers send the same topic ids again and again
NO_NODE = BrokerId(-1)
NO_THROTTLE = Milliseconds(0)


@dataclass(slots=True)
class LeaderIdAndEpoch:
    """The leader of a partition, for a client that asked the wrong broker (KIP-951)."""

    leader_id: BrokerId = NO_NODE
    leader_epoch: LeaderEpoch = NO_LEADER_EPOCH


@dataclass(slots=True)
class NodeEndpoint:
    """Where a leader named in the same response can be reached (KIP-951)."""

    node_id: BrokerId
    host: str
    port: int
    rack: str | None = None


@lru_cache(_UUIDS_KEPT)
def _uuid(value: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=value)


class Cursor:
    """A position in a message that is read from front to back; past its end each method raises ProtocolError."""

    __slots__ = ("_elements", "data", "end", "position")

    def __init__(self, data: memoryview, position: int = 0) -> None:
        self.data, self.position, self.end = data, position, len(data)
        self._elements = 0

    def unpack(self, form: struct.Struct) -> tuple[Any, ...]:
        """Several numbers at once, each of the type that the reader gives it."""
        position = self.position
        self.position = position + form.size
        if self.position > self.end:
            raise ProtocolError(f"{form.size} bytes expected at {position}, the message ends at {self.end}")
        return form.unpack_from(self.data, position)

    def int16(self) -> int:
        number: int = self.unpack(INT16)[0]
        return number

    def int32(self) -> int:
        number: int = self.unpack(INT32)[0]
        return number

    def int64(self) -> int:
        number: int = self.unpack(INT64)[0]
        return number

    def uvarint(self) -> int:
        start = self.position
        if start < self.end and (byte := self.data[start]) < 0x80:  # nearly all are
            self.position = start + 1
            return byte
        value = shift = 0
        for position in range(start, min(start + 5, self.end)):
            byte = self.data[position]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self.position = position + 1
                return value
            shift += 7
        raise ProtocolError(f"no end of the varint at {start}")

    def take(self, size: int) -> memoryview:
        position = self.position
        self.position = position + size
        if size < 0 or self.position > self.end:
            raise ProtocolError(f"{size} bytes expected at {position}, the message ends at {self.end}")
        return self.data[position : self.position]

    def text(self, size: int) -> str:
        try:
            return str(self.take(size), "utf-8")
        except UnicodeDecodeError as error:
            raise ProtocolError(f"a string that is not UTF-8: {error}") from error

    def uuid(self) -> uuid.UUID | None:
        """A UUID; None for the one of zeros, which means none."""
        value = bytes(self.take(16))
        return None if value == _NO_UUID else _uuid(value)

    def legacy_string(self) -> str | None:
        size = self.int16()
        return None if size < 0 else self.text(size)

    def compact_string(self) -> str | None:
        size = self.uvarint() - 1
        return None if size < 0 else self.text(size)

    def legacy_bytes(self) -> memoryview | None:
        size = self.int32()
        return None if size < 0 else self.take(size)

    def compact_bytes(self) -> memoryview | None:
        size = self.uvarint() - 1
        return None if size < 0 else self.take(size)

    def compact_count(self) -> int:
        """The count of an array; -1: null."""
        count = self.uvarint() - 1
        self._elements += count
        if self._elements > MOST_ELEMENTS:
            raise _too_many()
        return count

    def legacy_count(self) -> int:
        """The same, before flexible versions."""
        count = self.int32()
        self._elements += count
        if self._elements > MOST_ELEMENTS:
            raise _too_many()
        return count

    def tags(self) -> list[tuple[int, "Cursor"]]:
        """The tagged fields at the end of a structure, each with a cursor over its own bytes."""
        if self.position < self.end and not self.data[self.position]:  # nearly always
            self.position += 1
            return []
        return [(self.uvarint(), Cursor(self.take(self.uvarint()))) for _ in range(self.uvarint())]


def _too_many() -> ProtocolError:
    return ProtocolError(f"arrays of more than {MOST_ELEMENTS} elements in one message")


@dataclass(frozen=True, slots=True)
class Reading:
    """How strings, bytes, counts and ends of structures are read, before flexible versions and in them."""

    string: Callable[[Cursor], str | None]
    bytes: Callable[[Cursor], memoryview | None]
    count: Callable[[Cursor], int]
    tags: Callable[[Cursor], list[tuple[int, Cursor]]]


LEGACY = Reading(Cursor.legacy_string, Cursor.legacy_bytes, Cursor.legacy_count, lambda _: [])
COMPACT = Reading(Cursor.compact_string, Cursor.compact_bytes, Cursor.compact_count, Cursor.tags)


def required(text: str | None) -> str:
    if text is None:
        raise ProtocolError("null where a string is required")
    return text


def uvarint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def legacy_string(text: str | None) -> bytes:
    if text is None:
        return b"\xff\xff"
    encoded = text.encode()
    return INT16.pack(len(encoded)) + encoded


def compact_string(text: str | None) -> bytes:
    if text is None:
        return b"\0"
    encoded = text.encode()
    return uvarint(len(encoded) + 1) + encoded


def legacy_count(number: int) -> bytes:
    """The count of an array, or the length of bytes; -1: null."""
    return INT32.pack(number)


def compact_count(number: int) -> bytes:
    return uvarint(number + 1)


def uuid_bytes(value: uuid.UUID | None) -> bytes:
    return _NO_UUID if value is None else value.bytes


def tagged(fields: Sequence[tuple[int, bytes]]) -> bytes:
    """The end of a structure: tagged fields, which must be in order of their tags."""
    if not fields:
        return b"\0"
    parts = [uvarint(len(fields))]
    for tag, value in fields:
        parts += (uvarint(tag), uvarint(len(value)), value)
    return b"".join(parts)


_LEADER = struct.Struct(">ii")


def leader_bytes(leader: LeaderIdAndEpoch) -> bytes:
    return _LEADER.pack(leader.leader_id, leader.leader_epoch) + b"\0"


def read_leader(cursor: Cursor) -> LeaderIdAndEpoch:
    return LeaderIdAndEpoch(*cursor.unpack(_LEADER))


def endpoints_bytes(endpoints: Sequence[NodeEndpoint]) -> bytes:
    parts = [compact_count(len(endpoints))]
    for each in endpoints:
        parts += (
            INT32.pack(each.node_id),
            compact_string(each.host),
            INT32.pack(each.port),
            compact_string(each.rack),
            b"\0",
        )
    return b"".join(parts)


def read_endpoints(cursor: Cursor) -> list[NodeEndpoint]:
    endpoints = []
    for _ in range(cursor.compact_count()):
        endpoints.append(
            NodeEndpoint(
                BrokerId(cursor.int32()), required(cursor.compact_string()), cursor.int32(), cursor.compact_string()
            )
        )
        cursor.tags()
    return endpoints


def size_of(buffers: Iterable[Buffer]) -> int:
    return sum(map(len, buffers))
