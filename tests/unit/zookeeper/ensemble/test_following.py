"""A follower of ours and a leader that a test plays, over TCP."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pykafka_cli.broker.clock import SystemClock
from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration, EnsembleServer
from pykafka_cli.zookeeper.ensemble.following import Following
from pykafka_cli.zookeeper.ensemble.member import Member
from pykafka_cli.zookeeper.ensemble.packets import (
    PROTOCOL,
    PacketReader,
    PacketType,
    QuorumPacket,
    encode_integer,
    encode_packet,
    first_zxid,
)
from pykafka_cli.zookeeper.protocol.jute import JuteRecord
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import CreateTxn, DeleteTxn, TxnHeader, encode_entry
from tests.support.polling import PATIENCE_S
from tests.support.ports import free_port
from tests.support.zookeeper.starting import settings_of

EPOCH = 3


class PlayedLeader:
    """The leader's end of one connection, and the follower that has connected."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.member = Member(
            settings_of(folder, tickTime=100, initLimit=100, syncLimit=2, preAllocSize=64), SystemClock(), 1
        )
        servers = {
            1: EnsembleServer(1, "127.0.0.1", 1, 2),
            2: EnsembleServer(2, "127.0.0.1", self.port, 3),
        }
        self.configuration = EnsembleConfiguration(servers)
        self._packets = PacketReader()

    async def open(self) -> None:
        await self.member.start()
        accepted: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
            asyncio.get_running_loop().create_future()
        )
        self._server = await asyncio.start_server(
            lambda reader, writer: accepted.set_result((reader, writer)), "127.0.0.1", self.port
        )
        self.task = asyncio.create_task(Following(self.member, self.configuration, 2).serve())
        self.reader, self.writer = await accepted

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        self.writer.transport.abort()
        self._server.close()
        await self.member.stop()

    def send(self, kind: PacketType, zxid: int = -1, data: bytes | None = None) -> None:
        self.writer.write(encode_packet(QuorumPacket(kind, zxid, data)))

    async def receive(self) -> QuorumPacket:
        async with asyncio.timeout(PATIENCE_S):
            while (packet := self._packets.take()) is None:
                data = await self.reader.read(1 << 16)
                assert data, "the follower has closed the connection"
                self._packets.feed(data)
        return packet

    async def synchronize(self) -> None:
        """Go with the follower until it is synchronized."""
        assert (await self.receive()).type is PacketType.FOLLOWER_INFO
        self.send(PacketType.LEADER_INFO, first_zxid(EPOCH), encode_integer(PROTOCOL))
        assert (await self.receive()).type is PacketType.ACK_EPOCH
        self.send(PacketType.DIFF, 0)
        self.send(PacketType.NEW_LEADER, first_zxid(EPOCH), b"")
        assert await self.receive() == QuorumPacket(PacketType.ACK, first_zxid(EPOCH))

    async def reason(self) -> str:
        """Why the follower has left."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.task


@pytest.fixture
async def leader(tmp_path: Path) -> AsyncIterator[PlayedLeader]:
    played = PlayedLeader(tmp_path)
    await played.open()
    yield played
    await played.close()


async def test_both_epochs_are_on_disk_when_the_epoch_is_acknowledged(leader: PlayedLeader, tmp_path: Path) -> None:
    await leader.synchronize()

    stored = [(tmp_path / "data/version-2" / name).read_text() for name in ("acceptedEpoch", "currentEpoch")]
    assert stored == ["3", "3"]


async def test_a_leader_that_falls_silent_is_left(leader: PlayedLeader) -> None:
    await leader.synchronize()

    assert await leader.reason() == "the leader has sent nothing for 0.2 s"


async def test_a_leader_that_closes_is_left(leader: PlayedLeader) -> None:
    await leader.synchronize()
    leader.writer.close()

    assert await leader.reason() == "the connection to the leader was lost: it closed the connection"


async def test_a_leader_that_sends_garbage_is_left(leader: PlayedLeader) -> None:
    leader.writer.write(b"\x7f" * 100)

    assert (await leader.reason()).startswith("what the leader sent cannot be read: 2139062143 is not a type")


async def test_a_transaction_that_could_not_be_applied_is_not_logged(leader: PlayedLeader, tmp_path: Path) -> None:
    await leader.synchronize()
    leader.send(PacketType.PROPOSAL, first_zxid(EPOCH) + 1, b"not a transaction")

    assert (await leader.reason()).startswith("what the leader sent cannot be read: ")
    assert leader.member.last_logged_zxid == 0
    assert not list((tmp_path / "data/version-2").glob("log.*"))


@pytest.mark.parametrize(
    "record",
    [CreateTxn("no-slash", b"", (), False, 1), CreateTxn("", b"", (), False, 1), DeleteTxn("")],
    ids=["relative", "empty", "delete nothing"],
)
async def test_a_transaction_with_an_impossible_path_changes_nothing(
    leader: PlayedLeader, record: JuteRecord, tmp_path: Path
) -> None:
    await leader.synchronize()
    kind = OpCode.CREATE if isinstance(record, CreateTxn) else OpCode.DELETE
    zxid = first_zxid(EPOCH) + 1

    leader.send(PacketType.UP_TO_DATE)
    leader.send(PacketType.PROPOSAL, zxid, encode_entry(TxnHeader(1, 1, zxid, 1, kind), record, 0))
    leader.send(PacketType.COMMIT, zxid)

    assert await leader.reason() == "the leader has sent nothing for 0.2 s"
    assert len(leader.member.database.tree.image()) == 4
    await leader.member.stop()
    again = Member(settings_of(tmp_path, preAllocSize=64), SystemClock(), 1)
    await again.start()
    assert again.last_logged_zxid == zxid
    await again.stop()


async def test_an_answer_that_nobody_asked_for_is_a_reason_to_leave(leader: PlayedLeader) -> None:
    await leader.synchronize()

    leader.send(PacketType.UP_TO_DATE)
    leader.send(PacketType.SYNC, 0)

    assert await leader.reason() == "what the leader sent cannot be read: SYNC answers no request"


@pytest.mark.parametrize("zxid", [-1, 5])
async def test_what_is_not_there_cannot_be_dropped(leader: PlayedLeader, zxid: int) -> None:
    assert (await leader.receive()).type is PacketType.FOLLOWER_INFO
    leader.send(PacketType.LEADER_INFO, first_zxid(EPOCH), encode_integer(PROTOCOL))
    leader.send(PacketType.TRUNC, zxid)

    assert await leader.reason() == f"TRUNC 0x{zxid:x} was not expected: the last transaction here is 0x0"


async def test_a_tree_without_an_end_is_not_installed(leader: PlayedLeader) -> None:
    assert (await leader.receive()).type is PacketType.FOLLOWER_INFO
    leader.send(PacketType.LEADER_INFO, first_zxid(EPOCH), encode_integer(PROTOCOL))
    await leader.receive()
    leader.send(PacketType.SNAP, first_zxid(EPOCH))
    leader.writer.write(bytes(8) + b"\0\0\0\1")
    leader.writer.close()

    assert "it closed the connection" in await leader.reason()
    assert leader.member.database.tree.last_zxid == 0


async def test_a_leader_that_closes_without_a_word_is_asked_again(tmp_path: Path) -> None:
    """As a proxy does before a leader that has not opened its port yet."""
    played = PlayedLeader(tmp_path)
    await played.member.start()
    accepted: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *ends: accepted.put_nowait(ends), "127.0.0.1", played.port)
    task = asyncio.create_task(Following(played.member, played.configuration, 2).serve())

    _, proxied = await accepted.get()
    proxied.close()
    played.reader, played.writer = await accepted.get()

    await played.synchronize()
    played.writer.close()
    assert await task == "the connection to the leader was lost: it closed the connection"
    assert accepted.empty()
    server.close()
    await played.member.stop()


async def test_a_leader_that_cannot_be_reached_is_not_waited_for(tmp_path: Path) -> None:
    played = PlayedLeader(tmp_path)
    await played.member.start()

    reason = await Following(played.member, played.configuration, 2).serve()

    assert reason.startswith(f"server 2 cannot be reached at 127.0.0.1:{played.port}: ")
    assert await Following(played.member, played.configuration, 9).serve() == "server 9 is not in the configuration"
    await played.member.stop()
