"""Counts of arrays, checked against the bytes there are, before a message is read.

kio makes room for as many elements as a message promises, and the process ends when there is not so much memory: five
bytes from a stranger would do. So a message is walked through first, without making anything of it.
"""

from collections.abc import Callable, Iterable
from dataclasses import Field, fields
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.hot_path.wire import Cursor
from pykafka_cli.protocol.message_fields import is_nullable, structure_of

Skip: TypeAlias = Callable[[Cursor], object]

_SIZES = {
    "bool": 1, "int8": 1, "uint8": 1,
    "int16": 2, "uint16": 2, "error_code": 2,
    "int32": 4, "uint32": 4, "timedelta_i32": 4,
    "int64": 8, "uint64": 8, "float64": 8, "timedelta_i64": 8, "datetime_i64": 8,
    "uuid": 16,
}  # fmt: skip


class _Shape(NamedTuple):
    """A value as it lies in a message.

    least       bytes that it takes, or takes at least
    is_fixed    whether it never takes more
    has_arrays  whether there is anything in it to be checked
    skip        moves a cursor behind it
    """

    least: int
    is_fixed: bool
    has_arrays: bool
    skip: Skip


def count_checker(schema: Any) -> Callable[[memoryview, int], int] | None:
    """A function that finds where the message of this class which begins at a position ends; None: it has no arrays.

    It raises ProtocolError when an array has more elements than can follow, or the message ends too early.
    """
    shape = _structure(schema)
    if not shape.has_arrays:
        return None

    def check(data: memoryview, position: int) -> int:
        cursor = Cursor(data, position)
        shape.skip(cursor)
        return cursor.position

    return check


@cache
def _structure(schema: Any) -> _Shape:
    flexible: bool = schema.__flexible__
    shapes = [_field(each, flexible) for each in fields(schema) if "tag" not in each.metadata]
    tagged = {each.metadata["tag"]: _field(each, flexible) for each in fields(schema) if "tag" in each.metadata}
    if flexible:
        shapes.append(_Shape(1, False, any(shape.has_arrays for shape in tagged.values()), _tags_skipper(tagged)))
    steps = [shape.skip for shape in _merged(shapes)]

    def skip(cursor: Cursor) -> None:
        for step in steps:
            step(cursor)

    return _Shape(
        sum(shape.least for shape in shapes),
        all(shape.is_fixed for shape in shapes),
        any(shape.has_arrays for shape in shapes),
        skip,
    )


def _merged(shapes: Iterable[_Shape]) -> Iterable[_Shape]:
    """The same, with neighbours of fixed size made one."""
    size = 0
    for shape in shapes:
        if shape.is_fixed:
            size += shape.least
            continue
        if size:
            yield _fixed(size)
            size = 0
        yield shape
    if size:
        yield _fixed(size)


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
        return _fixed(size)
    if flexible:
        return _Shape(1, False, False, Cursor.compact_bytes)
    if kafka_type == "string":
        return _Shape(2, False, False, _skip_legacy_string)
    return _Shape(4, False, False, Cursor.legacy_bytes)


def _skip_legacy_string(cursor: Cursor) -> None:
    size = cursor.int16()
    if size > 0:
        cursor.take(size)


def _fixed(size: int) -> _Shape:
    return _Shape(size, True, False, lambda cursor: cursor.take(size))


def _array(element: _Shape, flexible: bool) -> _Shape:
    count_of = Cursor.compact_count if flexible else Cursor.int32

    def skip(cursor: Cursor) -> None:
        count, left = count_of(cursor), cursor.end - cursor.position
        if count < -1 or count * element.least > left:
            raise ProtocolError(f"an array of {count} elements, with {left} bytes left in the message")
        if element.is_fixed:
            cursor.take(max(count, 0) * element.least)
        else:
            for _ in range(count):
                element.skip(cursor)

    return _Shape(1 if flexible else 4, False, True, skip)


def _tags_skipper(tagged: dict[int, _Shape]) -> Skip:
    if not tagged:
        return Cursor.tags

    def skip(cursor: Cursor) -> None:
        for tag, content in cursor.tags():
            if shape := tagged.get(tag):
                shape.skip(content)
                if content.position != content.end:
                    raise ProtocolError(f"tagged field {tag} is longer than its value")

    return skip
