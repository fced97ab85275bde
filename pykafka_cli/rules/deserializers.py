"""Kafka's own deserializers, as far as console-consumer shows what they return: bytes to the text of toString().

Names are classes of org.apache.kafka.common.serialization; messages are those that the classes throw.
"""

import struct
import uuid
from collections.abc import Callable, Mapping

from pykafka_cli.rules.java_text import bytes_text, double_text, float_text

Deserializer = Callable[[bytes], bytes]
"""Converts a field to the bytes to print, in UTF-8. raises DeserializationError"""

PACKAGE = "org.apache.kafka.common.serialization."


class DeserializationError(Exception):
    """Bytes that a deserializer rejects."""


class UnknownDeserializer(LookupError):
    """The class is unknown."""


def deserializer(name: str, config: Mapping[str, str], *, is_key: bool) -> Deserializer:
    """The deserializer of a class name; `config` has its properties.

    raises  UnknownDeserializer
    """
    if not name.startswith(PACKAGE) or (build := DESERIALIZERS.get(name.removeprefix(PACKAGE))) is None:
        raise UnknownDeserializer(name)
    return build(config, is_key)


def _fixed(name: str, layout: str, text: Callable[..., str]) -> Callable[[Mapping[str, str], bool], Deserializer]:
    size = struct.calcsize(layout)

    def deserialize(data: bytes) -> bytes:
        if len(data) != size:
            raise DeserializationError(f"Size of data received by {name} is not {size}")
        return text(struct.unpack(layout, data)[0]).encode()

    return lambda _config, _is_key: deserialize


def _string(config: Mapping[str, str], is_key: bool) -> Deserializer:
    own = "key.deserializer.encoding" if is_key else "value.deserializer.encoding"
    encoding = config.get(own) or config.get("deserializer.encoding") or "UTF-8"

    def deserialize(data: bytes) -> bytes:
        try:
            return data.decode(encoding, "replace").encode()
        except LookupError as error:
            raise DeserializationError(
                f"Error when deserializing byte[] to string due to unsupported encoding {encoding}"
            ) from error

    return deserialize


def _uuid(data: bytes) -> bytes:
    try:
        return str(uuid.UUID(data.decode(errors="replace"))).encode()
    except ValueError as error:
        raise DeserializationError("Error parsing data into UUID") from error


def _boolean(data: bytes) -> bytes:
    if len(data) != 1:
        raise DeserializationError("Size of data received by BooleanDeserializer is not 1")
    if data not in (b"\0", b"\1"):
        raise DeserializationError(
            f"Unexpected byte received by BooleanDeserializer: {int.from_bytes(data, 'big', signed=True)}"
        )
    return b"true" if data == b"\1" else b"false"


def _void(_data: bytes) -> bytes:
    raise DeserializationError("Data should be null for a VoidDeserializer.")


def _same(deserialize: Deserializer) -> Callable[[Mapping[str, str], bool], Deserializer]:
    return lambda _config, _is_key: deserialize


DESERIALIZERS: Mapping[str, Callable[[Mapping[str, str], bool], Deserializer]] = {
    "StringDeserializer": _string,
    "LongDeserializer": _fixed("LongDeserializer", ">q", str),
    "IntegerDeserializer": _fixed("IntegerDeserializer", ">i", str),
    "ShortDeserializer": _fixed("ShortDeserializer", ">h", str),
    "FloatDeserializer": _fixed("Deserializer", ">f", float_text),
    "DoubleDeserializer": _fixed("DoubleDeserializer", ">d", double_text),
    "BooleanDeserializer": _same(_boolean),
    "UUIDDeserializer": _same(_uuid),
    "VoidDeserializer": _same(_void),
    "BytesDeserializer": _same(lambda data: bytes_text(data).encode()),
    # Java prints the array's identity or the buffer's limits here; users want to see the data.
    "ByteArrayDeserializer": _same(lambda data: data),
    "ByteBufferDeserializer": _same(lambda data: data),
}
