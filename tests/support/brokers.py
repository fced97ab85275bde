"""Ids of brokers, as a test writes them."""

from pykafka_cli.model import BrokerId


def broker_ids(*numbers: int) -> tuple[BrokerId, ...]:
    return tuple(map(BrokerId, numbers))
