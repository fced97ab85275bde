"""Messages that Kafka keeps inside of records (groups, transactions, KRaft's metadata), read for printing by tables.

A message is its fields in order, each in the versions that carry it. Integers are big-endian; a string has
its length before it (int16, -1: null), bytes and arrays theirs (int32). From the schema's `flexible` version on, these
lengths are unsigned varints of length + 1, and each structure ends in tagged fields: a count, then tag, size and value
of each. What is printed has Kafka's own field names in Kafka's order; a tagged field that was not sent is left out.

source  KIP-482; MessageDataGenerator and JsonConverterGenerator of Kafka
"""

import base64
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pykafka_cli.protocol.java_strings import java_utf_8

ANY = 1 << 15  # above every version


NO_MESSAGE = "null"
"""Kafka's text for an exception without a message, such as those of Java's buffers."""


class UnreadableRecord(ValueError):
    """Bytes that are not what the topic should hold, in Kafka's words; NO_MESSAGE where they end too early."""


Kind: TypeAlias = Callable[["Reader", "Field"], Any]
"""Reads a value of one type; the field says what it is called and whether it may be null."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field and the versions that carry it, `first` up to `last`. `tag`: it comes among the tagged ones."""

    name: str
    kind: Kind
    first: int = 0
    last: int = ANY
    nullable: bool = False
    tag: int | None = None
    default: Any = None  # of a tagged one; not printed when sent all the same


@dataclass(frozen=True, slots=True)
class Schema:
    """A message: versions it has, the first that is flexible, its fields."""

    versions: range
    flexible: int
    fields: tuple[Field, ...]

    def read(self, data: "Reader", version: int) -> dict[str, Any]:
        """The fields of a version, also one above `versions`, as Kafka reads it: like the newest.

        raises  UnreadableRecord
        """
        data.version, data.newest, data.flexible = version, self.versions[-1], version >= self.flexible
        return data.structure(self.fields)


class Reader:
    """Takes values off bytes, in order."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self.version = self.newest = 0
        self.flexible = False

    @property
    def remaining(self) -> int:
        return len(self._data) - self._position

    def fixed(self, layout: struct.Struct) -> Any:
        if self.remaining < layout.size:
            raise UnreadableRecord(NO_MESSAGE)
        (value,) = layout.unpack_from(self._data, self._position)
        self._position += layout.size
        return value

    def unsigned_varint(self) -> int:
        """Up to 32 bits; like Kafka's int, below 0 when the highest is set."""
        value = shift = 0
        while True:
            byte: int = self.fixed(_UINT8)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value & 0x7FFFFFFF) - (value & 0x80000000)
            shift += 7
            if shift > 28:
                raise UnreadableRecord("Varint is too long, the most significant bit in the 5th byte is set")

    def length(self, plain: struct.Struct) -> int:
        """The length of a string, bytes or array; below 0 for null."""
        return self.unsigned_varint() - 1 if self.flexible else int(self.fixed(plain))

    def take(self, count: int) -> bytes:
        if count < 0:
            raise UnreadableRecord(str(count))
        if count > self.remaining:
            raise UnreadableRecord(
                f"Error reading byte array of {count} byte(s): only {self.remaining} byte(s) available"
            )
        self._position += count
        return self._data[self._position - count : self._position]

    def structure(self, fields: tuple[Field, ...]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for field in fields:
            if field.tag is None and field.first <= self.version <= field.last:
                values[field.name] = field.kind(self, field)
        if self.flexible:
            tagged = self._tagged(fields)
            if any(field.tag is not None for field in fields):
                every = values | tagged
                values = {field.name: every[field.name] for field in fields if field.name in every}
        return values

    def _tagged(self, fields: tuple[Field, ...]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for _ in range(self.unsigned_varint()):
            tag, size = self.unsigned_varint(), self.unsigned_varint()
            field = next((each for each in fields if each.tag == tag), None)
            if field is None:
                self.take(size)
            elif not field.first <= self.version <= field.last:
                raise UnreadableRecord(f"Tag {tag} is not valid for version {self.version}")
            elif (value := field.kind(self, field)) != field.default:
                values[field.name] = value
        return values


_UINT8, _INT8, _INT16, _UINT16 = (struct.Struct(f">{letter}") for letter in "BbhH")
_INT32, _INT64, _FLOAT64 = (struct.Struct(f">{letter}") for letter in "iqd")


def _number(layout: struct.Struct) -> Kind:
    return lambda reader, _field: reader.fixed(layout)


int8, int16, uint16, int32 = map(_number, (_INT8, _INT16, _UINT16, _INT32))
int64, float64 = map(_number, (_INT64, _FLOAT64))


def boolean(reader: Reader, _field: Field) -> bool:
    return bool(reader.fixed(_INT8))


def uuid(reader: Reader, _field: Field) -> str:
    """As Kafka writes them: URL-safe base64 without padding."""
    if reader.remaining < 16:
        raise UnreadableRecord(NO_MESSAGE)
    return base64.urlsafe_b64encode(reader.take(16)).decode().rstrip("=")


def string(reader: Reader, field: Field) -> str | None:
    length = reader.length(_INT16)
    if length > 0x7FFF:
        raise UnreadableRecord(f"string field {field.name} had invalid length {length}")
    return None if _is_null(length, field) else java_utf_8(reader.take(length))


def byte_array(reader: Reader, field: Field) -> bytes | None:
    length = reader.length(_INT32)
    return None if _is_null(length, field) else reader.take(length)


def array(kind: Kind) -> Kind:
    def read(reader: Reader, field: Field) -> list[Any] | None:
        length = reader.length(_INT32)
        if _is_null(length, field):
            return None
        if length > reader.remaining:
            raise UnreadableRecord(
                f"Tried to allocate a collection of size {length}, but there are only {reader.remaining} bytes "
                "remaining."
            )
        element = Field(f"{field.name} element", kind)
        return [kind(reader, element) for _ in range(length)]

    return read


def structure(name: str, *fields: Field) -> Kind:
    """A structure within a message. One that has a name rejects versions above the message's, as Kafka does unless the
    definition has it among its common structures.
    """

    def read(reader: Reader, field: Field) -> dict[str, Any] | None:
        if field.nullable and (reader.unsigned_varint() if field.tag is not None else reader.fixed(_INT8) + 1) <= 0:
            return None
        if name and reader.version > reader.newest:
            raise UnreadableRecord(f"Can't read version {reader.version} of {name}")
        return reader.structure(fields)

    return read


def _is_null(length: int, field: Field) -> bool:
    if length < 0 and not field.nullable:
        raise UnreadableRecord(f"non-nullable field {field.name} was serialized as null")
    return length < 0


def fields(kinds: Mapping[str, Kind]) -> tuple[Field, ...]:
    """Fields that all versions carry and that are never null."""
    return tuple(Field(name, kind) for name, kind in kinds.items())
