"""Prepares batches for a copy: combines small ones, and splits those whose records are partitioned by key.

aiokafka's compiled code reads and writes the records, since Python code per byte would cost more than all the rest.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from pykafka_cli.clients.producing.record_queue import Packing, finished
from pykafka_cli.model import ConsumedRecord
from pykafka_cli.protocol.records.batch import HEADER_SIZE, Compression, read_header
from pykafka_cli.protocol.records.compiled import compiled_records
from pykafka_cli.protocol.records.compression import decompress
from pykafka_cli.protocol.records.record import Record, read_records
from pykafka_cli.rules.record_copy import ReadyBatch

_SMALL, _LARGE = 64 << 10, 256 << 10
"""The largest batch, in bytes, that is combined with others, and the largest result."""

Choose = Callable[[Sequence[bytes | None]], Sequence[int]]
"""The partition of each record, by its key."""

AnyRecord: TypeAlias = Record | ConsumedRecord


class Sent(NamedTuple):
    """A batch for a partition of the destination."""

    partition: int
    data: bytearray
    records: int
    """The number of records."""


def combined(partition: int, batches: Iterable[ReadyBatch]) -> Iterator[Sent]:
    """The same records in the same order, with small uncompressed batches combined.

    A request has one batch per partition, so many small ones would be slow.
    """
    for is_small, some in groupby(batches, _is_small):
        same = list(some)
        records = _records_of(same) if is_small and len(same) > 1 else None
        if records is None:
            yield from (Sent(partition, each.data, len(each.offsets)) for each in same)
        else:
            yield from _packed(partition, records, Packing(_LARGE))


def _is_small(batch: ReadyBatch) -> bool:
    return len(batch.data) < _SMALL and batch.compression is Compression.NONE


def taken_apart(batches: Iterable[ReadyBatch], choose: Choose) -> Iterator[Sent]:
    """The same records in batches for each partition, in the same order and with the same compression.

    In header keys, U+FFFD replaces what is not UTF-8, as when a Java client copies records.
    raises    CorruptRecords
    """
    for compression, some in groupby(batches, attrgetter("compression")):
        same = list(some)
        records = _records_of(same)
        if records is None:
            records = [record for batch in same for record in read_records(batch.data)]
        for partition, its_records in _by_place(records, choose).items():
            yield from _packed(partition, its_records, Packing(_LARGE, compression))


def _records_of(batches: Iterable[ReadyBatch]) -> list[AnyRecord] | None:
    """The records; None if the compiled reader rejects any.

    raises    CorruptRecords
    """
    found: list[AnyRecord] = []
    for batch in batches:
        header = read_header(batch.data)
        payload = decompress(header.compression, memoryview(batch.data)[HEADER_SIZE:])
        records = compiled_records(header, payload)
        if records is None:
            return None
        found += records
    return found


def _by_place(records: Sequence[AnyRecord], choose: Choose) -> dict[int, list[AnyRecord]]:
    found: dict[int, list[AnyRecord]] = {}
    for place, record in zip(choose([record.key for record in records]), records, strict=True):
        found.setdefault(place, []).append(record)
    return found


def _packed(partition: int, records: Sequence[AnyRecord], packing: Packing) -> Iterator[Sent]:
    start = 0
    while start < len(records):
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, packing.size)
        append, count = builder.append, 0
        for record in records[start:] if start else records:
            if append(count, record.timestamp, record.key, record.value, list(record.headers)) is None:
                break
            count += 1
        yield Sent(partition, finished(builder.build(), packing), count)
        start += count
