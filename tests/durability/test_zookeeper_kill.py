"""What our ZooKeeper server acknowledged survives kill -9, and so do sessions and their ephemerals."""

import contextlib
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException

from tests.support.polling import PATIENCE_S
from tests.support.zookeeper.servers import PkZooKeeper, four_letter_word, pk_zookeeper

IN_FLIGHT = 100
"""Requests at a time: each wakes kazoo's connection, and more than 278 block who calls it while that is down."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PkZooKeeper]:
    with pk_zookeeper(tmp_path, keys="snapCount=500") as running:
        yield running


@contextlib.contextmanager
def session(server: PkZooKeeper, session_id: tuple[int, bytes] | None = None) -> Iterator[KazooClient]:
    client = KazooClient(server.address, timeout=10, client_id=session_id)
    client.start(PATIENCE_S)
    try:
        yield client
    finally:
        client.stop()
        client.close()


def last_zxid(server: PkZooKeeper) -> int:
    lines = dict(line.split(b": ", 1) for line in four_letter_word(server.port, b"srvr").splitlines() if b": " in line)
    return int(lines[b"Zxid"], 16)


def create_until_killed(server: PkZooKeeper, name: str, kill_after: int) -> list[str]:
    """Create znodes as fast as can be; kill the server after some were acknowledged, and return all that were."""
    acknowledged: list[str] = []
    enough = threading.Event()
    numbers = iter(range(4 * kill_after))

    def create(count: int) -> None:
        for number in itertools.islice(numbers, count):
            client.create_async(f"/{name}-", b"%d" % number, sequence=True).rawlink(done)

    def done(result: object) -> None:
        with contextlib.suppress(KazooException):
            acknowledged.append(result.get())  # type: ignore[attr-defined]
            if len(acknowledged) == kill_after:
                enough.set()
            create(1)

    with session(server) as client:
        create(IN_FLIGHT)
        assert enough.wait(PATIENCE_S)
        server.kill()
    return acknowledged


def test_every_acknowledged_znode_is_there_after_each_of_several_kills(server: PkZooKeeper) -> None:
    acknowledged: dict[str, None] = {}
    for round_number, kill_after in enumerate((700, 50, 1500)):
        names = create_until_killed(server, f"round{round_number}", kill_after)
        assert len(names) >= kill_after
        acknowledged |= dict.fromkeys(names)

        server.start()
        with session(server) as client:
            there = {f"/{name}" for name in client.get_children("/")}
            assert acknowledged.keys() <= there
            assert len(there) == client.get("/")[1].numChildren

    snapshots = list((server.data / "version-2").glob("snapshot.*"))
    assert len(snapshots) > 3  # some were written while requests came


def test_a_session_and_its_ephemerals_outlive_the_server(server: PkZooKeeper) -> None:
    client = KazooClient(server.address, timeout=10)
    client.start(PATIENCE_S)
    client.create("/e", b"mine", ephemeral=True)
    before = client.client_id
    back = threading.Event()

    server.kill()
    client.add_listener(lambda state: back.set() if state == "CONNECTED" else None)
    server.start()
    assert back.wait(PATIENCE_S)

    assert client.client_id == before
    assert client.get("/e")[1].owner_session_id == before[0]
    client.stop()
    client.close()
    with session(server) as other:
        assert other.exists("/e") is None


def test_transactions_are_numbered_on_after_a_kill(server: PkZooKeeper) -> None:
    with session(server) as client:
        client.create("/a", b"")
        for version in range(20):
            assert client.set("/a", b"%d" % version).version == version + 1
        seen = client.get("/a")[1].mzxid
        server.kill()

    server.start()

    assert last_zxid(server) >= seen
    with session(server) as client:
        data, stat = client.get("/a")
        assert (data, stat.version, stat.mzxid) == (b"19", 20, seen)
        assert client.set("/a", b"next").mzxid > seen


def test_a_server_killed_before_its_first_client_starts_again(server: PkZooKeeper) -> None:
    server.kill()
    server.start()

    with session(server) as client:
        assert client.get_children("/") == ["zookeeper"]
