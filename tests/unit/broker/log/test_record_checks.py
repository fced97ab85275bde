"""Batches whose records are checked: the codes are those of Apache Kafka 3.9.1, and what is stored can be read."""

import json
from typing import Any

import pytest
from aiokafka.record.memory_records import MemoryRecords

from pykafka_cli.broker.errors import BrokerError, InvalidRecord, InvalidTimestamp, MessageTooLarge
from pykafka_cli.broker.log import record_checks
from pykafka_cli.model import LeaderEpoch, Offset, Timestamp
from pykafka_cli.protocol.records import Compression, Record, build_batch, read_header, read_records
from pykafka_cli.protocol.records.batch import NO_TIMESTAMP
from pykafka_cli.protocol.records.compression import compress
from tests.fakes.files import MemoryFiles
from tests.support.false_batches import ANSWERS, NOW_MS, TOPICS, false_batches, field, own_code, record, sealed, varint
from tests.support.logs import open_log, read_all

KAFKAS: dict[str, dict[str, int]] = json.loads(ANSWERS.read_text())
ACCEPTED = [name for name, code in KAFKAS["false-plain"].items() if own_code("false-plain", name, code) == 0]
WITHOUT_A_TRANSACTIONAL_ID = "header: transactional records without a producer"
"""What a handler rejects before it comes to the log."""
IN_TWO_HOURS = Timestamp(NOW_MS + 7_200_000)


def stored(data: bytearray, **keys: Any) -> bytes:
    """What is in a new log of such a topic after one append; raises what it raises."""
    log = open_log(MemoryFiles(), **keys)
    log.append_as_leader(data, leader_epoch=LeaderEpoch(0), now_ms=IN_TWO_HOURS)
    return log.read(Offset(0), max_bytes=1 << 30, up_to=log.log_end, min_one_batch=True).records


@pytest.mark.parametrize("topic", TOPICS)
def test_each_false_batch_gets_kafkas_code_or_a_better_one(topic: str) -> None:
    config = {key.replace(".", "_"): value for key, value in TOPICS[topic].items()}
    codes = {}
    for name, data in false_batches().items():
        try:
            stored(data, **config)
            codes[name] = 0
        except BrokerError as error:
            codes[name] = int(error.code)

    expected = {name: own_code(topic, name, code) for name, code in KAFKAS[topic].items()}
    del codes[WITHOUT_A_TRANSACTIONAL_ID], expected[WITHOUT_A_TRANSACTIONAL_ID]
    assert codes == expected


@pytest.mark.parametrize(
    "name", [name for name, code in KAFKAS["false-plain"].items() if own_code("false-plain", name, code) == 0]
)
def test_what_is_stored_is_read_by_others_with_offsets_that_count_up(name: str) -> None:
    data = stored(false_batches()[name])
    header = read_header(data)

    found = read_records(data)
    assert [each.offset for each in found] == list(range(header.record_count))
    assert header.max_timestamp == max(each.timestamp for each in found)
    if "not UTF-8" in name:
        return  # aiokafka does not read it, whoever stored it; Java's clients do
    batch = MemoryRecords(data).next_batch()
    assert batch is not None
    assert batch.validate_crc()
    assert [(each.offset, each.key, each.value) for each in batch] == [
        (each.offset, each.key, each.value) for each in found
    ]


@pytest.mark.parametrize("codec", Compression)
def test_offsets_of_records_are_corrected(codec: Compression) -> None:
    data = sealed(compress(codec, record(1) + record(1) + record(7)), count=3, attributes=codec)

    assert [each.offset for each in read_records(stored(data))] == [0, 1, 2]


def test_the_largest_timestamp_is_that_of_the_records() -> None:
    data = sealed(record(timestamp_delta=varint(70)) + record(1, timestamp_delta=varint(-5)), count=2, max_timestamp=9)

    assert read_header(stored(data)).max_timestamp == NOW_MS + 70


def test_records_that_are_sound_are_stored_as_they_came() -> None:
    sound = build_batch([Record(Offset(each), Timestamp(NOW_MS + each), b"k", b"v" * each) for each in range(200)])

    kept = bytearray(stored(bytearray(sound)))
    kept[12:16] = sound[12:16]  # the leader's epoch
    assert kept == sound


def test_each_record_of_a_compacted_topic_without_a_key_is_named() -> None:
    data = sealed(record() + record(1, key=varint(-1)) + record(2, key=varint(-1)), count=3)

    with pytest.raises(InvalidRecord, match="2 record errors in total") as refused:
        stored(data, cleanup_policy="compact")
    assert [index for index, _ in refused.value.record_errors] == [1, 2]


def test_a_record_that_is_out_of_bounds_is_named_whatever_the_header_says() -> None:
    data = sealed(record() + record(1, timestamp_delta=varint(-10_000_000)), count=2)

    with pytest.raises(InvalidTimestamp) as refused:
        stored(data, message_timestamp_before_max_ms=7_200_000)
    assert [index for index, _ in refused.value.record_errors] == [1]
    assert (
        f"Timestamp {NOW_MS - 10_000_000} of message with offset 1 is out of range" in refused.value.record_errors[0][1]
    )


def test_a_wrong_timestamp_decides_the_code_if_keys_are_missing_too() -> None:
    data = sealed(record(key=varint(-1)) + record(1, timestamp_delta=varint(-10_000_000)), count=2)

    with pytest.raises(InvalidTimestamp) as refused:
        stored(data, cleanup_policy="compact", message_timestamp_before_max_ms=7_200_000)
    assert [index for index, _ in refused.value.record_errors] == [0, 1]


def test_records_without_a_timestamp_are_within_every_bound() -> None:
    data = build_batch([Record(Offset(0), NO_TIMESTAMP, b"k", b"v"), Record(Offset(1), IN_TWO_HOURS, b"k", b"v")])

    assert len(read_records(stored(data, message_timestamp_before_max_ms=1000))) == 2


def test_timestamps_that_do_not_fit_are_rejected() -> None:
    with pytest.raises(InvalidTimestamp):
        stored(sealed(record(timestamp_delta=varint((1 << 62) + 5))))
    with pytest.raises(InvalidTimestamp):
        stored(
            sealed(
                record(timestamp_delta=varint((1 << 61) - 1)) + record(1, timestamp_delta=varint(1 << 63 - 1)), count=2
            )
        )


@pytest.mark.parametrize("codec", [Compression.GZIP, Compression.LZ4, Compression.ZSTD])
def test_a_batch_that_unfolds_to_more_than_may_be_is_rejected(
    codec: Compression, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_checks, "MAX_UNPACKED", 1 << 20)
    data = sealed(compress(codec, record(value=field(bytes(2 << 20)))), attributes=codec)

    with pytest.raises(InvalidRecord, match="unfold to more than 1048576 bytes"):
        stored(data)


def test_much_that_does_not_add_up_is_rejected_without_reading_it_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_checks, "MAX_READ_ONE_BY_ONE", 1000)
    data = sealed(compress(Compression.ZSTD, record(5, value=field(bytes(2000)))), attributes=Compression.ZSTD)

    with pytest.raises(InvalidRecord, match="too many to say which"):
        stored(data)


def test_a_corrected_batch_that_became_too_large_is_rejected() -> None:
    payload = b"".join(record(7, value=field(b"%d" % (each * 7919))) for each in range(60))
    data = sealed(compress(Compression.ZSTD, payload), count=60, attributes=Compression.ZSTD)

    with pytest.raises(MessageTooLarge, match="exceeds the maximum configured size"):
        stored(data, max_message_bytes=len(data), compression_type="uncompressed")


def test_lz4_blocks_that_depend_on_each_other_are_not_for_javas_clients() -> None:
    payload = bytearray(compress(Compression.LZ4, record()))
    payload[4] &= ~0x20

    with pytest.raises(InvalidRecord, match="dependent blocks"):
        stored(sealed(bytes(payload), attributes=Compression.LZ4))


def test_a_zstd_window_larger_than_javas_is_rejected() -> None:
    header = bytes.fromhex("28b52ffd") + b"\0" + bytes([18 << 3])
    block = record()
    frame = header + (len(block) << 3 | 1).to_bytes(3, "little") + block

    with pytest.raises(InvalidRecord, match="window of more than 128 MiB"):
        stored(sealed(frame, attributes=Compression.ZSTD))
    assert stored(sealed(header[:5] + bytes([17 << 3]) + frame[6:], attributes=Compression.ZSTD))


def test_other_codecs_are_written_from_records_as_they_came() -> None:
    records = [Record(Offset(each), Timestamp(NOW_MS + each), None, b"v" * each, (("h", b"x"),)) for each in range(50)]

    data = stored(build_batch(records, compression=Compression.GZIP), compression_type="lz4")

    assert read_header(data).compression is Compression.LZ4
    assert read_records(data) == records


def test_an_idempotent_batch_keeps_its_sequence_when_it_is_corrected() -> None:
    data = sealed(record(4), producer=(7, 1, 0))

    header = read_header(stored(data))
    assert (header.producer_id, header.producer_epoch, header.base_sequence) == (7, 1, 0)


def test_rejected_batches_leave_nothing_in_the_log() -> None:
    log = open_log(MemoryFiles())

    with pytest.raises(InvalidRecord):
        log.append_as_leader(sealed(record(), count=2), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS)

    assert read_all(log) == []
