"""Records of a batch by aiokafka's compiled reader, for bulk reads: at least seven times as fast as record.py.

It is the same format 2 as there. What the compiled reader rejects, or reads otherwise, is left to record.py.
"""

from collections import deque
from itertools import islice
from operator import attrgetter, eq

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch

from pykafka_cli.model import ConsumedRecord
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.records.batch import CODEC_MASK, HEADER, HEADER_SIZE, BatchHeader

_ZEROS = bytes(64)
"""Written behind a batch: the reader looks for a varint's end without looking for its buffer's, and stops there."""

_WRONG = (CorruptRecordException, UnicodeDecodeError, MemoryError, OverflowError)
_offset = attrgetter("offset")
_RECORDS_AT_ONCE = 16_384
"""So many are read, in a millisecond or two, before another thread can have its turn."""


def compiled_records(header: BatchHeader, payload: Buffer) -> list[ConsumedRecord] | None:
    """The records, from their decompressed bytes; None if something is wrong with them."""
    plain = memoryview(bytearray(scratch_bytes(payload)))
    try:
        # Not list(): between two turns of this loop another thread can have its turn, within list() none can.
        return [each for each in _reader(header, payload, plain)] if header.record_count > 0 else []  # noqa: C416
    except _WRONG:
        return None


def scratch_bytes(payload: Buffer) -> int:
    """The size of the memory that reading `payload` takes."""
    return HEADER_SIZE + len(payload) + len(_ZEROS)


def has_consecutive_offsets(header: BatchHeader, payload: Buffer, scratch: memoryview) -> bool | None:
    """Whether the records, in their decompressed bytes, have offsets without gaps; None if something is wrong.

    All of them are read: None means as well that they are not as many as the header says, or do not fill `payload`.
    In a batch that is not compressed, only the last one's offset is looked at: all of them take half as long again.
    scratch  `scratch_bytes(payload)` at least, which are overwritten
    """
    end = header.base_offset + header.record_count
    try:
        reader = _reader(header, payload, scratch)
        if not header.attributes & CODEC_MASK:
            records = islice(reader, None)  # the reader itself can be iterated over only once
            for _ in range((header.record_count - 1) // _RECORDS_AT_ONCE):
                deque(islice(records, _RECORDS_AT_ONCE), maxlen=0)
            return bool(deque(records, maxlen=1)[0].offset == end - 1)
        offsets = map(_offset, reader)
        for position in range(header.base_offset, end, _RECORDS_AT_ONCE):
            if not all(map(eq, range(position, min(position + _RECORDS_AT_ONCE, end)), offsets)):
                for _ in offsets:  # the rest has to be readable, too
                    pass
                return False
        return True if next(offsets, None) is None else None
    except _WRONG:
        return None


def _reader(header: BatchHeader, payload: Buffer, scratch: memoryview) -> DefaultRecordBatch:
    end = HEADER_SIZE + len(payload)
    HEADER.pack_into(scratch, 0, *header._replace(magic=2, attributes=header.attributes & ~CODEC_MASK))
    scratch[HEADER_SIZE:end] = payload
    scratch[end : end + len(_ZEROS)] = _ZEROS
    return DefaultRecordBatch(scratch[:end])
