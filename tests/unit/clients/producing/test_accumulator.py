"""What waits to be sent, at times that a test says."""

import pytest

from pykafka_cli.clients.producing.accumulator import RecordAccumulator
from pykafka_cli.clients.producing.partitioning import KeyPartitioner
from pykafka_cli.clients.producing.record_queue import Header
from pykafka_cli.model import BrokerId, Timestamp
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.protocol.records.record import read_records


def accumulator(partitions: int = 1, **settings: str) -> RecordAccumulator:
    properties = {name.replace("_", "."): value for name, value in settings.items()}
    made = RecordAccumulator("t", ProducerSettings(properties), choose=lambda below: 0)
    made.grow(partitions)
    return made


def append(to: RecordAccumulator, *values: bytes, now: float) -> None:
    to.append(values, None, None, first_tag=0, timestamp_ms=Timestamp(0), available=range(len(to.queues)), now=now)


@pytest.mark.parametrize("partitions", [1, 3])
def test_records_go_to_the_partitions_of_their_keys_in_order(partitions: int) -> None:
    waiting = accumulator(partitions=partitions)
    keys: list[bytes | None] = [b"%d" % (number % 7) for number in range(40)]
    values = [b"v%d" % number for number in range(40)]
    headers: list[list[Header]] = [[("h", b"%d" % number)] for number in range(40)]

    waiting.append(values, keys, headers, first_tag=5, timestamp_ms=Timestamp(0), available=range(partitions), now=0.0)
    waiting.seal()

    chosen = KeyPartitioner(partitions).partitions([key for key in keys if key is not None])
    for partition, queue in enumerate(waiting.queues):
        (batch,) = queue.sealed
        numbers = [number for number in range(40) if chosen[number] == partition]
        assert list(batch.tags) == [5 + number for number in numbers]
        assert [record[2:] for record in read_records(batch.data)] == [
            (keys[number], values[number], tuple(headers[number])) for number in numbers
        ]


def test_a_batch_is_sealed_once_it_has_lingered() -> None:
    waiting = accumulator(linger_ms="100")
    append(waiting, b"a", now=0.7)

    assert waiting.next_due(0.7) == 0.7 + 0.1
    waiting.seal_lingered(0.75)
    assert waiting.held == 0

    waiting.seal_lingered(0.7 + 0.1)
    assert waiting.held > 0
    assert [len(queue.sealed) for queue in waiting.queues] == [1]


def test_what_is_sealed_and_not_sent_expires() -> None:
    waiting = accumulator(delivery_timeout_ms="60000", request_timeout_ms="30000", linger_ms="0")
    append(waiting, b"a", now=0.1)
    waiting.seal()

    assert waiting.next_due(1) == 0.1 + 60
    assert waiting.expire(60) == []
    ((batch, text),) = waiting.expire(0.1 + 60)
    assert list(batch.tags) == [0]
    assert text.message == "Expiring 1 record(s) for t-0:60000 ms has passed since batch creation"
    assert waiting.is_empty
    assert waiting.next_due(60) is None


def test_what_came_back_is_due_when_it_may_be_sent_again() -> None:
    waiting = accumulator()
    append(waiting, b"a", now=0)
    waiting.seal()
    (queue,) = waiting.queues
    queue.back(queue.take(None, BrokerId(1)), not_before=5)

    assert waiting.next_due(1) == 5


def test_all_that_is_not_in_flight_can_be_dropped() -> None:
    waiting = accumulator(partitions=2, partitioner_class="org.apache.kafka.clients.producer.RoundRobinPartitioner")
    append(waiting, b"a", b"b", now=0)
    waiting.seal()
    waiting.queues[0].take(None, BrokerId(1))
    append(waiting, b"c", now=0)

    assert [batch.partition for batch in waiting.drop()] == [0, 1]
    assert not waiting.is_empty
    assert waiting.held == sum(queue.held for queue in waiting.queues[:1])
