"""What is missing is -1 in requests, responses and files, and None everywhere else."""

from pykafka_cli.model import LeaderEpoch


def known_epoch(number: int) -> LeaderEpoch | None:
    return LeaderEpoch(number) if number >= 0 else None


def or_minus_one(number: int | None) -> int:
    """An epoch, offset, time or size, as a message has it."""
    return -1 if number is None else number
