"""Reads the records of what clients produce, before any of it is appended: what is acknowledged can be read.

Few records are read by record.py, more by the compiled reader, which takes a tenth of a second to load. That, and
whatever would hold up the other connections, is done in a thread.
"""

import asyncio
from collections.abc import Callable

from pykafka_cli.broker.errors import InvalidRecord
from pykafka_cli.broker.log import validation
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.protocol.records.batch import CODEC_MASK, BatchHeader, CorruptRecords, read_header
from pykafka_cli.protocol.records.compression import MAX_UNCOMPRESSED
from pykafka_cli.protocol.records.reading_check import SCRATCH_BYTES, check_records, is_slow_to_load

_AT_ONCE_BYTES = 2 << 20
"""What is read on the event loop, after decompression: one to two milliseconds."""
_AT_ONCE_COMPRESSED_BYTES = 32 << 10

_scratch = bytearray(_AT_ONCE_BYTES + SCRATCH_BYTES)  # of the event loop: each check is over before another begins


async def readable(
    data: bytearray | memoryview, config: Callable[[], TopicConfig], where: object
) -> bytearray | memoryview:
    """`data` if all of its records can be read, or with new offset deltas if theirs are not 0, 1, 2 ...

    Bytes that do not begin with one batch of format 2 are returned as well: validation.admit rejects them.
    config  of the topic; called only if something is wrong. What it raises is raised before that
    raises  InvalidRecord, or what the header of such a batch is rejected for: see validation.check_batch
    """
    try:
        header = read_header(data)
    except CorruptRecords:
        return data
    if header.magic != 2 or header.size > len(data) or header.record_count <= 0:
        return data
    try:
        if await _check(data, header):
            return data
        problem = None
    except CorruptRecords as error:
        problem = error
    topic = config()
    validation.check_batch(data, validation.only_batch(data, where), topic, AppendOrigin.CLIENT, where)
    if problem is not None:
        raise InvalidRecord(f"{where}: {problem}")
    return await asyncio.to_thread(validation.renumber, data, header, topic, where)


async def _check(data: bytearray | memoryview, header: BatchHeader) -> bool:
    is_compressed = bool(header.attributes & CODEC_MASK)
    most = _AT_ONCE_COMPRESSED_BYTES if is_compressed else _AT_ONCE_BYTES
    if header.size <= most and not is_slow_to_load(header.record_count):
        try:
            return check_records(data, header, limit=_AT_ONCE_BYTES, scratch=_scratch)
        except CorruptRecords:
            if not is_compressed:
                raise
    return await asyncio.to_thread(check_records, data, header, limit=MAX_UNCOMPRESSED)
