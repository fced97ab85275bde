import pytest

from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.jute import encode
from pykafka_cli.zookeeper.protocol.records import OPEN_ACL
from pykafka_cli.zookeeper.protocol.requests import OpCode
from pykafka_cli.zookeeper.protocol.txn_records import (
    CloseSessionTxn,
    CreateTxn,
    CreateTxnV0,
    ErrorTxn,
    SetDataTxn,
    TxnDigest,
    TxnHeader,
    decode_entry,
    encode_entry,
)


def header(kind: OpCode) -> TxnHeader:
    return TxnHeader(0x100, 5, 0x16, 1_700_000_000_000, kind)


def test_an_entry_as_zookeeper_wrote_it() -> None:
    recorded = bytes.fromhex(
        "010000725b0500000000000100000000000000160000"
        "01a2061cc08300000005"
        "000000062f706c61696e00000012616674657220746865"
        "20736e617073686f7400000003"
        "00000002000000061e9faf8f"
    )

    entry = decode_entry(recorded)

    assert entry.record == SetDataTxn("/plain", b"after the snapshot", 3)
    assert entry.header == TxnHeader(0x0100_0072_5B05_0000, 1, 0x16, 0x01A2_061C_C083, OpCode.SET_DATA)
    assert entry.digest == TxnDigest(2, 0x061E9FAF8F)
    assert encode_entry(entry.header, entry.record, entry.digest.tree_digest) == recorded


def test_an_error_is_written_without_digest() -> None:
    entry = decode_entry(encode_entry(header(OpCode.ERROR), ErrorTxn(-101), tree_digest=7))

    assert entry == (header(OpCode.ERROR), ErrorTxn(-101), None)


def test_a_creation_from_before_3_3_counts_its_parents_children_itself() -> None:
    old = encode(header(OpCode.CREATE)) + encode(CreateTxnV0("/a", b"x", OPEN_ACL, False))

    assert decode_entry(old).record == CreateTxn("/a", b"x", OPEN_ACL, False, parent_cversion=-1)


def test_the_end_of_a_session_from_before_3_6_names_no_paths() -> None:
    assert decode_entry(encode(header(OpCode.CLOSE_SESSION))).record is None


def test_the_end_of_a_session_names_its_ephemerals() -> None:
    record = CloseSessionTxn(("/e", "/f"))

    assert decode_entry(encode_entry(header(OpCode.CLOSE_SESSION), record, 0)).record == record


@pytest.mark.parametrize("kind", [99, OpCode.GET_DATA])
def test_what_is_no_transaction_is_rejected(kind: int) -> None:
    with pytest.raises(MarshallingError, match="not a type of transaction"):
        decode_entry(encode(TxnHeader(1, 1, 1, 1, kind)))
