"""Batches under a valid checksum whose records are not what the header says, and some that are right but unusual.

    python -m tests.support.false_batches HOST:PORT    ask Apache Kafka 3.9.1, which has the TOPICS, again

tests/vectors/false-batches.json has the error code of its answer for each, in Produce 9; a compatibility test asks both
brokers.
"""

import json
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta

from kio.schema.errors import ErrorCode
from kio.schema.produce.v9 import request
from kio.schema.types import TopicName
from kio.static.primitive import Records, i16, i32, i32Timedelta

from pykafka_cli.model import Timestamp
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.records import Compression
from pykafka_cli.protocol.records.batch import HEADER, HEADER_SIZE, LOG_OVERHEAD, seal
from pykafka_cli.protocol.records.compression import compress
from tests.support.raw_requests import RawClient
from tests.support.vectors import VECTORS

ANSWERS = VECTORS / "false-batches.json"
NOW_MS = Timestamp(1_700_000_000_000)


def varint(value: int) -> bytes:
    """Zigzag, in as few bytes as it takes."""
    raw, data = (value << 1) ^ (value >> 63), bytearray()
    while raw > 0x7F:
        data.append(raw & 0x7F | 0x80)
        raw >>= 7
    data.append(raw)
    return bytes(data)


def field(data: bytes | None) -> bytes:
    return varint(-1) if data is None else varint(len(data)) + data


def record(
    offset_delta: int = 0,
    *,
    length: bytes | None = None,
    attributes: bytes = b"\0",
    timestamp_delta: bytes = b"\0",
    offset: bytes | None = None,
    key: bytes | None = None,
    value: bytes | None = None,
    headers: bytes = b"\0",
    tail: bytes = b"",
) -> bytes:
    """A record whose fields are given as they are on the wire; by default key `k` and value `value`."""
    body = attributes + timestamp_delta + (varint(offset_delta) if offset is None else offset)
    body += (field(b"k") if key is None else key) + (field(b"value") if value is None else value) + headers + tail
    return (varint(len(body)) if length is None else length) + body


def sealed(
    payload: bytes,
    *,
    count: int = 1,
    last_offset_delta: int | None = None,
    attributes: int = 0,
    max_timestamp: int = NOW_MS,
    base_offset: int = 0,
    producer: tuple[int, int, int] = (-1, -1, -1),
) -> bytearray:
    """A batch of format 2 with these bytes in place of its records."""
    last = count - 1 if last_offset_delta is None else last_offset_delta
    length = HEADER_SIZE - LOG_OVERHEAD + len(payload)
    header = HEADER.pack(base_offset, length, -1, 2, 0, attributes, last, NOW_MS, max_timestamp, *producer, count)
    data = bytearray(header + payload)
    seal(data, 0, length)
    return data


RECORDS: Mapping[str, tuple[bytes, int]] = {
    "one record": (record(), 1),
    "fewer records than counted": (record(), 2),
    "more records than counted": (record() + record(1), 1),
    "bytes after the last record": (record() + b"\0\0\0", 1),
    "no bytes": (b"", 1),
    "record of no bytes": (b"\0", 1),
    "record longer than its fields": (record(tail=b"\0\0"), 1),
    "length one too small": (record(length=varint(len(record()) - 2)), 1),
    "length one too large": (record(length=varint(len(record()))) + b"\0", 1),
    "length beyond the end": (record(length=varint(1000)), 1),
    "length that is negative": (record(length=varint(-5)), 1),
    "length of six bytes": (record(length=bytes([record()[0] | 0x80]) + b"\x80\x80\x80\x80\0"), 1),
    "length of five bytes": (record(length=bytes([record()[0] | 0x80]) + b"\x80\x80\x80\0"), 1),
    "length cut short": (b"\x80", 1),
    "key beyond the record": (record(key=varint(100) + b"k"), 1),
    "key into the next record": (record(key=varint(11) + b"k") + record(1), 2),
    "key of length -2": (record(key=varint(-2)), 1),
    "key of two gigabytes": (record(key=varint((1 << 31) - 1) + b"k"), 1),
    "key whose length has six bytes": (record(key=b"\x82\x80\x80\x80\x80\x00k"), 1),
    "value beyond the record": (record(value=varint(100) + b"v"), 1),
    "value of length -2": (record(value=varint(-2)), 1),
    "null key": (record(key=varint(-1)), 1),
    "null key in the second of two": (record() + record(1, key=varint(-1)), 2),
    "null value": (record(value=varint(-1)), 1),
    "negative number of headers": (record(headers=varint(-1)), 1),
    "more headers than bytes": (record(headers=varint(50)), 1),
    "fewer headers than counted": (record(headers=varint(2) + field(b"h") + field(b"v")), 1),
    "header without a key": (record(headers=varint(1) + varint(-1) + field(b"v")), 1),
    "header key beyond the record": (record(headers=varint(1) + varint(90) + b"h"), 1),
    "header value beyond the record": (record(headers=varint(1) + field(b"h") + varint(90) + b"v"), 1),
    "header value of length -2": (record(headers=varint(1) + field(b"h") + varint(-2)), 1),
    "header key that is not UTF-8": (record(headers=varint(1) + field(b"\xff\xfe") + field(b"v")), 1),
    "header of two": (record(headers=varint(2) + field(b"h") + field(b"v") + field(b"") + varint(-1)), 1),
    "attributes with their highest bit": (record(attributes=b"\x81"), 1),
    "offset delta of another record": (record(5), 1),
    "offset deltas out of order": (record(1) + record(0), 2),
    "offset delta twice": (record(0) + record(0), 2),
    "negative offset delta": (record(-1), 1),
    "offset delta of six bytes": (record(offset=b"\x80\x80\x80\x80\x80\x00"), 1),
    "offset delta of five bytes": (record(offset=b"\x80\x80\x80\x80\x00"), 1),
    "offset delta beyond 32 bits": (record(offset=b"\x80\x80\x80\x80\x10"), 1),
    "timestamp delta of eleven bytes": (record(timestamp_delta=b"\x80" * 10 + b"\0"), 1),
    "timestamp delta of ten bytes": (record(timestamp_delta=b"\x80" * 9 + b"\0"), 1),
    "timestamp delta cut short": (b"\x08\0\x80\x80\x80", 1),
    "garbage": (bytes(range(7, 80)), 1),
}  # fmt: skip
"""(bytes, number of records that the header counts) by what is special about them."""

CODECS = (Compression.GZIP, Compression.SNAPPY, Compression.LZ4, Compression.ZSTD)

HEADERS: Mapping[str, Callable[[], bytearray]] = {
    "a base offset": lambda: sealed(record(), base_offset=5),
    "a negative base offset": lambda: sealed(record(), base_offset=-1),
    "a count of none": lambda: sealed(record(), count=0),
    "a negative count": lambda: sealed(record(), count=-1),
    "a count that contradicts the offsets": lambda: sealed(record(), last_offset_delta=4),
    "a last offset before the first": lambda: sealed(record(), last_offset_delta=-1, count=1),
    "control records": lambda: sealed(record(), attributes=0x20),
    "a producer without a sequence": lambda: sealed(record(), producer=(7, 0, -1)),
    "an unknown codec": lambda: sealed(record(), attributes=5),
    "a delete horizon": lambda: sealed(record(), attributes=0x40),
    "unknown attributes": lambda: sealed(record(), attributes=0x380),
    "LogAppendTime": lambda: sealed(record(), attributes=0x08),
    "LogAppendTime without a time": lambda: sealed(record(), attributes=0x08, max_timestamp=-1),
    "a largest timestamp that no record has": lambda: sealed(record(), max_timestamp=NOW_MS + 1000),
    "no largest timestamp": lambda: sealed(record(), max_timestamp=-1),
    "transactional records without a producer": lambda: sealed(record(), attributes=0x10),
}  # fmt: skip
"""Batches whose one record is sound."""


def _codec_kinds(codec: Compression) -> Mapping[str, bytearray]:
    whole = compress(codec, record(value=field(b"value" * 400)))
    other = compress(CODECS[CODECS.index(codec) - 1], record())
    found = {
        "cut by a byte": whole[:-1],
        "cut by half": whole[: len(whole) // 2],
        "only begun": whole[:3],
        "nothing": b"",
        "garbage": b"no compressed bytes at all",
        "another codec's": other,
        "something behind it": whole + b"tail",
        "a byte changed": whole[: len(whole) // 2]
        + bytes([whole[len(whole) // 2] ^ 0x55])
        + whole[len(whole) // 2 + 1 :],
        "nothing compressed": compress(codec, b""),
    }
    return {f"{codec.name.lower()}: {what}": sealed(data, attributes=codec) for what, data in found.items()}


def false_batches() -> dict[str, bytearray]:
    """All of them by name, uncompressed and under each codec."""
    found = {f"none: {what}": sealed(payload, count=count) for what, (payload, count) in RECORDS.items()}
    for codec in CODECS:
        for what, (payload, count) in RECORDS.items():
            data = sealed(compress(codec, payload), count=count, attributes=codec)
            found[f"{codec.name.lower()}: {what}"] = data
        found |= {f"{name} (compressed bytes)": data for name, data in _codec_kinds(codec).items()}
    return found | {f"header: {what}": build() for what, build in HEADERS.items()}


TOPICS: Mapping[str, Mapping[str, str]] = {
    "false-plain": {},
    "false-compacted": {"cleanup.policy": "compact"},
    "false-appended": {"message.timestamp.type": "LogAppendTime"},
    "false-zstd": {"compression.type": "zstd"},
    "false-bounded": {"message.timestamp.before.max.ms": "3600000"},
}
"""Configs of the topics that are asked, by name."""

_WRONG_LENGTHS = ("length one too small", "length beyond the end", "length that is negative")
_REFUSED_BY_ACCIDENT = (
    "offset delta of another record",
    "offset deltas out of order",
    "offset delta twice",
    "negative offset delta",
)


def own_code(topic: str, name: str, kafkas: int) -> int:
    """The code that this broker gives where Kafka gives `kafkas`.

    It corrects offsets of compressed records, over which Kafka fails, and refuses what Kafka stores to the harm of its
    consumers. Kafka's UNKNOWN_SERVER_ERROR becomes the code for what is wrong.
    """
    codec, _, what = name.partition(": ")
    target = TOPICS[topic].get("compression.type")
    is_read_partially = codec != "none" and target in (None, codec)
    if (what in _WRONG_LENGTHS and is_read_partially) or (
        codec in ("gzip", "lz4") and what.startswith("something behind")
    ):
        return ErrorCode.invalid_record
    if what in _REFUSED_BY_ACCIDENT and is_read_partially:
        return ErrorCode.invalid_timestamp if topic == "false-bounded" else ErrorCode.none
    if what == "an unknown codec":
        return ErrorCode.unsupported_compression_type
    return ErrorCode.invalid_record if kafkas == ErrorCode.unknown_server_error else kafkas


def ask(client: RawClient, topic: str, data: bytearray) -> tuple[int, list[tuple[int, str]]]:
    """The error code, and the errors of records."""
    sent = request.PartitionProduceData(index=i32(0), records=Records(bytes(data)))
    topics = (request.TopicProduceData(name=TopicName(topic), partition_data=(sent,)),)
    asked = request.ProduceRequest(
        transactional_id=None, acks=i16(1), timeout=i32Timedelta.parse(timedelta(seconds=30)), topic_data=topics
    )
    answer = client.answer(ApiKey.PRODUCE, 9, asked).responses[0].partition_responses[0]
    errors = [(each.batch_index, each.batch_index_error_message) for each in answer.record_errors]
    return int(answer.error_code), errors


def answers(address: str) -> dict[str, dict[str, int]]:
    """Error codes by topic and batch; the topics exist."""
    with RawClient(address) as client:
        return {
            topic: {name: ask(client, topic, data)[0] for name, data in false_batches().items()} for topic in TOPICS
        }


if __name__ == "__main__":
    ANSWERS.write_text(json.dumps(answers(sys.argv[1]), indent=1) + "\n")
