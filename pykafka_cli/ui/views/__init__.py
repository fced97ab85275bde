"""The content of the pages: each view queries the cluster, and returns a document for JSON and for a template."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.model import BrokerId
from pykafka_cli.transport.errors import ConnectionFailed

T = TypeVar("T")

Document: TypeAlias = dict[str, Any]
"""A JSON object."""

Query: TypeAlias = Mapping[str, str]
"""The query of an address, one value per name."""


class BadQuery(ValueError):
    """A parameter of an address is missing or invalid."""


async def of_each_broker(
    brokers: Sequence[BrokerId], ask: Callable[[BrokerId], Awaitable[T]]
) -> tuple[list[T], list[Document]]:
    """The responses of brokers that are asked concurrently, and for each of the others why there is none."""
    found = await asyncio.gather(*map(ask, brokers), return_exceptions=True)
    responses, missing = [], []
    for broker, each in zip(brokers, found, strict=True):
        if isinstance(each, ConnectionFailed | ApiError):
            missing.append({"broker": int(broker), "error": str(each)})
        elif isinstance(each, BaseException):
            raise each
        else:
            responses.append(each)
    if not responses:
        raise next(each for each in found if isinstance(each, BaseException))
    return responses, missing


def required(query: Query, name: str) -> str:
    """raises    BadQuery"""
    if name not in query:
        raise BadQuery(f"The address lacks {name}=")
    return query[name]


def whole_number(query: Query, name: str, default: int | None = None) -> int | None:
    """A number that is not negative.

    raises    BadQuery
    """
    text = query.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadQuery(f"{name}: {text} is not a whole number")
    return int(text)
