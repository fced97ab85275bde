"""ZooKeeper ensembles of our servers and Apache's: they elect, commit, and survive the death of any minority."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.vectors import VECTORS
from tests.support.zookeeper.ensembles import OURS, THEIRS, Ensemble, running_ensemble
from tests.support.zookeeper.servers import ZooKeeperProcess, four_letter_word

RECORDED: dict[str, dict[str, str]] = json.loads((VECTORS / "zab/four-letter-words.json").read_text())
MIXES = {
    "ours alone": (OURS, OURS, OURS),
    "one of Apache's, which leads at first": (OURS, OURS, THEIRS),
    "two of Apache's, ours leads at first": (THEIRS, THEIRS, OURS),
    "two of Apache's, ours follows at first": (OURS, THEIRS, THEIRS),
}


@pytest.fixture(params=list(MIXES.values()), ids=list(MIXES))
def ensemble(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ensemble]:
    with running_ensemble(tmp_path, request.param) as ensemble:
        yield ensemble


def names(client: KazooClient) -> set[str]:
    client.sync("/kept")
    return set(client.get_children("/kept"))


def test_each_server_may_die_and_nothing_acknowledged_is_lost(ensemble: Ensemble) -> None:
    ensemble.start()
    written: set[str] = set()
    with ensemble.client() as client:
        client.ensure_path("/kept")
        for round_ in range(4):
            leader = ensemble.leader()
            ensemble.kill(leader)
            for number in range(20):
                client.retry(client.create, f"/kept/{round_}-{number}", b"x" * number)
                written.add(f"{round_}-{number}")
            ensemble.start(leader)

    for server_id in ensemble.servers:
        with ensemble.client(server_id) as client:
            assert names(client) == written


def test_a_session_outlives_its_server_and_the_leader(ensemble: Ensemble) -> None:
    ensemble.start()
    leader = ensemble.leader()
    with ensemble.client() as client:
        session = client.client_id
        client.create("/ephemeral", ephemeral=True)
        ensemble.kill(leader)
        client.retry(client.create, "/after", b"")
        assert client.client_id == session
        assert client.exists("/ephemeral").ephemeralOwner == session[0]
        ensemble.start(leader)

    with ensemble.client(leader) as client:
        client.sync("/")
        assert (client.exists("/ephemeral"), client.exists("/after") is not None) == (None, True)


def test_a_minority_serves_nobody_and_a_majority_serves_again(ensemble: Ensemble) -> None:
    ensemble.start(1, 2, 3)
    ensemble.kill(2)
    ensemble.kill(3)

    until(lambda: ensemble.mode(1) is None)
    srvr = four_letter_word(ensemble.servers[1].port, b"srvr").decode()
    assert srvr == "This ZooKeeper instance is not currently serving requests\n"

    ensemble.start(2)
    with ensemble.client(1) as client:
        client.create("/again")


def shape(text: str) -> str:
    for pattern, replacement in (
        (r"0x[0-9a-f]+", "HEX"),
        (r"expire at .*:", "expire at T:"),
        (r"\d+\.\d+\.\d+-[^\n]*", "VERSION"),
        (r"=[^\n]*/version-2", "=DIR"),
        (r"server\.\d+=.*", "SERVER"),
        (r"-?\d+(\.\d+)*", "N"),
    ):
        text = re.sub(pattern, replacement, text)
    return text


@pytest.fixture(scope="module")
def four_of_ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    """Three that vote, an observer, and none that is asked before they serve."""
    folder = tmp_path_factory.mktemp("four")
    with running_ensemble(folder, (OURS,) * 4, observers=(4,)) as ensemble:
        ensemble.start()
        yield ensemble


@pytest.mark.parametrize("mode", ["leader", "follower", "observer"])
@pytest.mark.parametrize("word", ["srvr", "conf", "isro", "ruok"])
def test_a_word_is_answered_in_zookeepers_form_in_each_role(four_of_ours: Ensemble, mode: str, word: str) -> None:
    server_id = next(each for each in four_of_ours.servers if four_of_ours.mode(each) == mode)

    ours = shape(four_letter_word(four_of_ours.servers[server_id].port, word.encode()).decode())

    theirs = shape(RECORDED[mode][word])
    assert sorted(set(ours.splitlines())) == sorted(set(theirs.splitlines()))
    assert ours.endswith("\n") == theirs.endswith("\n")


@pytest.mark.parametrize(
    ("mode", "figures"),
    [
        ("leader", {"zk_peer_state": "leading - broadcast", "zk_learners": "3", "zk_synced_observers": "1"}),
        ("follower", {"zk_peer_state": "following - broadcast", "zk_quorum_size": "3"}),
        ("observer", {"zk_peer_state": "observing - broadcast", "zk_server_state": "observer"}),
    ],
)
def test_the_figures_of_mntr_are_those_of_the_role(four_of_ours: Ensemble, mode: str, figures: dict[str, str]) -> None:
    server_id = next(each for each in four_of_ours.servers if four_of_ours.mode(each) == mode)

    answer = four_letter_word(four_of_ours.servers[server_id].port, b"mntr").decode()

    ours = dict(line.split("\t") for line in answer.splitlines())
    recorded = RECORDED["leader with an observer" if mode == "leader" else mode]["mntr"]
    assert set(ours) <= {line.partition("\t")[0] for line in recorded.splitlines()}
    assert figures.items() <= ours.items()


def test_a_follower_lists_the_sessions_of_the_ensemble(four_of_ours: Ensemble) -> None:
    follower = next(each for each in four_of_ours.servers if four_of_ours.mode(each) == "follower")
    with four_of_ours.client(4) as client:
        client.sync("/")
        with four_of_ours.client(follower) as other:
            other.sync("/")
            dump = four_letter_word(four_of_ours.servers[follower].port, b"dump").decode()

    assert "Global Sessions(2):" in dump
    assert dump.count("\t8000ms") == 2


@pytest.mark.parametrize("kind", [OURS, THEIRS])
def test_a_server_that_looks_for_a_leader_says_so(tmp_path: Path, kind: type[ZooKeeperProcess]) -> None:
    with running_ensemble(tmp_path, (kind, OURS, OURS)) as ensemble:
        server = ensemble.servers[1]
        server.start()
        answers = {
            word: four_letter_word(server.port, word.encode()).decode() for word in ("srvr", "isro", "mntr", "dump")
        }

    assert answers == {word: RECORDED["looking"][word] for word in answers}


def config_of(ensemble: Ensemble, server_id: int) -> str:
    with ensemble.client(server_id) as client:
        client.sync("/zookeeper/config")
        return client.get("/zookeeper/config")[0].decode()


@pytest.mark.parametrize(
    "kinds",
    [(OURS, OURS, OURS), (OURS, OURS, THEIRS), (THEIRS, THEIRS, OURS)],
    ids=["ours", "theirs leads", "ours leads"],
)
@pytest.mark.parametrize("newcomer", [OURS, THEIRS])
def test_a_server_is_added_and_the_leader_removed_and_files_say_so(
    tmp_path: Path, kinds: tuple[type[ZooKeeperProcess], ...], newcomer: type[ZooKeeperProcess]
) -> None:
    with running_ensemble(tmp_path, kinds, keys="reconfigEnabled=true\nskipACL=yes") as ensemble:
        ensemble.start()
        added = ensemble.add(newcomer)
        ensemble.start(added)
        line = f"{ensemble.lines[added]}:participant;{ensemble.servers[added].port}"
        done = pk("zookeeper-shell", ensemble.servers[1].address, "reconfig", "-add", line)
        assert "Committed new configuration:\nserver.1=" in done.stdout, done.stdout + done.stderr
        version = config_of(ensemble, added).rpartition("version=")[2]
        assert int(version, 16) > 1 << 32

        leader = ensemble.leader()
        follower = next(each for each in ensemble.servers if each != leader)
        done = pk("zookeeper-shell", ensemble.servers[follower].address, "reconfig", "-remove", str(leader))
        assert f"server.{leader}=" not in done.stdout.partition("Committed new configuration")[2]
        ensemble.kill(leader)
        left = [each for each in ensemble.servers if each != leader]
        ensemble.wait_for(*left)
        for server_id in left:
            folder = ensemble.servers[server_id].file.parent
            (named,) = re.findall(
                r"^dynamicConfigFile=(.*)$", ensemble.servers[server_id].file.read_text(), re.MULTILINE
            )
            assert len(Path(named).read_text().splitlines()) == 3, (server_id, sorted(folder.iterdir()))

        for server_id in left:
            ensemble.kill(server_id)
        ensemble.start(*left)
        assert f"server.{leader}=" not in config_of(ensemble, left[0])


@pytest.mark.parametrize("kinds", [(OURS, OURS, OURS), (OURS, THEIRS, THEIRS)], ids=["ours", "theirs leads"])
def test_a_reconfiguration_moves_the_port_for_clients_and_keeps_their_connections(
    tmp_path: Path, kinds: tuple[type[ZooKeeperProcess], ...]
) -> None:
    with running_ensemble(tmp_path, kinds, keys="reconfigEnabled=true\nskipACL=yes") as ensemble:
        ensemble.start()
        moved, former = free_port(), ensemble.servers[1].port
        with ensemble.client(1) as client:
            client.create("/before", b"", ephemeral=True)
            line = f"{ensemble.lines[1]}:participant;127.0.0.1:{moved}"
            done = pk("zookeeper-shell", ensemble.servers[2].address, "reconfig", "-add", line)
            assert "Committed new configuration:\nserver.1=" in done.stdout, done.stdout + done.stderr

            until(lambda: four_letter_word(moved, b"srvr").startswith(b"Zookeeper version"))
            assert four_letter_word(former, b"srvr") == b""
            client.create("/after", b"")
        listed = pk("zookeeper-shell", f"127.0.0.1:{moved}", "ls", "/")
        assert "after" in listed.stdout


def test_a_server_alone_serves_reads_to_those_who_accept_that(tmp_path: Path) -> None:
    with running_ensemble(tmp_path, (OURS, OURS, THEIRS), keys="readonlymode.enabled=true") as ensemble:
        ensemble.start()
        with ensemble.client(1) as client:
            client.create("/kept", b"value")
        ensemble.kill(2)
        ensemble.kill(3)
        until(lambda: four_letter_word(ensemble.servers[1].port, b"isro") == b"ro")
        assert "READ-ONLY mode" in four_letter_word(ensemble.servers[1].port, b"srvr").decode()

        ensemble.start(2)
        with ensemble.client(1) as client:
            assert client.get("/kept")[0] == b"value"
            client.create("/again")
