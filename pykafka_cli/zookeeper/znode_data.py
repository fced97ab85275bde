"""The data of Kafka's znodes is JSON, without spaces."""

import base64
import json
import uuid
from typing import Any


class BadZnode(Exception):
    """A znode's data is not what Kafka writes there."""


def encoded(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def decoded(path: str, data: bytes | None) -> dict[str, Any]:
    try:
        value = json.loads(data or b"")
    except (ValueError, RecursionError) as error:
        raise BadZnode(f"{path} contains no JSON but {data!r}: {error}") from None
    if not isinstance(value, dict):
        raise BadZnode(f"{path} contains {data!r} instead of a JSON object")
    return value


def number(path: str, value: object) -> int:
    if not isinstance(value, int):
        raise BadZnode(f"{path} has {value!r} where a number is expected")
    return value


def base64_text(value: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(value.bytes).decode().rstrip("=")
