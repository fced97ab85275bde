"""Converts messages between versions of an API.

Commands use the newest versions; a broker may be older. A request is sent in the newest version that both sides have,
without the fields that version lacks, and its response is converted to the newest one, with the message definition's
defaults for missing fields. If an API changed more than its fields, the caller gives the oldest version that works.
"""

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

from kio.schema.errors import ErrorCode
from kio.serial._implicit_defaults import get_implicit_default
from kio.serial._introspect import EntityField, EntityTupleField, PrimitiveField, classify_field, is_optional


def version_of(message_type: type[Any], version: int) -> type[Any]:
    """The class for another version of a kio message.

    raises    ModuleNotFoundError if kio does not have it
    """
    package, _, kind = message_type.__module__.rpartition(".")
    module = importlib.import_module(f"{package.rpartition('.')[0]}.v{version}.{kind}")
    found: type[Any] = getattr(module, message_type.__name__)
    return found


def in_version(message: Any, version: int) -> Any:
    """The message in this version; itself if it already is."""
    if message.__version__ == version:
        return message
    return as_type(message, version_of(type(message), version))


def as_type(value: Any, target: type[Any]) -> Any:
    """`value` as a message of the class `target`, which is another version of its class."""
    source = type(value)
    conversions = _CONVERSIONS.get((source, target))
    if conversions is None:
        conversions = _CONVERSIONS[source, target] = _conversions(source, target)
    return target(**{name: convert(value) for name, convert in conversions.items()})


_ZERO: dict[type[Any], object] = {bool: False, ErrorCode: ErrorCode.none}
_CONVERSIONS: dict[tuple[type[Any], type[Any]], dict[str, Callable[[Any], Any]]] = {}


def _conversions(source: type[Any], target: type[Any]) -> dict[str, Callable[[Any], Any]]:
    known = {field.name for field in dataclasses.fields(source)}
    return {
        field.name: _taken_over(field) if field.name in known else _default(field)
        for field in dataclasses.fields(target)
        if field.name in known or field.default is dataclasses.MISSING
    }


def _taken_over(field: dataclasses.Field[Any]) -> Callable[[Any], Any]:
    name, shape = field.name, classify_field(field)
    if isinstance(shape, EntityTupleField):

        def convert_each(value: Any) -> Any:
            items = getattr(value, name)
            return None if items is None else tuple(as_type(item, shape.type_) for item in items)

        return convert_each
    if isinstance(shape, EntityField):

        def convert_one(value: Any) -> Any:
            item = getattr(value, name)
            return None if item is None else as_type(item, shape.type_)

        return convert_one
    return lambda value: getattr(value, name)


def _default(field: dataclasses.Field[Any]) -> Callable[[Any], Any]:
    shape = classify_field(field)
    if is_optional(field):
        return lambda _: None
    if isinstance(shape, PrimitiveField):
        kind = shape.type_
        implicit = _ZERO[kind] if kind in _ZERO else get_implicit_default(kind)
        return lambda _: implicit
    return lambda _: ()
