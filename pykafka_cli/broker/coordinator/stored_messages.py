"""Keys and values of the coordinators' topics: a version, then fields as Kafka's message definitions lay them out.

    int16  version
    ...    the fields of that version, in the order of the class, each in kio's encoding of its `kafka_type`

A message is a dataclass in kio's form that holds the fields of all versions. `stored(type, versions=(first, last))`
says which versions have a field; what a version lacks is read as the field's default and dropped on writing. kio reads
and writes the bytes, through a class made for each version.

source  MessageUtil.toVersionPrefixedBytes; the definitions under */resources/common/message
"""

import io
from dataclasses import MISSING, dataclass, field, fields, make_dataclass
from types import GenericAlias, NoneType
from typing import Any, ClassVar, TypeVar, cast, get_args, get_origin

from kio.serial import entity_writer
from kio.static.constants import EntityType
from kio.static.primitive import i16

from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.message_reading import message_reader

_LAST = 2**15 - 1


class UnreadableMessage(ValueError):
    """The bytes are not a message of any version known here. The text says which message, and what is wrong with it."""


@dataclass(slots=True, kw_only=True)
class StoredMessage:
    """A message's schema. `flexible_from` is the first version with compact lengths and tagged fields."""

    versions: ClassVar[range]
    flexible_from: ClassVar[int] = _LAST


def stored(kafka_type: str, default: Any = MISSING, *, versions: tuple[int, int] = (0, _LAST)) -> Any:
    """A field of a stored message; one that is not in every version needs a default."""
    metadata = {"kafka_type": kafka_type, "versions": versions}
    return field(metadata=metadata) if default is MISSING else field(metadata=metadata, default=default)


M = TypeVar("M", bound=StoredMessage)


def version_of(data: bytes) -> int:
    """The version that `data` begins with.

    raises  UnreadableMessage if there are not even two bytes
    """
    if len(data) < 2:
        raise UnreadableMessage(f"{len(data)} bytes are too few for a version")
    return int.from_bytes(data[:2], "big", signed=True)


def encode(message: StoredMessage, version: int) -> bytes:
    """Encode `message` in `version`, the version first."""
    buffer = io.BytesIO()
    buffer.write(version.to_bytes(2, "big", signed=True))
    entity_writer(_shape(type(message), version))(buffer, message)  # it writes the fields that it knows, by name
    return buffer.getvalue()


def decode(message_type: type[M], data: bytes) -> M:
    """The message in `data`, of any version of `message_type`. Bytes after the last field are ignored, as in Kafka.

    raises  UnreadableMessage for an unknown version or bytes that end too early
    """
    version = version_of(data)
    if version not in message_type.versions:
        known = f"{message_type.versions[0]} to {message_type.versions[-1]}"
        raise UnreadableMessage(f"{message_type.__name__} has versions {known}, not {version}")
    try:
        shape: Any = _shape(message_type, version)
        entity = message_reader(shape)(memoryview(data), 2)
    except ProtocolError as error:
        raise UnreadableMessage(f"{message_type.__name__} version {version}: {error}") from error
    return cast(M, _unshaped(message_type, entity))


_shapes: dict[tuple[type[StoredMessage], int], type[Any]] = {}


def _shape(message_type: type[StoredMessage], version: int) -> type[Any]:
    """kio's class for one version of `message_type`, made when first needed."""
    known = _shapes.get((message_type, version))
    if known is not None:
        return known
    members = []
    for each in fields(message_type):
        first, last = each.metadata["versions"]
        if first <= version <= last:
            element = _element(each.type)
            annotation: Any = each.type
            if element is not None:
                annotation = GenericAlias(tuple, (_shape(element, version), ...))
                if NoneType in get_args(each.type):
                    annotation |= None
            members.append((each.name, annotation, field(metadata={"kafka_type": each.metadata["kafka_type"]})))
    constants = {
        "__type__": EntityType.data,
        "__version__": i16(version),
        "__flexible__": version >= message_type.flexible_from,
    }
    shape = make_dataclass(message_type.__name__, members, namespace=constants, frozen=True, slots=True, kw_only=True)
    _shapes[message_type, version] = shape
    return shape


def _element(annotation: Any) -> type[StoredMessage] | None:
    """The structure that a field is an array of, be it a nullable one; None for any other field."""
    if NoneType in get_args(annotation):
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is tuple and issubclass(element := get_args(annotation)[0], StoredMessage):
        return cast(type[StoredMessage], element)
    return None


_members: dict[type[Any], list[tuple[str, type[StoredMessage] | None]]] = {}


def _members_of(shape: type[Any], message_type: type[StoredMessage]) -> list[tuple[str, type[StoredMessage] | None]]:
    """The fields that `shape` has, each with what `_element` says of it."""
    known = _members.get(shape)
    if known is None:
        annotations = {each.name: each.type for each in fields(message_type)}
        known = _members[shape] = [(each.name, _element(annotations[each.name])) for each in fields(shape)]
    return known


def _unshaped(message_type: type[StoredMessage], entity: Any) -> StoredMessage:
    values = {}
    for name, element in _members_of(type(entity), message_type):
        value = getattr(entity, name)
        if element is not None and value is not None:
            value = tuple(_unshaped(element, item) for item in value)
        values[name] = value
    return message_type(**values)
