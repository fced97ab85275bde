import pytest

from pykafka_cli.broker.errors import (
    InvalidProducerEpoch,
    InvalidTxnState,
    OutOfOrderSequenceNumber,
    TransactionCoordinatorFenced,
)
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.model import CoordinatorEpoch, LeaderEpoch, Milliseconds, Offset, ProducerEpoch, ProducerId, Timestamp
from pykafka_cli.protocol.records import ControlType
from pykafka_cli.storage.producer_snapshots import (
    BatchRange,
    CorruptSnapshot,
    ProducerEntry,
    decode_snapshot,
    encode_snapshot,
)
from tests.fakes.files import MemoryFiles
from tests.support.logs import FOLDER, NOW_MS, append, batch, marker, open_log, sequenced


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


@pytest.fixture
def log(files: MemoryFiles) -> PartitionLog:
    return open_log(files)


def produce(log: PartitionLog, data: bytearray) -> int:
    return log.append_as_leader(data, leader_epoch=LeaderEpoch(0), now_ms=NOW_MS).first_offset


def end(log: PartitionLog, kind: ControlType, **fields: int) -> None:
    log.append_as_leader(
        marker(kind, **fields), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS, origin=AppendOrigin.COORDINATOR
    )


# Idempotence.


def test_a_batch_sent_again_is_answered_with_where_it_is(log: PartitionLog) -> None:
    produce(log, sequenced(b"a", b"b", sequence=0))
    produce(log, sequenced(b"c", sequence=2))

    again = log.append_as_leader(sequenced(b"a", b"b", sequence=0), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS)

    assert again.is_duplicate
    assert (again.first_offset, again.last_offset, log.log_end) == (0, 1, 3)


def test_the_last_five_batches_are_remembered(log: PartitionLog) -> None:
    for sequence in range(6):
        produce(log, sequenced(b"a", sequence=sequence))

    assert log.append_as_leader(sequenced(b"a", sequence=1), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS).is_duplicate
    with pytest.raises(OutOfOrderSequenceNumber):
        produce(log, sequenced(b"a", sequence=0))


def reopened(log: PartitionLog, files: MemoryFiles) -> PartitionLog:
    """The log after a clean stop, and a start that reads the last batch of each producer from a snapshot."""
    log.close()
    return open_log(files)


def sent_again(log: PartitionLog, sequence: int, **header: int) -> bool:
    """Whether a batch of one record is recognized, not written."""
    again = sequenced(b"a", sequence=sequence, **header)
    return log.append_as_leader(again, leader_epoch=LeaderEpoch(0), now_ms=NOW_MS).is_duplicate


def test_the_last_five_batches_are_recognized_after_a_start(log: PartitionLog, files: MemoryFiles) -> None:
    for sequence in range(6):
        produce(log, sequenced(b"a", sequence=sequence))
        produce(log, sequenced(b"b", sequence=sequence, producer=8))

    log = reopened(log, files)

    assert [sent_again(log, sequence) for sequence in (1, 5)] == [True, True]
    assert sent_again(log, 2, producer=8)
    with pytest.raises(OutOfOrderSequenceNumber):
        sent_again(log, 0)
    assert log.log_end == 12


def test_what_was_appended_since_the_start_counts_among_the_five(log: PartitionLog, files: MemoryFiles) -> None:
    for sequence in range(4):
        produce(log, sequenced(b"a", sequence=sequence))
    log = reopened(log, files)
    produce(log, sequenced(b"a", sequence=4))
    produce(log, sequenced(b"a", sequence=5))

    assert sent_again(log, 1)
    with pytest.raises(OutOfOrderSequenceNumber):
        sent_again(log, 0)


def test_batches_of_earlier_segments_are_recognized_after_a_start(log: PartitionLog, files: MemoryFiles) -> None:
    produce(log, sequenced(b"a", sequence=0))
    log.roll()
    produce(log, sequenced(b"a", sequence=1))
    log.roll()

    assert sent_again(reopened(log, files), 0)


def test_batches_of_an_earlier_epoch_are_not_recognized_after_a_start(log: PartitionLog, files: MemoryFiles) -> None:
    produce(log, sequenced(b"a", sequence=0))
    produce(log, sequenced(b"a", sequence=1))
    produce(log, sequenced(b"a", sequence=0, epoch=1))
    log = reopened(log, files)

    with pytest.raises(OutOfOrderSequenceNumber):
        sent_again(log, 2, epoch=1)
    with pytest.raises(InvalidProducerEpoch):
        sent_again(log, 0)


@pytest.mark.parametrize("sequence", [1, 3, 100])
def test_a_gap_in_the_sequence_is_rejected(log: PartitionLog, sequence: int) -> None:
    produce(log, sequenced(b"a", b"b", sequence=0))

    with pytest.raises(OutOfOrderSequenceNumber, match=f"{sequence} .incoming seq. number., 1 .current end"):
        produce(log, sequenced(b"c", sequence=sequence))
    assert log.log_end == 2


def test_the_first_batch_of_an_unknown_producer_may_have_any_sequence(log: PartitionLog) -> None:
    assert produce(log, sequenced(b"a", sequence=17)) == 0


def test_the_sequence_continues_at_0_after_the_largest_int(log: PartitionLog) -> None:
    produce(log, sequenced(b"a", b"b", sequence=0x7FFFFFFE))

    assert produce(log, sequenced(b"c", sequence=0)) == 2


def test_a_sequence_may_wrap_inside_of_a_batch(log: PartitionLog) -> None:
    produce(log, sequenced(b"a", b"b", b"c", sequence=0x7FFFFFFE))

    assert produce(log, sequenced(b"d", sequence=1)) == 3


def test_an_older_epoch_is_fenced(log: PartitionLog) -> None:
    produce(log, sequenced(b"a", sequence=0, epoch=3))

    with pytest.raises(InvalidProducerEpoch, match="smaller than the last seen epoch 3"):
        produce(log, sequenced(b"b", sequence=1, epoch=2))


def test_a_new_epoch_begins_at_sequence_0(log: PartitionLog) -> None:
    produce(log, sequenced(b"a", sequence=0))

    with pytest.raises(OutOfOrderSequenceNumber, match="new epoch"):
        produce(log, sequenced(b"b", sequence=1, epoch=1))
    assert produce(log, sequenced(b"b", sequence=0, epoch=1)) == 1


def test_producers_that_have_been_silent_for_long_are_forgotten(log: PartitionLog) -> None:
    produce(log, sequenced(b"old", sequence=0, producer=1, timestamp=NOW_MS - 86_400_000))
    produce(log, sequenced(b"new", sequence=0, producer=2))

    log.expire_producers(Milliseconds(86_400_000))

    assert [producer.producer_id for producer in log.active_producers()] == [2]


# Transactions.


def test_an_open_transaction_holds_the_last_stable_offset(log: PartitionLog) -> None:
    append(log, b"before")
    produce(log, sequenced(b"a", sequence=0, transactional=True))
    append(log, b"after")
    log.advance_high_watermark(log.log_end)
    assert log.last_stable == 1

    end(log, ControlType.COMMIT)
    assert log.last_stable == 1, "the marker is not replicated yet"

    log.advance_high_watermark(log.log_end)
    assert log.last_stable == log.log_end == 4


def test_an_aborted_transaction_is_listed_for_readers_of_its_range(log: PartitionLog) -> None:
    produce(log, sequenced(b"a", sequence=0, transactional=True))
    produce(log, sequenced(b"b", sequence=0, transactional=True, producer=8))
    end(log, ControlType.ABORT)
    end(log, ControlType.COMMIT, producer=8)

    (aborted,) = log.segments.aborted_transactions(Offset(0), log.log_end)

    assert aborted == (7, 0, 2, 1)
    assert log.segments.aborted_transactions(Offset(3), log.log_end) == []


def test_a_marker_without_a_transaction_changes_nothing_for_readers(log: PartitionLog) -> None:
    end(log, ControlType.ABORT)
    log.advance_high_watermark(log.log_end)

    assert log.last_stable == log.log_end == 1
    assert log.segments.aborted_transactions(Offset(0), Offset(1)) == []


def test_a_batch_outside_of_the_open_transaction_is_rejected(log: PartitionLog) -> None:
    produce(log, sequenced(b"a", sequence=0, transactional=True))

    with pytest.raises(InvalidTxnState):
        produce(log, sequenced(b"b", sequence=1))


def test_a_marker_of_an_older_coordinator_is_fenced(log: PartitionLog) -> None:
    end(log, ControlType.COMMIT, coordinator_epoch=5)

    with pytest.raises(TransactionCoordinatorFenced):
        end(log, ControlType.COMMIT, coordinator_epoch=4)


def test_a_marker_fences_the_epoch_before_it(log: PartitionLog) -> None:
    produce(log, sequenced(b"a", sequence=0, transactional=True))
    end(log, ControlType.ABORT, epoch=1)

    with pytest.raises(InvalidProducerEpoch):
        produce(log, sequenced(b"b", sequence=1, transactional=True))
    assert not log.has_ongoing_transaction(ProducerId(7))


def test_a_log_start_inside_of_an_open_transaction_bounds_the_last_stable_offset(log: PartitionLog) -> None:
    produce(log, sequenced(b"a", sequence=0, transactional=True))
    append(log, b"b")
    log.advance_high_watermark(Offset(2))

    log.advance_log_start(Offset(1))

    assert log.last_stable == 1


@pytest.mark.parametrize("high_watermark", [Offset(3), Offset(4), Offset(5)])
def test_a_transaction_that_ended_below_the_high_watermark_stays_ended_after_truncation(
    log: PartitionLog, high_watermark: Offset
) -> None:
    append(log, b"before")
    produce(log, sequenced(b"a", sequence=0, transactional=True))
    end(log, ControlType.COMMIT)
    append(log, b"after")
    append(log, b"only here")
    log.advance_high_watermark(high_watermark)

    log.truncate_to(Offset(4))

    assert log.last_stable == log.high_watermark == min(high_watermark, 4)


def test_after_truncation_a_marker_above_the_high_watermark_still_has_to_be_replicated(log: PartitionLog) -> None:
    append(log, b"before")
    produce(log, sequenced(b"a", sequence=0, transactional=True))
    end(log, ControlType.COMMIT)
    append(log, b"only here")
    log.advance_high_watermark(Offset(2))

    log.truncate_to(Offset(3))
    assert log.last_stable == 1

    log.advance_high_watermark(Offset(3))
    assert log.last_stable == 3


# Snapshots.

PRODUCERS = [
    ProducerEntry(
        ProducerId(1),
        epoch=ProducerEpoch(2),
        coordinator_epoch=CoordinatorEpoch(3),
        last_timestamp=Timestamp(9),
        batches=[BatchRange(13, Offset(13), 1, Timestamp(9))],
    ),
    ProducerEntry(
        ProducerId(5), epoch=ProducerEpoch(0), last_timestamp=Timestamp(4), current_txn_first_offset=Offset(24)
    ),
]


def test_a_snapshot_gives_back_the_producers() -> None:
    assert decode_snapshot(encode_snapshot(PRODUCERS)) == PRODUCERS


@pytest.mark.parametrize("position", range(0, 6 + 4 + 46 * 2, 7))
def test_any_changed_byte_of_a_snapshot_is_found(position: int) -> None:
    data = bytearray(encode_snapshot(PRODUCERS))
    data[position] ^= 0x40

    with pytest.raises(CorruptSnapshot):
        decode_snapshot(bytes(data))


def test_what_producers_did_is_known_after_a_clean_stop(files: MemoryFiles, log: PartitionLog) -> None:
    produce(log, sequenced(b"a", b"b", sequence=0, transactional=True))
    log.close()

    reopened = open_log(files)

    assert files.exists(f"{FOLDER}/00000000000000000002.snapshot")
    assert reopened.append_as_leader(
        sequenced(b"a", b"b", sequence=0, transactional=True), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS
    ).is_duplicate
    assert reopened.has_ongoing_transaction(ProducerId(7))


def test_what_producers_did_is_known_after_a_crash(files: MemoryFiles, log: PartitionLog) -> None:
    produce(log, sequenced(b"a", sequence=0))
    log.roll()
    produce(log, sequenced(b"b", sequence=1))

    reopened = open_log(files.restarted(), had_clean_shutdown=False)

    assert reopened.append_as_leader(
        sequenced(b"b", sequence=1), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS
    ).is_duplicate
    assert produce(reopened, sequenced(b"c", sequence=2)) == 2


def test_a_damaged_snapshot_is_replaced_by_an_older_one_and_the_log(files: MemoryFiles, log: PartitionLog) -> None:
    produce(log, sequenced(b"a", sequence=0))
    log.roll()
    produce(log, sequenced(b"b", sequence=1))
    log.close()
    files.replace(f"{FOLDER}/00000000000000000002.snapshot", b"\0\1 not a snapshot")

    reopened = open_log(files)

    assert produce(reopened, sequenced(b"c", sequence=2)) == 2


def test_truncation_takes_back_what_producers_did(log: PartitionLog) -> None:
    produce(log, sequenced(b"a", sequence=0))
    produce(log, sequenced(b"b", sequence=1, transactional=True))
    log.truncate_to(Offset(1))

    assert not log.has_ongoing_transaction(ProducerId(7))
    assert produce(log, sequenced(b"c", sequence=1)) == 1


def test_a_plain_batch_leaves_no_producer(log: PartitionLog) -> None:
    produce(log, batch(b"a"))

    assert log.active_producers() == []
