"""kafka-python against our broker."""

import uuid

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from tests.support.polling import PATIENCE_S
from tests.support.running import RunningCluster


def test_kafka_python_produces_consumes_in_a_group_and_commits(cluster: RunningCluster) -> None:
    topic, group = f"kafka-python-{uuid.uuid4().hex[:8]}", f"group-{uuid.uuid4().hex[:8]}"
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    producer = KafkaProducer(bootstrap_servers=cluster.bootstrap, acks="all", compression_type="gzip")
    for number in range(20):
        producer.send(topic, key=str(number).encode(), value=b"v", headers=[("h", b"1")])
    producer.flush(timeout=PATIENCE_S)
    producer.close()

    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=cluster.bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=30_000,
    )
    records = [record for _, record in zip(range(20), consumer, strict=False)]
    consumer.commit()
    ends = consumer.end_offsets([TopicPartition(topic, 0), TopicPartition(topic, 1)])
    committed = {partition: consumer.committed(partition) for partition in ends}
    consumer.close()
    admin.close()

    assert sorted(int(record.key) for record in records) == list(range(20))
    assert {header for record in records for header in record.headers} == {("h", b"1")}
    assert committed == ends
