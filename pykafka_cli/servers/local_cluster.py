"""The servers of `pk up`: a lone broker and a lone ZooKeeper are in this process; otherwise each has its own."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
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
from pykafka_cli.properties.metrics import MetricsAddress
from pykafka_cli.servers.local_plan import (
    HOST,
    LocalPlan,
    address_of,
    advertised_by,
    logs_of,
    settings_of,
    zookeeper_settings,
)
from pykafka_cli.servers.run_states import BrokerState, RunState, ZooKeeperState
from pykafka_cli.zookeeper.server.server import ZooKeeperServer

if TYPE_CHECKING:
    from pykafka_cli.servers.broker_processes import BrokerProcesses
    from pykafka_cli.servers.zookeeper_processes import ZooKeeperProcesses


class Brokers(Protocol):
    """The brokers of a cluster, wherever they run."""

    @property
    def faults(self) -> Faults | None:
        """The faults of clients' requests; None if the plan has none."""

    @property
    def states(self) -> tuple[BrokerState, ...]:
        """Once they are started."""

    async def start(self, zookeeper: str) -> None:
        """Start them.

        zookeeper    HOST:PORT, of several separated by commas
        raises       BrokerUnusable, ConfigError
        """

    async def stop(self) -> None:
        """Stop what has been started, at once."""

    async def sessions(self) -> list[int]:
        """The ids of their ZooKeeper sessions."""

    async def advance(self, seconds: float) -> None:
        """Move their time, unless they share ZooKeeper's clock."""

    async def add_fault(self, request: Mapping[str, Any]) -> None:
        """Add a fault, if the plan allows faults; raises BadRequest."""

    async def clear_faults(self) -> None:
        """Likewise."""


class ZooKeepers(Protocol):
    """The ZooKeeper of a cluster, or several."""

    failure: "asyncio.Future[None]"
    """Raises ServerUnusable once no data can be stored any longer."""

    @property
    def addresses(self) -> str:
        """HOST:PORT, of several separated by commas."""

    @property
    def states(self) -> tuple[ZooKeeperState, ...]:
        """The states of the servers that have their own processes."""

    async def start(self) -> None:
        """raises    ServerUnusable"""

    async def stop(self) -> None:
        """Stop what has been started."""


class OnlyZooKeeper(ZooKeeperServer):
    """A ZooKeeper in this process."""

    states: tuple[ZooKeeperState, ...] = ()

    @property
    def addresses(self) -> str:
        return f"{HOST}:{self.port}"


class LocalCluster(NamedTuple):
    """The running servers.

    processes    the brokers, if each has its own process
    ensemble     the ZooKeepers, likewise
    metrics      where those of each broker are shown, then of each ZooKeeper
    """

    data_dir: Path
    zookeepers: ZooKeepers
    clock: MovableClock | SystemClock
    brokers: Brokers
    processes: "BrokerProcesses | None"
    ensemble: "ZooKeeperProcesses | None" = None
    metrics: Sequence[MetricsAddress] = ()

    @property
    def state(self) -> RunState:
        """The state that lets other processes find it."""
        zookeepers, metrics = self.zookeepers, tuple(map(str, self.metrics))
        return RunState(
            os.getpid(), str(self.data_dir), zookeepers.addresses, self.brokers.states, zookeepers.states, metrics
        )

    @property
    def failure(self) -> "asyncio.Future[None]":
        """Raises ServerUnusable once ZooKeeper can no longer store data."""
        return self.zookeepers.failure

    @property
    def has_clock(self) -> bool:
        """Whether the time of all servers can be moved."""
        return isinstance(self.clock, MovableClock)

    async def advance(self, seconds: float) -> int:
        """Move the time of all servers, and return what it is then, in ms since the epoch.

        To ZooKeeper, brokers that run have been there all the while, and others were silent.
        """
        assert isinstance(self.clock, MovableClock)
        assert isinstance(self.zookeepers, OnlyZooKeeper)
        self.zookeepers.clock_will_be_moved(Seconds(seconds), heard_of=await self.brokers.sessions())
        await asyncio.gather(self.clock.advance(Seconds(seconds)), self.brokers.advance(seconds))
        return self.clock.now_ms()


class OnlyBroker:
    """A broker in this process."""

    def __init__(self, plan: LocalPlan, clock: MovableClock | SystemClock) -> None:
        self.faults = Faults() if plan.has_faults else None
        self._plan, self._clock = plan, clock
        self._server: BrokerServer | None = None

    async def start(self, zookeeper: str) -> None:
        settings = settings_of(self._plan.broker_properties(0, {}, zookeeper))
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
    plan: LocalPlan,
    processes: "BrokerProcesses | None",
    stop: asyncio.Event,
    ensemble: "ZooKeeperProcesses | None" = None,
) -> AsyncIterator[LocalCluster | None]:
    """Start everything, and stop it when the block ends; None if `stop` is set before everything has started.

    processes    those of the plan, if each broker has its own
    ensemble     likewise, if each ZooKeeper has its own
    raises       BrokerUnusable, ServerUnusable, ConfigError
    """
    clock = MovableClock() if plan.has_clock else SystemClock()
    brokers: Brokers = processes or OnlyBroker(plan, clock)
    zookeepers: ZooKeepers = ensemble or OnlyZooKeeper(zookeeper_settings(plan), clock)
    async with AsyncExitStack() as after_brokers:
        try:
            await _ensure_usable(plan)
            after_brokers.push_async_callback(zookeepers.stop)
            await zookeepers.start()
            is_running = await _start(brokers, zookeepers.addresses, stop)
            metrics = plan.metrics_addresses
            running = LocalCluster(plan.data_dir, zookeepers, clock, brokers, processes, ensemble, metrics)
            yield running if is_running else None
        finally:
            await brokers.stop()


async def _start(brokers: Brokers, zookeeper: str, stop: asyncio.Event) -> bool:
    """Whether they started before they had to stop."""
    starting, stopping = asyncio.create_task(brokers.start(zookeeper)), asyncio.create_task(stop.wait())
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
        settings: BrokerSettings = settings_of(plan.broker_properties(number, {}, f"{HOST}:0"))
        sockets = SocketServer(settings, SystemClock(), Metrics())
        try:
            await sockets.bind()
        except CannotListen as error:
            raise BrokerUnusable(str(error)) from error
        await sockets.stop(grace=Seconds(0))
        (logs,) = map(Path, settings.log_directories)
        zookeeper = plan.zookeeper_data(1)
        if (logs / "meta.properties").exists() and not zookeeper.exists():
            raise BrokerUnusable(
                f"{logs} holds records of a cluster whose ZooKeeper is not in {zookeeper}; "
                "put that back, or choose another --data-dir"
            )
