"""A response with one error for a whole request, in whatever place the API has for it.

If the response has a top-level error code, it is set there. Where only topics, partitions, resources or groups have
one, each that the request names gets its entry: the first array of the request is walked in parallel with the first
array of the answer that holds error codes, down through both, and fields of the same name are copied. Where the two are
of different shapes, ENTRIES has what the entries are about. (Kafka writes this out for each API, as
AbstractRequest.getErrorResponse.)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any

from kio.schema.errors import ErrorCode
from kio.static.constants import EntityType

from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.message_fields import default_of, structure_of

ENTRIES: Mapping[int, Callable[[Any], Sequence[Any]]] = {
    ApiKey.ALTER_REPLICA_LOG_DIRS: lambda request: [topic for directory in request.dirs for topic in directory.topics],
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS: lambda request: sorted(
        {each.name for each in (*request.deletions, *request.upsertions)}
    ),
}
_SAME = {"topic_name": "name"}
"""Fields of responses that are called otherwise in requests."""


def error_answer(schema: Any, request: Any, error_code: ErrorCode, message: str | None) -> Any:
    """A response of class `schema` that rejects all of `request`."""
    return _filled(schema, {}, request, error_code, message)


def _filled(schema: Any, names: dict[str, Any], source: Any, error_code: ErrorCode, message: str | None) -> Any:
    """One structure of the response; `source` is its counterpart in the request, `names` says what it is about."""
    answer: dict[str, Any] = {}
    for field in fields(schema):
        structure, is_array = structure_of(field)
        if _is_code(field):
            answer[field.name] = error_code
        elif field.name == "error_message":
            answer[field.name] = message
        elif field.name in names:
            answer[field.name] = names[field.name]
        elif is_array and structure is not None and _tells_errors(structure) and not _has_code(schema):
            answer[field.name] = tuple(
                _filled(structure, _names(structure, entry), entry, error_code, message) for entry in _entries(source)
            )
        else:
            answer[field.name] = default_of(field)
    return schema(**answer)


def _names(structure: Any, entry: Any) -> dict[str, Any]:
    """The fields of a response's structure that say which entry of the request it is about."""
    plain = [
        each
        for each in fields(structure)
        if not _is_code(each) and each.name != "error_message" and structure_of(each) == (None, False)
    ]
    if not is_dataclass(entry):  # a group's name, a partition's number
        kafka_types = ("string",) if isinstance(entry, str) else ("int32",)
        first = next((each for each in plain if each.metadata["kafka_type"] in kafka_types), None)
        return {} if first is None else {first.name: entry}
    names = {each.name: _SAME.get(each.name, each.name) for each in plain}
    return {
        each.name: getattr(entry, names[each.name])
        for each in plain
        if hasattr(entry, names[each.name]) and (each.default is MISSING or each.name == "topic_id")
    }


def _entries(source: Any) -> Sequence[Any]:
    """The subjects of a response's entries, in the request or a part of it."""
    if not is_dataclass(source):
        return ()
    message: Any = source
    if getattr(message, "__type__", None) is EntityType.request and message.__api_key__ in ENTRIES:
        return ENTRIES[message.__api_key__](message)
    arrays = (getattr(source, field.name) for field in fields(source))
    return next((each for each in arrays if isinstance(each, tuple | list)), ())


def _is_code(field: Field[Any]) -> bool:
    return field.metadata.get("kafka_type") == "error_code"


@cache
def _has_code(schema: Any) -> bool:
    return any(map(_is_code, fields(schema)))


@cache
def _tells_errors(schema: Any) -> bool:
    """Whether a structure has an error code, or one within it has."""
    if _has_code(schema):
        return True
    return any(structure is not None and _tells_errors(structure) for structure, _ in map(structure_of, fields(schema)))
