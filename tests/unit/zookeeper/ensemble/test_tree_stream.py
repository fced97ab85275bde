import struct

import pytest

from pykafka_cli.zookeeper.ensemble.packets import PacketReader, PacketType, QuorumPacket, encode_packet
from pykafka_cli.zookeeper.ensemble.tree_stream import TreeReader, encoded_tree
from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.txn_records import decode_entry
from pykafka_cli.zookeeper.server.database import Snapshot
from pykafka_cli.zookeeper.server.tree import Tree
from tests.support.zab_recordings import SCENARIOS, frames

TREES = [
    pytest.param(line, id=f"{name}-{line['t']}") for name in SCENARIOS for line in frames(name, "quorum", "snapshot")
]


def tree_of(data: bytes) -> Snapshot:
    stream = PacketReader()
    stream.feed(data)
    snapshot = TreeReader(stream).take()
    assert snapshot is not None
    assert stream.buffered == 0
    return snapshot


def test_there_are_recorded_trees() -> None:
    assert len(TREES) == 8


@pytest.mark.parametrize("line", TREES)
def test_a_recorded_tree_is_the_same_when_it_is_sent_on(line: dict[str, str]) -> None:
    snapshot = tree_of(bytes.fromhex(line["hex"]))

    assert tree_of(b"".join(encoded_tree(snapshot))) == snapshot
    assert Tree.restore(snapshot.nodes, 0).nodes.keys() >= {"/", "/zookeeper", "/zookeeper/config"}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_digest_of_a_recorded_tree_is_that_of_the_transaction_before_it(name: str) -> None:
    digests: dict[int, int] = {}
    zxid = 0
    for line in frames(name, "quorum"):
        stream = PacketReader()
        if line["kind"] == "snapshot":
            tree = Tree.restore(tree_of(bytes.fromhex(line["hex"])).nodes, zxid)
            assert tree.digest == digests.get(zxid, tree.digest)
            continue
        stream.feed(bytes.fromhex(line["hex"]))
        packet = stream.take()
        assert packet is not None
        if packet.type is PacketType.PROPOSAL:
            digest = decode_entry(packet.data or b"").digest
            if digest is not None:
                digests[packet.zxid] = digest.tree_digest
        zxid = packet.zxid


def test_a_tree_is_read_in_whatever_pieces_it_arrives_and_packets_follow_at_once() -> None:
    data = bytes.fromhex(TREES[0].values[0]["hex"])  # type: ignore[index]
    after = QuorumPacket(PacketType.UP_TO_DATE)
    stream = PacketReader()
    reader = TreeReader(stream)

    taken = None
    for at in range(len(data)):
        assert taken is None
        stream.feed(data[at : at + 1])
        taken = reader.take()
    stream.feed(encode_packet(after))

    assert taken == tree_of(data)
    assert stream.take() == after


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (struct.pack(">i", 1 << 30), "1073741824 sessions or ACLs are announced"),
        (struct.pack(">ii", 0, -2), "-2 sessions or ACLs"),
        (struct.pack(">iiiiq", 0, 0, 0, -1, 9) + bytes(60), "has ACL 9"),
        (struct.pack(">iii", 0, 0, 1) + b"/" + struct.pack(">i", 3) + b"abc", "the tree ends with 'abc'"),
        (struct.pack(">iii", 0, 0, -7), "a buffer of -7 bytes"),
    ],
)
def test_a_lie_in_a_tree_is_rejected_at_once(data: bytes, why: str) -> None:
    stream = PacketReader()
    stream.feed(data)

    with pytest.raises(MarshallingError, match=why):
        TreeReader(stream).take()
