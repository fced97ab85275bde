"""aiokafka on the same cluster; the methods of the fixtures may be called from coroutines as well."""

import asyncio

from aiokafka import AIOKafkaConsumer


def test_what_was_sent_is_read(pk_kafka, pk_topic):
    async def read():
        consumer = AIOKafkaConsumer(
            pk_topic, bootstrap_servers=pk_kafka.bootstrap_servers, group_id="readers", auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            pk_kafka.produce(pk_topic, "tea", key="tom")
            return await asyncio.wait_for(consumer.getone(), 20)
        finally:
            await consumer.stop()

    order = asyncio.run(read())

    assert (order.key, order.value) == (b"tom", b"tea")
