"""What a piece of work costs, in numbers that no machine changes: function calls, system calls, bytes copied."""

import gc
import os
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType, ModuleType
from typing import Any

import pytest


@dataclass
class Calls:
    """`python`: of functions written in Python; `compiled`: of all others."""

    python: int = 0
    compiled: int = 0


ALLOWANCE = 5
"""Calls above what was counted when a bound was set: as many as a helper or two that are extracted."""


def excess(calls: Calls, bound: Calls) -> str:
    """By how much calls exceed the bound and its allowance; empty if they do not."""
    grown = {
        kind: (count, most)
        for kind, count, most in (
            ("functions in Python", calls.python, bound.python),
            ("compiled functions", calls.compiled, bound.compiled),
        )
        if count > most + ALLOWANCE
    }
    return "; ".join(
        f"{count} calls of {kind}, {count - most} ({(count - most) / most:.0%}) more than the {most} of the bound"
        for kind, (count, most) in grown.items()
    )


@contextmanager
def counted_calls(within: str = "") -> Iterator[Calls]:
    """Count what is called in the block; `within`: only by or in files whose path holds this.

    The few calls that the block itself makes are always the same.
    """
    calls = Calls()

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        if within not in frame.f_code.co_filename:
            return
        if event == "call":
            calls.python += 1
        elif event == "c_call":
            calls.compiled += 1

    # A collection in between would add finalizers and hypothesis's own callback, which are not the work's.
    collecting = gc.isenabled()
    gc.disable()
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        if collecting:
            gc.enable()


@dataclass
class SystemCalls:
    """Calls of functions of `os` by name, and the sizes of what was handed to them or came back."""

    names: Counter[str] = field(default_factory=Counter)
    sizes: list[int] = field(default_factory=list)


class CountingOs(ModuleType):
    """Stands for `os` in a module under test."""

    def __init__(self, calls: SystemCalls) -> None:
        super().__init__("os")
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if not callable(real) or isinstance(real, type):
            return real

        def call(*arguments: Any) -> Any:
            self._calls.names[name] += 1
            result = real(*arguments)
            if name in ("pread", "pwrite"):
                self._calls.sizes.append(len(result) if name == "pread" else result)
            return result

        return call


@contextmanager
def counted_system_calls(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> Iterator[SystemCalls]:
    """Count what `module` asks of the operating system."""
    calls = SystemCalls()
    with monkeypatch.context() as patch:
        patch.setattr(module, "os", CountingOs(calls))
        yield calls


def peak_memory(work: Callable[[], Any]) -> int:
    """Bytes by which memory grows at most while `work` runs: a copy of what it is about would show."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        result = work()
        peak = tracemalloc.get_traced_memory()[1]
        del result
        return peak - before
    finally:
        tracemalloc.stop()


@contextmanager
def kept_blocks(at_least: int, within: str) -> Iterator[Callable[[], list[int]]]:
    """The sizes of the blocks of memory, of so many bytes or more, that are in use.

    within    only those that files whose path holds this have allocated since
    """

    def sizes() -> list[int]:
        traces = tracemalloc.take_snapshot().traces
        return [each.size for each in traces if each.size >= at_least and within in each.traceback[-1].filename]

    tracemalloc.start()
    try:
        yield sizes
    finally:
        tracemalloc.stop()


def at_once(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that waits for nothing; so it can be run where no loop takes part in the counting."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    work.close()
    raise AssertionError("it waits for something")
