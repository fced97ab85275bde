"""The same with unittest alone: python -m unittest discover tests -p test_unittest.py"""

import unittest

from billing import bill_orders

from pykafka_cli.testing import Kafka


class BillingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = cls.enterClassContext(Kafka())

    def test_each_order_is_billed(self):
        self.kafka.produce("orders", "tea")

        bill_orders(self.kafka.bootstrap_servers, "orders", "bills", 1)

        self.assertEqual([each.text for each in self.kafka.records("bills", 1)], ["bill for tea"])
