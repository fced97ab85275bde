"""A group coordinator of one partition, with its clock and its log in memory."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from pykafka_cli.broker.coordinator.group.coordinator import GroupCoordinator
from pykafka_cli.broker.coordinator.group.group import GroupState, Joined, NewMemberId
from pykafka_cli.broker.coordinator.group.member_requests import Joining, Syncing
from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.broker.coordinator.group.shard import Committer
from pykafka_cli.model import LeaderEpoch, Milliseconds, Offset, TopicPartition
from pykafka_cli.properties.broker_keys.coordinator import CoordinatorKeys
from pykafka_cli.properties.grammar import Property
from tests.fakes.clock import FakeClock
from tests.fakes.partition_writer import FakePartitionWriter

OFFSETS = TopicPartition("__consumer_offsets", 0)
T = TopicPartition("t", 0)


class Peer:
    """A coordinator of one partition, its clock and its log."""

    def __init__(self, **settings: object) -> None:
        settings = {"group.initial.rebalance.delay.ms": 0} | {k.replace("_", "."): v for k, v in settings.items()}
        self.clock = FakeClock()
        self.writer = FakePartitionWriter(self.clock, {OFFSETS})
        self.settings = CoordinatorKeys(Property(name, str(value), 0) for name, value in settings.items())
        self.groups = self.coordinator()

    def coordinator(self, partitions: int = 1) -> GroupCoordinator:
        numbers = itertools.count(1)
        return GroupCoordinator(self.settings, self.clock, self.writer, lambda: partitions, lambda: next(numbers))

    async def start(self) -> GroupCoordinator:
        self.groups.start()
        self.groups.on_leadership([(OFFSETS, LeaderEpoch(0))], [])
        await self.loaded()
        return self.groups

    async def restart(self) -> GroupCoordinator:
        self.groups.close()
        self.groups = self.coordinator()
        return await self.start()

    async def loaded(self) -> None:
        await soon(lambda: not self.groups.list_groups()[1])

    async def commit(self, offset: int, group: str = "g", **arguments: Any) -> Any:
        value = OffsetCommitValue(offset=Offset(offset), metadata="", commit_timestamp=self.clock.now_ms())
        return await self.groups.commit(group, arguments.pop("committer", Committer()), {T: value}, **arguments)

    def committed(self, group: str = "g") -> int | None:
        value = self.groups.fetch_offsets(group, [T], require_stable=False)[T]
        return None if value is None else value.offset

    async def join(self, member_id: str = "", group: str = "g") -> Joined | NewMemberId:
        joining = Joining(
            member_id, None, "c", "/h", Milliseconds(10_000), Milliseconds(60_000), "consumer", (("range", b"r"),)
        )
        return await self.groups.join(group, joining)

    async def stable_member(self) -> str:
        """The only member of a stable group g, in generation 1."""
        member_id = (await self.join()).member_id
        joining = asyncio.ensure_future(self.join(member_id))
        await soon(lambda: self.groups.describe("g").state is GroupState.PREPARING)
        self.clock.advance(0)
        await joining
        await self.groups.sync("g", Syncing(member_id, None, 1, "consumer", "range", {member_id: b"all"}))
        return member_id


async def soon(condition: Callable[[], bool]) -> None:
    """Let others run until `condition` holds."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("never came to pass")
