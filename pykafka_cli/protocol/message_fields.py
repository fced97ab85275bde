"""What kio's classes say of their fields: structures, arrays, null, defaults."""

from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from kio.schema.errors import ErrorCode


def default_of(field: Field[Any]) -> Any:
    """What a field holds that a message does not carry: the definition's default, else zero, empty or null."""
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
