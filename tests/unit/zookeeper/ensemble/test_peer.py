import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pykafka_cli.broker.clock import SystemClock
from pykafka_cli.properties.grammar import read_properties
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.repeated_lines import RepeatedLines
from pykafka_cli.zookeeper.ensemble.configuration import Address, EnsembleConfiguration
from pykafka_cli.zookeeper.ensemble.epochs import Epochs
from pykafka_cli.zookeeper.ensemble.membership import read_membership
from pykafka_cli.zookeeper.ensemble.notifications import ServerState
from pykafka_cli.zookeeper.ensemble.peer import EnsemblePeer
from pykafka_cli.zookeeper.ensemble.vote import Vote
from pykafka_cli.zookeeper.server.listening import CannotListen
from pykafka_cli.zookeeper.server.outside import Outside
from tests.fakes.clock import FakeClock
from tests.support.event_loop import until
from tests.support.ports import free_port


class History:
    """The server behind a peer, as far as elections go."""

    def __init__(self, directory: Path, zxid: int) -> None:
        self.last_logged_zxid = zxid
        self.outside = Outside()
        self.lines = RepeatedLines(FakeClock())
        self.epochs = Epochs.load(directory, zxid)
        self.configuration: EnsembleConfiguration | None = None
        self.logged: EnsembleConfiguration | None = None
        self.is_read_only = False
        self.client_addresses: list[tuple[str, int]] = []

    def committed_configuration(self) -> EnsembleConfiguration | None:
        return self.configuration

    def logged_configuration(self) -> EnsembleConfiguration | None:
        return self.logged

    def begin_read_only(self) -> None:
        self.is_read_only = True

    def end_read_only(self) -> None:
        self.is_read_only = False

    async def accept_clients_at(self, host: str, port: int) -> None:
        self.client_addresses.append((host, port))


class ScriptedRole:
    """A role that ends when a test says so."""

    def __init__(self, state: ServerState, vote: Vote, configuration: EnsembleConfiguration) -> None:
        self.state, self.leader, self.configuration = state, vote.leader, configuration
        self._ended = asyncio.get_running_loop().create_future()

    async def serve(self) -> str:
        return str(await self._ended)

    def end(self) -> None:
        self._ended.set_result("the test says so")


class Ensemble:
    """Servers of one ensemble, by id, each with its peer and what it has been."""

    def __init__(self, home: Path, size: int, more: str = "") -> None:
        self._home = home
        self.ports = {n: free_port() for n in range(1, size + 1)}
        servers = "\n".join(f"server.{n}=127.0.0.1:{free_port()}:{port}" for n, port in self.ports.items())
        self._text = f"clientPort=0\ndataDir={home}/{{n}}\n{servers}\n{more}"
        self.peers: dict[int, EnsemblePeer] = {}
        self.histories: dict[int, History] = {}
        self.lives: dict[int, asyncio.Task[None]] = {}

    async def start(self, server_id: int, zxid: int = 0, *, joining: str | None = None) -> EnsemblePeer:
        """joining    the line of a server that a configuration in the log adds"""
        home = self._home / str(server_id)
        home.mkdir(exist_ok=True)
        (home / "myid").write_text(str(server_id))
        settings = ZooKeeperSettings(read_properties(self._text.format(n=server_id).encode()))
        self.histories[server_id] = History(home, zxid)
        membership = read_membership(settings)
        if joining is not None:
            lines = str(membership.configuration).replace("version=0", f"{joining}\nversion=9")
            self.histories[server_id].logged = EnsembleConfiguration.parse(lines)
        peer = EnsemblePeer(
            membership,
            self.histories[server_id],
            lambda peer, vote: ScriptedRole(peer.state, vote, peer.configuration),
            SystemClock(),
        )
        await peer.open()
        self.peers[server_id] = peer
        self.lives[server_id] = asyncio.create_task(peer.run())
        return peer

    async def stop(self, server_id: int) -> None:
        life = self.lives.pop(server_id)
        self.peers.pop(server_id)
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)

    def roles(self) -> dict[int, ScriptedRole | None]:
        return {n: peer.role for n, peer in sorted(self.peers.items())}  # type: ignore[misc]

    async def all_have(self, leader: int) -> None:
        def all_do() -> bool:
            return all(role is not None and role.leader == leader for role in self.roles().values())

        await until(all_do, lambda: f"{leader} does not lead: {self.roles()}")


@pytest.fixture
async def ensemble_of(tmp_path: Path) -> AsyncIterator[Callable[..., Ensemble]]:
    made: list[Ensemble] = []

    def make(size: int, more: str = "") -> Ensemble:
        made.append(Ensemble(tmp_path, size, more))
        return made[-1]

    yield make
    for each in made:
        for server_id in list(each.lives):
            await each.stop(server_id)


Make = Callable[..., Ensemble]


async def test_three_new_servers_elect_the_one_with_the_largest_id(ensemble_of: Make) -> None:
    ensemble = ensemble_of(3)

    for server_id in (1, 2, 3):
        await ensemble.start(server_id)

    await ensemble.all_have(3)
    states = [role.state for role in ensemble.roles().values() if role is not None]
    assert states == [ServerState.FOLLOWING, ServerState.FOLLOWING, ServerState.LEADING]


async def test_the_longest_history_leads(ensemble_of: Make) -> None:
    ensemble = ensemble_of(3)

    for server_id, zxid in ((3, 0x100000001), (2, 0x200000001), (1, 0x200000002)):
        await ensemble.start(server_id, zxid)

    await ensemble.all_have(1)


async def test_a_late_server_follows_the_leader_in_office_though_it_has_a_larger_id(ensemble_of: Make) -> None:
    ensemble = ensemble_of(3)
    await ensemble.start(1)
    await ensemble.start(2)
    await ensemble.all_have(2)

    await ensemble.start(3)

    await ensemble.all_have(2)


async def test_those_who_are_left_elect_when_the_leader_has_died(ensemble_of: Make) -> None:
    ensemble = ensemble_of(3)
    for server_id in (1, 2, 3):
        await ensemble.start(server_id)
    await ensemble.all_have(3)

    await ensemble.stop(3)
    for role in ensemble.roles().values():
        role.end()

    await ensemble.all_have(2)


async def test_a_server_alone_does_not_lead(ensemble_of: Make) -> None:
    ensemble = ensemble_of(3)
    alone = await ensemble.start(3)
    await until(lambda: alone.election.round == 1)
    await ensemble.start(2)

    await ensemble.all_have(3)
    assert alone.election.round == 1


async def test_the_only_server_of_its_ensemble_leads(ensemble_of: Make) -> None:
    ensemble = ensemble_of(1, "standaloneEnabled=false")

    await ensemble.start(1)

    await ensemble.all_have(1)


async def test_a_new_configuration_is_in_force_in_the_next_election(ensemble_of: Make) -> None:
    ensemble = ensemble_of(2)
    for server_id in (1, 2):
        await ensemble.start(server_id)
    await ensemble.all_have(2)
    moved = free_port()
    lines = str(ensemble.peers[1].configuration).replace(f":{ensemble.ports[2]}:", f":{moved}:")
    lines = lines.replace("version=0", "version=100000007")

    for server_id, role in ensemble.roles().items():
        ensemble.histories[server_id].configuration = EnsembleConfiguration.parse(lines)
        role.end()

    await until(lambda: {peer.configuration.version for peer in ensemble.peers.values()} == {0x100000007})
    await ensemble.all_have(2)
    with socket.create_connection(("127.0.0.1", moved)):
        pass


async def test_a_later_configuration_is_learned_from_who_has_it(ensemble_of: Make) -> None:
    ensemble = ensemble_of(2, "reconfigEnabled=true")
    one = await ensemble.start(1)
    newer = EnsembleConfiguration.parse(str(one.configuration).replace("version=0", "version=9"))
    two = await ensemble.start(2)
    ensemble.histories[2].configuration = newer
    await ensemble.all_have(2)

    for role in ensemble.roles().values():
        role.end()

    await until(lambda: one.configuration.version == 9)
    await ensemble.all_have(2)
    assert two.configuration == newer


async def test_no_leader_is_elected_without_a_quorum_of_the_configuration_in_the_log(ensemble_of: Make) -> None:
    ensemble = ensemble_of(3)
    for each in (1, 2):
        peer = await ensemble.start(each)
        three_and_one = "\n".join(line for line in str(peer.configuration).splitlines() if "server.2" not in line)
        ensemble.histories[each].logged = EnsembleConfiguration.parse(three_and_one.replace("version=0", "version=9"))

    await ensemble.start(3)

    await ensemble.all_have(3)


async def test_a_server_that_is_only_in_the_configuration_in_the_log_is_asked_for_its_vote(ensemble_of: Make) -> None:
    """Here by whoever has the smaller id, which does not wait to be connected to."""
    called = asyncio.Event()
    server = await asyncio.start_server(lambda _, writer: (called.set(), writer.close())[0], "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    await ensemble_of(2).start(1, joining=f"server.3=127.0.0.1:{free_port()}:{port}")

    async with server, asyncio.timeout(10):
        await called.wait()


async def test_a_configuration_that_a_role_reports_is_in_force_at_once(ensemble_of: Make) -> None:
    ensemble = ensemble_of(2)
    one = await ensemble.start(1)
    await ensemble.start(2)
    await ensemble.all_have(2)
    newer = one.configuration.with_version(7)

    one.take_over(newer)
    one.take_over(newer.with_version(3))

    assert one.configuration == newer
    assert one.election.configuration == newer


async def test_a_server_that_finds_no_leader_serves_reads_until_there_is_one(ensemble_of: Make) -> None:
    ensemble = ensemble_of(2, "readonlymode.enabled=true\ntickTime=1")
    await ensemble.start(1)
    history = ensemble.histories[1]

    await until(lambda: history.is_read_only)
    await ensemble.start(2)
    await ensemble.all_have(2)

    assert not history.is_read_only


async def test_an_election_port_that_is_in_use_is_named(ensemble_of: Make) -> None:
    ensemble = ensemble_of(2)
    with (
        socket.create_server(("127.0.0.1", ensemble.ports[1])),
        pytest.raises(CannotListen, match=f"port {ensemble.ports[1]} of 127.0.0.1 is in use.* port in server.1"),
    ):
        await ensemble.start(1)


async def test_clients_are_accepted_where_a_new_configuration_says(ensemble_of: Make) -> None:
    ensemble = ensemble_of(2)
    one = await ensemble.start(1)
    await ensemble.start(2)
    await ensemble.all_have(2)
    servers = dict(one.configuration.servers)

    moved = {**servers, 1: replace(servers[1], client=Address("127.0.0.1", 4181), client_is_own=False)}
    one.take_over(EnsembleConfiguration(moved, 7))
    one.take_over(EnsembleConfiguration(moved, 8))
    one.take_over(EnsembleConfiguration({2: servers[2]}, 9))
    moved_again = {**moved, 1: replace(moved[1], client=Address("0.0.0.0", 4182))}
    one.take_over(EnsembleConfiguration(moved_again, 10))

    history = ensemble.histories[1]
    await until(lambda: len(history.client_addresses) == 2)
    assert history.client_addresses == [("127.0.0.1", 4181), ("0.0.0.0", 4182)]
    assert ensemble.histories[2].client_addresses == []
