"""Arbitrary bytes from another server of an ensemble: packets, or a clear error, whatever pieces they come in."""

from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.zookeeper.ensemble.packets import PacketReader, PacketType, QuorumPacket, encode_packet
from pykafka_cli.zookeeper.ensemble.tree_stream import TreeReader, encoded_tree
from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.records import Id
from pykafka_cli.zookeeper.server.database import Database, Snapshot

packets = st.builds(
    QuorumPacket,
    st.sampled_from(PacketType),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.none() | st.binary(max_size=40),
    st.none() | st.lists(st.builds(Id, st.none() | st.text(max_size=5), st.none() | st.text(max_size=5))).map(tuple),
)


def taken(pieces: list[bytes]) -> tuple[list[QuorumPacket], bool]:
    """The packets in some bytes, and whether all of these are valid so far."""
    reader, found = PacketReader(), []
    try:
        for piece in pieces:
            reader.feed(piece)
            found += list(iter(reader.take, None))
    except MarshallingError:
        return found, False
    return found, True


@given(st.lists(packets, max_size=5), st.integers(1, 30))
def test_packets_are_read_as_they_were_written(sent: list[QuorumPacket], size: int) -> None:
    data = b"".join(map(encode_packet, sent))

    assert taken([data[at : at + size] for at in range(0, len(data), size)]) == (sent, True)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_packets_or_an_error_however_they_arrive(data: bytes) -> None:
    assert taken([data]) == taken([data[at : at + 1] for at in range(len(data))])


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_no_tree_or_an_error(data: bytes) -> None:
    stream = PacketReader()
    stream.feed(data)
    try:
        snapshot = TreeReader(stream).take()
    except MarshallingError:
        return
    assert snapshot is None


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_tree_with_a_wrong_byte_is_a_tree_or_an_error(at: int, byte: int) -> None:
    data = bytearray(b"".join(encoded_tree(Database(timeouts=[(1, 4000)]).snapshot())))
    data[at % len(data)] = byte
    stream = PacketReader()
    stream.feed(bytes(data))
    try:
        snapshot = TreeReader(stream).take()
    except MarshallingError:
        return
    assert snapshot is None or isinstance(snapshot, Snapshot)
