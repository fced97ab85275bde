"""kafka-python on the same cluster."""

from kafka import KafkaConsumer, KafkaProducer


def test_what_was_sent_is_read(pk_kafka, pk_topic):
    producer = KafkaProducer(bootstrap_servers=pk_kafka.bootstrap_servers)
    producer.send(pk_topic, b"tea", key=b"tom")
    producer.close()

    consumer = KafkaConsumer(
        pk_topic,
        bootstrap_servers=pk_kafka.bootstrap_servers,
        group_id="readers",
        auto_offset_reset="earliest",
        consumer_timeout_ms=20_000,
    )
    order = next(consumer)
    consumer.close()

    assert (order.key, order.value) == (b"tom", b"tea")
