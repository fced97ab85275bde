"""Records as a consumer has them, made by hand."""

from collections.abc import Sequence
from typing import NamedTuple

from pykafka_cli.model import FIRST_OFFSET, Offset, Timestamp, TopicPartition

PARTITION = TopicPartition("orders", 0)


class Record(NamedTuple):
    """A ConsumedRecord."""

    value: bytes | None = b""
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()
    offset: Offset = FIRST_OFFSET
    timestamp: Timestamp | None = Timestamp(1_700_000_000_000)
    timestamp_type: int | None = 0
