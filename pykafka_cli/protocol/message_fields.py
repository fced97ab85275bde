"""The fields of kio's classes: structures, arrays, null, defaults; and copies between versions."""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from kio.schema.errors import ErrorCode


def default_of(field: Field[Any]) -> Any:
    """The value of a field that is missing in a message: the definition's default, otherwise zero, empty or null."""
    if field.default is not MISSING:
        return field.default
    if is_nullable(field):
        return None
    structure, is_array = structure_of(field)
    if is_array:
        return ()
    if structure is not None:
        return structure(**{each.name: default_of(each) for each in fields(structure)})
    return _ZEROS[field.metadata["kafka_type"]]


_ZEROS = {
    **dict.fromkeys(("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"), 0),
    "float64": 0.0,
    "bool": False,
    "string": "",
    "bytes": b"",
    "records": b"",
    "uuid": None,
    "error_code": ErrorCode.none,
    "timedelta_i32": timedelta(0),
    "timedelta_i64": timedelta(0),
    "datetime_i64": datetime.fromtimestamp(0, UTC),
}


def structure_of(field: Field[Any]) -> tuple[Any, bool]:
    """The class of the structure that a field holds, None where it is a plain value; and whether it is an array."""
    annotation: Any = field.type
    if get_origin(annotation) is UnionType:
        annotation = next(each for each in get_args(annotation) if each is not NoneType)
    is_array = get_origin(annotation) is tuple
    if is_array:
        annotation = get_args(annotation)[0]
    return (annotation if is_dataclass(annotation) else None), is_array


def is_nullable(field: Field[Any]) -> bool:
    """Whether the field can be null; an id of zeros, which kio reads as None, is no null."""
    is_union = get_origin(field.type) is UnionType and NoneType in get_args(field.type)
    return is_union and field.metadata.get("kafka_type") != "uuid"


@cache
def copier(old: type, new: type) -> Callable[[Any], Any] | None:
    """A function that copies an `old` into a `new`, down through its structures; None if they are one class.

    Fields that `old` lacks get their defaults; those that only `old` has are left behind.
    """
    if old is new:
        return None
    present = {each.name: each for each in fields(old)}
    constants = {each.name: default_of(each) for each in fields(new) if each.name not in present}
    plain: list[str] = []
    converted: list[tuple[str, Callable[[Any], Any]]] = []
    for each in fields(new):
        if each.name in present:
            convert = _field_copier(present[each.name], each)
            if convert is None:
                plain.append(each.name)
            else:
                converted.append((each.name, convert))

    def copy(value: Any) -> Any:
        arguments = {name: getattr(value, name) for name in plain}
        for name, convert in converted:
            arguments[name] = convert(getattr(value, name))
        return new(**constants, **arguments)

    return copy


def _field_copier(old: Field[Any], new: Field[Any]) -> Any:
    structure, is_array = structure_of(old)
    target, _ = structure_of(new)
    if structure is None or target is None:
        return None
    copy = copier(structure, target)
    if copy is None:
        return None
    if is_array:
        return lambda values: None if values is None else tuple(map(copy, values))
    return lambda value: None if value is None else copy(value)


def copied(value: Any, new: Any) -> Any:
    """`value` as a `new`, an older or newer class of the same structure."""
    old: Any = type(value)
    copy = copier(old, new)
    return value if copy is None else copy(value)
