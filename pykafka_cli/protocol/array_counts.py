"""Walks through messages without making anything of them: checks array counts, and finds what kio cannot read.

kio makes room for as many elements as a message promises, and the process ends when there is not enough memory: five
bytes from a stranger suffice. So a message is walked through first, without making anything of it. Elements that are
there take a hundred times as much memory as bytes, and time; so their number is bounded as well (MOST_ELEMENTS).

kio also rejects what a reader has to accept: tagged fields that it does not know (KIP-482), and durations of more than
292,000 years, such as a Long.MAX_VALUE in milliseconds. `edits_for_kio` says how to take them out.
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import Field, fields
from functools import cache, partial
from typing import Any, NamedTuple, TypeAlias

from kio.serial.writers import write_unsigned_varint
from kio.static.primitive import uvarint

from pykafka_cli.protocol.errors import MOST_ELEMENTS, ProtocolError
from pykafka_cli.protocol.message_fields import is_nullable, structure_of

Skip: TypeAlias = Callable[[memoryview, int], int]
"""From where a value begins to where it ends, which may be past the end of the message; IndexError if it begins there.

Every request goes through these, so they do without a Cursor.
"""

_SIZES = {
    "bool": 1, "int8": 1, "uint8": 1,
    "int16": 2, "uint16": 2, "error_code": 2,
    "int32": 4, "uint32": 4, "timedelta_i32": 4,
    "int64": 8, "uint64": 8, "float64": 8, "timedelta_i64": 8, "datetime_i64": 8,
    "uuid": 16,
}  # fmt: skip


_LONGEST_MS = (2**63 - 1) // 1000  # kio counts the microseconds of a duration in 64 bits
_PLAIN_PER_ELEMENT = 16  # numbers that cost as much as one string or structure


class Edit(NamedTuple):
    """The bytes from `start` to `end` are to be replaced."""

    start: int
    end: int
    replacement: bytes

    @property
    def growth(self) -> int:
        return len(self.replacement) - (self.end - self.start)


class _Walk:
    """The one through a message; there is one at a time.

    left     what is left of MOST_ELEMENTS
    edits    what kio cannot read, so far
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.left = MOST_ELEMENTS
        self.edits: list[Edit] = []

    def count(self, elements: int) -> None:
        self.left -= elements
        if self.left < 0:
            raise ProtocolError(f"arrays of more than {MOST_ELEMENTS} elements in one message")


_walk = _Walk()


class _Shape(NamedTuple):
    """A value as it lies in a message: bytes that it takes at least, whether it never takes more, has arrays in it."""

    least: int
    is_fixed: bool
    has_arrays: bool
    skip: Skip


def count_checker(schema: Any) -> Skip | None:
    """A function that finds where the message of this class which begins at a position ends; None: it has no arrays.

    It raises ProtocolError when an array has more elements than can follow, or the message ends too early.
    """
    shape = _structure(schema)
    return partial(_walk_through, shape) if shape.has_arrays else None


def edits_for_kio(schema: Any, data: memoryview, position: int) -> list[Edit]:
    """What to replace, in order, so that kio can read the message of this class; raises ProtocolError as a checker."""
    _walk_through(_structure(schema), data, position)
    return sorted(_walk.edits)


def _walk_through(shape: _Shape, data: memoryview, position: int) -> int:
    _walk.begin()
    try:
        end = shape.skip(data, position)
    except IndexError:
        end = len(data) + 1
    if end > len(data):
        raise ProtocolError(f"a truncated message of {len(data)} bytes")
    return end


@cache
def _structure(schema: Any) -> _Shape:
    flexible: bool = schema.__flexible__
    shapes = [_field(each, flexible) for each in fields(schema) if "tag" not in each.metadata]
    tagged = {each.metadata["tag"]: _field(each, flexible) for each in fields(schema) if "tag" in each.metadata}
    if flexible:
        shapes.append(_Shape(1, False, any(shape.has_arrays for shape in tagged.values()), _tags_skipper(tagged)))
    steps, last = _steps(shapes)

    def skip(data: memoryview, position: int) -> int:
        for fixed, step in steps:
            position = step(data, position + fixed)
        return position + last

    return _Shape(
        sum(shape.least for shape in shapes),
        all(shape.is_fixed for shape in shapes),
        any(shape.has_arrays for shape in shapes),
        skip,
    )


def _steps(shapes: Iterable[_Shape]) -> tuple[list[tuple[int, Skip]], int]:
    """How to skip each value of variable size, with the bytes of fixed size before it; and those after the last."""
    steps, fixed = [], 0
    for shape in shapes:
        if shape.is_fixed:
            fixed += shape.least
        else:
            steps.append((fixed, shape.skip))
            fixed = 0
    return steps, fixed


def _field(field: Field[Any], flexible: bool) -> _Shape:
    structure, is_array = structure_of(field)
    if structure is None:
        value = _plain(field.metadata["kafka_type"], flexible)
    else:
        value = _structure(structure)
        if is_nullable(field) and not is_array:
            value = _or_null(value)
    return _array(value, flexible) if is_array else value


def _or_null(value: _Shape) -> _Shape:
    """A byte before it says whether it is there."""

    def skip(data: memoryview, position: int) -> int:
        return position + 1 if data[position] >= 0x80 else value.skip(data, position + 1)

    return _Shape(1, False, value.has_arrays, skip)


def _plain(kafka_type: str, flexible: bool) -> _Shape:
    if kafka_type == "timedelta_i64":
        return _Shape(8, False, False, _skip_duration)
    if size := _SIZES.get(kafka_type):
        return _Shape(size, True, False, lambda _, position: position + size)
    if flexible:
        return _Shape(1, False, False, _skip_compact_bytes)
    if kafka_type == "string":
        return _Shape(2, False, False, _skip_legacy_string)
    return _Shape(4, False, False, _skip_legacy_bytes)


def _skip_duration(data: memoryview, position: int) -> int:
    end = position + 8
    value = int.from_bytes(data[position:end], "big", signed=True)
    nearest = min(max(value, -_LONGEST_MS), _LONGEST_MS)
    if nearest != value:
        _walk.edits.append(Edit(position, end, nearest.to_bytes(8, "big", signed=True)))
    return end


def _skip_compact_bytes(data: memoryview, position: int) -> int:
    size = data[position]
    if size < 0x80:
        return position + (size or 1)  # it is one more than the length; 0 means null
    size, position = _uvarint(data, position)
    return position + size - 1


def _skip_legacy_string(data: memoryview, position: int) -> int:
    size = data[position] << 8 | data[position + 1]
    return position + 2 + (size if size < 1 << 15 else 0)


def _skip_legacy_bytes(data: memoryview, position: int) -> int:
    size = _int32(data, position)
    return position + 4 + max(size, 0)


def _int32(data: memoryview, position: int) -> int:
    if position + 4 > len(data):
        raise IndexError(position)
    return int.from_bytes(data[position : position + 4], "big", signed=True)


def _uvarint(data: memoryview, position: int) -> tuple[int, int]:
    """Its value, and where it ends."""
    value = 0
    for shift in range(0, 35, 7):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ProtocolError(f"no end of the varint before {position}")


def _array(element: _Shape, flexible: bool) -> _Shape:
    least, is_fixed, _, skip_element = element
    is_plain = is_fixed and least <= _SIZES["uuid"]

    def skip(data: memoryview, position: int) -> int:
        if flexible:
            count, position = _uvarint(data, position)
            count -= 1
        else:
            count = _int32(data, position)
            position += 4
        if count < -1 or count * least > len(data) - position:
            raise ProtocolError(f"an array of {count} elements, with {len(data) - position} bytes left in the message")
        _walk.count(count // _PLAIN_PER_ELEMENT if is_plain else count)
        if is_fixed:
            return position + max(count, 0) * least
        for _ in range(count):
            position = skip_element(data, position)
        return position

    return _Shape(1 if flexible else 4, False, True, skip)


def _tags_skipper(tagged: dict[int, _Shape]) -> Skip:
    def skip(data: memoryview, position: int) -> int:
        if data[position] == 0:
            return position + 1
        begin, known = position, 0
        count, position = _uvarint(data, position)
        after_count = position
        for _ in range(count):
            entry = position
            tag, position = _uvarint(data, position)
            if shape := tagged.get(tag):
                known += 1
                position = _skip_tagged(shape, tag, data, position)
            else:
                _walk.count(1)
                size, position = _uvarint(data, position)
                position += size
                _walk.edits.append(Edit(entry, position, b""))
        if known < count:
            _walk.edits.append(Edit(begin, after_count, _as_uvarint(known)))
        return position

    return skip


def _skip_tagged(shape: _Shape, tag: int, data: memoryview, position: int) -> int:
    """From a tagged field's size to its end; the size changes with what is replaced in it."""
    size, begin = _uvarint(data, position)
    end, earlier = begin + size, len(_walk.edits)
    if shape.skip(data[:end], begin) != end:
        raise ProtocolError(f"tagged field {tag} is not as long as its value")
    if inner := _walk.edits[earlier:]:
        _walk.edits.append(Edit(position, begin, _as_uvarint(size + sum(edit.growth for edit in inner))))
    return end


def _as_uvarint(value: int) -> bytes:
    buffer = io.BytesIO()
    write_unsigned_varint(buffer, uvarint(value))
    return buffer.getvalue()
