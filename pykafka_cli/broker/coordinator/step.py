"""One step of a coordinator: the moment and its context, and what a shard wants done.

A shard decides in plain functions. It never writes, waits or reads a clock: it notes in the step the records to
append, the timers to set and who wants to know when the records are safe. The runtime then appends, replays what it
appended into the same shard, and sets the timers. So state that must survive changes in one place only, `replay`, live
and after a restart alike.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.model import ProducerIdAndEpoch, Timestamp


class CoordinatorRecord(NamedTuple):
    """One record as it is in the log; `value` is None in a tombstone."""

    key: bytes
    value: bytes | None


WhenStored: TypeAlias = Callable[["Step", BrokerError | None], None]
"""Called with a new step once the records are on every in-sync replica (None), or with the error if they are not."""


@dataclass(slots=True)
class Step:
    """`now_ms` is wall-clock time. `timers` maps a timer's key to its delay in ms, or to None to cancel it."""

    now_ms: Timestamp
    records: list[CoordinatorRecord] = field(default_factory=list)
    producer: ProducerIdAndEpoch | None = None
    timers: dict[Hashable, int | None] = field(default_factory=dict)
    when_stored: list[WhenStored] = field(default_factory=list)
