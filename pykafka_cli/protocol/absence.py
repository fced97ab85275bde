"""A missing value is -1 in requests, responses and files, and None everywhere else."""

from pykafka_cli.model import UNKNOWN_BROKER_EPOCH, BrokerEpoch, BrokerId, LeaderEpoch


def known_epoch(number: int) -> LeaderEpoch | None:
    return LeaderEpoch(number) if number >= 0 else None


def known_broker(number: int) -> BrokerId | None:
    return BrokerId(number) if number >= 0 else None


def or_unknown(epoch: BrokerEpoch | None) -> BrokerEpoch:
    """The epoch of a registered broker, or what a message has in its place."""
    return UNKNOWN_BROKER_EPOCH if epoch is None else epoch


def is_of_earlier_run(epoch: BrokerEpoch, current: BrokerEpoch | None) -> bool:
    """Whether a request's broker epoch, which may be unknown, is that of an earlier registration of the broker."""
    return current is not None and UNKNOWN_BROKER_EPOCH != epoch < current


def or_minus_one(number: int | None) -> int:
    """An epoch, offset, time or size in the form of a message."""
    return -1 if number is None else number
