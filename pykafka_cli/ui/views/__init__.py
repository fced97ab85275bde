"""The content of the pages: each view queries the cluster, and returns a document for JSON and for a template."""

from collections.abc import Mapping
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]
"""A JSON object."""

Query: TypeAlias = Mapping[str, str]
"""The query of an address, one value per name."""


class BadQuery(ValueError):
    """A parameter of an address is missing or invalid."""


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
