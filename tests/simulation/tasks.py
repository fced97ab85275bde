"""What is under way on a loop: where it waits, and how all of it ends."""

import asyncio
from contextlib import suppress
from typing import Any

from tests.simulation.loop import Standstill, VirtualLoop

ROUNDS = 5
"""How often what is canceled may begin something that has to be canceled as well."""


def end_all(loop: VirtualLoop) -> list[str]:
    """End what the garbage collector would otherwise end, once the loop is closed; return what does not end."""
    for _ in range(ROUNDS):
        loop.wake_all()  # again and again, as a disk may still fail
        left = asyncio.all_tasks(loop)
        if not left:
            break
        for task in left:
            task.cancel()
        with suppress(Standstill):
            loop.run_until_complete(asyncio.wait(left, timeout=60))
    return sorted(f"{task.get_coro().__qualname__}\n{stack_of(task)}" for task in asyncio.all_tasks(loop))


def stacks_of(loop: VirtualLoop) -> str:
    """Where the clients' tasks wait."""
    return "\n".join(
        sorted(
            stack_of(task)
            for task in asyncio.all_tasks(loop)
            if (code := getattr(task.get_coro(), "cr_code", None)) and "/broker/" not in code.co_filename
        )
    )


def stack_of(task: asyncio.Task[object]) -> str:
    frames: list[str] = []
    at: Any = task.get_coro()
    while at is not None:
        frame = getattr(at, "cr_frame", None)
        if frame is not None:
            frames.append(f"{at.__qualname__}:{frame.f_lineno}")
        at = getattr(at, "cr_await", None)
    return "    " + " > ".join(frames)
