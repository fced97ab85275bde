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
    """One fetch request. `targets` are all the partitions that are fetched, `named` those that have to be named."""

    session_id: int
    epoch: int
    targets: Mapping[PartitionKey, FetchTarget]
    named: tuple[FetchTarget, ...]
    forgotten: tuple[FetchTarget, ...]

    @property
    def is_full(self) -> bool:
        return self.epoch == INITIAL_EPOCH


class LeaderSession:
    """The follower's copy of what the leader's session knows about its partitions.

    After `lost`, or an answer that is not accepted, the next plan names all of them again.
    """

    def __init__(self) -> None:
        self._session_id = NO_SESSION
        self._epoch = INITIAL_EPOCH
        self._fetched: dict[PartitionKey, FetchTarget] = {}

    def plan(self, targets: Iterable[FetchTarget], gone: Iterable[PartitionKey] = ()) -> FetchPlan:
        """The next request, by which the leader learns what has changed since the one before.

        targets   those that may have changed; all others are fetched as before
        gone      those that are fetched no more, unless they are among `targets` again
        """
        forgotten = {key: self._fetched.pop(key) for key in gone if key in self._fetched}
        named = []
        for target in targets:
            key = target.asked.key
            forgotten.pop(key, None)
            if self._fetched.get(key) != target:
                self._fetched[key] = target
                named.append(target)
        if self._epoch == INITIAL_EPOCH:
            return FetchPlan(self._session_id, self._epoch, self._fetched, tuple(self._fetched.values()), ())
        return FetchPlan(self._session_id, self._epoch, self._fetched, tuple(named), tuple(forgotten.values()))

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
