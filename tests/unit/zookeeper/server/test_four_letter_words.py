import json
import re

import pytest

from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, CreateFlags
from pykafka_cli.zookeeper.protocol.requests import CreateRequest, OpCode, WatchableRequest
from pykafka_cli.zookeeper.server.server import ZooKeeperServer
from tests.support.vectors import VECTORS
from tests.support.zookeeper.raw_client import RawClient
from tests.support.zookeeper.starting import StartServer

RECORDED: dict[str, str] = json.loads((VECTORS / "zookeeper-four-letter-words.json").read_text())


async def ask(port: int, word: str) -> str:
    client = await RawClient.open(port)
    client.writer.write(word.encode())
    return (await client.rest()).decode()


@pytest.fixture
async def client(server: ZooKeeperServer) -> RawClient:
    """One session with an ephemeral and a watch on it: as ZooKeeper had when it was recorded."""
    client = await RawClient.with_session(server.port)
    await client.ask(OpCode.CREATE, CreateRequest("/e", b"", OPEN_ACL, CreateFlags.EPHEMERAL))
    await client.ask(OpCode.GET_DATA, WatchableRequest("/e", True))
    return client


def shape(answer: str) -> str:
    """A response without what differs from server to server and from moment to moment."""
    for pattern, replacement in (
        (r"0x[0-9a-f]+", "HEX"),
        (r"expire at .*:", "expire at T:"),
        (r"\d+\.\d+\.\d+-[^\n]*", "VERSION"),
        (r"=[^\n]*/version-2", "=DIR"),
        (r"lop=\w+", "lop=OP"),
        (r"\d+(\.\d+)*", "N"),
    ):
        answer = re.sub(pattern, replacement, answer)
    return answer


@pytest.mark.parametrize(
    "word", ["ruok", "isro", "srvr", "stat", "conf", "crst", "srst", "dirs", "wchs", "wchc", "wchp", "cons"]
)
async def test_a_word_is_answered_in_zookeepers_form(server: ZooKeeperServer, client: RawClient, word: str) -> None:
    ours, theirs = shape(await ask(server.port, word)), shape(RECORDED[word])

    assert sorted(set(ours.splitlines())) == sorted(set(theirs.splitlines()))
    assert ours.endswith("\n") == theirs.endswith("\n")


async def test_a_connection_is_described_as_zookeeper_does(server: ZooKeeperServer, client: RawClient) -> None:
    first, second, *_ = (await ask(server.port, "cons")).splitlines()

    port = client.writer.get_extra_info("sockname")[1]
    described = re.fullmatch(r" /127\.0\.0\.1:(\d+)\[1\]\(queued=0,recved=3,sent=3,sid=0x(\w+),lop=(\w+),.*\)", first)
    assert described is not None
    assert (int(described[1]), described[3]) == (port, "GET_DATA")
    assert second.endswith("(queued=0,recved=0,sent=0)")


async def test_the_dump_lists_sessions_and_ephemerals(server: ZooKeeperServer, client: RawClient) -> None:
    lines = shape(await ask(server.port, "dump")).splitlines()

    for line in ("SessionTracker dump:", "\tHEX", "Sessions with Ephemerals (N):", "HEX:", "\t/e", "Connections dump:"):
        assert line in lines
        assert line in shape(RECORDED["dump"]).splitlines()


async def test_the_figures_of_mntr_have_zookeepers_names(server: ZooKeeperServer, client: RawClient) -> None:
    ours = dict(line.split("\t") for line in (await ask(server.port, "mntr")).splitlines())
    theirs = dict(line.split("\t") for line in RECORDED["mntr"].splitlines())

    assert set(ours) <= set(theirs)
    assert ours["zk_version"].startswith("3.8.4-")
    assert {name: ours[name] for name in ("zk_server_state", "zk_watch_count", "zk_ephemerals_count")} == {
        "zk_server_state": "standalone",
        "zk_watch_count": "1",
        "zk_ephemerals_count": "1",
    }
    assert ours["zk_znode_count"] == "6"
    assert int(ours["zk_packets_received"]) >= 3


async def test_the_environment_has_a_version_that_clients_can_read(server: ZooKeeperServer) -> None:
    answer = await ask(server.port, "envi")

    assert answer.startswith("Environment:\nzookeeper.version=3.8.4-")
    assert "python.version=" in answer


async def test_counters_start_again_when_asked_to(server: ZooKeeperServer, client: RawClient) -> None:
    await ask(server.port, "srst")
    await ask(server.port, "crst")

    assert (server.statistics.received, server.statistics.latencies.count) == (0, 0)
    assert "recved=0,sent=0,sid=" in await ask(server.port, "cons")


async def test_a_word_that_is_not_listed_is_rejected_as_zookeeper_rejects_it(start_server: StartServer) -> None:
    server = await start_server(**{"4lw.commands.whitelist": "ruok, mntr"})

    assert await ask(server.port, "stat") == "stat is not executed because it is not in the whitelist.\n"
    assert await ask(server.port, "ruok") == "imok"
    assert (await ask(server.port, "srvr")).startswith("Zookeeper version: 3.8.4-")


async def test_a_word_may_come_letter_by_letter_and_with_a_line_end(server: ZooKeeperServer) -> None:
    client = await RawClient.open(server.port)
    for letter in b"ruok\n":
        client.writer.write(bytes([letter]))
        await client.writer.drain()

    assert await client.rest() == b"imok"


async def test_what_telnet_says_when_it_closes_is_no_error(
    server: ZooKeeperServer, caplog: pytest.LogCaptureFixture
) -> None:
    client = await RawClient.open(server.port)
    client.writer.write(b"\xff\xf4\xff\xfd\x06")

    assert await client.rest() == b""
    assert "announced" not in caplog.text
