"""Waiting for what other processes do: a condition is looked at again and again, and there is an end to it."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 100
PAUSE_S = 0.05

Found = TypeVar("Found")


def until(
    condition: Callable[[], Found],
    complaint: str | Callable[[], str] = "it did not come about",
    *,
    patience_s: float = PATIENCE_S,
) -> Found:
    """What the condition gives once it is true; raises AssertionError with the complaint if that takes too long."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, complaint if isinstance(complaint, str) else complaint()
        time.sleep(PAUSE_S)
    return found
