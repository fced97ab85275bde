"""The service, which uses confluent-kafka, with the fixtures."""

import pytest
from billing import GROUP, bill_orders


@pytest.mark.pk_topic(partitions=3)
def test_each_order_is_billed(pk_kafka, pk_topic):
    bills = pk_kafka.new_topic("bills")
    pk_kafka.produce_many(pk_topic, [("tom", "tea"), ("ann", "bread")])

    bill_orders(pk_kafka.bootstrap_servers, pk_topic, bills, 2)

    assert {each.text for each in pk_kafka.records(bills, 2)} == {"bill for tea", "bill for bread"}
    pk_kafka.wait(f"lag={GROUP}:0:{pk_topic}")
