"""Leader, followers and observers of ours with each other, over TCP on the loopback interface."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pykafka_cli.zookeeper.ensemble.packet_writer import MOST_UNSENT
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL, CreateFlags
from pykafka_cli.zookeeper.protocol.requests import (
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    Empty,
    GetDataResponse,
    OpCode,
    PathRequest,
    ReconfigRequest,
    SetDataRequest,
    WatchableRequest,
)
from pykafka_cli.zookeeper.server.sessions import password_of
from tests.support.zookeeper.raw_client import RawClient
from tests.support.zookeeper.roles import Roles


@pytest.fixture
async def three(tmp_path: Path) -> AsyncIterator[Roles]:
    roles = Roles(tmp_path, (1, 2, 3))
    yield roles
    await roles.stop()


def create(path: str, data: bytes = b"", flags: int = 0) -> CreateRequest:
    return CreateRequest(path, data, OPEN_ACL, flags)


async def test_what_one_server_accepts_all_have(three: Roles) -> None:
    await three.up(2, 1, 3)
    at_leader, at_follower, elsewhere = [await three.client(each) for each in (2, 1, 3)]

    assert await at_leader.ask(OpCode.CREATE, create("/a", b"1")) == (0, CreateResponse("/a"))
    assert await at_follower.ask(OpCode.CREATE, create("/b", b"2")) == (0, CreateResponse("/b"))
    assert (await at_follower.ask(OpCode.CREATE, create("/b")))[0] == -110
    assert await elsewhere.ask(OpCode.SYNC, PathRequest("/b")) == (0, PathRequest("/b"))
    err, answer = await elsewhere.ask(OpCode.GET_DATA, WatchableRequest("/b", False))

    assert err == 0
    assert isinstance(answer, GetDataResponse)
    assert answer.data == b"2"
    trees = [member.database.tree for member in three.members.values()]
    await three.until(lambda: len({tree.last_zxid for tree in trees}) == 1)
    assert len({tree.digest for tree in trees}) == 1


async def test_the_largest_request_reaches_all_servers(tmp_path: Path) -> None:
    roles = Roles(tmp_path, (1, 2, 3), jute__maxbuffer=32 << 20)
    await roles.up(2, 1)
    client, data = await roles.client(1), bytes(17_000_000)

    assert await client.ask(OpCode.CREATE, create("/a", data)) == (0, CreateResponse("/a"))
    await roles.start(3)
    roles.follow(3, 2)
    await roles.serving(3)

    assert all(member.database.tree.nodes["/a"].data == data for member in roles.members.values())
    await roles.stop()


async def test_requests_of_one_session_are_answered_in_their_order(three: Roles) -> None:
    await three.up(2, 1, 3)
    client = await three.client(1)

    for number in range(50):
        client.send(OpCode.CREATE, create(f"/n{number}"), xid=3 * number)
        client.send(OpCode.SET_DATA, SetDataRequest(f"/n{number}", b"%d" % number, -1), xid=3 * number + 1)
        client.send(OpCode.GET_DATA, WatchableRequest(f"/n{number}", False), xid=3 * number + 2)
    answers = [await client.receive() for _ in range(150)]

    xids = [int.from_bytes((answer or b"")[:4]) for answer in answers]
    assert xids == list(range(150))
    assert all(answer is not None and answer[12:16] == bytes(4) for answer in answers)
    assert [(answers[3 * number + 2] or b"")[20:22].rstrip(b"\0") for number in (0, 49)] == [b"0", b"49"]


async def test_a_session_moves_with_its_ephemerals_and_ends_everywhere(three: Roles) -> None:
    await three.up(2, 1, 3)
    before = await three.client(1)
    session_id = three.members[1].pipeline.clients.copy().popitem()[0]
    await before.ask(OpCode.CREATE, create("/e", flags=CreateFlags.EPHEMERAL))

    after = await three.client(3)
    moved = await type(after).open(three.members[3].port)
    response = await moved.connect(session_id, password_of(session_id), 4000)

    assert response.session_id == session_id
    before.send(OpCode.CREATE, create("/late"), xid=99)  # a client goes on counting where it moves
    assert await before.receive() is None
    assert (await moved.ask(OpCode.EXISTS, WatchableRequest("/e", False)))[0] == 0
    assert (await moved.ask(OpCode.CLOSE_SESSION, Empty()))[0] == 0
    await three.until(lambda: all("/e" not in each.database.tree.nodes for each in three.members.values()))


async def test_a_follower_that_was_away_gets_what_it_missed(three: Roles) -> None:
    await three.up(2, 1, 3)
    client = await three.client(2)
    await client.ask(OpCode.CREATE, create("/before"))
    await three.stop(1)
    for number in range(600):
        client.send(OpCode.CREATE, create(f"/n{number}"), xid=number)
    for _ in range(600):
        assert await client.receive() is not None

    await three.start(1)
    three.follow(1, 2)
    await three.serving(1)

    leader, follower = (three.members[each].database.tree for each in (2, 1))
    assert follower.nodes.keys() == leader.nodes.keys()
    assert follower.digest == leader.digest


async def test_a_follower_may_have_missed_more_than_is_kept_for_one_that_reads_slowly(three: Roles) -> None:
    await three.up(2, 1, 3)
    client, data = await three.client(2), bytes(1_000_000)
    await client.ask(OpCode.CREATE, create("/a"))
    await three.stop(1)
    for _ in range(MOST_UNSENT // len(data) + 1):
        await client.ask(OpCode.SET_DATA, SetDataRequest("/a", data, -1))

    await three.start(1)
    three.follow(1, 2)
    await three.serving(1)

    assert three.members[1].database.tree.digest == three.members[2].database.tree.digest


async def test_a_new_server_gets_the_tree_and_the_next_transactions(three: Roles) -> None:
    await three.up(2, 3)
    client = await three.client(2)
    await client.ask(OpCode.CREATE, create("/a", b"x" * 100_000))

    await three.start(1)
    three.follow(1, 2)
    await three.serving(1)
    await client.ask(OpCode.CREATE, create("/b"))

    await three.until(lambda: "/b" in three.members[1].database.tree.nodes)
    assert three.members[1].database.tree.nodes["/a"].data == b"x" * 100_000


async def test_what_only_a_leader_that_was_lost_has_logged_is_dropped(three: Roles, tmp_path: Path) -> None:
    await three.up(3, 1, 2)
    client = await three.client(3)
    await client.ask(OpCode.CREATE, create("/kept"))
    await three.stop(1)
    await three.leave(2)
    for number in range(3):
        client.send(OpCode.CREATE, create(f"/lost{number}"), xid=number)
    await three.until(lambda: three.members[3].last_logged_zxid & 0xFFFFFFFF == 5)
    await three.stop(3)

    await three.up(2, 1)
    await three.start(3)
    assert "/lost2" in three.members[3].database.tree.nodes
    three.follow(3, 2)
    await three.serving(3)

    trees = [three.members[each].database.tree for each in (1, 2, 3)]
    assert all("/kept" in tree.nodes and "/lost0" not in tree.nodes for tree in trees)
    assert len({tree.digest for tree in trees}) == 1
    again = await three.client(3)
    assert (await again.ask(OpCode.CREATE, create("/next")))[0] == 0
    await three.stop(3)
    await three.start(3)
    assert "/next" in three.members[3].database.tree.nodes


async def test_what_was_replayed_is_in_a_snapshot_once_it_is_known_to_be_committed(
    three: Roles, tmp_path: Path
) -> None:
    await three.up(2, 1)
    client = await three.client(2)
    await client.ask(OpCode.CREATE, create("/a"))
    await three.stop()
    await three.start(2)
    folder = tmp_path / "2/data/version-2"
    assert [path.name for path in folder.glob("snapshot.*")] == ["snapshot.0"]

    await three.up(2, 1)

    await three.until(lambda: (folder / "snapshot.200000000").exists())


async def test_a_leader_without_its_quorum_gives_up_and_turns_its_clients_away(three: Roles) -> None:
    await three.up(2, 1, 3)
    client = await three.client(2)
    await three.stop(1, 3)

    reason = await three.tasks[2]

    assert reason == "the quorum is lost; the servers that still follow: none"
    assert await client.receive() is None
    assert not three.members[2].is_serving
    assert three.members[2].mode == "looking"


async def test_followers_leave_a_leader_that_is_gone(three: Roles) -> None:
    await three.up(2, 1, 3)
    await three.stop(2)

    assert (await three.tasks[1]).startswith("the connection to the leader was lost")
    await three.up(3, 1)
    client = await three.client(1)
    assert (await client.ask(OpCode.CREATE, create("/after")))[0] == 0
    assert three.members[3].epochs.current == 2


async def test_sessions_outlive_the_leader_and_expire_at_the_next_one(three: Roles) -> None:
    await three.up(2, 1, 3)
    client = await three.client(1, timeout_ms=800)
    await client.ask(OpCode.CREATE, create("/e", flags=CreateFlags.EPHEMERAL))
    await three.stop(2)
    await three.tasks[1]
    await three.tasks[3]

    await three.up(3, 1)

    assert "/e" in three.members[1].database.tree.nodes
    await three.until(lambda: "/e" not in three.members[1].database.tree.nodes)
    assert not three.members[1].database.timeouts


async def test_observers_serve_and_have_no_vote(tmp_path: Path) -> None:
    roles = Roles(tmp_path, (1, 2, 3), frozenset({3}))
    try:
        await roles.up(2, 1, 3)
        client = await roles.client(3)
        assert (await client.ask(OpCode.CREATE, create("/o", b"1")))[0] == 0
        assert (await client.ask(OpCode.GET_DATA, WatchableRequest("/o", False)))[0] == 0
        await roles.stop(1)
        assert (await roles.tasks[2]).startswith("the quorum is lost")
    finally:
        await roles.stop()


async def test_a_watch_fires_on_the_server_of_its_client(three: Roles) -> None:
    await three.up(2, 1, 3)
    watching, changing = await three.client(1), await three.client(3)
    await changing.ask(OpCode.CREATE, create("/w"))
    await watching.ask(OpCode.SYNC, PathRequest("/w"))
    assert (await watching.ask(OpCode.EXISTS, WatchableRequest("/w", True)))[0] == 0

    await changing.ask(OpCode.DELETE, DeleteRequest("/w", -1))

    event = await watching.receive()
    assert event is not None
    assert event.endswith(b"/w")


async def test_a_server_without_a_majority_serves_reads_to_who_accepts_them(three: Roles) -> None:
    await three.up(2, 1, 3)
    before = await three.client(1)
    await before.ask(OpCode.CREATE, create("/r", b"1"))
    session_id = three.members[1].pipeline.clients.copy().popitem()[0]
    await three.stop(2, 3)
    await three.tasks[1]
    member = three.members[1]
    member.begin_read_only()
    assert (member.mode, member.is_serving) == ("read-only", True)

    reading, strict, old = [await RawClient.open(member.port) for _ in range(3)]
    response = await reading.connect(read_only=True)

    assert response.session_id
    assert isinstance((await reading.ask(OpCode.GET_DATA, WatchableRequest("/r", False)))[1], GetDataResponse)
    assert (await reading.ask(OpCode.CREATE, create("/no")))[0] == -119
    assert (await reading.ask(OpCode.SYNC, PathRequest("/")))[0] == -119
    strict.ask_for_session()
    assert await strict.receive() is None
    old.ask_for_session(session_id, password_of(session_id), read_only=True)
    assert await old.receive() is None
    member.end_read_only()
    assert await reading.receive() is None
    assert (member.mode, member.is_serving) == ("looking", False)
    assert "/no" not in member.database.tree.nodes


def reconfig(joining: str | None = None, leaving: str | None = None, version: int = -1) -> ReconfigRequest:
    return ReconfigRequest(joining, leaving, None, version)


@pytest.fixture
async def changeable(tmp_path: Path) -> AsyncIterator[Roles]:
    roles = Roles(tmp_path, (1, 2, 3), reconfigEnabled="true", skipACL="yes")
    yield roles
    await roles.stop()


async def test_the_first_configuration_gets_the_number_of_the_epoch(changeable: Roles) -> None:
    await changeable.up(2, 1, 3)
    client = await changeable.client(1)

    err, answer = await client.ask(OpCode.GET_DATA, WatchableRequest("/zookeeper/config", False))

    assert err == 0
    assert isinstance(answer, GetDataResponse)
    assert (answer.data or b"").endswith(b"\nversion=100000000")
    assert {each.version for each in changeable.agreed} == {1 << 32}


async def test_a_server_is_added_and_removed_while_the_others_go_on(changeable: Roles) -> None:
    await changeable.up(2, 1, 3)
    client = await changeable.client(1)
    tasks = dict(changeable.tasks)

    err, answer = await client.ask(OpCode.RECONFIG, reconfig("server.4=127.0.0.1:1:2:observer;127.0.0.1:3"))

    assert err == 0
    assert isinstance(answer, GetDataResponse)
    assert b"server.4=127.0.0.1:1:2:observer;127.0.0.1:3" in (answer.data or b"")
    assert (await client.ask(OpCode.RECONFIG, reconfig(leaving="4")))[0] == 0
    assert (await client.ask(OpCode.CREATE, create("/after")))[0] == 0
    assert len({each.version for each in changeable.agreed}) == 3
    last = max(changeable.agreed, key=lambda each: each.version)
    await changeable.until(
        lambda: all(member.committed_configuration() == last for member in changeable.members.values())
    )
    assert not any(task.done() for task in tasks.values())


async def test_a_leader_that_is_removed_leaves_the_lead_to_one_that_has_everything(changeable: Roles) -> None:
    await changeable.up(2, 1, 3)
    client = await changeable.client(1)

    client.send(OpCode.RECONFIG, reconfig(leaving="2"))

    assert "it is no longer a participant; server" in await changeable.tasks[2]
    assert await changeable.tasks[1] == await changeable.tasks[3] == "the ensemble has been reconfigured"
    configuration = changeable.members[1].committed_configuration()
    assert configuration is not None
    assert configuration.voters == {1, 3}


async def test_a_leader_whose_files_are_older_than_its_log_begins_with_what_is_logged(changeable: Roles) -> None:
    await changeable.up(2, 1, 3)
    client = await changeable.client(1)
    await client.ask(OpCode.RECONFIG, reconfig("server.4=127.0.0.1:1:2:observer;127.0.0.1:3"))
    await changeable.stop()
    changeable.agreed.clear()

    await changeable.up(2, 1, 3)

    await changeable.until(lambda: len(changeable.agreed) == 3)
    assert {frozenset(each.observers) for each in changeable.agreed} == {frozenset({4})}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (reconfig("server.4=127.0.0.1:1:2;3", version=7), -103),
        (reconfig("server.4=127.0.0.1:1:2"), -8),
        (reconfig(leaving="x"), -8),
        (reconfig(leaving="1,2"), -8),
        (reconfig("server.4=127.0.0.1:1:2;3,server.5=127.0.0.1:4:5;6,server.6=127.0.0.1:7:8;9", "3"), -13),
    ],
)
async def test_what_cannot_be_is_refused(changeable: Roles, request_: ReconfigRequest, code: int) -> None:
    await changeable.up(2, 1)
    client = await changeable.client(1)

    assert (await client.ask(OpCode.RECONFIG, request_))[0] == code
    assert (await client.ask(OpCode.CREATE, create("/after")))[0] == 0


async def test_an_ensemble_that_is_not_changeable_says_so(three: Roles) -> None:
    await three.up(2, 1)
    client = await three.client(1)

    assert (await client.ask(OpCode.RECONFIG, reconfig(leaving="1")))[0] == -123
