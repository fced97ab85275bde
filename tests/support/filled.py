"""Values of any type of ours, made from its annotations: every number and text in them occurs nowhere else."""

import datetime
import inspect
import itertools
import types
import typing
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.errors import ApiError

_FIRST_NUMBER = 7001
_ENTRIES = 2


class Filler:
    """Fills parameters and fields with values that are all different."""

    def __init__(self) -> None:
        self._numbers = itertools.count(_FIRST_NUMBER)

    def arguments(self, function: Callable[..., Any], **given: Any) -> dict[str, Any]:
        """Arguments for all parameters of a function."""
        hints = typing.get_type_hints(function)
        return {
            name: given[name] if name in given else self.value(hints[name])
            for name in inspect.signature(function).parameters
        }

    def value(self, hint: Any) -> Any:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            return self.value(next(each for each in arguments if each is not type(None)))
        if origin is tuple:
            ends = arguments[-1] is Ellipsis
            return tuple(self.value(each) for each in (arguments[:1] * _ENTRIES if ends else arguments))
        if origin is not None and issubclass(origin, Mapping):
            return {self.value(arguments[0]): self.value(arguments[1]) for _ in range(_ENTRIES)}
        if origin is not None and issubclass(origin, Iterable):
            kind = origin if origin in (set, frozenset) else tuple if origin is Sequence else list
            return kind(self.value(arguments[0]) for _ in range(_ENTRIES))
        if isinstance(hint, typing.TypeVar):
            return self.value(hint.__constraints__[-1])
        if hasattr(hint, "__supertype__"):
            return self.value(hint.__supertype__)
        return self._single(hint)

    def _single(self, hint: Any) -> Any:
        if hint is bool:
            return True
        if hint is str:
            return f"word{next(self._numbers)}"
        if hint is bytes:
            return f"bytes{next(self._numbers)}".encode()
        if hint is uuid.UUID:
            return uuid.UUID(int=next(self._numbers))
        if hint is ApiError:
            return ApiError(ErrorCode.unknown_server_error, f"word{next(self._numbers)}")
        if hint is float:
            return float(next(self._numbers))
        if isinstance(hint, type) and issubclass(hint, Enum):
            return list(hint)[-1]
        if isinstance(hint, type) and issubclass(hint, int):
            return hint(next(self._numbers))
        if isinstance(hint, type) and (is_dataclass(hint) or hasattr(hint, "_fields")):
            hints = typing.get_type_hints(hint)
            names = getattr(hint, "_fields", None) or [
                name for name in hints if name in inspect.signature(hint).parameters
            ]
            return hint(**{name: self.value(hints[name]) for name in names})
        if hint is datetime.datetime:
            return datetime.datetime.fromtimestamp(next(self._numbers), datetime.UTC)
        raise NotImplementedError(hint)
