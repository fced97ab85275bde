"""An ensemble on a virtual clock: servers as they are, with a network and disks in memory.

Each server is a process that can be killed, lose power, be paused, be cut off, or stopped; its disk outlives it.
"""

import asyncio
import contextvars
import random
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from pykafka_cli.model import Timestamp
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.storage.files import Files
from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration, servers_of
from pykafka_cli.zookeeper.ensemble.member import FOLLOWER, LEADER, OBSERVER
from pykafka_cli.zookeeper.ensemble.membership import Membership
from pykafka_cli.zookeeper.ensemble.peer import EnsemblePeer
from pykafka_cli.zookeeper.ensemble.reporting import ReportingMember
from pykafka_cli.zookeeper.ensemble.requests import Requests
from pykafka_cli.zookeeper.ensemble.running import roles, run_member
from pykafka_cli.zookeeper.protocol.txn_records import TxnHeader
from pykafka_cli.zookeeper.server.data_directory import DataDirectory
from pykafka_cli.zookeeper.server.database import Snapshot
from pykafka_cli.zookeeper.server.outside import Outside
from pykafka_cli.zookeeper.server.server import Clock, ServerUnusable, Timer
from pykafka_cli.zookeeper.server.tree import Tree
from tests.fakes.files import MemoryFiles
from tests.simulation.ensemble.history import History, ServerLog, Txn
from tests.simulation.loop import PROCESS, LoopClock, SimulatedSocket, VirtualLoop
from tests.simulation.network import SimulatedNetwork

CLIENT_PORT, QUORUM_PORT, ELECTION_PORT = 2181, 2888, 3888
TICK_MS = 500
RESTART_S = 1.0
"""Seconds after which a supervisor restarts a server that has ended by itself."""
SERVING = (LEADER, FOLLOWER, OBSERVER)


class FastOrSlowClock(LoopClock):
    """A machine's clock: it is wrong, and runs slightly too fast or too slowly."""

    def __init__(self, loop: VirtualLoop, *, off_ms: int, rate: float) -> None:
        super().__init__(loop)
        self._off_ms, self._pace = off_ms, 1 + rate

    def monotonic(self) -> float:
        return super().monotonic() * self._pace

    def now_ms(self) -> Timestamp:
        return Timestamp(super().now_ms() + self._off_ms)

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        return super().call_later(delay / self._pace, callback)


class _MemoryDirectory(DataDirectory):
    """Nobody else has it."""

    def lock(self) -> "_MemoryDirectory":
        for each in (self.snapshots, self.logs):
            self.files.make_directory(str(each))
        return self

    def unlock(self) -> None:
        pass


class _SimulatedOutside(Outside):
    def __init__(self, files: MemoryFiles) -> None:
        self._files = cast("Files", files)

    def directory(self, data: Path, logs: Path) -> DataDirectory:
        return _MemoryDirectory(data, logs, self._files)

    def listening_socket(self, address: str | None, port: int, backlog: int, *, keys: tuple[str, str]) -> socket.socket:  # noqa: ARG002
        return cast("socket.socket", SimulatedSocket(address or "", port))


class _Witness(ReportingMember):
    """A member, of which the history hears what it logs and applies."""

    def __init__(
        self, membership: Membership, clock: Clock, outside: Outside, history: History, logs: Mapping[int, ServerLog]
    ) -> None:
        super().__init__(membership, clock, outside)
        self._history, self._logs, self._log = history, logs, logs[membership.me.id]

    def append(self, zxid: int, entry: bytes, flushed: Callable[[int], None]) -> None:
        def note(durable: int) -> None:
            self._log.durable = max(self._log.durable, durable)
            flushed(durable)

        super().append(zxid, entry, note)
        self._log.txns.append(Txn(zxid, entry))

    def apply(self, zxid: int) -> TxnHeader:
        header = super().apply(zxid)
        if self.mode in SERVING:
            self._history.apply(self.my_id, self.mode, self._log, self.database.tree.digest, zxid=zxid)
        return header

    def begin(self, requests: Requests, mode: str, epoch: int, configuration: EnsembleConfiguration) -> None:
        tree = self.database.tree
        self._history.begin(self.my_id, mode, epoch, self._log, tree.digest, last_zxid=tree.last_zxid)
        super().begin(requests, mode, epoch, configuration)

    async def truncate_to(self, zxid: int) -> None:
        self._log.durable = min(self._log.durable, zxid)
        await super().truncate_to(zxid)
        self._log.cut(self.last_logged_zxid)

    async def install(self, snapshot: Snapshot, zxid: int) -> None:
        vote = self.peer.election.elected
        assert vote is not None
        self._log.prepare(self._logs[vote.leader], zxid)
        await super().install(snapshot, zxid)
        self._log.install(zxid)

    def _build_pipeline(self) -> None:
        super()._build_pipeline()
        self._history.restart(self.my_id, self._log, last_zxid=self.last_logged_zxid)


class SimulatedServer:
    """One server: its disk, and the process that runs on it, if there is one."""

    def __init__(self, ensemble: "SimulatedEnsemble", server_id: int) -> None:
        self.ensemble = ensemble
        self.id = server_id
        self.host = f"z{server_id}"
        self.files = MemoryFiles()
        self.clock: Clock = LoopClock(ensemble.loop)
        self.is_running = self.is_paused = False
        self.incarnation = 0
        self._stop = asyncio.Event()
        self._member: _Witness | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def process(self) -> str:
        return f"{self.host}#{self.incarnation}"

    def start(self) -> None:
        """Begin a process, which starts by itself."""
        assert not self.is_running
        self.incarnation += 1
        self.is_running = True
        context = contextvars.copy_context()
        context.run(PROCESS.set, self.process)
        context.run(self._begin)
        self._running = self.ensemble.loop.create_task(self._run(self.process), context=context)

    def _begin(self) -> None:
        membership = self.ensemble.membership(self.id)
        outside = _SimulatedOutside(self.files)
        member = self._member = _Witness(membership, self.clock, outside, self.ensemble.history, self.ensemble.logs)
        member.peer = EnsemblePeer(membership, member, roles(membership, member, lambda: None), self.clock)
        self._stop = asyncio.Event()

    async def _run(self, process: str) -> None:
        assert self._member is not None
        try:
            await run_member(self._member, self._stop)
        except ServerUnusable as error:
            self.ensemble.stories.append(f"{process} ends: {error}")
            if not self.ensemble.disks_may_fail:
                self.ensemble.history.broken.append(f"{process} ends by itself: {error}")
            self.ensemble.loop.call_later(RESTART_S, self._start_again, context=self.ensemble.outside)
        self.end()

    def _start_again(self) -> None:
        if not self.is_running:
            self.start()

    def end(self, *, lost_power: random.Random | None = None) -> None:
        """End the process at once: by kill -9, or by a power loss, which loses or tears data that was not synced."""
        if not self.is_running:
            return
        self.is_running = self.is_paused = False
        self.files = self.files.restarted(lost_power=lost_power)
        self.ensemble.loop.kill(self.process)
        self.ensemble.network.end_process(self.process)

    def end_in(self, steps: int, *, lost_power: random.Random | None = None) -> None:
        """The same, while it writes to its disk."""
        self.files.die_at(steps, lambda: self.end(lost_power=lost_power))

    async def stop(self) -> None:
        """Stop as after SIGTERM; kill what has not ended after a minute."""
        running, process = self._running, self.process
        assert running is not None
        self._stop.set()
        await asyncio.wait((running,), timeout=60)
        if self.process == process:
            self.end()

    def pause(self) -> None:
        self.is_paused = True
        self.ensemble.loop.pause(self.process)

    def resume(self) -> None:
        self.is_paused = False
        self.ensemble.loop.resume(self.process)

    # ---- seen from outside

    @property
    def mode(self) -> str:
        """leader, follower, observer, looking; or that it is down."""
        return self._member.mode if self.is_running and self._member is not None else "down"

    @property
    def tree(self) -> Tree | None:
        """What it serves to clients, if it serves any."""
        return self._member.database.tree if self.mode in SERVING and self._member is not None else None

    @property
    def sessions(self) -> Mapping[int, int]:
        """The timeouts of the sessions that it knows."""
        return self._member.database.timeouts if self._member is not None else {}


class SimulatedEnsemble:
    """Servers 1 to `count`, of which the last `observers` do not vote. All chance comes from `chance`."""

    def __init__(
        self,
        loop: VirtualLoop,
        network: SimulatedNetwork,
        count: int,
        settings: Mapping[str, str],
        *,
        observers: int = 0,
    ) -> None:
        self.loop, self.network = loop, network
        self.history = History()
        self.logs = {n: ServerLog() for n in range(1, count + 1)}
        self.stories: list[str] = []
        self.disks_may_fail = False
        """Whether a server may end by itself."""
        self.outside = contextvars.copy_context()
        self._settings = settings
        self._lines = [
            Property(
                f"server.{n}",
                f"z{n}:{QUORUM_PORT}:{ELECTION_PORT}:{'observer' if n > count - observers else 'participant'}",
                0,
            )
            for n in range(1, count + 1)
        ]
        self.servers = {n: SimulatedServer(self, n) for n in range(1, count + 1)}

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where clients connect."""
        return [(each.host, CLIENT_PORT) for each in self.servers.values()]

    def membership(self, server_id: int) -> Membership:
        given = {
            "dataDir": "/data",
            "clientPort": str(CLIENT_PORT),
            "clientPortAddress": f"z{server_id}",
            "maxClientCnxns": "0",
            "admin.enableServer": "false",
            "tickTime": str(TICK_MS),
            "initLimit": "10",
            "syncLimit": "5",
            **self._settings,
        }
        lines = [Property(name, text, 0) for name, text in given.items()]
        settings = ZooKeeperSettings([*lines, *self._lines])
        servers = {each.id: each for each in servers_of(self._lines)}
        return Membership(settings, EnsembleConfiguration(servers, 0), None, server_id, None, None)

    def running(self) -> list[SimulatedServer]:
        return [each for each in self.servers.values() if each.is_running]

    def newest(self) -> SimulatedServer | None:
        """Of the servers that serve, the one that is ahead."""
        serving = [(each.tree.last_zxid, each.id) for each in self.servers.values() if each.tree is not None]
        return self.servers[max(serving)[1]] if serving else None

    def differences(self) -> list[str]:
        """What keeps the ensemble from being whole: all serve, with the same znodes and sessions."""
        newest = self.newest()
        if newest is None or newest.tree is None:
            return ["no server serves"]
        wrong = []
        for each in self.servers.values():
            if each.tree is None:
                wrong.append(f"server {each.id} is {each.mode}")
            elif each.tree.digest != newest.tree.digest or each.sessions != newest.sessions:
                wrong.append(f"server {each.id} has 0x{each.tree.last_zxid:x}, others 0x{newest.tree.last_zxid:x}")
        return wrong
