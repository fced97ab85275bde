from typing import Any

import pytest

from pykafka_cli.broker.errors import (
    CorruptMessage,
    InvalidRecord,
    InvalidTimestamp,
    MessageTooLarge,
    RecordListTooLarge,
    UnsupportedCompressionType,
)
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.model import LeaderEpoch, Offset, Timestamp
from pykafka_cli.protocol.records import Compression, ControlType, Record, build_batch, read_header, read_records
from pykafka_cli.protocol.records.batch import CRC_AT, seal
from tests.fakes.files import MemoryFiles
from tests.support.logs import NOW_MS, batch, marker, open_log, read_all


def log_with(**keys: Any) -> PartitionLog:
    return open_log(MemoryFiles(), **keys)


def produce(log: PartitionLog, data: bytearray) -> None:
    log.append_as_leader(data, leader_epoch=LeaderEpoch(0), now_ms=NOW_MS)


def refused(log: PartitionLog, data: bytearray, error: type[Exception], words: str | None = None) -> None:
    with pytest.raises(error, match=words):
        produce(log, data)
    assert log.log_end == 0


def test_a_wrong_checksum_is_corrupt() -> None:
    data = batch(b"a")
    data[CRC_AT] ^= 1

    refused(log_with(), data, CorruptMessage, "Record is corrupt")


@pytest.mark.parametrize("size", [0, 10, 60, 69])
def test_a_truncated_batch_is_none(size: int) -> None:
    refused(log_with(), batch(b"a")[:size], InvalidRecord, "no complete record batch")


def test_bytes_too_few_for_another_batch_are_ignored() -> None:
    log = log_with()

    produce(log, batch(b"a") + batch(b"b")[:30])

    assert [record.value for record in read_all(log)] == [b"a"]


def test_a_second_batch_is_rejected() -> None:
    refused(log_with(), batch(b"a") + batch(b"b"), InvalidRecord, "more than one record batch")


def test_an_older_message_format_is_rejected() -> None:
    data = batch(b"a")
    data[16] = 1

    refused(log_with(), data, InvalidRecord, "message format 1")


def test_a_batch_larger_than_max_message_bytes_is_rejected() -> None:
    refused(log_with(max_message_bytes=1000), batch(b"x" * 1000), MessageTooLarge, "maximum configured value of 1000")


def test_a_batch_larger_than_a_segment_is_rejected() -> None:
    refused(log_with(segment_bytes=1000), batch(b"x" * 1000), RecordListTooLarge, "segment of 1000")


def test_a_base_offset_is_for_the_broker_to_give() -> None:
    refused(log_with(), build_batch([Record(Offset(5), NOW_MS, None, b"a")]), InvalidRecord, "base offset is 5")


@pytest.mark.parametrize("count", [0, 1, 3, -1])
def test_a_count_that_contradicts_the_offsets_is_rejected(count: int) -> None:
    data = batch(b"a", b"b")
    data[57:61] = count.to_bytes(4, "big", signed=True)
    seal(data, 0, len(data) - 12)

    refused(log_with(), data, InvalidRecord, "Inconsistent batch offset range")


def test_clients_write_no_control_records() -> None:
    refused(log_with(), marker(ControlType.COMMIT), InvalidRecord, "not allowed to write control records")


def test_an_idempotent_batch_has_a_sequence() -> None:
    refused(log_with(), batch(b"a", producer_id=7, producer_epoch=0), InvalidRecord, "Invalid sequence number -1")


def test_an_unknown_codec_is_rejected() -> None:
    data = batch(b"a")
    data[22] |= 7
    seal(data, 0, len(data) - 12)

    refused(log_with(), data, UnsupportedCompressionType, "codec 7")


# Timestamps.


def test_create_time_is_kept_as_the_producer_set_it() -> None:
    log = log_with()

    produce(log, batch(b"a", timestamp=Timestamp(5)))

    assert read_all(log)[0].timestamp == 5


def test_log_append_time_is_the_brokers() -> None:
    log = log_with(message_timestamp_type="LogAppendTime")

    info = log.append_as_leader(batch(b"a", timestamp=Timestamp(5)), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS)

    assert info.log_append_time_ms == NOW_MS
    assert read_all(log)[0].timestamp == NOW_MS


def test_a_producer_must_not_claim_log_append_time() -> None:
    data = batch(b"a", log_append_time_ms=NOW_MS)

    refused(log_with(message_timestamp_type="LogAppendTime"), data, InvalidTimestamp)


def test_a_claim_of_log_append_time_is_removed_where_times_are_the_producers() -> None:
    log = log_with()

    produce(log, batch(b"a", log_append_time_ms=NOW_MS))

    stored = log.read(Offset(0), max_bytes=1000, up_to=Offset(1), min_one_batch=True).records
    assert not read_header(stored).is_log_append_time


@pytest.mark.parametrize("timestamp", [NOW_MS - 1000, NOW_MS, NOW_MS + 500, -1])
def test_times_within_the_bounds_are_accepted(timestamp: Timestamp) -> None:
    log = log_with(message_timestamp_before_max_ms=1000, message_timestamp_after_max_ms=500)

    produce(log, batch(b"a", timestamp=timestamp))

    assert log.log_end == 1


@pytest.mark.parametrize("timestamp", [NOW_MS - 1001, NOW_MS + 501])
def test_times_out_of_bounds_are_rejected(timestamp: Timestamp) -> None:
    log = log_with(message_timestamp_before_max_ms=1000, message_timestamp_after_max_ms=500)

    refused(log, batch(b"a", timestamp=timestamp), InvalidTimestamp, "due to invalid timestamp")


def test_one_old_record_among_new_ones_is_found() -> None:
    times = (NOW_MS, NOW_MS - 5000, NOW_MS)
    data = build_batch([Record(Offset(index), Timestamp(time), None, b"a") for index, time in enumerate(times)])

    refused(log_with(message_timestamp_before_max_ms=1000), data, InvalidTimestamp)


# Compacted topics, and compression.type.


def test_a_compacted_topic_takes_no_record_without_a_key() -> None:
    refused(log_with(cleanup_policy="compact"), batch(b"a", key=None), InvalidRecord, "without key")


def test_a_key_is_looked_for_inside_of_a_compressed_batch() -> None:
    data = batch(b"a", b"b", key=None, compression=Compression.ZSTD)

    refused(log_with(cleanup_policy="compact,delete"), data, InvalidRecord, "without key")


def test_records_that_cannot_be_read_are_rejected_where_they_must_be() -> None:
    data = batch(b"a", compression=Compression.GZIP)
    data[70:80] = bytes(10)
    seal(data, 0, len(data) - 12)

    refused(log_with(cleanup_policy="compact"), data, InvalidRecord, "cannot be decompressed")


def test_batches_pass_as_the_producer_compressed_them() -> None:
    log, data = log_with(), batch(b"a" * 100, compression=Compression.LZ4)
    payload = bytes(data[61:])

    produce(log, data)

    stored = log.read(Offset(0), max_bytes=1000, up_to=Offset(1), min_one_batch=True).records
    assert stored[61:] == payload


@pytest.mark.parametrize("target", ["gzip", "snappy", "lz4", "zstd", "uncompressed"])
def test_a_topics_own_codec_replaces_the_producers(target: str) -> None:
    log = log_with(compression_type=target)
    source = Compression.GZIP if target == "uncompressed" else Compression.NONE
    data = batch(b"a", b"b", compression=source, producer_id=7, producer_epoch=1, base_sequence=3, transactional=True)

    produce(log, data)

    stored = log.read(Offset(0), max_bytes=1000, up_to=Offset(2), min_one_batch=True).records
    header = read_header(stored)
    assert header.compression.name.lower() == target.replace("uncompressed", "none")
    assert (header.producer_id, header.producer_epoch, header.base_sequence, header.is_transactional) == (7, 1, 3, True)
    assert [record.value for record in read_records(stored)] == [b"a", b"b"]


def test_a_batch_that_grows_beyond_the_limit_by_unpacking_is_rejected() -> None:
    data = batch(b"x" * 5000, compression=Compression.GZIP)

    refused(log_with(compression_type="uncompressed", max_message_bytes=1000), data, MessageTooLarge)


def test_markers_keep_their_form_in_a_compressed_topic() -> None:
    log = log_with(compression_type="zstd")

    log.append_as_leader(
        marker(ControlType.COMMIT), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS, origin=AppendOrigin.COORDINATOR
    )

    stored = log.read(Offset(0), max_bytes=1000, up_to=Offset(1), min_one_batch=True).records
    assert read_header(stored).compression is Compression.NONE
