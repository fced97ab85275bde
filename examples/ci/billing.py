"""A small service: for each order that it reads, it writes a bill.

python billing.py BOOTSTRAP_SERVERS ORDERS BILLS COUNT
"""

import sys

from confluent_kafka import Consumer, Producer

GROUP = "billing"


def bill_orders(bootstrap_servers: str, orders: str, bills: str, count: int) -> None:
    """Bill `count` orders."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": GROUP,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    producer = Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True})
    consumer.subscribe([orders])
    billed = 0
    while billed < count:
        order = consumer.poll(1.0)
        if order is None or order.error():
            continue
        producer.produce(bills, key=order.key(), value=b"bill for " + order.value())
        producer.flush()
        consumer.commit(order, asynchronous=False)
        billed += 1
    consumer.close()


if __name__ == "__main__":
    bill_orders(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
