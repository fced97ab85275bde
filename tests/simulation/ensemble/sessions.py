"""The clients of a run: sessions that write, read and watch, and what ZooKeeper has promised them.

* What was acknowledged was committed, and a write that depends on a version is carried out once.
* The states that a session sees never go back, whichever servers it is connected to.
* A read after sync() has whatever was acknowledged to anybody before.
* An event arrives before its session can see the change; after a change, every watch fires.
* A session's ephemeral znode is there while the session lives.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress

from pykafka_cli.zookeeper.errors import (
    BadVersion,
    MultiFailed,
    NodeExists,
    NoNode,
    SessionExpired,
    ZooKeeperUnreachable,
)
from pykafka_cli.zookeeper.operations import Check, Create, Operation, SetData, WatchEvent
from pykafka_cli.zookeeper.protocol.errors import ErrorCode
from pykafka_cli.zookeeper.protocol.jute import JuteRecord
from pykafka_cli.zookeeper.protocol.records import Stat
from pykafka_cli.zookeeper.protocol.requests import (
    GetDataResponse,
    OpCode,
    ReplyHeader,
    SetDataRequest,
    StatResponse,
    WatchableRequest,
)
from tests.simulation.ensemble.client import EnsembleClient
from tests.simulation.workers import Run

REGISTERS = 4
SESSION_TIMEOUT_S, PATIENCE_S = 3.0, 10.0
_READS = (OpCode.GET_DATA, OpCode.EXISTS)
_WRITES = (OpCode.SET_DATA, OpCode.CREATE, OpCode.DELETE)


def register(number: int) -> str:
    return f"/registers/{number}"


class Acknowledged:
    """What clients were told: `zxids` of all writes, and per path the newest one, and who wrote which version."""

    def __init__(self) -> None:
        self.zxids: set[int] = set()
        self.newest: dict[str, int] = {}
        self.versions: dict[tuple[str, int], tuple[int, bytes | None]] = {}


class CheckingClient(EnsembleClient):
    """Looks at each response, as it arrives."""

    def __init__(
        self, servers: Sequence[tuple[str, int]], chance: random.Random, run: Run, told: Acknowledged, name: str
    ) -> None:
        super().__init__(servers, chance, session_timeout=SESSION_TIMEOUT_S, connection_timeout=PATIENCE_S)
        self.ephemeral: str | None = None
        """A znode that this session has created."""
        self._run, self._told, self._name = run, told, name
        self._mzxids: dict[str, int] = {}
        self._watched: dict[str, tuple[int, int]] = {}
        """By path: the connection on which a watch was set, and the mzxid at that time."""

    def pending_watches(self) -> list[tuple[str, int]]:
        """The paths with watches on this connection that have not fired, and the mzxids when they were set."""
        now = self.connections if self.is_connected else 0
        return [(path, mzxid) for path, (connection, mzxid) in self._watched.items() if connection == now]

    def _expired(self) -> None:
        self.ephemeral = None
        self._mzxids.clear()
        self._watched.clear()

    def _seen(self, header: ReplyHeader) -> None:
        if header.zxid < self.last_zxid:
            self._complain(f"saw 0x{self.last_zxid:x}, and then 0x{header.zxid:x}")
        super()._seen(header)

    def _responded(self, kind: OpCode, record: JuteRecord, header: ReplyHeader, response: JuteRecord) -> None:
        if kind in _WRITES and not header.err:
            self._told.zxids.add(header.zxid)
        if isinstance(record, SetDataRequest) and isinstance(response, StatResponse):
            self._wrote(record, response.stat)
        if isinstance(record, WatchableRequest):
            if isinstance(response, StatResponse | GetDataResponse):
                self._read(record, response.stat)
            elif record.path == self.ephemeral and header.err == ErrorCode.NO_NODE:
                self._complain(f"{record.path} is gone, though its session lives")

    def _wrote(self, record: SetDataRequest, stat: Stat) -> None:
        newest = self._told.newest
        newest[record.path] = max(stat.mzxid, newest.get(record.path, 0))
        theirs = self._told.versions.setdefault((record.path, stat.version), (stat.mzxid, record.data))
        if theirs != (stat.mzxid, record.data):
            self._complain(f"wrote version {stat.version} of {record.path}, as somebody else did")
        self._see(record.path, stat.mzxid)

    def _read(self, record: WatchableRequest, stat: Stat) -> None:
        self._see(record.path, stat.mzxid)
        if record.watch:
            self._watched[record.path] = self.connections, stat.mzxid

    def _see(self, path: str, mzxid: int) -> None:
        before = self._mzxids.get(path, 0)
        if mzxid < before:
            self._complain(f"saw {path} as of 0x{before:x}, and then as of 0x{mzxid:x}")
        self._mzxids[path] = mzxid
        connection, then = self._watched.get(path, (0, 0))
        if connection == self.connections and mzxid != then:
            self._complain(f"sees 0x{mzxid:x} at {path}, and was not told that 0x{then:x} has changed")

    def heard(self, event: WatchEvent) -> None:
        """The watcher of all its watches."""
        self._watched.pop(event.path, None)

    def _complain(self, what: str) -> None:
        self._run.complaints.append(f"{asyncio.get_running_loop().time():.2f} {self._name}: its session {what}")


class Worker:
    """Does one thing after another in a session; after that expires, in the next one."""

    def __init__(
        self, servers: Sequence[tuple[str, int]], run: Run, told: Acknowledged, *, name: str, count: int, pause: float
    ) -> None:
        self.name = name
        self.is_done = False
        self._servers, self._run, self._told = servers, run, told
        self._count, self._pause = count, pause
        self._chance = random.Random(run.chance.random())
        self.made = 0
        self._client: CheckingClient | None = None

    def pending_watches(self) -> list[tuple[str, int]]:
        return [] if self._client is None else self._client.pending_watches()

    async def work(self) -> None:
        """Until everything is done that it has to do, and then on until the run is over."""
        while not self._run.is_over:
            client = CheckingClient(self._servers, self._chance, self._run, self._told, self.name)
            try:
                await client.start()
            except ZooKeeperUnreachable as error:
                self._run.gave_up(self.name, error)
                continue
            self._client = client
            await self._live(client)
            self._client = None
            await client.close()

    async def _live(self, client: CheckingClient) -> None:
        lifetime = self._chance.choice([3.0, 10.0, 1000.0])
        end = self._run.now() + lifetime
        while not self._run.is_over and self._run.now() < end:
            try:
                if client.ephemeral is None:
                    await self._create_ephemeral(client)
                await self._chance.choice(self._acts)(self, client)
                self.made += 1
                self._run.progress += 1
                self.is_done = self.made >= self._count
            except SessionExpired:
                self._note_expired()
            await asyncio.sleep(self._chance.random() * self._pace())

    def _pace(self) -> float:
        return 1.0 if self.is_done else self._pause

    def _note_expired(self) -> None:
        if not self._run.is_excused(self._run.now() - SESSION_TIMEOUT_S):
            self._run.complaints.append(f"a session of {self.name} expired while the ensemble was well")

    async def _create_ephemeral(self, client: CheckingClient) -> None:
        path = f"/live/{self.name}-"
        session = client.session_id
        created = await client.create(path, b"", ephemeral=True, sequential=True)
        if client.session_id == session:
            client.ephemeral = created

    def _register(self) -> str:
        return register(self._chance.randrange(REGISTERS))

    async def _write(self, client: CheckingClient) -> None:
        await client.set(self._register(), f"{self.name}:{self.made}".encode())

    async def _increment(self, client: CheckingClient) -> None:
        path = self._register()
        _, stat = await client.get(path)
        with suppress(BadVersion):  # somebody else has, or this one whose first response was lost
            await client.set(path, f"{self.name}:{self.made} after {stat.version}".encode(), stat.version)

    async def _read(self, client: CheckingClient) -> None:
        await client.get(self._register())

    async def _read_latest(self, client: CheckingClient) -> None:
        path = self._register()
        acknowledged, session = self._told.newest.get(path, 0), client.session_id
        connection = client.connections
        await client.sync()
        _, stat = await client.get(path)
        is_one = (client.session_id, client.connections) == (session, connection)
        if is_one and stat.mzxid < acknowledged:
            self._run.complaints.append(
                f"{self.name} got {path} as of 0x{stat.mzxid:x} after sync, and 0x{acknowledged:x} was acknowledged"
            )

    async def _watch(self, client: CheckingClient) -> None:
        await client.get(self._register(), client.heard)

    async def _look_at_ephemeral(self, client: CheckingClient) -> None:
        if client.ephemeral is not None:
            await client.exists(client.ephemeral)

    async def _multi(self, client: CheckingClient) -> None:
        first, second = register(0), register(1)
        _, stat = await client.get(first)
        _, other = await client.get(second)
        text = f"{self.name}:{self.made}".encode()
        made = Create(f"/made/{self.name}-{self.made}", text)
        operations: list[Operation] = [Check(first, stat.version), SetData(second, text, other.version), made]
        with suppress(MultiFailed):
            await client.multi(operations)

    async def _make_and_delete(self, client: CheckingClient) -> None:
        path = f"/made/{self.name}"
        with suppress(NodeExists):
            await client.create(path, b"")
        with suppress(NoNode):
            await client.delete(path)

    _acts = (_write, _write, _increment, _read, _read_latest, _watch, _look_at_ephemeral, _multi, _make_and_delete)
