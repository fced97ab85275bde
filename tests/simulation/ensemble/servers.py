"""An ensemble on a virtual clock: servers as they are, with a network and disks in memory.

Each server is a process that can be killed, lose power, be paused, be cut off, or stopped; its disk, with the files of
its configuration, outlives it.
"""

import asyncio
import contextvars
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from pykafka_cli.model import Timestamp
from pykafka_cli.properties.grammar import read_properties
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.storage.files import Files
from pykafka_cli.zookeeper.ensemble.configuration import OBSERVER as OBSERVER_ROLE
from pykafka_cli.zookeeper.ensemble.configuration import PARTICIPANT, EnsembleConfiguration, EnsembleServer
from pykafka_cli.zookeeper.ensemble.member import FOLLOWER, LEADER, OBSERVER
from pykafka_cli.zookeeper.ensemble.membership import Membership, read_membership
from pykafka_cli.zookeeper.ensemble.peer import EnsemblePeer
from pykafka_cli.zookeeper.ensemble.reporting import ReportingMember
from pykafka_cli.zookeeper.ensemble.requests import Requests
from pykafka_cli.zookeeper.ensemble.running import roles, run_member
from pykafka_cli.zookeeper.protocol.txn_records import TxnHeader
from pykafka_cli.zookeeper.server.data_directory import DataDirectory
from pykafka_cli.zookeeper.server.database import Snapshot
from pykafka_cli.zookeeper.server.disk_pace import DiskPace
from pykafka_cli.zookeeper.server.outside import Outside
from pykafka_cli.zookeeper.server.server import Clock, ServerUnusable, Timer
from pykafka_cli.zookeeper.server.tree import Tree
from tests.fakes.files import MemoryFiles
from tests.simulation.ensemble.history import History, ServerLog, Txn
from tests.simulation.loop import LoopClock, SimulatedSocket, VirtualLoop
from tests.simulation.machine import Machine
from tests.simulation.network import SimulatedNetwork

CLIENT_PORT, QUORUM_PORT, ELECTION_PORT = 2181, 2888, 3888
TICK_MS = 500
RESTART_S = 1.0
"""Seconds after which a supervisor restarts a server that has ended by itself."""
SERVING = (LEADER, FOLLOWER, OBSERVER)
_CONFIG_FILE, _DATA = Path("/conf/zoo.cfg"), Path("/data")


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


class _SimulatedPace(DiskPace):
    """Of a disk that is quick unless a fault makes it slow."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__(loop.time)
        self._loop = loop

    @property
    def is_quick(self) -> bool:
        return not self._loop.work_takes()


class _SimulatedOutside(Outside):
    def __init__(self, files: MemoryFiles, loop: VirtualLoop) -> None:
        self.files = cast("Files", files)
        self._loop = loop

    def directory(self, data: Path, logs: Path) -> DataDirectory:
        return _MemoryDirectory(data, logs, self.files)

    def disk_pace(self, monotonic: Callable[[], float]) -> DiskPace:  # noqa: ARG002
        return _SimulatedPace(self._loop)

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
        in_snapshots = max((number for number, _ in self._directory.snapshot_files() if number <= zxid), default=0)
        in_log = max((txn.zxid for txn in self._log.txns if txn.zxid <= zxid), default=0)
        self._log.durable = min(self._log.durable, max(in_snapshots, in_log))
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


class _WatchedPeer(EnsemblePeer):
    """A peer, of which the history hears which configurations it takes over."""

    history: History
    my_id: int

    def take_over(self, configuration: EnsembleConfiguration) -> None:
        before = self.configuration
        super().take_over(configuration)
        if self.configuration is not before:
            self.history.take_over(self.my_id, self.configuration)


class SimulatedServer(Machine):
    """A machine with one server."""

    def __init__(self, ensemble: "SimulatedEnsemble", server_id: int) -> None:
        super().__init__(ensemble.loop, ensemble.network, f"z{server_id}")
        self.ensemble = ensemble
        self.id = server_id
        self.clock: Clock = LoopClock(ensemble.loop)
        self.is_set_up = False
        self._stop = asyncio.Event()
        self._member: _Witness | None = None
        self._running: asyncio.Task[None] | None = None

    def set_up(self) -> None:
        """Write the files that an administrator gives a server of the ensemble, or to one that is to join it."""
        self.is_set_up = True
        me = self.ensemble.line(self.id)
        servers = {**self.ensemble.history.configuration.servers}
        servers.setdefault(self.id, EnsembleServer.parse(self.id, me))
        lines = [f"{name}={text}" for name, text in self.ensemble.settings_of(self).items()]
        lines += [f"server.{each.id}={each}" for each in servers.values()]
        for directory in (_CONFIG_FILE.parent, _DATA):
            self.files.make_directory(str(directory))
        self.files.replace(str(_DATA / "myid"), str(self.id).encode())
        self.files.replace(str(_CONFIG_FILE), "\n".join(lines).encode())

    def start(self) -> None:
        """Begin a process, which starts by itself."""
        context = self.new_process()
        context.run(self._begin)
        self._running = self.ensemble.loop.create_task(self._run(self.process), context=context)

    def _begin(self) -> None:
        if not self.is_set_up:
            self.set_up()
        try:
            membership = self._membership()
        except ConfigError as error:
            if "there is no line" not in str(error):  # which is what its files say once it was removed
                self.ensemble.history.broken.append(f"{self.process} cannot read its configuration: {error}")
            self.set_up()
            membership = self._membership()
        outside = _SimulatedOutside(self.files, self.ensemble.loop)
        history = self.ensemble.history
        member = self._member = _Witness(membership, self.clock, outside, history, self.ensemble.logs)
        member.peer = peer = _WatchedPeer(membership, member, roles(membership, member, lambda: None), self.clock)
        peer.history, peer.my_id = history, self.id
        self._stop = asyncio.Event()

    def _membership(self) -> Membership:
        settings = ZooKeeperSettings(read_properties(self.files.read(str(_CONFIG_FILE))))
        return read_membership(settings, _CONFIG_FILE, cast("Files", self.files))

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

    async def stop(self) -> None:
        """Stop as after SIGTERM; kill what does not end."""
        assert self._running is not None
        self._stop.set()
        await self.kill_unless_done(self._running)

    # ---- seen from outside

    @property
    def mode(self) -> str:
        """leader, follower, observer, looking; or that it is down."""
        return self._member.mode if self.is_running and self._member is not None else "down"

    @property
    def configuration(self) -> EnsembleConfiguration | None:
        """The one that it takes to be in force."""
        return self._member.peer.configuration if self.is_running and self._member is not None else None

    @property
    def tree(self) -> Tree | None:
        """What it serves to clients, if it serves any."""
        return self._member.database.tree if self.mode in SERVING and self._member is not None else None

    @property
    def sessions(self) -> Mapping[int, int]:
        """The timeouts of the sessions that it knows."""
        return self._member.database.timeouts if self._member is not None else {}


class SimulatedEnsemble:
    """Servers 1 to `count`, of which the last `observers` do not vote, and `spares` after them, which may join.

    With spares, the ensemble can be reconfigured.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        network: SimulatedNetwork,
        count: int,
        settings: Mapping[str, str],
        *,
        observers: int = 0,
        spares: int = 0,
    ) -> None:
        self.loop, self.network = loop, network
        self.stories: list[str] = []
        self.disks_may_fail = False
        """Whether a server may end by itself."""
        self.outside = contextvars.copy_context()
        self.can_change = spares > 0
        self._settings = settings
        roles_of = {n: OBSERVER_ROLE if n > count - observers else PARTICIPANT for n in range(1, count + 1)}
        initial = {n: EnsembleServer.parse(n, self.line(n, role)) for n, role in roles_of.items()}
        ids = range(1, count + spares + 1)
        self.logs = {n: ServerLog() for n in ids}
        self.history = History(EnsembleConfiguration(initial), self.logs)
        self.servers = {n: SimulatedServer(self, n) for n in ids}

    def line(self, server_id: int, role: str = PARTICIPANT) -> str:
        """What the line server.N has about a server in that role."""
        clients = f";z{server_id}:{CLIENT_PORT}" if self.can_change else ""
        return f"z{server_id}:{QUORUM_PORT}:{ELECTION_PORT}:{role}{clients}"

    def start(self) -> None:
        """Start all servers that belong to the ensemble."""
        for each in self.history.configuration.servers:
            if not self.servers[each].is_running:
                self.servers[each].start()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where clients connect."""
        return [(each.host, CLIENT_PORT) for each in self.servers.values()]

    def settings_of(self, server: SimulatedServer) -> Mapping[str, str]:
        """What zoo.cfg says about a server, without the servers."""
        return {
            "dataDir": str(_DATA),
            "clientPort": str(CLIENT_PORT),
            "clientPortAddress": server.host,
            "maxClientCnxns": "0",
            "admin.enableServer": "false",
            "tickTime": str(TICK_MS),
            "initLimit": "10",
            "syncLimit": "5",
            **({"reconfigEnabled": "true", "skipACL": "yes"} if self.can_change else {}),
            **self._settings,
        }

    def running(self) -> list[SimulatedServer]:
        return [each for each in self.servers.values() if each.is_running]

    def newest(self) -> SimulatedServer | None:
        """Of the servers that serve, the one that is ahead."""
        serving = [(each.tree.last_zxid, each.id) for each in self.servers.values() if each.tree is not None]
        return self.servers[max(serving)[1]] if serving else None

    def differences(self) -> list[str]:
        """What keeps the ensemble from being whole: all serve in their roles, with the same znodes and sessions.

        Servers that were removed, or have not joined, do not count.
        """
        newest = self.newest()
        if newest is None or newest.tree is None:
            return ["no server serves"]
        configuration = self.history.configuration
        wrong = []
        for each in (self.servers[n] for n in sorted(configuration.servers)):
            its = each.configuration
            is_observer = each.id in configuration.observers
            if each.tree is None or its is None:
                wrong.append(f"server {each.id} is {each.mode}")
            elif each.tree.digest != newest.tree.digest or each.sessions != newest.sessions:
                wrong.append(f"server {each.id} has 0x{each.tree.last_zxid:x}, others 0x{newest.tree.last_zxid:x}")
            elif its.file_text() != configuration.file_text() or its.version < configuration.version:
                wrong.append(f"server {each.id} has configuration {its.version:x}, not {configuration.version:x}")
            elif (each.mode == OBSERVER) != is_observer:
                wrong.append(f"server {each.id} is {each.mode}, though it is {configuration.servers[each.id].role}")
        return wrong
