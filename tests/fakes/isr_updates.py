"""A controller's responses to changes of an ISR, given by the test."""

from collections.abc import Callable

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.replication.isr_updates import IsrChange, IsrConfirmed, Outcome
from pykafka_cli.model import PartitionEpoch, TopicPartition


class FakeIsrUpdates:
    """Twin of IsrUpdates that sends nothing; the test says what becomes of the oldest change."""

    def __init__(self) -> None:
        self.changes: list[IsrChange] = []
        """All that were submitted, except those that were not attempted."""
        self._pending: dict[TopicPartition, tuple[IsrChange, Callable[[Outcome], None]]] = {}

    def submit(self, change: IsrChange, when_answered: Callable[[Outcome], None]) -> None:
        if change.topic_partition in self._pending:
            when_answered(ErrorCode.operation_not_attempted)
            return
        self.changes.append(change)
        self._pending[change.topic_partition] = change, when_answered

    def confirm(self) -> None:
        change, when_answered = self._oldest()
        when_answered(IsrConfirmed(change.isr, change.leader_epoch, PartitionEpoch(change.partition_epoch + 1)))

    def reject(self, error: ErrorCode) -> None:
        _, when_answered = self._oldest()
        when_answered(error)

    def _oldest(self) -> tuple[IsrChange, Callable[[Outcome], None]]:
        return self._pending.pop(next(iter(self._pending)))
