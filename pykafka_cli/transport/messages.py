"""Requests to bytes, and bytes to responses: the parts that kio leaves to its users."""

import importlib
import io
from typing import Any

from kio.serial import entity_writer


def response_type_of(request_type: type[Any]) -> type[Any]:
    """XResponse for XRequest: kio keeps them in sibling modules, the inter-broker ones are in one module."""
    module = request_type.__module__
    name = request_type.__name__.removesuffix("Request") + "Response"
    if module.endswith(".request"):
        module = module.removesuffix("request") + "response"
    found: type[Any] = getattr(importlib.import_module(module), name)
    return found


def without_tagged_fields(frame: memoryview) -> memoryview:
    """The body after a response header of version 1, whose tagged fields (none are defined) are skipped."""
    count, position = _unsigned_varint(frame, 0)
    for _ in range(count):
        _, position = _unsigned_varint(frame, position)
        size, position = _unsigned_varint(frame, position)
        position += size
    return frame[position:]


def _unsigned_varint(data: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def api_name(key: int) -> str:
    """The name of an API, such as ListOffsets for 2; its number if it is unknown."""
    from pykafka_cli.protocol.api_keys import APIS

    return APIS[key].title if key in APIS else f"the API with key {key}"


def encoded(request: Any) -> bytes:
    body = io.BytesIO()
    entity_writer(type(request))(body, request)
    return body.getvalue()
