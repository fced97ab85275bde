import asyncio
from typing import cast

import pytest

from pykafka_cli.zookeeper.ensemble.packet_writer import MOST_UNSENT, PacketWriter
from pykafka_cli.zookeeper.ensemble.packets import MOST_PACKET, PacketType, QuorumPacket, encode_packet

COMMITS = [QuorumPacket(PacketType.COMMIT, zxid) for zxid in (1, 2, 3)]
ENCODED = [encode_packet(each) for each in COMMITS]


class Stream:
    """The sending half of a connection, which notes each piece that is written."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.transport = self
        self.unsent = 0
        self.closing = False
        self.overflows = 0

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def overflowed(self) -> None:
        self.overflows += 1


@pytest.fixture
async def stream() -> Stream:
    return Stream()


def writer_to(stream: Stream, most: int = MOST_PACKET) -> PacketWriter:
    return PacketWriter(cast("asyncio.StreamWriter", stream), stream.overflowed, most)


async def test_packets_of_one_turn_are_one_piece(stream: Stream) -> None:
    writer = writer_to(stream)
    for packet in COMMITS[:2]:
        writer.send(packet)
    assert stream.pieces == []

    await asyncio.sleep(0)
    writer.send(COMMITS[2])
    await asyncio.sleep(0)

    assert stream.pieces == [ENCODED[0] + ENCODED[1], ENCODED[2]]


async def test_packets_that_are_held_follow_what_is_written_meanwhile(stream: Stream) -> None:
    writer = writer_to(stream)
    writer.send(COMMITS[0])
    writer.hold()
    writer.send(COMMITS[1])
    await asyncio.sleep(0)
    stream.write(b"a tree")

    writer.release()
    writer.send(COMMITS[2])
    await asyncio.sleep(0)

    assert stream.pieces == [ENCODED[0], b"a tree", ENCODED[1], ENCODED[2]]


async def test_nothing_is_written_to_a_connection_that_closes(stream: Stream) -> None:
    writer = writer_to(stream)
    writer.send(COMMITS[0])
    stream.closing = True

    await asyncio.sleep(0)

    assert stream.pieces == []


async def test_too_much_that_waits_is_reported_whether_in_this_turn_or_in_the_network(stream: Stream) -> None:
    writer = writer_to(stream)
    writer.send_bytes(bytes(MOST_UNSENT + 1))
    assert stream.overflows == 1

    stream.unsent = MOST_UNSENT + 1
    writer.flush()

    assert stream.overflows == 2


async def test_some_packets_may_wait_however_large_they_may_be(stream: Stream) -> None:
    writer = writer_to(stream, most=MOST_UNSENT)

    writer.send_bytes(bytes(MOST_UNSENT + 1))

    assert stream.overflows == 0
