import struct
from collections.abc import Iterator

import pytest

from pykafka_cli.zookeeper.ensemble import packets
from pykafka_cli.zookeeper.ensemble.packets import (
    LearnerInfo,
    LearnerRequest,
    PacketReader,
    PacketType,
    QuorumPacket,
    SessionTimeout,
    SessionValidity,
    encode_packet,
)
from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.jute import decode, encode
from pykafka_cli.zookeeper.protocol.records import Id
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import ErrorTxn, decode_entry, encode_entry
from tests.support.zab_recordings import SCENARIOS, frames

INFORM = (PacketType.PROPOSAL, PacketType.INFORM)
ACTIVATE = (PacketType.COMMIT_AND_ACTIVATE, PacketType.INFORM_AND_ACTIVATE)


def packet_of(data: bytes) -> QuorumPacket:
    reader = PacketReader()
    reader.feed(data)
    packet = reader.take()
    assert packet is not None
    assert reader.buffered == 0
    return packet


def recorded(name: str) -> Iterator[bytes]:
    return (bytes.fromhex(line["hex"]) for line in frames(name, "quorum", "packet"))


def contents_again(packet: QuorumPacket, is_from_leader: bool) -> bytes | None:
    """The data of a packet, decoded and encoded again."""
    data = packet.data
    if data is None:
        return None
    match packet.type:
        case PacketType.FOLLOWER_INFO | PacketType.OBSERVER_INFO:
            return encode(decode(LearnerInfo, data))
        case PacketType.LEADER_INFO | PacketType.ACK_EPOCH:
            return packets.encode_integer(packets.decode_integer(data))
        case PacketType.REQUEST:
            return packets.encode_request(packets.decode_request(data))
        case PacketType.PING:
            return packets.encode_touches(packets.decode_touches(data))
        case PacketType.REVALIDATE if is_from_leader:
            return packets.encode_validity(packets.decode_validity(data))
        case PacketType.REVALIDATE:
            return encode(packets.decode_session_timeout(data))
        case kind if kind in ACTIVATE:
            leader, rest = packets.split_activation(data)
            return struct.pack(">q", leader) + (transaction_again(rest) if rest else b"")
        case kind if kind in INFORM:
            return transaction_again(data)
        case PacketType.NEW_LEADER:
            return data.decode().encode()
    raise AssertionError(f"{packet.type.name} has data")


def transaction_again(data: bytes) -> bytes:
    header, record, digest = decode_entry(data)
    if record is None or digest is None:
        assert record is None or isinstance(record, ErrorTxn)
        return (
            encode(header) + (b"" if record is None else encode(record)) + (b"" if digest is None else encode(digest))
        )
    return encode_entry(header, record, digest.tree_digest)


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_recorded_packet_is_read_and_written_to_the_last_byte(name: str) -> None:
    recordings = list(recorded(name))

    assert recordings
    assert [encode_packet(packet_of(data)) for data in recordings] == recordings


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_each_recorded_packet_contains_is_read_and_written_to_the_last_byte(name: str) -> None:
    answers = (PacketType.REVALIDATE,)
    for data in recorded(name):
        packet = packet_of(data)
        is_from_leader = packet.type in answers and len(packet.data or b"") == 9

        assert contents_again(packet, is_from_leader) == packet.data


def test_a_stream_is_read_the_same_in_whatever_pieces_it_arrives() -> None:
    data = b"".join(recorded("writes"))
    whole, bytewise = PacketReader(), PacketReader()
    whole.feed(data)
    expected = list(iter(whole.take, None))

    found = []
    for at in range(len(data)):
        bytewise.feed(data[at : at + 1])
        found += list(iter(bytewise.take, None))

    assert found == expected
    assert len(found) > 100


def test_a_request_names_whose_it_is() -> None:
    request = LearnerRequest(-5, 7, OpCode.CREATE, b"\0\0\0\1a")
    packet = QuorumPacket(PacketType.REQUEST, data=packets.encode_request(request), authinfo=(Id("ip", "127.0.0.1"),))

    read = packet_of(encode_packet(packet))

    assert read == packet
    assert packets.decode_request(read.data or b"") == request


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (struct.pack(">iqi", 99, 0, -1), "99 is not a type of packet"),
        (struct.pack(">iqi", 3, 0, 1 << 30), "1073741824 is announced"),
        (struct.pack(">iqi", 3, 0, -2), "-2 is announced"),
        (struct.pack(">iqii", 1, 0, -1, 1 << 30), "1073741824 is announced"),
        (struct.pack(">iqiii", 1, 0, -1, 1, -3), "a buffer of -3 bytes"),
        (struct.pack(">iqiii", 1, 0, -1, 1, 1) + b"\xff", "not UTF-8"),
    ],
)
def test_a_lie_is_rejected_at_once(data: bytes, why: str) -> None:
    reader = PacketReader()
    reader.feed(data)

    with pytest.raises(MarshallingError, match=why):
        reader.take()


def test_a_packet_that_never_ends_is_rejected_when_it_is_too_large() -> None:
    reader = PacketReader()
    reader.feed(struct.pack(">iqiii", 1, 0, -1, 1, 1 << 30))
    assert reader.take() is None

    reader.feed(bytes(packets.MOST_PACKET))

    with pytest.raises(MarshallingError, match="more than 16777216 bytes are announced"):
        reader.take()


@pytest.mark.parametrize(
    "read",
    [
        packets.decode_request,
        packets.decode_touches,
        packets.decode_validity,
        packets.decode_session_timeout,
        packets.decode_integer,
        packets.split_activation,
    ],
)
def test_cut_contents_are_rejected(read: object) -> None:
    assert callable(read)

    with pytest.raises(MarshallingError):
        read(b"\0\0\1")


def test_touches_and_validities() -> None:
    touches = [SessionTimeout(1, 4000), SessionTimeout(-2, 6000)]

    assert packets.decode_touches(packets.encode_touches(touches)) == touches
    assert packets.decode_validity(packets.encode_validity(SessionValidity(9, True))) == SessionValidity(9, True)


def test_a_reader_holds_no_more_than_it_may() -> None:
    reader = PacketReader(most=100)
    announcing = struct.pack(">iqiii", PacketType.REQUEST, -1, -1, 1, 1000)
    reader.feed(announcing + bytes(70))
    assert reader.take() is None
    reader.feed(bytes(80))

    with pytest.raises(MarshallingError, match="more than 100 bytes are announced"):
        reader.take()


@pytest.mark.parametrize(
    ("jute_maxbuffer", "most"), [(1024, 16 << 20), (0xFFFFF, 16 << 20), (32 << 20, 64 << 20), (2**31 - 1, 2**32 - 2)]
)
def test_a_packet_may_be_larger_than_any_request(jute_maxbuffer: int, most: int) -> None:
    assert packets.most_packet(jute_maxbuffer) == most


def test_a_packet_may_be_as_large_as_its_reader_allows() -> None:
    packet = QuorumPacket(PacketType.PROPOSAL, 1, bytes(packets.MOST_PACKET + 1))
    reader = PacketReader(packets.most_packet(packets.MOST_PACKET))

    reader.feed(encode_packet(packet))

    assert reader.take() == packet
