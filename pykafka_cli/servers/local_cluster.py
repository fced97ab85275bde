"""ZooKeeper and brokers in one process, with data in one directory.

    DIR/zookeeper              ZooKeeper's data
    DIR/kafka                  broker 0's logs; DIR/kafka-1 broker 1's, and so on

config/zookeeper.properties and config/server.properties name the same places below ./data, so that `pk up` and separate
servers can use each other's data.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pykafka_cli.broker.clock import MovableClock, SystemClock
from pykafka_cli.broker.faults import Faults
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.listener import CannotListen, SocketServer
from pykafka_cli.broker.server import BrokerServer, BrokerUnusable
from pykafka_cli.model import Seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.rules.local_cluster import CLIENT_LISTENER, ClientListeners
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.servers.run_states import RunState
from pykafka_cli.zookeeper.server.server import ZooKeeperServer

HOST = "127.0.0.1"
MAX_BROKERS = 9
MAX_PORT = 65535
INTERNAL_LISTENER = "INTERNAL"
_NONE: Mapping[str, str] = MappingProxyType({})


class LocalPlan(NamedTuple):
    """Servers to start.

    ports            one for each broker; 0 means any free port, also for ZooKeeper
    overrides        settings of all brokers, beside those of `broker_settings`
    clients          where clients connect; None: from this machine only, to the listener that brokers use
    has_clock        whether the time of all servers can be moved
    has_faults       whether clients' requests can be made to fail
    """

    data_dir: Path
    ports: Sequence[int]
    zookeeper_port: int
    overrides: Mapping[str, str] = _NONE
    clients: ClientListeners | None = None
    has_clock: bool = False
    has_faults: bool = False


class LocalCluster(NamedTuple):
    """A running cluster: HOST:PORT of ZooKeeper and of each broker, as clients on this machine reach them.

    advertised    HOST:PORT of each broker as it advertises itself to clients
    failure       raises ServerUnusable once ZooKeeper can no longer store data
    advance       moves the time of all servers by some seconds, and returns the new time in ms since the epoch; None
                  unless
                  the plan has a clock
    faults        those of all brokers; None unless the plan has faults
    """

    data_dir: Path
    zookeeper: str
    brokers: tuple[str, ...]
    advertised: tuple[str, ...]
    failure: "asyncio.Future[None]"
    advance: Callable[[float], Awaitable[int]] | None
    faults: Faults | None

    @property
    def state(self) -> RunState:
        """What other processes need to find it."""
        logs = (str(logs_of(self.data_dir, number)) for number in range(len(self.brokers)))
        return RunState(os.getpid(), str(self.data_dir), self.zookeeper, self.brokers, tuple(logs), self.advertised)

    @property
    def bootstrap(self) -> str:
        return ",".join(self.brokers)


@asynccontextmanager
async def running(plan: LocalPlan, stop: asyncio.Event) -> AsyncIterator[LocalCluster | None]:
    """Start everything, and stop it when the block ends; None if `stop` is set before it has started.

    raises    BrokerUnusable, ServerUnusable, ConfigError
    """
    await _ensure_usable(plan, [_settings(plan, *each, 0) for each in enumerate(plan.ports)])
    clock = MovableClock() if plan.has_clock else SystemClock()
    faults = Faults() if plan.has_faults else None
    zookeeper = ZooKeeperServer(zookeeper_settings(plan.data_dir, plan.zookeeper_port), clock)
    await zookeeper.start()
    servers = [
        BrokerServer(_settings(plan, number, each, zookeeper.port), clock, takes_over=True, faults=faults)
        for number, each in enumerate(plan.ports)
    ]
    starting = [asyncio.create_task(server.start()) for server in servers]
    stopping = asyncio.create_task(stop.wait())
    try:
        all_started = asyncio.gather(*starting)
        await asyncio.wait((all_started, stopping), return_when=asyncio.FIRST_COMPLETED)
        if all_started.done():
            all_started.result()
            addresses = tuple(f"{HOST}:{_bound_port(each, each.settings.inter_broker_listener)}" for each in servers)
            where = plan.data_dir.absolute(), f"{HOST}:{zookeeper.port}"
            advance = partial(_advance, clock, zookeeper, servers) if isinstance(clock, MovableClock) else None
            advertised = tuple(map(_advertised, servers))
            yield LocalCluster(*where, addresses, advertised, zookeeper.failure, advance, faults)
        else:
            yield None
    finally:
        for task in (*starting, stopping):
            task.cancel()
        await asyncio.wait((*starting, stopping))
        started = [server for server, task in zip(servers, starting, strict=True) if not _has_failed(task)]
        await asyncio.gather(*(server.stop() for server in started))
        await zookeeper.stop()


async def _advance(
    clock: MovableClock, zookeeper: ZooKeeperServer, brokers: Sequence[BrokerServer], seconds: float
) -> int:
    """Move all servers' time; to ZooKeeper, only the brokers were active meanwhile, and others were silent."""
    zookeeper.clock_will_be_moved(Seconds(seconds), heard_of=[each.zookeeper_session for each in brokers])
    await clock.advance(Seconds(seconds))
    return clock.now_ms()


def _has_failed(start: asyncio.Task[None]) -> bool:
    """Whether a completed start has failed; then there is nothing to stop."""
    return start.cancelled() or start.exception() is not None


def _bound_port(server: BrokerServer, listener: str) -> int:
    return next(each.port for each in server.endpoints if each.name == listener)


def _advertised(server: BrokerServer) -> str:
    """HOST:PORT, with the bound port where the settings leave it open."""
    listener = next(each for each in server.settings.advertised_listener_list if each.name == CLIENT_LISTENER)
    return replace(listener, port=listener.port or _bound_port(server, CLIENT_LISTENER)).address


def broker_ports(first: int, brokers: int) -> list[int]:
    """One port for each broker; 0 means any free one.

    raises    ScriptError
    """
    if first + brokers - 1 > MAX_PORT:
        raise ScriptError(f"{brokers} brokers starting at port {first} would need ports above {MAX_PORT}.")
    return [first + number if first else 0 for number in range(brokers)]


def zookeeper_settings(data_dir: Path, port: int) -> ZooKeeperSettings:
    return ZooKeeperSettings.on_loopback(str(data_dir / "zookeeper"), port)


def logs_of(data_dir: Path, number: int) -> Path:
    """The directory of a broker's logs."""
    return data_dir / ("kafka" if number == 0 else f"kafka-{number}")


def _settings(plan: LocalPlan, number: int, port: int, zookeeper_port: int) -> BrokerSettings:
    return broker_settings(
        plan.data_dir, number, port, zookeeper_port, len(plan.ports), overrides=plan.overrides, clients=plan.clients
    )


def broker_settings(
    data_dir: Path,
    number: int,
    port: int,
    zookeeper_port: int,
    brokers: int,
    *,
    stop_together: bool = True,
    overrides: Mapping[str, str] = _NONE,
    clients: ClientListeners | None = None,
) -> BrokerSettings:
    """The values of config/server.properties, with as many replicas of the internal topics as there are brokers.

    stop_together    all brokers stop at once, so leadership cannot be handed over
    clients          where clients connect, if not to localhost; brokers then have a separate listener there, since they
                     may
                     not be able to reach an advertised address
    raises           ConfigError for one of the overrides
    """
    replicas = str(min(brokers, 3))
    given = {
        "broker.id": str(number),
        **_listeners(number, port, clients),
        "log.dirs": str(logs_of(data_dir, number)),
        "zookeeper.connect": f"{HOST}:{zookeeper_port}",
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": "2" if brokers >= 3 else "1",
        "group.initial.rebalance.delay.ms": "0",
        **({"controlled.shutdown.enable": "false"} if stop_together else {}),
        **overrides,
    }
    return BrokerSettings([Property(name, text, 0) for name, text in given.items()])


def _listeners(number: int, port: int, clients: ClientListeners | None) -> dict[str, str]:
    # localhost is both 127.0.0.1 and ::1, and clients try either first.
    if clients is None:
        return {
            "listeners": f"{CLIENT_LISTENER}://localhost:{port}",
            "advertised.listeners": f"{CLIENT_LISTENER}://{HOST}:{port}",
        }
    return {
        "listeners": f"{clients.listening(port)},{INTERNAL_LISTENER}://localhost:0",
        "advertised.listeners": f"{clients.advertised_by(number)},{INTERNAL_LISTENER}://{HOST}:0",
        "listener.security.protocol.map": f"{CLIENT_LISTENER}:PLAINTEXT,{INTERNAL_LISTENER}:PLAINTEXT",
        "inter.broker.listener.name": INTERNAL_LISTENER,
    }


async def _ensure_usable(plan: LocalPlan, brokers: list[BrokerSettings]) -> None:
    """Check for obstacles before anything is written: ports in use, or brokers' logs without their ZooKeeper's data."""
    for settings in brokers:
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
