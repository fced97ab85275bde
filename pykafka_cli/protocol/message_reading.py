"""Reads messages with kio, and with what it cannot read taken out if need be.

kio rejects tagged fields that it does not know, which every reader has to skip (KIP-482), and durations of more than
292,000 years. Such messages are rare, so only one that kio has rejected is looked through.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from kio.serial import entity_reader
from kio.serial.errors import SerialError

from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.errors import ProtocolError

UNREADABLE = (SerialError, ValueError, OverflowError, TypeError, LookupError)
"""The exceptions of kio for bytes that are not such a message; kio documents only some of them."""


@cache
def message_reader(schema: Any) -> Callable[[memoryview, int], Any]:
    """A function that returns the message of this class which begins at a position; it raises ProtocolError."""
    read = entity_reader(schema)

    def read_message(data: memoryview, position: int) -> Any:
        try:
            return read(data, position)[0]
        except UNREADABLE as error:
            return read_rejected(schema, data, position, error)

    return read_message


def read_rejected(schema: Any, data: memoryview, position: int, error: Exception) -> Any:
    """The message that kio has rejected with `error`, without what it cannot read; raises ProtocolError."""
    mended = _readable_by_kio(schema, data, position)
    if mended is not None:
        try:
            return entity_reader(schema)(mended, 0)[0]
        except UNREADABLE as other:
            error = other
    raise ProtocolError(f"{type(error).__name__}: {error}") from error


def _readable_by_kio(schema: Any, data: memoryview, position: int) -> memoryview | None:
    """The message without what kio does not read; None if nothing of that kind is in it. Raises ProtocolError."""
    from pykafka_cli.protocol.array_counts import edits_for_kio

    edits = edits_for_kio(schema, data, position)
    if not edits:
        return None
    parts: list[Buffer] = []
    for edit in edits:
        parts += [data[position : edit.start], edit.replacement]
        position = edit.end
    return memoryview(b"".join([*parts, data[position:]]))
