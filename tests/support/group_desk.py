"""One shard of groups with a log and timers in plain lists: a runtime without a loop, for tests of what groups do.

After every step the log is replayed into a new shard, which must come out with the same stored state as the live one.
"""

import itertools
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, NamedTuple

from pykafka_cli.broker.coordinator.group.group import Group, GroupState, Joined, NewMemberId, Synced
from pykafka_cli.broker.coordinator.group.member_requests import Joining, Leaving, Syncing
from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.broker.coordinator.group.shard import Committer, GroupShard
from pykafka_cli.broker.coordinator.step import CoordinatorRecord, Step
from pykafka_cli.broker.errors import BrokerError, NotCoordinator
from pykafka_cli.model import (
    Milliseconds,
    Offset,
    ProducerEpoch,
    ProducerId,
    ProducerIdAndEpoch,
    Timestamp,
    TopicPartition,
)
from pykafka_cli.properties.broker_keys.coordinator import CoordinatorKeys
from pykafka_cli.properties.grammar import Property

START_MS = Timestamp(1_700_000_000_000)
RANGE = (("range", b"\x00\x01\x00\x00\x00\x01\x00\x01t\xff\xff\xff\xff"),)
"""One protocol, with a subscription to the topic `t`."""


class Waiting:
    """Where the response to a parked request arrives."""

    def __init__(self) -> None:
        self.answers: list[Any] = []

    def __call__(self, answer: Any) -> None:
        self.answers.append(answer)

    @property
    def answer(self) -> Any:
        """The response; None while there is none. There is never a second one."""
        assert len(self.answers) <= 1, f"answered twice: {self.answers}"
        return self.answers[0] if self.answers else None


class Written(NamedTuple):
    """A record in the log; `producer_id` is that of the transaction which it belongs to."""

    record: CoordinatorRecord
    producer_id: ProducerId | None


class Marker(NamedTuple):
    """The end of a producer's transaction in the log."""

    producer_id: ProducerId
    committed: bool


class Desk:
    """`refusal` is raised in place of appending; with `is_replicating` off, `replicate` lets the written be stored."""

    def __init__(self, **settings: int) -> None:
        settings = {"group_initial_rebalance_delay_ms": 0} | settings
        properties = [Property(name.replace("_", "."), str(value), 0) for name, value in settings.items()]
        self.settings = CoordinatorKeys(properties)
        numbers = itertools.count(1)
        self.new_id = lambda: f"#{next(numbers)}"
        self.shard = GroupShard(self.settings, self.new_id)
        self.now_ms = START_MS
        self.log: list[Written | Marker] = []
        self.timers: dict[Hashable, tuple[int, int]] = {}
        self.refusal: BrokerError | None = None
        self.is_replicating = True
        self._unstored: list[Step] = []
        self._order = itertools.count()

    # --- steps

    def do(self, operation: Callable[[GroupShard, Step], Any]) -> Any:
        step = Step(self.now_ms)
        try:
            return operation(self.shard, step)
        finally:
            self._carry_out(step)

    def _carry_out(self, step: Step) -> None:
        for key, delay in step.timers.items():
            self.timers.pop(key, None)
            if delay is not None:
                self.timers[key] = (self.now_ms + delay, next(self._order))
        if step.records:
            if self.refusal is not None:
                self._notify(step, self.refusal)
                return
            producer_id = step.producer.producer_id if step.producer else None
            for record in step.records:
                self.log.append(Written(record, producer_id))
                self.shard.replay(record, Offset(len(self.log) - 1), producer_id)
            if self.is_replicating:
                self._notify(step, None)
            else:
                self._unstored.append(step)
        self.check_against_log()

    def _notify(self, step: Step, error: BrokerError | None) -> None:
        for when_stored in step.when_stored:
            reaction = Step(self.now_ms)
            when_stored(reaction, error)
            self._carry_out(reaction)

    def replicate(self, error: BrokerError | None = None) -> None:
        """What was written is stored everywhere, or `error` says why not."""
        unstored, self._unstored = self._unstored, []
        for step in unstored:
            self._notify(step, error)

    def advance(self, ms: int) -> None:
        """Let time pass; each timer runs out at its own moment."""
        end = self.now_ms + ms
        while due := [(at, order, key) for key, (at, order) in self.timers.items() if at <= end]:
            at, _, key = min(due, key=lambda timer: timer[:2])
            del self.timers[key]
            self.now_ms = Timestamp(max(self.now_ms, at))
            self.do(partial(lambda key, shard, step: shard.timer_expired(key, step), key))
        self.now_ms = Timestamp(end)

    def end_transaction(self, producer_id: int, *, committed: bool) -> None:
        ended = Marker(ProducerId(producer_id), committed)
        self.log.append(ended)
        self.shard.replay_marker(ended.producer_id, Offset(len(self.log) - 1), committed=committed)
        self.check_against_log()

    def restart(self) -> None:
        """The coordinator goes and another reads the log."""
        self.shard.unloaded()
        self.timers.clear()
        self._unstored.clear()
        self.shard = self.replayed()
        self.do(lambda shard, step: shard.loaded(step))

    # --- requests

    def join(
        self,
        member_id: str = "",
        *,
        group: str = "g",
        instance: str | None = None,
        protocols: Any = RANGE,
        protocol_type: str = "consumer",
        session_ms: int = 10_000,
        rebalance_ms: int = 60_000,
        version: int = 9,
        client_id: str = "c",
    ) -> Waiting:
        joining = Joining(
            member_id=member_id,
            group_instance_id=instance,
            client_id=client_id,
            client_host="/127.0.0.1",
            session_timeout_ms=Milliseconds(session_ms),
            rebalance_timeout_ms=Milliseconds(rebalance_ms),
            protocol_type=protocol_type,
            protocols=tuple(protocols),
            requires_member_id=version >= 4 and instance is None,
            skips_assignment=version >= 9,
        )
        answer = Waiting()
        self.do(lambda shard, step: shard.join(group, joining, answer, step))
        return answer

    def join_with_new_id(self, **arguments: Any) -> tuple[str, Waiting]:
        """Join as current clients do: for an id first, and then with it."""
        first = self.join(**arguments).answer
        assert isinstance(first, NewMemberId), first
        return first.member_id, self.join(first.member_id, **arguments)

    def sync(
        self,
        member_id: str,
        generation: int,
        assignments: dict[str, bytes] | None = None,
        *,
        group: str = "g",
        instance: str | None = None,
        protocol_type: str | None = "consumer",
        protocol_name: str | None = None,
    ) -> Waiting:
        syncing = Syncing(member_id, instance, generation, protocol_type, protocol_name, assignments or {})
        answer = Waiting()
        self.do(lambda shard, step: shard.sync(group, syncing, answer, step))
        return answer

    def heartbeat(self, member_id: str, generation: int, *, group: str = "g", instance: str | None = None) -> None:
        self.do(lambda shard, step: shard.heartbeat(group, member_id, instance, generation, step))

    def leave(self, member_id: str = "", *, group: str = "g", instance: str | None = None) -> BrokerError | None:
        (outcome,) = self.do(lambda shard, step: shard.leave(group, [Leaving(member_id, instance)], step))
        return outcome

    def commit(
        self,
        offsets: dict[str, int],
        *,
        group: str = "g",
        member_id: str = "",
        instance: str | None = None,
        generation: int = -1,
        producer: int | None = None,
        expire_timestamp: int = -1,
        metadata: str = "",
    ) -> dict[TopicPartition, BrokerError | None]:
        values = {
            TopicPartition(topic, 0): OffsetCommitValue(
                offset=Offset(offset),
                metadata=metadata,
                commit_timestamp=self.now_ms,
                expire_timestamp=Timestamp(expire_timestamp),
            )
            for topic, offset in offsets.items()
        }
        committer = Committer(member_id, instance, generation)
        in_transaction = None if producer is None else ProducerIdAndEpoch(ProducerId(producer), ProducerEpoch(0))
        return self.do(lambda shard, step: shard.commit(group, committer, values, step, in_transaction))

    def committed(self, group: str = "g", *, stable: bool = False) -> dict[str, Any]:
        """Offset by topic; the error's class where there is one."""
        found = self.shard.fetch_offsets(group, None, high_watermark=Offset(len(self.log)), require_stable=stable)
        return {
            partition.topic: value.offset if isinstance(value, OffsetCommitValue) else type(value)
            for partition, value in found.items()
        }

    def stable_group(self, size: int = 1, **arguments: Any) -> tuple[list[str], int]:
        """A stable group of dynamic members, the leader first, and its generation."""
        ids = []
        for _ in range(size):
            answer = self.join(**arguments).answer
            ids.append(answer.member_id)
        waiting = [self.join(member_id, **arguments) for member_id in ids]
        self.advance(0)
        joined = [each.answer for each in waiting]
        assert all(isinstance(each, Joined) for each in joined), joined
        generation = joined[0].generation
        ids.sort(key=lambda member_id: member_id != joined[0].leader)
        assignment = {member_id: f"{member_id}@{generation}".encode() for member_id in ids}
        for member_id in reversed(ids):
            synced = self.sync(member_id, generation, assignment if member_id == joined[0].leader else None)
        assert isinstance(synced.answer, Synced)
        return ids, generation

    def group(self, group_id: str = "g") -> Group:
        return self.shard.groups[group_id]

    @property
    def state(self) -> GroupState:
        return self.shard.describe("g").state

    # --- the log

    def replayed(self) -> GroupShard:
        """A new shard that has read the log."""
        shard = GroupShard(self.settings, self.new_id)
        for at, entry in enumerate(self.log):
            if isinstance(entry, Written):
                shard.replay(entry.record, Offset(at), entry.producer_id)
            else:
                shard.replay_marker(entry.producer_id, Offset(at), committed=entry.committed)
        return shard

    def check_against_log(self) -> None:
        """What is stored of the live groups is what the log gives."""
        live, loaded = self.shard.groups, self.replayed().groups
        for group_id in live.keys() | loaded.keys():
            here, there = live.get(group_id), loaded.get(group_id)
            assert _offsets(here) == _offsets(there), group_id
            if here is None or here.state in (GroupState.STABLE, GroupState.EMPTY):
                assert _generation(here) == _generation(there), group_id
            elif there is not None:
                assert there.generation <= here.generation, group_id


def _offsets(group: Group | None) -> Any:
    return None if group is None or not group.offsets else (group.offsets.committed, group.offsets.pending)


def _generation(group: Group | None) -> Any:
    if group is None or group.generation == 0:
        return None
    members = [
        (
            member.member_id,
            member.group_instance_id,
            member.client_id,
            member.client_host,
            member.rebalance_timeout_ms,
            member.session_timeout_ms,
            member.metadata(group.protocol_name),
            member.assignment,
        )
        for member in group.members.values()
    ]
    head = (
        group.state,
        group.state_timestamp,
        group.generation,
        group.protocol_type,
        group.protocol_name,
        group.leader,
    )
    return head, members


__all__ = ["RANGE", "START_MS", "Desk", "NotCoordinator", "Waiting"]
