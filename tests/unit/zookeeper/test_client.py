"""The bridge to ZooKeeper, against the server that Debian ships; and its twin in memory, held to the same contract."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from kazoo.client import KazooClient
from kazoo.protocol.states import KeeperState

from pykafka_cli.model import Seconds
from pykafka_cli.zookeeper.client import MAX_IN_FLIGHT, ZooKeeperClient
from pykafka_cli.zookeeper.errors import (
    BadVersion,
    ConnectionClosed,
    MultiFailed,
    NodeExists,
    NoNode,
    NotEmpty,
    ZooKeeperUnreachable,
)
from pykafka_cli.zookeeper.operations import Change, Check, Create, Delete, SetData, WatchEvent
from tests.fakes.zookeeper import FakeZooKeeper, FakeZooKeeperClient
from tests.support.event_loop import settle, until
from tests.support.polling import PATIENCE_S
from tests.support.ports import free_port
from tests.support.zookeeper.behind import TransparentClient
from tests.support.zookeeper.servers import (
    DebianZooKeeper,
    PkZooKeeper,
    ZooKeeperProcess,
    debian_zookeeper,
    pk_zookeeper,
)

Server = DebianZooKeeper | PkZooKeeper | FakeZooKeeper
Client = TransparentClient | FakeZooKeeperClient


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianZooKeeper]:
    with debian_zookeeper(tmp_path_factory.mktemp("zookeeper")) as running:
        yield running


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PkZooKeeper]:
    with pk_zookeeper(tmp_path_factory.mktemp("zookeeper")) as running:
        yield running


@pytest.fixture(params=["debian", "ours", "memory"])
def server(request: pytest.FixtureRequest) -> Server:
    return FakeZooKeeper() if request.param == "memory" else request.getfixturevalue(request.param)


@asynccontextmanager
async def connected(server: Server, chroot: str, session_timeout: float = 10) -> AsyncIterator[Client]:
    if isinstance(server, FakeZooKeeper):
        client: Client = server.client(chroot)
    else:
        client = TransparentClient(
            f"{server.address}{chroot}",
            session_timeout=Seconds(session_timeout),
            connection_timeout=Seconds(PATIENCE_S),
        )
    await client.start()
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
async def zookeeper(server: Server, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """A client in a chroot of the test's own."""
    async with connected(server, f"/{abs(hash(request.node.name))}/chroot") as client:
        yield client


async def seen(events: "asyncio.Queue[WatchEvent]") -> WatchEvent:
    return await asyncio.wait_for(events.get(), PATIENCE_S)


async def test_what_is_created_is_read_changed_and_deleted(zookeeper: Client) -> None:
    assert await zookeeper.create("/a", b"1") == "/a"
    data, stat = await zookeeper.get("/a")
    assert (data, stat.version, stat.data_length) == (b"1", 0, 1)

    assert (await zookeeper.set("/a", b"22", version=0)).version == 1
    assert (await zookeeper.exists("/a")).data_length == 2
    await zookeeper.delete("/a", version=1)

    assert await zookeeper.exists("/a") is None


async def test_missing_parents_are_made_with_null_data(zookeeper: Client) -> None:
    await zookeeper.create("/p/q/r", b"")

    assert (await zookeeper.get("/p"))[0] is None
    assert (await zookeeper.get("/p/q"))[0] is None
    assert (await zookeeper.get("/p/q/r"))[0] == b""
    assert await zookeeper.children("/p") == ["q"]


async def test_refusals_have_their_own_exceptions(zookeeper: Client) -> None:
    await zookeeper.create("/x/y")

    with pytest.raises(NodeExists):
        await zookeeper.create("/x")
    with pytest.raises(BadVersion):
        await zookeeper.set("/x", b"", version=7)
    with pytest.raises(NotEmpty):
        await zookeeper.delete("/x")
    for lost in (zookeeper.get("/no"), zookeeper.set("/no", b""), zookeeper.delete("/no"), zookeeper.children("/no")):
        with pytest.raises(NoNode):
            await lost


async def test_sequential_znodes_are_numbered_in_their_chroot(zookeeper: Client) -> None:
    assert await zookeeper.create("/changes/c_", b"", sequential=True) == "/changes/c_0000000000"
    assert await zookeeper.create("/changes/c_", b"", sequential=True) == "/changes/c_0000000001"


async def test_a_multi_does_all_and_answers_each(zookeeper: Client) -> None:
    await zookeeper.create("/epoch", b"1")
    await zookeeper.create("/old")

    path, stat, deleted, checked = await zookeeper.multi(
        [Create("/new", None, ephemeral=True), SetData("/epoch", b"2", 0), Delete("/old"), Check("/epoch", 1)]
    )

    assert (path, stat.version, deleted, checked) == ("/new", 1, None, None)
    new = await zookeeper.exists("/new")
    assert new.ephemeral_owner == zookeeper.session_id != 0
    assert stat.czxid < new.czxid


async def test_a_multi_that_is_rejected_does_nothing_and_says_which_operation(zookeeper: Client) -> None:
    await zookeeper.create("/epoch", b"1")

    with pytest.raises(MultiFailed) as refused:
        await zookeeper.multi([Create("/new", b""), Check("/epoch", 5), Delete("/epoch")])

    assert (refused.value.index, type(refused.value.error)) == (1, BadVersion)
    assert sorted(await zookeeper.children("/")) == ["epoch"]


async def test_a_watch_sees_one_change(zookeeper: Client) -> None:
    events: asyncio.Queue[WatchEvent] = asyncio.Queue()
    assert await zookeeper.exists("/w", events.put_nowait) is None

    await zookeeper.create("/w", b"1")
    assert await seen(events) == WatchEvent(Change.CREATED, "/w")

    await zookeeper.get("/w", events.put_nowait)
    await zookeeper.children("/w", events.put_nowait)
    await zookeeper.set("/w", b"2")
    await zookeeper.set("/w", b"3")
    await zookeeper.create("/w/child")
    assert [await seen(events), await seen(events)] == [
        WatchEvent(Change.DATA, "/w"),
        WatchEvent(Change.CHILDREN, "/w"),
    ]
    assert events.empty()


async def test_a_watch_is_heard_before_the_change_can_be_read(
    server: DebianZooKeeper, zookeeper: ZooKeeperClient
) -> None:
    heard: list[int] = []
    await zookeeper.create("/n", b"0")
    async with connected(server, zookeeper.chroot) as other:
        for number in range(1, 40):
            await zookeeper.get("/n", partial(lambda number, _event: heard.append(number), number))
            writing = asyncio.ensure_future(other.set("/n", b"%d" % number))
            while (await zookeeper.get("/n"))[0] != b"%d" % number:
                pass
            assert heard[-1:] == [number]
            await writing


async def test_the_session_takes_its_ephemeral_znodes_with_it(
    server: DebianZooKeeper, zookeeper: ZooKeeperClient
) -> None:
    events: asyncio.Queue[WatchEvent] = asyncio.Queue()
    async with connected(server, zookeeper.chroot) as other:
        await other.create("/here", ephemeral=True)
        await zookeeper.exists("/here", events.put_nowait)

    assert await seen(events) == WatchEvent(Change.DELETED, "/here")


async def test_a_closed_client_says_so(server: Server) -> None:
    async with connected(server, "") as client:
        pass

    with pytest.raises(ConnectionClosed):
        await client.exists("/")


async def test_nothing_at_the_address_is_said_with_the_address() -> None:
    port = free_port()
    client = ZooKeeperClient(f"127.0.0.1:{port}", session_timeout=Seconds(5), connection_timeout=Seconds(0.3))

    with pytest.raises(ZooKeeperUnreachable, match=rf"127\.0\.0\.1:{port} within 0\.3 s"):
        await client.start()


class Session:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[str] = asyncio.Queue()

    def session_lost(self) -> None:
        self.events.put_nowait("lost")

    def session_begun(self) -> None:
        self.events.put_nowait("begun")


class BadLine:
    """A proxy between a client and a server; cuts all connections on request, or is down until it is up again."""

    def __init__(self, server: ZooKeeperProcess) -> None:
        self._server = server
        self._writers: list[asyncio.StreamWriter] = []
        self._port = 0

    async def __aenter__(self) -> "BadLine":
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.down()

    async def up(self) -> None:
        self._listening = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._listening.sockets[0].getsockname()[1]
        self.address = f"127.0.0.1:{self._port}"

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        self._writers += [writer, far_writer]
        await asyncio.gather(self._relay(reader, far_writer), self._relay(far_reader, writer))

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    def down(self) -> None:
        self._listening.close()
        self.cut()


async def settled_without_a_connection(client: TransparentClient) -> None:
    """Return once kazoo knows that the line is down, and all that this leads to on the loop has happened."""
    await until(lambda: client.kazoo.client_state != KeeperState.CONNECTED)
    await settle(100)


def on_a_loop_that_may_hang(test: Coroutine[None, None, None]) -> None:
    """Run a test on an event loop in another thread, so that a blocked loop fails the test, and no more."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(test)
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(3 * PATIENCE_S)
    assert not thread.is_alive(), "the event loop is blocked"
    for failure in failures:
        raise failure


def test_a_lost_connection_keeps_requests_and_wakes_watches(debian: DebianZooKeeper) -> None:
    async def test() -> None:
        events: asyncio.Queue[WatchEvent] = asyncio.Queue()
        async with BadLine(debian) as line:
            client = ZooKeeperClient(
                f"{line.address}/bad-line", session_timeout=Seconds(10), connection_timeout=Seconds(PATIENCE_S)
            )
            await client.start()
            listener = Session()
            client.add_listener(listener)
            await client.create("/eph", ephemeral=True)
            session_id = client.session_id
            await client.exists("/eph", events.put_nowait)

            line.cut()
            answers = await asyncio.wait_for(asyncio.gather(*(client.exists("/eph") for _ in range(50))), PATIENCE_S)

            assert {answer.ephemeral_owner for answer in answers} == {session_id}
            assert await seen(events) == WatchEvent(Change.UNSEEN, "/eph")
            assert listener.events.empty()
            await client.close()

    on_a_loop_that_may_hang(test())


def test_requests_wait_for_the_connection_and_leave_the_loop_running(ours: PkZooKeeper) -> None:
    """As many as once filled kazoo's wake-up pipe, which then blocked the loop forever."""

    async def test() -> None:
        async with BadLine(ours) as line:
            client = TransparentClient(
                line.address, session_timeout=Seconds(10), connection_timeout=Seconds(PATIENCE_S)
            )
            await client.start()
            line.down()

            asking = [asyncio.ensure_future(client.exists("/")) for _ in range(3000)]
            await settled_without_a_connection(client)
            assert not any(each.done() for each in asking)
            assert client.in_flight <= MAX_IN_FLIGHT

            await line.up()
            answers = await asyncio.wait_for(asyncio.gather(*asking), PATIENCE_S)
            assert None not in answers
            await client.close()

    on_a_loop_that_may_hang(test())


async def test_requests_without_an_answer_are_bounded(ours: PkZooKeeper) -> None:
    async with connected(ours, "/bounded") as client:
        most = 0
        asking = [asyncio.ensure_future(client.exists("/")) for _ in range(200)]
        while not all(each.done() for each in asking):
            most = max(most, client.in_flight)
            await asyncio.sleep(0)

        assert 1 < most <= MAX_IN_FLIGHT


def test_closing_ends_requests_that_wait_for_a_connection(ours: PkZooKeeper) -> None:
    async def test() -> None:
        async with BadLine(ours) as line:
            client = TransparentClient(
                line.address, session_timeout=Seconds(10), connection_timeout=Seconds(PATIENCE_S)
            )
            await client.start()
            line.down()
            asking = [asyncio.ensure_future(client.exists("/")) for _ in range(50)]
            await settled_without_a_connection(client)

            await client.close()

            outcomes = await asyncio.gather(*asking, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {ConnectionClosed}

    on_a_loop_that_may_hang(test())


async def test_an_expired_session_is_reported_and_replaced(server: Server) -> None:
    async with connected(server, "/expiry", session_timeout=1) as client:
        listener = Session()
        client.add_listener(listener)
        await client.create("/eph", ephemeral=True)
        expire(client)

        assert await asyncio.wait_for(listener.events.get(), PATIENCE_S) == "lost"
        assert await asyncio.wait_for(listener.events.get(), PATIENCE_S) == "begun"
        assert await client.exists("/eph") is None


def expire(client: Client) -> None:
    """End the session behind its back: another connection takes it over and closes it."""
    if isinstance(client, FakeZooKeeperClient):
        client.expire()
        return
    session_id, password = client.kazoo.client_id
    thief = KazooClient(hosts=client.hosts, client_id=(session_id, password))
    thief.start()
    thief.stop()
    thief.close()
