"""What a line costs on its way into a batch, and a record on its way out: calls of compiled code, if any."""

import pytest

from pykafka_cli.clients.consuming.fetched_records import decode
from pykafka_cli.clients.producing.accumulator import RecordAccumulator
from pykafka_cli.clients.producing.record_queue import Packing, RecordQueue
from pykafka_cli.model import Offset, Timestamp, TopicPartition
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.rules.formatters import DefaultFormatter
from pykafka_cli.rules.line_readers import LineReader, LineReaderSettings, LineSplitter
from tests.support.costs import Calls, counted_calls

ORDERS = TopicPartition("orders", 0)
FEW, MANY = 100, 10_000


def batch_of(lines: list[bytes]) -> bytes:
    queue = RecordQueue(0, Packing(1 << 22))
    queue.append(lines, 1, Timestamp(1_700_000_000_000), 0.0)
    queue.seal()
    return bytes(queue.sealed[0].data)


def growth(few: Calls, many: Calls) -> tuple[float, float]:
    """Calls of functions in Python, and of compiled ones, for each further line."""
    lines = MANY - FEW
    return (many.python - few.python) / lines, (many.compiled - few.compiled) / lines


def cost_of_sending(count: int) -> Calls:
    text, queue = b"x" * 99 + b"\n", RecordQueue(0, Packing(1 << 22))
    splitter, reader = LineSplitter(), LineReader(LineReaderSettings())
    with counted_calls() as calls:
        block, _ = reader.read(splitter.feed(text * count))
        queue.append(block.values, block.first_line, Timestamp(1_700_000_000_000), 0.0)
        queue.seal()
    assert queue.sealed[0].record_count == count
    return calls


def test_a_line_costs_the_producer_no_call_beside_the_compiled_builder() -> None:
    python, compiled = growth(cost_of_sending(FEW), cost_of_sending(MANY))
    assert python == 0
    assert compiled <= 1  # the builder itself, where the interpreter reports it


def cost_of_reading_keyed(count: int) -> Calls:
    line, reader = b"key,value\n", LineReader(LineReaderSettings(parse_key=True, key_separator=","))
    lines = (line * count).splitlines()
    with counted_calls() as calls:
        block, _ = reader.read(lines)
    assert len(block.values) == count
    return calls


def test_taking_a_key_off_a_line_costs_no_call() -> None:
    python, compiled = growth(cost_of_reading_keyed(FEW), cost_of_reading_keyed(MANY))
    assert (python, compiled) == (0, 0)


def cost_of_accumulating_keyed(count: int, partitions: int) -> Calls:
    waiting = RecordAccumulator("t", ProducerSettings({"batch.size": str(1 << 22)}), choose=lambda _: 0)
    waiting.grow(partitions)
    keys, values = [b"%d" % (number % 50) for number in range(count)], [b"x" * 90] * count
    with counted_calls() as calls:
        waiting.append(
            values,
            keys,
            None,
            first_tag=1,
            timestamp_ms=Timestamp(1_700_000_000_000),
            available=range(partitions),
            now=0.0,
        )
        waiting.seal()
    assert sum(batch.record_count for queue in waiting.queues for batch in queue.sealed) == count
    return calls


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_line_with_a_key_costs_no_python_call_either(partitions: int) -> None:
    python, compiled = growth(*(cost_of_accumulating_keyed(count, partitions) for count in (FEW, MANY)))
    assert python == 0
    assert compiled <= (1 if partitions == 1 else 2)  # the builder, and noting which partition gets the record


def cost_of_printing(count: int, **properties: str) -> Calls:
    data = batch_of([b"x" * 99] * count)
    formatter = DefaultFormatter({name.replace("_", "."): value for name, value in properties.items()})
    with counted_calls() as calls:
        fetched = decode(ORDERS, data, Offset(0))
        text = formatter.render("orders", 0, fetched.records)
    assert text.count(b"\n") == count
    return calls


@pytest.mark.parametrize("properties", [{}, {"print_key": "true"}], ids=["values", "keys"])
def test_a_record_costs_the_consumer_no_call_beside_the_compiled_reader(properties: dict[str, str]) -> None:
    python, compiled = growth(cost_of_printing(FEW, **properties), cost_of_printing(MANY, **properties))
    assert python == 0
    assert compiled == 0
