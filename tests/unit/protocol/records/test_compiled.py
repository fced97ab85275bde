"""The compiled reader, on bytes that are no records."""

import pytest

from pykafka_cli.model import Offset
from pykafka_cli.protocol.records.batch import HEADER_SIZE, read_header
from pykafka_cli.protocol.records.compiled import compiled_records
from pykafka_cli.protocol.records.record import Record, build_batch

BATCH = bytes(build_batch([Record(Offset(0), 7, b"key", b"value"), Record(Offset(1), 8, None, b"value")]))
HEADER, PAYLOAD = read_header(BATCH), BATCH[HEADER_SIZE:]


def test_records_are_read() -> None:
    found = compiled_records(HEADER, PAYLOAD)

    assert found
    assert [(each.offset, each.key, each.value) for each in found] == [(0, b"key", b"value"), (1, None, b"value")]


@pytest.mark.parametrize(
    "payload",
    [
        b"\x80" * 100_000,
        b"\xff" * 100_000,
        PAYLOAD[:-1],
        PAYLOAD[:1] + b"\xff" * (len(PAYLOAD) - 1),
        b"",
    ],
    ids=["a varint without an end", "a negative varint without an end", "cut", "lengths beyond the end", "nothing"],
)
def test_bytes_that_are_no_records_are_not_read_beyond_their_end(payload: bytes) -> None:
    assert compiled_records(HEADER, payload) is None
