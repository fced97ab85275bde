"""A leader's connection to a learner over TCP."""

import asyncio
from collections.abc import Iterator

from pykafka_cli.zookeeper.ensemble.learner_channel import LearnerChannel
from pykafka_cli.zookeeper.ensemble.packet_writer import MOST_UNSENT
from pykafka_cli.zookeeper.ensemble.packets import PacketReader, PacketType, QuorumPacket
from tests.support.polling import PATIENCE_S


class Pair:
    """A channel, and the other end of its connection."""

    def __init__(self) -> None:
        self.overflows = 0

    async def open(self) -> "Pair":
        accepted: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
            asyncio.get_running_loop().create_future()
        )
        self._server = await asyncio.start_server(
            lambda reader, writer: accepted.set_result((reader, writer)), "127.0.0.1", 0
        )
        port = self._server.sockets[0].getsockname()[1]
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        _, writer = await accepted
        self.channel = LearnerChannel(writer, self._overflowed)
        return self

    def _overflowed(self) -> None:
        self.overflows += 1

    async def close(self) -> None:
        self.channel.close()
        self.writer.transport.abort()
        self._server.close()


async def test_packets_follow_a_tree_in_their_order() -> None:
    pair = await Pair().open()
    pair.channel.send(QuorumPacket(PacketType.SNAP, 7))
    pair.channel.stream(iter([b"a" * 100_000, b"b" * 100_000]))

    pair.channel.send(QuorumPacket(PacketType.NEW_LEADER, 8))
    async with asyncio.timeout(PATIENCE_S):
        data = await pair.reader.readexactly(20 + 200_000 + 20)

    assert data[20:-20] == b"a" * 100_000 + b"b" * 100_000
    packets = PacketReader()
    packets.feed(data[:20] + data[-20:])
    assert [packets.take(), packets.take()] == [
        QuorumPacket(PacketType.SNAP, 7),
        QuorumPacket(PacketType.NEW_LEADER, 8),
    ]
    await pair.close()


async def test_a_learner_that_reads_nothing_is_given_up_before_it_takes_too_much_memory() -> None:
    pair = await Pair().open()
    part = bytes(1 << 20)

    sent = 0
    while not pair.overflows:
        pair.channel.send_bytes(part)
        sent += len(part)
        assert sent < 2 * MOST_UNSENT

    await pair.close()


async def test_what_waits_behind_a_tree_counts_as_well() -> None:
    pair = await Pair().open()

    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(1 << 20)

    pair.channel.stream(endless())
    for _ in range(MOST_UNSENT // (1 << 20) + 1):
        pair.channel.send_bytes(bytes(1 << 20))

    assert pair.overflows
    await pair.close()
