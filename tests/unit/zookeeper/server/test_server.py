import asyncio
import logging
import os
import socket
from pathlib import Path

import pytest

from pykafka_cli.broker.clock import MovableClock, SystemClock
from pykafka_cli.model import Seconds
from pykafka_cli.storage.files import DiskFile
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, CreateFlags
from pykafka_cli.zookeeper.protocol.requests import (
    CreateRequest,
    DeleteRequest,
    Empty,
    GetDataResponse,
    OpCode,
    SetDataRequest,
    WatchableRequest,
)
from pykafka_cli.zookeeper.server.server import ServerUnusable, ZooKeeperServer, run_zookeeper
from pykafka_cli.zookeeper.server.snapshot import read_snapshot
from tests.fakes.clock import FakeClock
from tests.support.event_loop import until
from tests.support.ports import free_port
from tests.support.zookeeper.raw_client import RawClient
from tests.support.zookeeper.starting import StartServer, settings_of


def snapshots(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "data/version-2").glob("snapshot.*"))


async def test_data_and_sessions_survive_a_restart(start_server: StartServer) -> None:
    first = await start_server()
    client = await RawClient.open(first.port)
    session = await client.connect()
    await client.ask(OpCode.CREATE, CreateRequest("/a", b"data", OPEN_ACL, 0))
    await client.ask(OpCode.CREATE, CreateRequest("/e", b"", OPEN_ACL, CreateFlags.EPHEMERAL))
    await first.stop()

    second = await start_server()
    client = await RawClient.open(second.port)
    again = await client.connect(session.session_id, session.password or b"")

    assert again.session_id == session.session_id
    _, answer = await client.ask(OpCode.GET_DATA, WatchableRequest("/a", False))
    assert isinstance(answer, GetDataResponse)
    assert (answer.data, answer.stat.czxid) == (b"data", 2)
    assert (await client.ask(OpCode.CLOSE_SESSION, Empty()))[0] == 0
    assert "/e" not in second.pipeline.database.tree.nodes


async def test_a_restart_writes_what_was_replayed_into_a_snapshot(tmp_path: Path, start_server: StartServer) -> None:
    first = await start_server()
    await RawClient.with_session(first.port)
    await first.stop()
    assert snapshots(tmp_path) == ["snapshot.0"]

    await (await start_server()).stop()
    await (await start_server()).stop()

    assert snapshots(tmp_path) == ["snapshot.0", "snapshot.1"]


async def test_a_port_in_use_is_reported_and_nothing_touched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = ZooKeeperServer(settings_of(tmp_path, clientPort=port), SystemClock())

        with pytest.raises(ServerUnusable, match=f"port {port} of 127.0.0.1 is in use"):
            await server.start()

    assert os.listdir(tmp_path) == []


async def test_an_address_of_another_machine_is_reported(tmp_path: Path) -> None:
    server = ZooKeeperServer(settings_of(tmp_path, clientPortAddress="192.0.2.1"), SystemClock())

    with pytest.raises(ServerUnusable, match="clientPortAddress"):
        await server.start()


async def test_a_directory_in_use_is_reported_and_the_first_server_continues(
    tmp_path: Path, start_server: StartServer
) -> None:
    running = await start_server()

    with pytest.raises(ServerUnusable, match="in use by another ZooKeeper server"):
        await ZooKeeperServer(settings_of(tmp_path), SystemClock()).start()

    assert await RawClient.with_session(running.port)


async def test_a_damaged_log_is_reported_and_the_port_given_back(tmp_path: Path, start_server: StartServer) -> None:
    first = await start_server()
    await RawClient.with_session(first.port)
    await first.stop()
    log = tmp_path / "data/version-2/log.1"
    log.write_bytes(log.read_bytes().replace(b"ZKLG", b"????"))

    with pytest.raises(ServerUnusable, match="not a transaction log"):
        await start_server(clientPort=first.port)
    log.unlink()
    await start_server(clientPort=first.port)


async def test_stopping_makes_durable_what_was_begun(tmp_path: Path, start_server: StartServer) -> None:
    server = await start_server()
    client = await RawClient.with_session(server.port)
    for number in range(200):
        client.send(OpCode.CREATE, CreateRequest(f"/{number}", b"", OPEN_ACL, 0), number)
    await client.writer.drain()
    await until(lambda: "/199" in server.pipeline.database.tree.nodes)

    await server.stop()

    assert "/199" in (await start_server()).pipeline.database.tree.nodes


async def test_snapshots_are_written_while_requests_continue(tmp_path: Path, start_server: StartServer) -> None:
    server = await start_server(snapCount=10)
    client = await RawClient.with_session(server.port)
    for number in range(25):
        if number == 18:  # the next one is due with this request, and waits where the first is still being written
            await until(lambda: "snapshot.a" in snapshots(tmp_path))
        await client.ask(OpCode.CREATE, CreateRequest(f"/{number}", b"", OPEN_ACL, 0))
    await server.stop()

    assert snapshots(tmp_path) == ["snapshot.0", "snapshot.14", "snapshot.a"]
    assert len(read_snapshot(tmp_path / "data/version-2/snapshot.14").nodes) == 4 + 19
    assert sorted(path.name for path in (tmp_path / "data/version-2").glob("log.*")) == ["log.1", "log.15", "log.b"]
    tree = (await start_server()).pipeline.database.tree
    assert (len(tree.nodes), tree.last_zxid) == (4 + 25, 26)


async def test_old_snapshots_and_logs_are_purged(tmp_path: Path, start_server: StartServer) -> None:
    server = await start_server(snapCount=2, autopurge__purgeInterval=0)
    client = await RawClient.with_session(server.port)
    created = 0
    while len(snapshots(tmp_path)) <= 4:  # each is begun when the one before is written
        await client.ask(OpCode.CREATE, CreateRequest(f"/{created}", b"", OPEN_ACL, 0))
        created += 1
    await server.stop()

    again = await start_server(autopurge__purgeInterval=1)
    await again.stop()

    assert len(snapshots(tmp_path)) == 3
    assert len((await start_server()).pipeline.database.tree.nodes) == 4 + created


async def test_a_disk_that_fails_ends_the_server_and_nobody_gets_anything(
    tmp_path: Path, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start_server()
    client = await RawClient.with_session(server.port)

    def fail(_file: DiskFile) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(DiskFile, "sync_data", fail)
    client.send(OpCode.CREATE, CreateRequest("/a", b"", OPEN_ACL, 0))

    assert await client.receive() is None
    with pytest.raises(ServerUnusable, match=r"cannot be written: .*No space left on device"):
        await server.failure


async def test_a_server_that_fails_ends_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port, serves, stop = free_port(), asyncio.Event(), asyncio.Event()
    settings = settings_of(tmp_path, clientPort=port)
    run = asyncio.create_task(run_zookeeper(settings, SystemClock(), stop, on_serving=serves.set))
    await asyncio.wait((run, asyncio.ensure_future(serves.wait())), return_when=asyncio.FIRST_COMPLETED)
    client = await RawClient.with_session(port)

    def fail(_file: DiskFile) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(DiskFile, "sync_data", fail)
    client.send(OpCode.CREATE, CreateRequest("/a", b"", OPEN_ACL, 0))

    with pytest.raises(ServerUnusable, match="Input/output error"):
        await run


async def test_a_server_runs_until_it_is_asked_to_stop(tmp_path: Path) -> None:
    stop = asyncio.Event()
    run = asyncio.create_task(run_zookeeper(settings_of(tmp_path), SystemClock(), stop))
    await asyncio.sleep(0)

    stop.set()
    await run

    assert snapshots(tmp_path) == ["snapshot.0"]


async def test_a_silent_client_loses_its_session_and_its_connection(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(clock, tickTime=1000)
    silent = await RawClient.with_session(server.port, timeout_ms=2000)
    await silent.ask(OpCode.CREATE, CreateRequest("/e", b"", OPEN_ACL, CreateFlags.EPHEMERAL))

    clock.advance(2.9)
    assert "/e" in server.pipeline.database.tree.nodes
    clock.advance(0.1)

    assert "/e" not in server.pipeline.database.tree.nodes
    assert await silent.receive() is None


async def test_a_server_that_stood_still_does_not_blame_its_clients(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    class Sleeper(FakeClock):
        """A clock that can move without running what became due, as when the machine sleeps."""

        def sleep_through(self, seconds: float) -> None:
            self._elapsed += seconds

    clock = Sleeper()
    server = await start_server(clock, tickTime=1000)
    client = await RawClient.with_session(server.port, timeout_ms=4000)

    clock.sleep_through(60)
    with caplog.at_level(logging.WARNING):
        clock.advance(1)

    assert "was suspended for" in caplog.text
    assert (await client.ask(OpCode.PING, Empty()))[0] == 0


async def test_a_clock_that_is_moved_ends_the_sessions_that_are_silent_to_it_and_no_others(
    start_server: StartServer,
) -> None:
    clock = MovableClock()
    server = await start_server(clock, tickTime=1000)
    alive, silent = await RawClient.open(server.port), await RawClient.with_session(server.port)
    kept = (await alive.connect()).session_id

    server.clock_will_be_moved(Seconds(3600), heard_of=[kept])
    await clock.advance(Seconds(3600))

    assert await silent.receive() is None
    assert (await alive.ask(OpCode.PING, Empty()))[0] == 0


async def test_unused_containers_are_deleted_from_time_to_time(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(clock, tickTime=3000, znode__container__checkIntervalMs=1000)
    client = await RawClient.with_session(server.port)
    await client.ask(OpCode.CREATE_CONTAINER, CreateRequest("/c", b"", OPEN_ACL, CreateFlags.CONTAINER))
    await client.ask(OpCode.CREATE, CreateRequest("/c/x", b"", OPEN_ACL, 0))
    clock.advance(1)
    assert "/c" in server.pipeline.database.tree.nodes

    await client.ask(OpCode.DELETE, DeleteRequest("/c/x", -1))
    clock.advance(1)

    assert "/c" not in server.pipeline.database.tree.nodes


async def test_both_kinds_of_addresses_are_served_and_an_ipv4_client_keeps_its_name(
    start_server: StartServer,
) -> None:
    server = await start_server(clientPortAddress="")
    client = await RawClient.with_session(server.port)

    assert [connection.peer[0] for connection in server.connections] == ["127.0.0.1"]
    assert client.writer.get_extra_info("peername")[1] == server.port


async def test_many_changes_share_few_writes(start_server: StartServer, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = 0
    sync_data = DiskFile.sync_data

    def counted(file: DiskFile) -> None:
        nonlocal writes
        writes += 1
        sync_data(file)

    monkeypatch.setattr(DiskFile, "sync_data", counted)
    server = await start_server()
    client = await RawClient.with_session(server.port)
    await client.ask(OpCode.CREATE, CreateRequest("/a", b"", OPEN_ACL, 0))
    writes = 0

    for xid in range(500):
        client.send(OpCode.SET_DATA, SetDataRequest("/a", b"x", -1), xid)
    for _ in range(500):
        await client.receive()

    assert 0 < writes <= 50
