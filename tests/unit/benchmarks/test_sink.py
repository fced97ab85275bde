"""The sink of the benchmark, by librdkafka."""

from confluent_kafka import Producer

from benchmarks.sink import TOPIC, Sink
from tests.support.polling import PATIENCE_S


def test_it_acknowledges_what_it_forgets() -> None:
    errors = []
    sink = Sink()
    with sink.running():
        producer = Producer({"bootstrap.servers": sink.bootstrap})
        for number in range(2000):
            producer.produce(TOPIC, b"x" * number, on_delivery=lambda error, _: errors.append(error))

        assert producer.flush(PATIENCE_S) == 0

    assert errors == [None] * 2000
