"""Batches made ready for another log: which pass as they are, and what becomes of the others."""

import pytest

from pykafka_cli.model import CoordinatorEpoch, Offset, ProducerEpoch, ProducerId, Timestamp
from pykafka_cli.protocol.records.batch import Compression, CorruptRecords, crc_is_valid, read_header
from pykafka_cli.protocol.records.control import ControlType, build_marker
from pykafka_cli.protocol.records.record import Record, build_batch, read_records
from pykafka_cli.rules.record_copy import Ready, ready_batches

PRODUCER, EPOCH = ProducerId(7), ProducerEpoch(0)


def records(first: int, count: int) -> list[Record]:
    return [
        Record(Offset(number), Timestamp(1000 + number), b"k%d" % number, b"v%d" % number, (("h", b"x"),))
        for number in range(first, first + count)
    ]


def contents(ready: Ready) -> list[tuple[int, Timestamp, bytes | None]]:
    """Source offset, time and key of every record that is sent, after the batches have been checked."""
    found = []
    for data, offsets, _ in ready.batches:
        header = read_header(data)
        stored = read_records(data)
        assert crc_is_valid(data, 0, header)
        assert [record.offset for record in stored] == list(range(header.record_count))
        assert (header.producer_id, header.is_transactional, header.is_log_append_time) == (-1, False, False)
        assert header.last_offset_delta + 1 == header.record_count == len(offsets)
        found += [(offset, each.timestamp, each.key) for offset, each in zip(offsets, stored, strict=True)]
    return found


def expected(first: int, count: int) -> list[tuple[int, Timestamp, bytes | None]]:
    return [(record.offset, record.timestamp, record.key) for record in records(first, count)]


@pytest.mark.parametrize("codec", Compression)
def test_a_whole_batch_passes_with_its_records_untouched(codec: Compression) -> None:
    batch = build_batch(records(5, 10), compression=codec, producer_id=PRODUCER, producer_epoch=EPOCH, base_sequence=3)

    ready = ready_batches(bytes(batch), Offset(5))

    assert (contents(ready), ready.next) == (expected(5, 10), 15)
    assert ready.batches[0].data[61:] == batch[61:]


def test_what_is_before_the_position_or_behind_the_end_is_left_out() -> None:
    data = bytes(build_batch(records(0, 10), compression=Compression.GZIP) + build_batch(records(10, 10)))

    ready = ready_batches(data, Offset(4), until=Offset(13))

    assert (contents(ready), ready.next) == (expected(4, 9), 13)
    assert read_header(ready.batches[0].data).compression is Compression.GZIP
    assert ready_batches(data, Offset(0), until=Offset(10)) == ready_batches(data[: len(data) // 2 + 50], Offset(0))


def test_a_batch_that_compaction_has_thinned_is_built_anew() -> None:
    thinned = build_batch([each for each in records(0, 10) if each.offset % 3 == 0], last_offset=Offset(9))

    ready = ready_batches(bytes(thinned), Offset(0))

    assert [offset for offset, *_ in contents(ready)] == [0, 3, 6, 9]
    assert ready.next == 10


def test_times_that_the_broker_set_are_kept() -> None:
    batch = build_batch(records(0, 3), log_append_time_ms=Timestamp(99))

    assert {time for _, time, _ in contents(ready_batches(bytes(batch), Offset(0)))} == {99}


def test_aborted_transactions_and_markers_are_left_out_and_passed_over() -> None:
    def sent(first: int) -> bytearray:
        return build_batch(
            records(first, 2), producer_id=PRODUCER, producer_epoch=EPOCH, base_sequence=first, transactional=True
        )

    def marker(kind: ControlType, offset: int) -> bytearray:
        made = build_marker(
            kind,
            producer_id=PRODUCER,
            producer_epoch=EPOCH,
            coordinator_epoch=CoordinatorEpoch(0),
            timestamp=Timestamp(0),
        )
        made[:8] = offset.to_bytes(8)
        return made

    data = bytes(
        sent(0) + marker(ControlType.ABORT, 2) + sent(3) + marker(ControlType.COMMIT, 5) + build_batch(records(6, 1))
    )

    ready = ready_batches(data, Offset(0), aborted=[(PRODUCER, Offset(0))])

    assert (contents(ready), ready.next) == (expected(3, 2) + expected(6, 1), 7)


def test_a_batch_that_is_damaged_is_not_sent() -> None:
    batch = build_batch(records(0, 3))
    batch[-1] ^= 1

    with pytest.raises(CorruptRecords, match="offset 0"):
        ready_batches(bytes(batch), Offset(0))


def test_an_incomplete_batch_waits_for_the_next_fetch() -> None:
    data = bytes(build_batch(records(0, 3)) + build_batch(records(3, 3)))

    assert ready_batches(data[:-1], Offset(0)).next == 3
