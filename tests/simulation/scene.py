"""How one seed is run: on a loop of its own, so that it takes the same course whatever the process did before."""

import gc
import logging
import random
import uuid
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol
from unittest.mock import patch

from tests.simulation.loop import Standstill, VirtualLoop
from tests.simulation.tasks import end_all, stacks_of
from tests.simulation.workers import Run


class Outcome(NamedTuple):
    """`story` says what the seed stood for; `virtual_s` how long it all took on the virtual clock.

    `digest` is the same for runs that took the same course.
    """

    seed: int
    story: str
    faults: list[str]
    virtual_s: float
    digest: int


class Scene(Protocol):
    """What happens in a run, and what came of it."""

    run: Run

    async def play(self) -> None: ...

    def outcome(self, seed: int) -> Outcome: ...


def played(make: Callable[[VirtualLoop], Scene], seed: int) -> Outcome:
    """Run the scene that `make` prepares on a loop."""
    loop = VirtualLoop()
    random.seed(seed)
    scene = make(loop)
    gc_was_on = gc.isenabled()
    gc.disable()
    log = logging.getLogger("pykafka_cli")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)  # errors are expected there
    try:
        with patch("uuid.uuid4", lambda: uuid.UUID(int=random.getrandbits(128), version=4)):
            loop.run_until_complete(scene.play())
    except Standstill as standstill:
        scene.run.complaints.append(f"{standstill}\n{stacks_of(loop)}")
    finally:
        outcome = scene.outcome(seed)
        outcome.faults.extend(f"does not end: {each}" for each in end_all(loop))
        loop.close()
        log.setLevel(level)
        if gc_was_on:
            gc.enable()
    return outcome


def needed(kinds: Sequence[str], fails: Callable[[Collection[str]], bool]) -> list[str]:
    """The kinds of faults that a failure needs, given whether it happens without some."""
    without: set[str] = set()
    for kind in kinds:
        if fails(without | {kind}):
            without.add(kind)
    return [kind for kind in kinds if kind not in without]
