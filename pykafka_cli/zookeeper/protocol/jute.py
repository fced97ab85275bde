"""Jute, the serialization of everything that ZooKeeper sends or stores.

All integers are big-endian. A record is its fields one after another, with nothing between them:

    Int       int32                       str | None     int32 length, UTF-8 bytes; -1 for null
    Long      int64                       bytes | None   int32 length, bytes; -1 for null
    bool      one byte                    tuple[T, ...]  int32 count, items; -1 (null) reads as empty

A record is a NamedTuple whose annotations are of these types, or records again; `decode` and `encode` derive the layout
from the annotations. A `str` without `| None` rejects null. Source: org.apache.jute.BinaryInputArchive.
"""

from collections.abc import Callable
from functools import cache
from struct import Struct
from struct import error as StructError  # noqa: N812
from types import UnionType
from typing import Annotated, Any, Protocol, TypeVar, cast, get_args, get_origin

from pykafka_cli.zookeeper.protocol.errors import MarshallingError, Truncated

Int = Annotated[int, "int32"]
Long = Annotated[int, "int64"]

_INT = Struct(">i")
_NULL = _INT.pack(-1)
_FIXED: dict[object, str] = {Int: "i", Long: "q", bool: "?"}


class JuteRecord(Protocol):
    """org.apache.jute.Record: any NamedTuple."""

    @property
    def _fields(self) -> tuple[str, ...]: ...


R = TypeVar("R", bound=JuteRecord)
Reading = Callable[["Reader"], Any]
Writing = Callable[[Any, list[bytes]], None]


class Reader:
    """Reads values from bytes. Every read moves past a whole value or raises MarshallingError."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    @property
    def remaining(self) -> int:
        """Bytes not yet read."""
        return len(self.data) - self.position

    def fixed(self, layout: Struct) -> tuple[Any, ...]:
        """The values of `layout`."""
        try:
            values = layout.unpack_from(self.data, self.position)
        except StructError:
            raise self._short_of(layout.size) from None
        self.position += layout.size
        return values

    def integer(self) -> int:
        """An int32."""
        try:
            value: int = _INT.unpack_from(self.data, self.position)[0]
        except StructError:
            raise self._short_of(_INT.size) from None
        self.position += _INT.size
        return value

    def buffer(self) -> bytes | None:
        """Bytes, or None for null."""
        length = self.integer()
        start = self.position
        end = start + length
        if length >= 0 and end <= len(self.data):
            self.position = end
            return self.data[start:end]
        if length == -1:
            return None
        kind = Truncated if length > 0 else MarshallingError
        raise kind(f"a buffer of {length} bytes at {start}, {self.remaining} are left")

    def string(self) -> str | None:
        """Text, or None for null."""
        start = self.position
        data = self.buffer()
        if data is None:
            return None
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise MarshallingError(f"the string at {start} is not UTF-8: {error}") from None

    def count(self) -> int:
        """The number of items of a vector; each takes at least a byte, so a count beyond the bytes left is rejected."""
        items = self.integer()
        if items < -1 or items > self.remaining:
            kind = Truncated if items > 0 else MarshallingError
            raise kind(f"a vector of {items} items at {self.position - 4}, {self.remaining} bytes are left")
        return max(items, 0)

    def _short_of(self, size: int) -> Truncated:
        return Truncated(f"{size} bytes expected at {self.position}, {self.remaining} are left")


def decode(record: type[R], data: bytes) -> R:
    """Decode the `record` at the start of `data`; the rest is ignored, as in ZooKeeper."""
    return read(record, Reader(data))


def read(record: type[R], reader: Reader) -> R:
    """Read the `record` at the reader's position."""
    return cast("R", _reading(record)(reader))


def encode(record: JuteRecord) -> bytes:
    """The bytes of `record`."""
    parts: list[bytes] = []
    _writing(type(record))(record, parts)
    return b"".join(parts)


@cache
def _plan(record: type[JuteRecord]) -> list[tuple[Struct | None, int, object]]:
    """The fields in steps: a run of fixed size (its layout, number of fields), or one field of another type."""
    steps: list[tuple[Struct | None, int, object]] = []
    run = ""
    for annotation in record.__annotations__.values():
        code = _FIXED.get(annotation)
        if code is not None:
            run += code
            continue
        if run:
            steps.append((Struct(">" + run), len(run), None))
            run = ""
        steps.append((None, 1, annotation))
    if run:
        steps.append((Struct(">" + run), len(run), None))
    return steps


@cache
def _reading(annotation: object) -> Reading:
    """A function that reads a value of the annotated type."""
    if annotation is str:
        return _non_null_string
    if isinstance(annotation, UnionType):
        return Reader.string if str in get_args(annotation) else Reader.buffer
    if get_origin(annotation) is tuple:
        read_item = _reading(get_args(annotation)[0])
        return lambda reader: tuple([read_item(reader) for _ in range(reader.count())])

    record = cast("type[JuteRecord]", annotation)
    steps = [(layout, _reading(field) if layout is None else None) for layout, _, field in _plan(record)]
    if len(steps) == 1 and steps[0][0] is not None:
        only_layout = steps[0][0]
        return lambda reader: record(*reader.fixed(only_layout))

    def read_record(reader: Reader) -> Any:
        values: list[Any] = []
        for layout, read_field in steps:
            if layout is not None:
                values += reader.fixed(layout)
            elif read_field is not None:
                values.append(read_field(reader))
        return record(*values)

    return read_record


@cache
def _writing(annotation: object) -> Writing:
    """A function that writes a value of the annotated type."""
    if annotation is str or (isinstance(annotation, UnionType) and str in get_args(annotation)):
        return _write_string
    if isinstance(annotation, UnionType):
        return _write_buffer
    if get_origin(annotation) is tuple:
        write_item = _writing(get_args(annotation)[0])

        def write_vector(items: tuple[Any, ...], parts: list[bytes]) -> None:
            parts.append(_INT.pack(len(items)))
            for item in items:
                write_item(item, parts)

        return write_vector

    steps = [
        (layout, fields, _writing(field) if layout is None else None)
        for layout, fields, field in _plan(cast("type[JuteRecord]", annotation))
    ]

    def write_record(record: tuple[Any, ...], parts: list[bytes]) -> None:
        at = 0
        for layout, fields, write_field in steps:
            if layout is not None:
                parts.append(layout.pack(*record[at : at + fields]))
            elif write_field is not None:
                write_field(record[at], parts)
            at += fields

    return write_record


def _non_null_string(reader: Reader) -> str:
    start = reader.position
    text = reader.string()
    if text is None:
        raise MarshallingError(f"null at {start} where text must be")
    return text


def _write_string(text: str | None, parts: list[bytes]) -> None:
    _write_buffer(None if text is None else text.encode(), parts)


def _write_buffer(data: bytes | None, parts: list[bytes]) -> None:
    if data is None:
        parts.append(_NULL)
    else:
        parts += (_INT.pack(len(data)), data)
