"""What is rare or takes days: on a cluster of its own, so that no other test sees the moved clock."""

from billing import bill_orders


def test_orders_that_are_too_old_are_not_billed(pk_cluster):
    kafka = pk_cluster()
    kafka.create_topic("orders")
    kafka.produce("orders", "too old")
    kafka.advance(days=8)
    kafka.produce("orders", "new")

    bill_orders(kafka.bootstrap_servers, "orders", "bills", 1)

    assert [each.text for each in kafka.records("bills")] == ["bill for new"]


def test_an_order_is_billed_once_though_a_response_is_lost(pk_cluster):
    kafka = pk_cluster()
    kafka.produce("orders", "tea")
    kafka.disconnect("Produce", after=True)

    bill_orders(kafka.bootstrap_servers, "orders", "bills", 1)

    assert [each.text for each in kafka.records("bills")] == ["bill for tea"]
