"""Fetch sessions (KIP-227), the follower's side: which partitions the next fetch must name. Pure.

One object per connection to a leader. `plan` returns what to send; `accept` or `lost` gets the result.
Source: org.apache.kafka.clients.FetchSessionHandler.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.replication.fetch_sessions import INITIAL_EPOCH, NO_SESSION, next_epoch
from pykafka_cli.broker.replication.fetch_values import FetchTarget, PartitionKey


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """One fetch request. `targets` is all that the leader will read, `named` what has to be said of it."""

    session_id: int
    epoch: int
    targets: Mapping[PartitionKey, FetchTarget]
    named: tuple[FetchTarget, ...]
    forgotten: tuple[FetchTarget, ...]

    @property
    def is_full(self) -> bool:
        return self.epoch == INITIAL_EPOCH


class LeaderSession:
    """The follower's copy of what the leader's session knows about its partitions."""

    def __init__(self) -> None:
        self._session_id = NO_SESSION
        self._epoch = INITIAL_EPOCH
        self._remembered: dict[PartitionKey, FetchTarget] = {}

    def plan(self, targets: Iterable[FetchTarget]) -> FetchPlan:
        """The request that makes the leader read exactly `targets`, in their order when it is a full fetch."""
        wanted = {target.asked.key: target for target in targets}
        if self._epoch == INITIAL_EPOCH:
            self._remembered = {}
        named = tuple(target for key, target in wanted.items() if self._remembered.get(key) != target)
        forgotten = tuple(target for key, target in self._remembered.items() if key not in wanted)
        self._remembered = wanted
        return FetchPlan(self._session_id, self._epoch, wanted, named, forgotten)

    def accept(self, plan: FetchPlan, *, error: ErrorCode, session_id: int) -> bool:
        """Process the head of the response to `plan`; return whether its partitions count."""
        if error is not ErrorCode.none:
            if error is ErrorCode.fetch_session_id_not_found:
                self._session_id = NO_SESSION
            self._epoch = INITIAL_EPOCH  # a full fetch, which closes the session that it names
            return False
        self._session_id = session_id
        self._epoch = INITIAL_EPOCH if session_id == NO_SESSION else next_epoch(plan.epoch)
        return True

    def lost(self) -> None:
        """No response came: the leader may or may not have processed the request, so the next one is full."""
        self._epoch = INITIAL_EPOCH
