"""Batches whose records do not add up, each made from a good one and sealed again with the right checksum."""

import struct
from collections.abc import Callable

from pykafka_cli.model import Offset
from pykafka_cli.protocol.records import Compression, Record, build_batch, read_header
from pykafka_cli.protocol.records.batch import ATTRIBUTES_AT, HEADER_SIZE, LOG_OVERHEAD, seal
from pykafka_cli.protocol.records.compression import compress

NOW_MS = 1_700_000_000_000
_COUNT_AT = HEADER_SIZE - 4
_LAST_OFFSET_DELTA_AT = ATTRIBUTES_AT + 2

# One record without its length: attributes, timestamp and offset deltas, key "k", value "value", one header h=v.
_FIELDS = b"\x00\x00\x00\x02k\x0avalue\x02\x02h\x02v"
_ENDLESS = b"\xff" * 11


def good_batch(count: int = 3, compression: Compression = Compression.NONE, **header: int) -> bytearray:
    """`count` records with a key, a value and a header each."""
    records = [
        Record(Offset(index), NOW_MS + index, b"key", b"value %d" % index, (("header", b"x"),))
        for index in range(count)
    ]
    return build_batch(records, compression=compression, **header)  # type: ignore[arg-type]


def with_payload(batch: bytearray, payload: bytes, *, compression: Compression | None = None) -> bytearray:
    """The header of `batch` in front of other bytes, which are compressed by `compression`."""
    changed = batch[:HEADER_SIZE] + (payload if compression is None else compress(compression, payload))
    struct.pack_into(">i", changed, 8, len(changed) - LOG_OVERHEAD)
    seal(changed, 0, len(changed) - LOG_OVERHEAD)
    return changed


def _record(fields: bytes, length: int | None = None) -> bytes:
    return bytes((2 * (len(fields) if length is None else length),)) + fields


def _one(record: bytes) -> bytearray:
    return with_payload(good_batch(1), record)


def _counting(batch: bytearray, count: int) -> bytearray:
    struct.pack_into(">i", batch, _COUNT_AT, count)
    struct.pack_into(">i", batch, _LAST_OFFSET_DELTA_AT, count - 1)
    seal(batch, 0, read_header(batch).batch_length)
    return batch


PLAIN_LIES: dict[str, Callable[[], bytearray]] = {
    "more records are promised": lambda: _counting(good_batch(), 4),
    "many more records are promised": lambda: _counting(good_batch(), 2_000_000_000),
    "fewer records are promised": lambda: _counting(good_batch(), 2),
    "no records at all": lambda: with_payload(good_batch(), b""),
    "the last byte is missing": lambda: with_payload(good_batch(), bytes(good_batch()[HEADER_SIZE:-1])),
    "bytes behind the last record": lambda: with_payload(good_batch(), bytes(good_batch()[HEADER_SIZE:]) + b"\0"),
    "garbage": lambda: with_payload(good_batch(), b"\x93 no records at all \xfe\xff" * 3),
    "a record longer than its fields": lambda: _one(_record(_FIELDS + b"\0", len(_FIELDS) + 1)),
    "a record shorter than its fields": lambda: _one(_record(_FIELDS, len(_FIELDS) - 1)),
    "a record longer than the batch": lambda: _one(_record(_FIELDS, len(_FIELDS) + 9)),
    "a record of negative length": lambda: _one(b"\x03" + _FIELDS),
    "an endless length": lambda: _one(_ENDLESS + _FIELDS),
    "a length cut in two": lambda: with_payload(good_batch(2), _record(_FIELDS) + b"\xff"),
    "an endless timestamp delta": lambda: _one(_record(b"\x00" + _ENDLESS + _FIELDS[2:])),
    "an endless offset delta": lambda: _one(_record(b"\x00\x00" + _ENDLESS + _FIELDS[3:])),
    "a key longer than the batch": lambda: _one(_record(_FIELDS.replace(b"\x02k", b"\x7ek"))),
    "a value longer than its record": lambda: _one(_record(_FIELDS.replace(b"\x0a", b"\x7e"))),
    "a value of 2 ** 62 bytes": lambda: _one(_record(_FIELDS.replace(b"\x0a", b"\xfe" + b"\xff" * 8 + b"\x01"))),
    "a negative number of headers": lambda: _one(_record(_FIELDS[:-5] + b"\x01")),
    "more headers than there are": lambda: _one(_record(_FIELDS[:-5] + b"\x04" + _FIELDS[-4:])),
    "more headers than bytes": lambda: _one(_record(_FIELDS[:-5] + b"\x7e" + _FIELDS[-4:])),
    "a header without a key": lambda: _one(_record(_FIELDS[:-4] + b"\x01" + _FIELDS[-2:])),
    "a header's key longer than the batch": lambda: _one(_record(_FIELDS[:-4] + b"\x7e" + _FIELDS[-3:])),
    "a header's value longer than the batch": lambda: _one(_record(_FIELDS[:-2] + b"\x7e" + _FIELDS[-1:])),
}
"""What no consumer can read, uncompressed. The checksums are right."""

CODECS: list[Compression] = [codec for codec in Compression if codec is not Compression.NONE]


def compressed(lie: bytearray, codec: Compression) -> bytearray:
    """The same lie under a codec."""
    header = good_batch(1, codec)[:HEADER_SIZE]
    header[_LAST_OFFSET_DELTA_AT : _LAST_OFFSET_DELTA_AT + 4] = lie[_LAST_OFFSET_DELTA_AT : _LAST_OFFSET_DELTA_AT + 4]
    header[_COUNT_AT:] = lie[_COUNT_AT:HEADER_SIZE]
    return with_payload(header, bytes(lie[HEADER_SIZE:]), compression=codec)


def cut(codec: Compression, count: int) -> bytearray:
    """A batch whose compressed bytes lack the last `count`."""
    batch = good_batch(100, codec)
    return with_payload(batch, bytes(batch[HEADER_SIZE:-count]))


def compressed_garbage(codec: Compression) -> bytearray:
    """A batch whose compressed bytes are none."""
    return with_payload(good_batch(3, codec), b"\x00\x07 not compressed at all \xff" * 4)


def of_another_codec(codec: Compression) -> bytearray:
    """A batch that says `codec`, with the bytes of another one."""
    other = CODECS[CODECS.index(codec) - 1]
    return with_payload(good_batch(3, codec), bytes(good_batch(3, other)[HEADER_SIZE:]))


def with_offset_deltas(*deltas: int, compression: Compression = Compression.NONE, **header: int) -> bytearray:
    """A batch with other offset deltas than 0, 1, 2 ..."""
    records = [Record(Offset(delta), NOW_MS, b"key", b"value %d" % index) for index, delta in enumerate(deltas)]
    last = Offset(len(deltas) - 1)
    return build_batch(records, base_offset=Offset(0), last_offset=last, compression=compression, **header)  # type: ignore[arg-type]
