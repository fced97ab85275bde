"""The same in plain Python: python plain.py"""

from billing import bill_orders

from pykafka_cli.testing import Kafka

with Kafka() as kafka:
    kafka.produce("orders", "tea", "bread")
    bill_orders(kafka.bootstrap_servers, "orders", "bills", 2)
    print(*sorted(each.text for each in kafka.records("bills", 2)), sep="\n")
