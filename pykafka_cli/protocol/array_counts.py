"""Checks array counts against the available bytes before a message is read.

kio makes room for as many elements as a message promises, and the process ends when there is not so much memory: five
bytes from a stranger would do. So a message is walked through first, without making anything of it. Elements that are
there take a hundred times as much memory as bytes, and time; so their number is bounded as well (MOST_ELEMENTS).
"""

from collections.abc import Callable, Iterable
from dataclasses import Field, fields
from functools import cache
from typing import Any, NamedTuple, TypeAlias

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


_PLAIN_PER_ELEMENT = 16  # numbers that cost as much as one string or structure


class _Allowance:
    """What is left of MOST_ELEMENTS for the message that is being walked through; one is, at a time."""

    left = MOST_ELEMENTS


_allowance = _Allowance()


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
    if not shape.has_arrays:
        return None

    def check(data: memoryview, position: int) -> int:
        _allowance.left = MOST_ELEMENTS
        try:
            end = shape.skip(data, position)
        except IndexError:
            end = len(data) + 1
        if end > len(data):
            raise ProtocolError(f"a truncated message of {len(data)} bytes")
        return end

    return check


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
    elif is_nullable(field) and not is_array:
        raise TypeError(f"{field.name}: a structure that can be null, for which there is no rule here")
    else:
        value = _structure(structure)
    return _array(value, flexible) if is_array else value


def _plain(kafka_type: str, flexible: bool) -> _Shape:
    if size := _SIZES.get(kafka_type):
        return _Shape(size, True, False, lambda _, position: position + size)
    if flexible:
        return _Shape(1, False, False, _skip_compact_bytes)
    if kafka_type == "string":
        return _Shape(2, False, False, _skip_legacy_string)
    return _Shape(4, False, False, _skip_legacy_bytes)


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
        _allowance.left -= count // _PLAIN_PER_ELEMENT if is_plain else count
        if _allowance.left < 0:
            raise ProtocolError(f"arrays of more than {MOST_ELEMENTS} elements in one message")
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
        count, position = _uvarint(data, position)
        for _ in range(count):
            tag, position = _uvarint(data, position)
            size, position = _uvarint(data, position)
            if (shape := tagged.get(tag)) and shape.skip(data[: position + size], position) != position + size:
                raise ProtocolError(f"tagged field {tag} is not as long as its value")
            position += size
        return position

    return skip
