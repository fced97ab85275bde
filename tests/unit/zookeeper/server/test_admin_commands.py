import re
from collections.abc import AsyncIterator

import pytest

from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, CreateFlags
from pykafka_cli.zookeeper.protocol.requests import CreateRequest, OpCode, WatchableRequest
from pykafka_cli.zookeeper.server.admin_commands import COMMANDS, run_command
from pykafka_cli.zookeeper.server.server import ZooKeeperServer
from tests.support.zookeeper.admin_answers import RECORDED, recorded, shape
from tests.support.zookeeper.raw_client import RawClient
from tests.support.zookeeper.starting import StartServer

NAMES = [command.names[0] for command in COMMANDS]
ANSWERED = [
    path.removeprefix("/commands/") for path in RECORDED["leader"] if path not in ("/commands", "/commands/nope")
]
OF_ROLES = ("leader", "monitor", "voting_view", "zabstate", "server_stats", "stats", "initial_configuration")
"""Commands on which a standalone server reports something else than a leader."""


@pytest.fixture
async def client(server: ZooKeeperServer) -> AsyncIterator[RawClient]:
    """A client with a session, an ephemeral znode and a watch."""
    client = await RawClient.with_session(server.port)
    await client.ask(OpCode.CREATE, CreateRequest("/e", b"", OPEN_ACL, CreateFlags.EPHEMERAL))
    await client.ask(OpCode.GET_DATA, WatchableRequest("/e", True))
    yield client
    client.writer.close()


@pytest.mark.parametrize("name", [each for each in ANSWERED if each not in OF_ROLES])
async def test_an_answer_has_the_keys_and_types_of_zookeepers(
    server: ZooKeeperServer, client: RawClient, name: str
) -> None:
    assert shape(run_command(name, {}, server)) == shape(_with_watch(name))


def _with_watch(name: str) -> object:
    """What a server with a watch reported; the recorded leader had none."""
    role = "follower" if name in ("watches", "watches_by_path") else "leader"
    return recorded(role, name).document


@pytest.mark.parametrize("name", ["server_stats", "stats"])
async def test_statistics_are_those_of_a_server_that_proposes_nothing(
    server: ZooKeeperServer, client: RawClient, name: str
) -> None:
    found = run_command(name, {}, server)

    assert shape(found) == shape(recorded("follower", name).document)
    sizes = found["client_response"]
    assert 16 <= sizes["min_buffer_size"] <= sizes["last_buffer_size"] <= sizes["max_buffer_size"]
    assert found["server_stats"]["num_alive_client_connections"] == 1


async def test_the_figures_of_monitor_have_zookeepers_names_and_types(
    server: ZooKeeperServer, client: RawClient
) -> None:
    found, theirs = run_command("monitor", {}, server), recorded("follower", "monitor").document

    assert {name: type(value) for name, value in found.items()}.items() <= {
        name: type(value) for name, value in theirs.items()
    }.items()
    assert (found["server_state"], found["num_alive_connections"], found["ephemerals_count"]) == ("standalone", 1, 1)


async def test_a_server_that_is_alone_has_no_ensemble(server: ZooKeeperServer) -> None:
    assert run_command("leader", {}, server) == recorded("read-only", "leader").document
    assert run_command("voting_view", {}, server) == recorded("read-only", "voting_view").document
    assert run_command("zabstate", {}, server) == recorded("read-only", "zabstate").document


async def test_the_names_of_commands_and_their_short_forms(server: ZooKeeperServer) -> None:
    assert re.findall(r">(\w+)</a>", RECORDED["leader"]["/commands"]["body"]) == NAMES
    assert run_command("stat", {}, server)["command"] == "stats"
    assert run_command("nope", {}, server) == recorded("leader", "nope").document


async def test_sessions_watches_and_ephemerals_are_named(server: ZooKeeperServer, client: RawClient) -> None:
    (connection,) = server.connections
    session = connection.session_id

    assert run_command("connections", {}, server)["connections"][0]["session_id"] == session
    assert run_command("watches", {}, server)["session_id_to_watched_paths"] == {str(session): ["/e"]}
    assert run_command("watches_by_path", {}, server)["path_to_session_ids"] == {"/e": [session]}
    dump = run_command("dump", {}, server)
    assert dump["session_id_to_ephemeral_paths"] == {str(session): ["/e"]}
    assert list(dump["expiry_time_to_session_ids"].values()) == [[session]]


async def test_counters_are_reset(server: ZooKeeperServer, client: RawClient) -> None:
    run_command("stat_reset", {}, server)
    run_command("connection_stat_reset", {}, server)

    found = run_command("stats", {}, server)
    assert found["server_stats"]["packets_received"] == 0
    assert found["client_response"]["max_buffer_size"] == -1
    assert found["connections"][0]["packets_sent"] == 0


async def test_the_trace_mask_is_kept(server: ZooKeeperServer) -> None:
    before = run_command("get_trace_mask", {}, server)
    missing = run_command("set_trace_mask", {}, server)
    wrong = run_command("set_trace_mask", {"traceMask": "x"}, server)
    run_command("set_trace_mask", {"traceMask": "-3"}, server)

    assert before["tracemask"] == 306
    assert missing == recorded("leader", "set_trace_mask").document
    assert wrong["error"] == "setTraceMask requires long traceMask argument, got x"
    assert run_command("get_trace_mask", {}, server)["tracemask"] == -3


async def test_the_digest_of_the_tree_is_reported_every_128_transactions(
    server: ZooKeeperServer, client: RawClient
) -> None:
    for number in range(130):
        await client.ask(OpCode.CREATE, CreateRequest(f"/{number}", b"", OPEN_ACL, 0))

    (digest,) = run_command("hash", {}, server)["digests"]

    assert (digest["zxid"], digest["digest_version"]) == (128, 2)
    assert digest["digest"]


async def test_passwords_in_the_configuration_are_hidden(start_server: StartServer) -> None:
    server = await start_server(DigestAuthenticationProvider__superDigest="super:secret", tickTime=2000)

    properties = run_command("system_properties", {}, server)
    initial = run_command("initial_configuration", {}, server)["initial_configuration"]

    assert "secret" not in f"{properties}{initial}"
    assert properties["zookeeper.DigestAuthenticationProvider.superDigest"] == "[hidden]"
    assert "tickTime=2000\n" in initial


async def test_the_last_snapshot_is_the_newest_file(server: ZooKeeperServer) -> None:
    found = run_command("last_snapshot", {}, server)

    assert (found["zxid"], found["timestamp"] > 0) == ("0", True)
