from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pykafka_cli.broker.clock import SystemClock
from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration, EnsembleServer
from pykafka_cli.zookeeper.ensemble.leading import Leading
from pykafka_cli.zookeeper.ensemble.member import Member
from pykafka_cli.zookeeper.ensemble.packets import PacketType
from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.jute import encode
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL
from pykafka_cli.zookeeper.protocol.txn_records import CreateTxn, TxnHeader
from pykafka_cli.zookeeper.server.database import Snapshot
from pykafka_cli.zookeeper.server.server import ServerUnusable
from pykafka_cli.zookeeper.server.tree import Tree
from tests.support.zookeeper.raw_client import RawClient
from tests.support.zookeeper.starting import settings_of

EPOCH = 1 << 32


@pytest.fixture
async def member(tmp_path: Path) -> AsyncIterator[Member]:
    member = await started(tmp_path)
    yield member
    await member.stop()


async def started(folder: Path, **keys: object) -> Member:
    member = Member(settings_of(folder, preAllocSize=64, **keys), SystemClock(), 1)
    await member.start()
    return member


def entry(zxid: int) -> bytes:
    """Creates /n<zxid>."""
    header = TxnHeader(5, 0, zxid, 1000, 1)
    return encode(header) + encode(CreateTxn(f"/n{zxid:x}", b"x", OPEN_ACL, False, zxid & 0xFF))


def enter(member: Member, epoch: int) -> None:
    member.epochs.accept(epoch)
    member.epochs.enter(epoch)


async def logged(member: Member, *zxids: int) -> list[int]:
    """Log transactions without committing them; up to where that was durable when the member had no leader any more."""
    flushed: list[int] = []
    for zxid in zxids:
        member.append(zxid, entry(zxid), flushed.append)
    assert member.last_logged_zxid == zxids[-1]
    assert f"/n{zxids[-1]:x}" not in member.database.tree.nodes
    await member.end("the test says so")
    return flushed


async def test_what_is_logged_is_durable_before_it_is_said_and_applied_without_a_leader(member: Member) -> None:
    assert await logged(member, EPOCH + 1, EPOCH + 2) == [EPOCH + 2]

    assert f"/n{EPOCH + 2:x}" in member.database.tree.nodes
    assert member.database.tree.last_zxid == EPOCH + 2


async def test_each_role_learns_what_it_has_logged_although_both_are_written_together(member: Member) -> None:
    before, after = list[int](), list[int]()
    for zxid, flushed in ((1, before), (2, before), (3, after), (4, after)):
        member.append(EPOCH + zxid, entry(EPOCH + zxid), flushed.append)

    await member.end("the test says so")

    assert (before, after) == ([EPOCH + 2], [EPOCH + 4])


async def test_a_restart_finds_all_that_was_logged(tmp_path: Path) -> None:
    member = await started(tmp_path)
    await logged(member, EPOCH + 1, EPOCH + 2)
    enter(member, 1)
    await member.stop()

    again = await started(tmp_path)

    assert again.last_logged_zxid == EPOCH + 2
    assert (again.epochs.accepted, again.epochs.current) == (1, 1)
    assert again.plan_synchronization(EPOCH + 1).beginning.type is PacketType.DIFF
    await again.stop()


async def test_no_client_is_served_without_a_leader(member: Member) -> None:
    client = await RawClient.open(member.port)

    client.ask_for_session()

    assert await client.receive() is None
    assert not member.is_serving


@pytest.mark.parametrize(
    ("zxids", "kept", "until", "gone"),
    [
        ([EPOCH + 1, EPOCH + 2, EPOCH + 3, EPOCH + 4], EPOCH + 2, EPOCH + 2, EPOCH + 3),
        ([EPOCH + 1, EPOCH + 2, 3 * EPOCH + 1], EPOCH + 2, 3 * EPOCH, 3 * EPOCH + 1),
    ],
    ids=["some transactions of an epoch", "all transactions of an epoch"],
)
async def test_what_nobody_else_has_is_dropped_for_good(
    zxids: list[int], kept: int, until: int, gone: int, tmp_path: Path
) -> None:
    member = await started(tmp_path)
    await logged(member, *zxids)

    await member.truncate_to(until)

    assert member.last_logged_zxid == member.database.tree.last_zxid == until
    assert f"/n{kept:x}" in member.database.tree.nodes
    assert f"/n{gone:x}" not in member.database.tree.nodes
    enter(member, 4)
    await logged(member, 4 * EPOCH + 1)
    await member.stop()
    again = await started(tmp_path)
    assert again.last_logged_zxid == 4 * EPOCH + 1
    assert f"/n{gone:x}" not in again.database.tree.nodes
    await again.stop()


async def test_a_member_whose_files_do_not_go_back_that_far_says_so_and_changes_nothing(
    member: Member, tmp_path: Path
) -> None:
    await member.install(Snapshot({}, Tree().image()), EPOCH + 7)
    files = sorted(path.name for path in (tmp_path / "data/version-2").iterdir())

    with pytest.raises(ServerUnusable, match="do not go back to transaction 0x100000002"):
        await member.truncate_to(EPOCH + 2)

    assert sorted(path.name for path in (tmp_path / "data/version-2").iterdir()) == files


async def test_a_tree_from_the_leader_replaces_all_that_was_here(tmp_path: Path) -> None:
    member = await started(tmp_path)
    await logged(member, EPOCH + 1, EPOCH + 2)

    await member.install(Snapshot({9: 4000}, Tree().image()), 2 * EPOCH + 5)

    enter(member, 2)
    await logged(member, 2 * EPOCH + 6)
    await member.stop()
    names = {path.name for path in (tmp_path / "data/version-2").iterdir()}
    assert {name for name in names if name.startswith(("log", "snapshot"))} == {
        "snapshot.200000005",
        "log.200000006",
    }
    again = await started(tmp_path)
    assert again.database.timeouts == {9: 4000}
    assert again.last_logged_zxid == 2 * EPOCH + 6
    assert f"/n{EPOCH + 1:x}" not in again.database.tree.nodes
    await again.stop()


async def test_a_leader_that_serves_no_clients_turns_them_away(tmp_path: Path) -> None:
    member = await started(tmp_path, leaderServes="no", tickTime=100)
    alone = EnsembleConfiguration({1: EnsembleServer(1, "127.0.0.1", 0, 1)})
    member.begin(member.requests(Leading(member, alone), member.leader_sessions()), "leader", 1, alone)
    client = await RawClient.open(member.port)

    client.ask_for_session()

    assert await client.receive() is None
    await member.end("the test is over")
    await member.stop()


async def test_what_could_not_be_applied_is_not_logged(member: Member) -> None:
    with pytest.raises(MarshallingError):
        member.append(EPOCH + 1, entry(EPOCH + 1)[:-3], lambda _zxid: None)
    with pytest.raises(MarshallingError, match="transaction 0x100000001 was sent as 0x100000002"):
        member.append(EPOCH + 2, entry(EPOCH + 1), lambda _zxid: None)

    assert member.last_logged_zxid == 0
