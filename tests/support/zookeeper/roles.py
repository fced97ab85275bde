"""Servers of an ensemble in the process of the test; the test says who leads."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from pykafka_cli.broker.clock import SystemClock
from pykafka_cli.zookeeper.ensemble.configuration import PARTICIPANT, EnsembleConfiguration, EnsembleServer
from pykafka_cli.zookeeper.ensemble.following import Following
from pykafka_cli.zookeeper.ensemble.leading import Leading
from pykafka_cli.zookeeper.ensemble.member import Member
from tests.support.polling import PATIENCE_S
from tests.support.ports import free_port
from tests.support.zookeeper.raw_client import RawClient
from tests.support.zookeeper.starting import settings_of


class Roles:
    """Members of one ensemble, each with the task of its role, if it has one."""

    def __init__(
        self, folder: Path, ids: tuple[int, ...], observers: frozenset[int] = frozenset(), **keys: object
    ) -> None:
        servers = {
            each: EnsembleServer(
                each, "127.0.0.1", free_port(), free_port(), "observer" if each in observers else PARTICIPANT
            )
            for each in ids
        }
        self.configuration = EnsembleConfiguration(servers)
        self.agreed: list[EnsembleConfiguration] = []
        """Each configuration that began to be in force on a server, in the order of time."""
        self.members: dict[int, Member] = {}
        self.roles: dict[int, Leading | Following] = {}
        self.tasks: dict[int, asyncio.Task[str]] = {}
        self._folder = folder
        self._keys = {"tickTime": 200, "initLimit": 50, "syncLimit": 25, "preAllocSize": 64, **keys}

    async def start(self, server_id: int) -> Member:
        """Start a server, which looks for a leader then."""
        member = Member(settings_of(self._folder / str(server_id), **self._keys), SystemClock(), server_id)
        await member.start()
        self.members[server_id] = member
        return member

    def lead(self, server_id: int) -> asyncio.Task[str]:
        role = Leading(self.members[server_id], self.configuration, on_configuration=self.agreed.append)
        return self._begin(server_id, role)

    def follow(self, server_id: int, leader: int) -> asyncio.Task[str]:
        is_observer = server_id in self.configuration.observers
        role = Following(
            self.members[server_id],
            self.configuration,
            leader,
            is_observer=is_observer,
            on_configuration=self.agreed.append,
        )
        return self._begin(server_id, role)

    async def serving(self, *ids: int) -> None:
        """Wait until these serve clients."""
        await self.until(lambda: all(self.members[each].is_serving for each in ids))

    async def up(self, leader: int, *followers: int) -> None:
        """Start all, and have them serve."""
        for each in (leader, *followers):
            if each not in self.members:
                await self.start(each)
        self.lead(leader)
        for each in followers:
            self.follow(each, leader)
        await self.serving(leader, *followers)

    async def client(self, server_id: int, timeout_ms: int = 4000) -> RawClient:
        return await RawClient.with_session(self.members[server_id].port, timeout_ms)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; a role that ends with an error fails the test."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                for task in self.tasks.values():
                    if task.done() and not task.cancelled():
                        task.result()
                await asyncio.wait(set(self.tasks.values()) or {asyncio.ensure_future(asyncio.sleep(0))}, timeout=0.01)

    async def leave(self, server_id: int) -> None:
        """End the role of a server, as when it is told to stop."""
        task = self.tasks.pop(server_id)
        task.cancel()
        await asyncio.wait([task])

    async def stop(self, *ids: int) -> None:
        """Stop servers; all of them, unless some are named."""
        for each in ids or list(self.members):
            if each in self.tasks:
                await self.leave(each)
            await self.members.pop(each).stop()

    def _begin(self, server_id: int, role: Leading | Following) -> asyncio.Task[str]:
        self.roles[server_id] = role
        self.tasks[server_id] = asyncio.get_running_loop().create_task(role.serve())
        return self.tasks[server_id]
