"""Messages of any API with something in every field, for tests that must not depend on what an API is about."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from kio.schema.errors import ErrorCode

from pykafka_cli.protocol.message_fields import structure_of

_VALUES = {
    "string": "x",
    "bytes": b"y",
    "records": b"",
    "bool": True,
    "float64": 0.5,
    "uuid": UUID(int=9),
    "error_code": ErrorCode.none,
    "timedelta_i32": timedelta(seconds=1),
    "timedelta_i64": timedelta(seconds=1),
    "datetime_i64": datetime.fromtimestamp(1, UTC),
}


def sample(schema: Any, given: Mapping[str, Any] | None = None) -> Any:
    """An instance of one of kio's classes: each array has one element, each number is 1.

    given    values by the names of fields, or by their types
    """
    values = {}
    known = {**_VALUES, **(given or {})}
    for field in fields(schema):
        structure, is_array = structure_of(field)
        value = known.get(field.name, known.get(field.metadata.get("kafka_type", ""), 1))
        value = sample(structure, given) if structure is not None else value
        values[field.name] = (value,) if is_array else value
    return schema(**values)
