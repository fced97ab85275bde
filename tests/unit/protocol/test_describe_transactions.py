"""The response that kio's own class cannot read."""

import struct

from kio.schema.errors import ErrorCode
from kio.serial import entity_reader

from pykafka_cli.protocol.describe_transactions import DescribeTransactionsResponse

EMPTY = (
    struct.pack(">i", 0)
    + b"\x02"
    + struct.pack(">h", 0)
    + b"\x02a\x06Empty"
    + struct.pack(">iqqh", 60_000, -1, 5, 1)
    + b"\x01\x00\x00"
)


def test_an_id_without_a_transaction_can_be_read() -> None:
    answer, size = entity_reader(DescribeTransactionsResponse)(EMPTY, 0)

    (state,) = answer.transaction_states
    assert size == len(EMPTY)
    assert (state.error_code, state.transactional_id, state.transaction_state) == (ErrorCode.none, "a", "Empty")
    assert (state.transaction_start_time_ms, state.producer_id, state.producer_epoch) == (-1, 5, 1)
