"""aiokafka against our broker."""

import asyncio
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.polling import PATIENCE_S
from tests.support.running import RunningCluster


async def test_aiokafka_produces_idempotently_and_reads_back(cluster: RunningCluster) -> None:
    topic = f"aiokafka-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=3, replication_factor=1)])
    await admin.close()

    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, enable_idempotence=True) as producer:
        await asyncio.gather(*[producer.send_and_wait(topic, key=b"%d" % n, value=b"v%d" % n) for n in range(100)])

    async with AIOKafkaConsumer(
        topic, bootstrap_servers=cluster.bootstrap, group_id=topic, auto_offset_reset="earliest"
    ) as consumer:
        read = [await asyncio.wait_for(consumer.getone(), PATIENCE_S) for _ in range(100)]
        await consumer.commit()
        partitions = [TopicPartition(topic, partition) for partition in range(3)]
        committed = [await consumer.committed(partition) for partition in partitions]
    assert sorted((int(record.key), record.value) for record in read) == [(n, b"v%d" % n) for n in range(100)]
    assert sum(offset or 0 for offset in committed) == 100
