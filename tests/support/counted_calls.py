"""Counts the calls of functions whose time would tell who exists."""

import base64
import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_COSTLY = (
    (hashlib, "pbkdf2_hmac"), (hashlib, "new"), (hashlib, "md5"), (hmac, "digest"), (hmac, "compare_digest"),
    (secrets, "token_bytes"), (base64, "b64encode"), (base64, "b64decode"),
)  # fmt: skip


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each of them is called until the end of the block; they work as ever."""
    calls: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            calls[name] += 1
            return function(*arguments, **named)

        return call

    with monkeypatch.context() as patched:
        for module, name in _COSTLY:
            patched.setattr(module, name, counting(name, getattr(module, name)))
        yield calls
