"""The admin server's commands beside those of Apache ZooKeeper, in each role."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from pykafka_cli.zookeeper.server.admin_commands import COMMANDS
from tests.support.ports import free_port
from tests.support.zookeeper.admin_answers import get, recorded, shape
from tests.support.zookeeper.ensembles import OURS, THEIRS, Ensemble, running_ensemble
from tests.support.zookeeper.servers import ZooKeeperProcess, admin_keys

NAMES = [command.names[0] for command in COMMANDS]
OF_JAVA = ("environment", "monitor", "system_properties")
"""Commands of which a server in Python reports other keys, or only some."""
ROLES = ("leader", "follower", "observer")


@pytest.fixture(scope="module")
def four_of_ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    """Three that vote and an observer, each with an admin server and a client with an ephemeral and a watch."""
    folder = tmp_path_factory.mktemp("four")
    with running_ensemble(folder, (OURS,) * 4, observers=(4,), has_admin=True) as ensemble:
        ensemble.start()
        with ensemble.client(1) as first, ensemble.client(2) as second, ensemble.client(3) as third:
            for client in (first, second, third):
                occupy(client)
            with ensemble.client(4) as fourth:
                occupy(fourth)
                yield ensemble


def occupy(client: KazooClient) -> None:
    path = client.create("/e-", ephemeral=True, sequence=True)
    client.get(path, watch=lambda _event: None)


def admin_port(ensemble: Ensemble, mode: str) -> int:
    return ensemble.admin_ports[next(each for each in ensemble.servers if ensemble.mode(each) == mode)]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "name", ["leader", "voting_view", "zabstate", "server_stats", "observers", "configuration", "is_read_only"]
)
def test_a_role_is_reported_with_the_keys_and_types_that_were_recorded(
    four_of_ours: Ensemble, role: str, name: str
) -> None:
    ours = get(admin_port(four_of_ours, role), f"/commands/{name}")

    theirs = recorded("leader with an observer" if role == "leader" else role, name)
    assert (ours.status, ours.content_type) == (theirs.status, theirs.content_type)
    assert shape(ours.document) == shape(theirs.document)


@pytest.mark.parametrize("role", ROLES)
def test_the_figures_of_a_role_are_some_of_those_that_were_recorded(four_of_ours: Ensemble, role: str) -> None:
    ours = get(admin_port(four_of_ours, role), "/commands/monitor").document
    theirs = recorded("follower" if role == "follower" else "leader", "monitor").document

    extra = {"peer_state", "server_state"} | ({"learners"} if role == "leader" else set())
    assert set(ours) - extra <= set(theirs)
    assert ours["server_state"] == role


def test_the_leader_knows_its_observer_and_forgets_what_it_counted(four_of_ours: Ensemble) -> None:
    port = admin_port(four_of_ours, "leader")

    found = get(port, "/commands/observers").document
    reset = get(port, "/commands/orst").document
    (observer,) = get(port, "/commands/obsr").document["observers"]

    assert (found["synced_observers"], found["observers"][0]["sid"]) == (1, 4)
    assert found["observers"][0]["packets_sent"] > observer["packets_sent"]
    assert reset == {"command": "observer_connection_stat_reset", "error": None}


def test_a_server_without_a_majority_is_read_only_or_looks_for_a_leader(tmp_path: Path) -> None:
    with running_ensemble(tmp_path, (OURS, OURS), keys="readonlymode.enabled=true", has_admin=True) as ensemble:
        ensemble.servers[1].begin()
        ensemble.wait_for(1)
        port = ensemble.admin_ports[1]

        assert get(port, "/commands/isro").document["read_only"] is True
        for name in ("leader", "zabstate", "voting_view", "observers"):
            assert get(port, f"/commands/{name}").document == recorded("read-only", name).document


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The ports of two admin servers, ours and Apache's, of lone servers with an ephemeral and a watch."""
    servers: list[tuple[ZooKeeperProcess, int]] = []
    clients = []
    try:
        for kind in (OURS, THEIRS):
            port = free_port()
            server = kind(tmp_path_factory.mktemp(kind.__name__), keys=admin_keys(port))
            servers.append((server, port))
            server.start()
            clients.append(KazooClient(server.address))
            clients[-1].start()
            occupy(clients[-1])
        yield servers[0][1], servers[1][1]
    finally:
        for client in clients:
            client.stop()
            client.close()
        for each, _ in servers:
            each.kill()


@pytest.mark.parametrize(
    "name", [*(each for each in NAMES if each not in OF_JAVA), "nope", "stat", "set_trace_mask?traceMask=7"]
)
def test_a_lone_server_answers_as_apaches_does(both: tuple[int, int], name: str) -> None:
    ours, theirs = (get(port, f"/commands/{name}") for port in both)

    assert (ours.status, ours.content_type) == (theirs.status, theirs.content_type)
    assert shape(ours.document) == shape(theirs.document)


@pytest.mark.parametrize("name", OF_JAVA)
def test_what_java_has_more_of_has_the_same_types(both: tuple[int, int], name: str) -> None:
    ours, theirs = (get(port, f"/commands/{name}") for port in both)

    assert (ours.status, ours.content_type) == (theirs.status, theirs.content_type)
    common = set(ours.document) & set(theirs.document)
    assert {"command", "error"} < common
    assert {key: type(ours.document[key]) for key in common} == {key: type(theirs.document[key]) for key in common}


def test_the_pages_that_list_the_commands_are_the_same(both: tuple[int, int]) -> None:
    ours, theirs = (get(port, "/commands") for port in both)

    assert ours == theirs
