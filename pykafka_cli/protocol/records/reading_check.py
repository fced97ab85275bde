"""Whether the records of a batch can be read: what a broker finds out before it acknowledges them.

What is checked is what DefaultRecordBatch's iterators check: that the payload can be decompressed, that its records are
as many as the header says and fill it, and that the lengths, keys, values and headers within each add up.
"""

import sys

from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.records.batch import CODEC_MASK, HEADER_SIZE, BatchHeader
from pykafka_cli.protocol.records.compression import decompress
from pykafka_cli.protocol.records.record import records_of

_COMPILED = "pykafka_cli.protocol.records.compiled"
_FEW_RECORDS = 16
"""So many are read without the compiled reader, which is slow to load."""

SCRATCH_BYTES = 256
"""More than what the records themselves take of it."""


def check_records(batch: Buffer, header: BatchHeader, *, limit: int, scratch: bytearray | None = None) -> bool:
    """Read every record of a whole batch of format 2; return whether their offset deltas are 0, 1, 2 ...

    scratch  memory that may be overwritten, at least SCRATCH_BYTES more than `limit`; None to use new memory
    raises   CorruptRecords when a consumer could not read them all, or they unfold to more than `limit` bytes
    """
    with memoryview(batch) as view, view[HEADER_SIZE : header.size] as stored:
        payload = decompress(header.compression, stored, limit) if header.attributes & CODEC_MASK else stored
        if header.record_count > _FEW_RECORDS or _COMPILED in sys.modules:
            from pykafka_cli.protocol.records.compiled import has_consecutive_offsets, scratch_bytes

            memory = memoryview(bytearray(scratch_bytes(payload)) if scratch is None else scratch)
            is_consecutive = has_consecutive_offsets(header, payload, memory)
            if is_consecutive is not None:
                return is_consecutive
        # This reader says what is wrong. Header keys that are not UTF-8 are accepted, as by Kafka's broker.
        offsets = [record.offset for record in records_of(header, payload, errors="replace")]
    return offsets == list(range(header.base_offset, header.base_offset + header.record_count))


def is_slow_to_load(record_count: int) -> bool:
    """Whether checking so many records loads the compiled reader."""
    return record_count > _FEW_RECORDS and _COMPILED not in sys.modules
