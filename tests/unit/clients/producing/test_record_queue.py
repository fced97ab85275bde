import struct
from collections import deque
from collections.abc import Sequence

import pytest
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.clients.producing.record_queue import Batch, Columns, Packing, RecordQueue, records_of
from pykafka_cli.model import BrokerId, ProducerEpoch, ProducerId, ProducerIdAndEpoch, Timestamp
from pykafka_cli.protocol.records.batch import Compression, crc_is_valid, read_header
from pykafka_cli.protocol.records.record import read_records

NOW_MS = Timestamp(1700000000000)
PRODUCER = ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(0))
LEADER, NEXT_LEADER = BrokerId(1), BrokerId(2)


def queue_of(*values: Sequence[bytes], size: int = 16384) -> RecordQueue:
    """A queue with one sealed batch for each argument."""
    queue, tag = RecordQueue(0, Packing(size)), 0
    for batch in values:
        queue.append(batch, tag, NOW_MS, now=1.0)
        queue.seal()
        tag += len(batch)
    return queue


def values_of(batch: Batch) -> list[bytes | None]:
    return [record.value for record in read_records(bytes(batch.data))]


def all_values(queue: RecordQueue) -> list[bytes | None]:
    return [value for batch in queue.sealed for value in values_of(batch)]


# ---- filling


def test_values_are_packed_into_batches_of_the_size_asked_for() -> None:
    queue = RecordQueue(3, Packing(size=500))
    values = [b"%03d" % number + b"x" * 97 for number in range(10)]

    queue.append(values, 100, NOW_MS, now=1.0)
    queue.seal()

    assert [list(batch.tags) for batch in queue.sealed] == [[100, 101, 102, 103], [104, 105, 106, 107], [108, 109]]
    assert all_values(queue) == values
    assert all(len(batch.data) <= 500 and batch.partition == 3 for batch in queue.sealed)


def test_a_record_larger_than_a_batch_gets_one_of_its_own() -> None:
    queue = RecordQueue(0, Packing(size=100))

    queue.append([b"a", b"x" * 300, b"b"], 0, NOW_MS, now=1.0)
    queue.seal()

    assert [values_of(batch) for batch in queue.sealed] == [[b"a"], [b"x" * 300], [b"b"]]


def test_records_keep_key_value_headers_and_time() -> None:
    queue = RecordQueue(0, Packing(size=100))
    queue.append_records(Columns([b"v"], [b"k"], [[("h", b"1"), ("h", None)]], [5]), NOW_MS, now=1.0)
    queue.append_records(Columns([None, b"x" * 90], [None, b"k"], None, [6, 9]), Timestamp(NOW_MS + 3), now=2.0)
    queue.seal()

    first, second = queue.sealed
    assert [record[1:] for record in read_records(bytes(first.data))] == [
        (NOW_MS, b"k", b"v", (("h", b"1"), ("h", None))),
        (NOW_MS + 3, None, None, ()),
    ]
    assert (list(first.tags), list(second.tags), first.opened_at, second.opened_at) == ([5, 6], [9], 1.0, 2.0)


def test_records_that_do_not_fit_begin_the_next_batch_with_their_tags() -> None:
    queue = RecordQueue(0, Packing(size=500))
    values = [b"%03d" % number + b"x" * 97 for number in range(10)]
    keys = [b"k" if number % 2 else None for number in range(10)]

    queue.append([b"before"], 1, NOW_MS, now=1.0)
    queue.append_records(Columns(values, keys, None, range(10, 30, 2)), NOW_MS, now=1.0)
    queue.append_records(Columns([], [], None, []), NOW_MS, now=1.0)
    queue.seal()

    assert [list(batch.tags) for batch in queue.sealed] == [[1, 10, 12, 14], [16, 18, 20, 22], [24, 26, 28]]
    assert all_values(queue) == [b"before", *values]
    records = [record for batch in queue.sealed for record in read_records(bytes(batch.data))]
    assert [record.key for record in records] == [None, *keys]


def test_a_queue_that_was_given_no_records_has_no_batch() -> None:
    queue = RecordQueue(0, Packing())

    queue.append([], 1, NOW_MS, now=1.0)
    queue.append_records(Columns([], [], None, []), NOW_MS, now=1.0)
    queue.seal()

    assert not queue.sealed


def test_an_empty_queue_has_nothing_to_seal() -> None:
    queue = RecordQueue(0, Packing())
    queue.seal()

    assert queue.is_empty
    assert queue.sendable(None, LEADER, now=0.0) is None


@pytest.mark.parametrize("codec", list(Compression))
def test_batches_are_compressed_when_sealed(codec: Compression) -> None:
    queue = RecordQueue(0, Packing(compression=codec, transactional=True))
    queue.append([b"same " * 50] * 20, 0, NOW_MS, now=1.0)
    queue.seal()

    data = bytes(queue.sealed[0].data)
    header = read_header(data)
    assert (header.compression, header.is_transactional, header.record_count) == (codec, True, 20)
    assert crc_is_valid(data, 0, header)
    assert values_of(queue.sealed[0]) == [b"same " * 50] * 20
    assert [record.value for record in DefaultRecordBatch(data)] == [b"same " * 50] * 20


# ---- sending


def test_an_idempotent_producer_numbers_its_batches() -> None:
    queue = queue_of([b"a", b"b"], [b"c"], [b"d"])

    first = queue.take(PRODUCER, LEADER)
    header = read_header(bytes(first.data))
    assert (header.producer_id, header.producer_epoch, header.base_sequence) == (7, 0, 0)
    assert crc_is_valid(bytes(first.data), 0, header)
    assert queue.sendable(PRODUCER, LEADER, now=0.0) is None  # the first one goes alone

    queue.done(first)
    assert [queue.take(PRODUCER, LEADER).sequence, queue.take(PRODUCER, LEADER).sequence] == [2, 3]


def test_without_idempotence_batches_are_not_numbered_and_do_not_wait() -> None:
    queue = queue_of([b"a"], [b"b"])

    first, second = queue.take(None, LEADER), queue.take(None, LEADER)

    assert (first.sequence, second.sequence) == (-1, -1)
    assert read_header(bytes(first.data)).producer_id == -1


def proven(*values: Sequence[bytes]) -> tuple[RecordQueue, list[Batch]]:
    """A queue whose producer the broker knows, and its batches, all in flight. Their sequences begin at 1."""
    queue = queue_of([b"first"], *values)
    queue.done(queue.take(PRODUCER, LEADER))
    return queue, [queue.take(PRODUCER, LEADER) for _ in values]


def test_what_came_back_is_sent_again_first_and_under_the_same_numbers() -> None:
    queue, (a, b, c) = proven([b"a"], [b"b"], [b"c"])
    queue.append([b"d"], 9, NOW_MS, now=1.0)
    queue.seal()

    queue.back(b, not_before=5.0)
    assert queue.sendable(PRODUCER, LEADER, now=9.0) is None  # c is still out
    queue.back(c, not_before=6.0)
    queue.done(a)

    assert queue.sendable(PRODUCER, LEADER, now=5.9) is None
    assert queue.sendable(PRODUCER, LEADER, now=6.0) is b
    assert [queue.take(PRODUCER, LEADER) is batch for batch in (b, c)] == [True, True]
    assert [b.sequence, c.sequence, queue.take(PRODUCER, LEADER).sequence] == [2, 3, 4]
    assert [a.attempts, b.attempts] == [1, 2]


def test_what_is_sent_again_is_under_way_alone() -> None:
    """The broker may have it, and forgets after five more batches that it has."""
    queue, (a, b) = proven([b"a"], [b"b"])
    queue.append([b"c"], 9, NOW_MS, now=1.0)
    queue.seal()
    queue.back(a, not_before=0.0)
    queue.back(b, not_before=0.0)

    assert queue.take(PRODUCER, LEADER) is a
    assert queue.sendable(PRODUCER, LEADER, now=9.0) is None
    queue.done(a)
    assert queue.take(PRODUCER, LEADER) is b
    assert queue.sendable(PRODUCER, LEADER, now=9.0) is None
    queue.done(b)

    assert queue.take(PRODUCER, LEADER).sequence == 3


NEXT_EPOCH = PRODUCER._replace(producer_epoch=ProducerEpoch(1))


def test_what_is_in_doubt_keeps_its_number_when_a_batch_before_it_is_given_up() -> None:
    """The broker may have all of them."""
    queue, (a, b, c) = proven([b"a"], [b"b"], [b"c"])

    queue.back(a, not_before=0.0)
    queue.failed(b)
    queue.back(c, not_before=0.0)

    for batch, sequence in ((a, 1), (c, 3)):
        assert queue.take(NEXT_EPOCH, LEADER) is batch
        assert (batch.sequence, read_header(bytes(batch.data)).producer_epoch) == (sequence, 0)
        queue.done(batch)


def test_a_batch_whose_predecessor_the_broker_misses_goes_under_a_new_epoch_with_all_that_follow() -> None:
    queue, (a, b, c) = proven([b"a", b"a"], [b"b"], [b"c"])
    queue.failed(a)
    queue.back(c, not_before=0.0)
    queue.lost(b, not_before=0.0)

    assert queue.sendable(PRODUCER, LEADER, now=0.0) is None
    assert queue.needs_epoch_after(PRODUCER)
    assert not queue.needs_epoch_after(NEXT_EPOCH)
    assert queue.sendable(NEXT_EPOCH, LEADER, now=0.0) is queue.take(NEXT_EPOCH, LEADER) is b
    assert (b.sequence, read_header(bytes(b.data)).producer_epoch) == (0, 1)
    assert queue.sendable(NEXT_EPOCH, LEADER, now=0.0) is None
    queue.done(b)
    assert queue.take(NEXT_EPOCH, LEADER).sequence == 1


def test_a_batch_in_doubt_that_is_given_up_leaves_the_next_number_unknown() -> None:
    queue, (a,) = proven([b"a"])
    queue.append([b"b"], 9, NOW_MS, now=1.0)
    queue.seal()
    queue.back(a, not_before=0.0)
    assert queue.sendable(PRODUCER, LEADER, now=0.0) is a

    assert queue.drop() is a

    assert queue.sendable(PRODUCER, LEADER, now=0.0) is None
    assert queue.needs_epoch_after(PRODUCER)
    assert queue.take(NEXT_EPOCH, LEADER).sequence == 0


def test_a_batch_in_doubt_that_is_given_up_does_no_harm_if_the_broker_accepts_the_next_one() -> None:
    queue, (a, b) = proven([b"a"], [b"b"])
    queue.append([b"c"], 9, NOW_MS, now=1.0)
    queue.seal()
    queue.back(a, not_before=0.0)
    queue.back(b, not_before=0.0)

    assert queue.drop() is a
    assert not queue.needs_epoch_after(PRODUCER)
    queue.done(queue.take(PRODUCER, LEADER))

    assert not queue.needs_epoch_after(PRODUCER)
    assert queue.take(PRODUCER, LEADER).sequence == 3


def test_a_batch_without_a_response_holds_up_those_that_would_make_the_broker_forget_it() -> None:
    """It went to a broker that is no longer the leader, and those after it are answered by the new one."""
    queue, (stuck, *others) = proven(*[[b"%d" % number] for number in range(5)])
    queue.append([b"next"], 9, NOW_MS, now=1.0)
    queue.seal()
    for batch in others:
        queue.done(batch)

    assert queue.sendable(PRODUCER, LEADER, now=0.0) is None
    queue.back(stuck, not_before=0.0)
    queue.done(queue.take(PRODUCER, LEADER))
    assert queue.take(PRODUCER, LEADER).sequence == 6


def test_another_leader_is_sent_nothing_before_all_that_was_sent_to_the_last_one_is_answered_for() -> None:
    """It may lack that, and may not even know the producer: then it would take what follows."""
    queue, (a, b) = proven([b"a"], [b"b"])
    queue.append([b"c", b"d"], 9, NOW_MS, now=1.0)
    queue.seal()

    assert queue.sendable(PRODUCER, NEXT_LEADER, now=0.0) is None
    queue.back(a, not_before=0.0)
    queue.back(b, not_before=0.0)

    assert queue.sendable(PRODUCER, NEXT_LEADER, now=0.0) is queue.take(PRODUCER, NEXT_LEADER) is a
    assert queue.sendable(PRODUCER, NEXT_LEADER, now=0.0) is None  # until it has shown that it knows the producer
    queue.done(a)
    assert queue.sendable(PRODUCER, NEXT_LEADER, now=0.0) is b


def test_a_batch_is_stored_once_one_that_follows_it_is_acknowledged() -> None:
    queue, (a, b, c) = proven([b"a"], [b"b", b"b"], [b"c"])

    queue.done(b)

    assert [queue.is_stored(each) for each in (a, b, c)] == [True, True, False]


def test_a_batch_that_was_too_large_is_halved_in_its_place() -> None:
    queue, (a, b) = proven([b"1", b"2", b"3"], [b"4"])

    queue.back(b, not_before=0.0)
    queue.split(a)

    assert all_values(queue) == [b"1", b"2", b"3", b"4"]
    assert [list(batch.tags) for batch in queue.sealed] == [[1], [2, 3], [4]]
    for sequence in (1, 2, 4):
        batch = queue.take(PRODUCER, LEADER)
        assert batch.sequence == read_header(bytes(batch.data)).base_sequence == sequence
        queue.done(batch)
    assert queue.packing.size == len(a.data) // 2


def test_a_new_producer_starts_its_numbers_again_once_nothing_is_in_flight() -> None:
    queue, (a,) = proven([b"a"])
    other = ProducerIdAndEpoch(ProducerId(8), ProducerEpoch(0))
    queue.append([b"b"], 8, NOW_MS, now=1.0)
    queue.seal()
    queue.append([b"c"], 9, NOW_MS, now=1.0)
    queue.seal()

    assert queue.sendable(other, LEADER, now=1.0) is None
    queue.done(a)
    b = queue.take(other, LEADER)
    assert b.sequence == 0
    assert queue.sendable(other, LEADER, now=1.0) is None
    queue.done(b)
    assert queue.take(other, LEADER).sequence == 1


def test_a_batch_can_be_dropped_before_it_is_sent() -> None:
    queue, (a,) = proven([b"a"])
    queue.append([b"b"], 5, NOW_MS, now=1.0)
    queue.seal()

    assert values_of(queue.drop()) == [b"b"]
    assert (queue.in_flight, list(queue.sealed)) == ([a], [])


def test_the_bytes_held_are_those_of_all_batches() -> None:
    queue, (a, b, c) = proven([b"a"], [b"b", b"b"], [b"c"])
    queue.back(a, not_before=0.0)
    queue.split(b)
    queue.failed(c)

    assert queue.held == sum(len(batch.data) for batch in queue.sealed) > 0
    while queue.sealed:
        queue.done(queue.take(PRODUCER, LEADER))
    assert queue.held == 0


class Broker:
    """A partition leader that checks sequences as Kafka does, and remembers the last five batches of a producer."""

    def __init__(self) -> None:
        self.log: list[bytes | None] = []
        self.last: deque[tuple[int, int]] = deque(maxlen=5)  # epoch and base sequence
        self.expected = (0, 0)  # epoch and base sequence of what may come next

    def takes(self, batch: Batch) -> bool:
        header = read_header(bytes(batch.data))
        its = (header.producer_epoch, header.base_sequence)
        if its in self.last:
            return True  # a duplicate: acknowledged, not written
        if its != self.expected and not (its[0] > self.expected[0] and its[1] == 0):
            return False
        self.log += values_of(batch)
        self.last.append(its)
        self.expected = (header.producer_epoch, header.base_sequence + header.record_count)
        return True


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12), st.data())
def test_whatever_happens_on_the_way_each_record_arrives_once_and_in_order(
    sizes: list[int], data: st.DataObject
) -> None:
    """Those that were given up may be missing."""
    numbers = iter(range(100))
    queue = queue_of(*[[b"%d" % next(numbers) for _ in range(size)] for size in sizes])
    everything, broker, faults, producer = all_values(queue), Broker(), 12, PRODUCER
    failed: set[bytes | None] = set()
    answered: list[Batch] = []  # and in flight until all others are

    while not queue.is_empty:
        if queue.needs_epoch_after(producer):
            producer = producer._replace(producer_epoch=ProducerEpoch(producer.producer_epoch + 1))
        while queue.sendable(producer, LEADER, now=0.0) and len(queue.in_flight) < 5:
            queue.take(producer, LEADER)
        for batch in list(queue.in_flight):
            if any(batch is each for each in answered):
                continue
            answered.append(batch)
            fates = ["none", "lost before", "lost after", "too large", "given up before", "given up after"]
            fate = data.draw(st.sampled_from(fates)) if faults else "none"
            faults -= fate != "none"
            arrives = fate in ("none", "lost after", "given up after") and broker.takes(batch)
            if fate.startswith("given up"):
                failed.update(values_of(batch))
                queue.failed(batch)
            elif fate == "lost before" or (fate == "lost after" and arrives):
                queue.back(batch, 0.0)
            elif fate == "too large" and batch.record_count > 1 and batch.attempts == 1:
                queue.split(batch)
            elif arrives or broker.takes(batch):
                queue.done(batch)
            elif queue.in_flight[0] is batch:
                queue.lost(batch, 0.0)
            else:
                queue.back(batch, 0.0)
        if not queue.in_flight:
            answered.clear()
        else:
            answered = [each for each in answered if any(each is still for still in queue.in_flight)]

    assert [value for value in everything if value in broker.log or value not in failed] == broker.log


def test_records_of_a_batch_can_be_described() -> None:
    queue = RecordQueue(0, Packing(compression=Compression.GZIP))
    queue.append_records(Columns([b"value"], [b"key"], None, [0]), NOW_MS, now=1.0)
    queue.seal()

    assert [(record.key, record.value) for record in records_of(queue.sealed[0])] == [(b"key", b"value")]
    assert struct.unpack_from(">i", queue.sealed[0].data, 8)[0] == len(queue.sealed[0].data) - 12
