"""A controller's responses to changes of an ISR, given by the test."""

from collections.abc import Callable

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.replication.isr_updates import IsrChange, IsrConfirmed


class AskedChanges:
    """Twin of IsrUpdates that keeps what is asked; the test answers."""

    def __init__(self) -> None:
        self.changes: list[IsrChange] = []
        self._callbacks: list[Callable[..., None]] = []

    def submit(self, change: IsrChange, when_answered: Callable[..., None]) -> None:
        self.changes.append(change)
        self._callbacks.append(when_answered)

    def grant(self) -> None:
        change = self.changes[-1]
        self._callbacks[-1](IsrConfirmed(change.isr, change.leader_epoch, change.partition_epoch + 1))

    def refuse(self, error: ErrorCode) -> None:
        self._callbacks[-1](error)
