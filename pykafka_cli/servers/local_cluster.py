"""The servers of `pk up`: ZooKeeper and the only broker in this process; several brokers have one each."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pykafka_cli.broker.clock import MovableClock, SystemClock
from pykafka_cli.broker.faults import Faults, OwnTimes
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.listener import CannotListen, SocketServer
from pykafka_cli.broker.server import BrokerServer, BrokerUnusable
from pykafka_cli.model import Seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.servers.local_plan import (
    HOST,
    LocalPlan,
    address_of,
    advertised_by,
    logs_of,
    settings_of,
    zookeeper_settings,
)
from pykafka_cli.servers.run_states import BrokerState, RunState
from pykafka_cli.zookeeper.server.server import ZooKeeperServer

if TYPE_CHECKING:
    from pykafka_cli.servers.broker_processes import BrokerProcesses


class Brokers(Protocol):
    """Those of a cluster, wherever they run."""

    @property
    def faults(self) -> Faults | None:
        """What happens to requests of clients; None where the plan says nothing of that."""

    @property
    def states(self) -> tuple[BrokerState, ...]:
        """Once they are started."""

    async def start(self, zookeeper_port: int) -> None:
        """raises    BrokerUnusable, ConfigError"""

    async def stop(self) -> None:
        """Stop what has been started, at once."""

    async def sessions(self) -> list[int]:
        """The ids of their ZooKeeper sessions."""

    async def advance(self, seconds: float) -> None:
        """Move their time, unless it is that of ZooKeeper."""

    async def add_fault(self, request: Mapping[str, Any]) -> None:
        """Where there may be faults; raises BadRequest."""

    async def clear_faults(self) -> None:
        """Likewise."""


class LocalCluster(NamedTuple):
    """What is running.

    zookeeper    HOST:PORT
    failure      raises ServerUnusable once ZooKeeper can no longer store data
    processes    the brokers, if each has a process of its own
    """

    data_dir: Path
    server: ZooKeeperServer
    clock: MovableClock | SystemClock
    brokers: Brokers
    processes: "BrokerProcesses | None"

    @property
    def state(self) -> RunState:
        """What other processes need to find it."""
        return RunState(os.getpid(), str(self.data_dir), f"{HOST}:{self.server.port}", self.brokers.states)

    @property
    def failure(self) -> "asyncio.Future[None]":
        return self.server.failure

    @property
    def has_clock(self) -> bool:
        """Whether the time of all servers can be moved."""
        return isinstance(self.clock, MovableClock)

    async def advance(self, seconds: float) -> int:
        """Move the time of all servers, and return what it is then, in ms since the epoch.

        To ZooKeeper, brokers that run have been there all the while, and others were silent.
        """
        assert isinstance(self.clock, MovableClock)
        self.server.clock_will_be_moved(Seconds(seconds), heard_of=await self.brokers.sessions())
        await asyncio.gather(self.clock.advance(Seconds(seconds)), self.brokers.advance(seconds))
        return self.clock.now_ms()


class OnlyBroker:
    """A broker in this process."""

    def __init__(self, plan: LocalPlan, clock: MovableClock | SystemClock) -> None:
        self.faults = Faults() if plan.has_faults else None
        self._plan, self._clock = plan, clock
        self._server: BrokerServer | None = None

    async def start(self, zookeeper_port: int) -> None:
        settings = settings_of(self._plan.broker_properties(0, {}, zookeeper_port))
        server = BrokerServer(settings, self._clock, takes_over=True, faults=self.faults)
        await server.start()
        self._server = server

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()

    @property
    def states(self) -> tuple[BrokerState, ...]:
        assert self._server is not None
        settings, endpoints = self._server.settings, self._server.endpoints
        where = address_of(settings, endpoints), advertised_by(settings, endpoints)
        return (BrokerState(*where, str(logs_of(self._plan.data_dir, 0)), os.getpid(), log=None),)

    async def sessions(self) -> list[int]:
        assert self._server is not None
        return [self._server.zookeeper_session]

    async def advance(self, seconds: float) -> None:
        pass  # its clock is ZooKeeper's

    async def add_fault(self, request: Mapping[str, Any]) -> None:
        from pykafka_cli.servers.fault_requests import fault_of

        assert self.faults is not None
        self.faults.add(fault_of(request, OwnTimes))

    async def clear_faults(self) -> None:
        assert self.faults is not None
        self.faults.clear()


@asynccontextmanager
async def running(
    plan: LocalPlan, processes: "BrokerProcesses | None", stop: asyncio.Event
) -> AsyncIterator[LocalCluster | None]:
    """Start everything, and stop it when the block ends; None if `stop` is set before it has started.

    processes    those of the plan, if each broker is to have one
    raises       BrokerUnusable, ServerUnusable, ConfigError
    """
    clock = MovableClock() if plan.has_clock else SystemClock()
    brokers: Brokers = processes or OnlyBroker(plan, clock)
    zookeeper = ZooKeeperServer(zookeeper_settings(plan.data_dir, plan.zookeeper_port), clock)
    async with AsyncExitStack() as after_brokers:
        try:
            await _ensure_usable(plan)
            await zookeeper.start()
            after_brokers.push_async_callback(zookeeper.stop)
            is_running = await _start(brokers, zookeeper.port, stop)
            yield LocalCluster(plan.data_dir, zookeeper, clock, brokers, processes) if is_running else None
        finally:
            await brokers.stop()


async def _start(brokers: Brokers, zookeeper_port: int, stop: asyncio.Event) -> bool:
    """Whether they have started before they were to stop."""
    starting, stopping = asyncio.create_task(brokers.start(zookeeper_port)), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        return starting.done()
    finally:
        for task in (starting, stopping):
            task.cancel()
        await asyncio.wait((starting, stopping))


async def _ensure_usable(plan: LocalPlan) -> None:
    """Check for obstacles before anything is written: ports in use, or brokers' logs without their ZooKeeper's data."""
    for number in range(len(plan.ports)):
        settings: BrokerSettings = settings_of(plan.broker_properties(number, {}, 0))
        sockets = SocketServer(settings, SystemClock(), Metrics())
        try:
            await sockets.bind()
        except CannotListen as error:
            raise BrokerUnusable(str(error)) from error
        await sockets.stop(grace=Seconds(0))
        (logs,) = map(Path, settings.log_directories)
        if (logs / "meta.properties").exists() and not (plan.data_dir / "zookeeper").exists():
            raise BrokerUnusable(
                f"{logs} holds records of a cluster whose ZooKeeper is not in {plan.data_dir / 'zookeeper'}; "
                "put that back, or choose another --data-dir"
            )
