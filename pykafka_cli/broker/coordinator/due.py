"""Steps that wait for the end of a turn of the event loop, so that their records share a batch (see `runtime`).

An error of one step fails that step alone; one of the batch fails every step that has records in it.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from pykafka_cli.broker.coordinator.step import CoordinatorRecord, Step
from pykafka_cli.broker.errors import BrokerError

S = TypeVar("S")


class Due(Generic[S]):
    """A step, and who waits for it.

    records    the step's own, among those of its batch
    """

    __slots__ = ("_answer", "_error", "_operation", "_outcome", "records")

    def __init__(self, operation: Callable[[S, Step], object], outcome: asyncio.Future[Any]) -> None:
        self._operation, self._outcome = operation, outcome
        self._answer: object = None
        self._error: BaseException | None = None
        self.records: list[CoordinatorRecord] = []

    def perform(self, shard: S, step: Step) -> None:
        """Let the shard note in `step` what it wants done."""
        before = len(step.records)
        try:
            self._answer = self._operation(shard, step)
        except Exception as error:  # raised where the step is awaited
            self._error = error
        self.records = step.records[before:]

    def settle(self, error: BaseException | None) -> None:
        """Answer, now that the records are on every in-sync replica or, with an `error`, are not."""
        if self._outcome.done():
            return  # whoever waited was canceled
        error = self._error or (error if self.records else None)
        if error is not None:
            self._outcome.set_exception(error)
        else:
            self._outcome.set_result(self._answer)

    def refuse(self, error: Exception) -> None:
        """Answer a step that is not performed."""
        self._error = error
        self.settle(None)


def settle(due: Iterable[Due[S]], error: BaseException | None) -> None:
    """Answer all."""
    for each in due:
        each.settle(error)


def settle_like(due: Iterable[Due[S]], waiting: asyncio.Task[BrokerError | None]) -> None:
    """Answer all with the outcome of a task that has waited for their batch."""
    if not waiting.cancelled():
        settle(due, waiting.exception() or waiting.result())
