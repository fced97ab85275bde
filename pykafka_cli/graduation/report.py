"""The content of a stopped cluster's directories."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pykafka_cli.graduation.coordinators import Group, OpenTransaction
from pykafka_cli.topic_names import is_internal


class NotReady(Exception):
    """Problems, each with a hint. Nothing was changed or written."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Topic(NamedTuple):
    """A topic's records, counted once however many replicas they have, and the bytes of all replicas."""

    name: str
    partitions: int
    records: int
    bytes: int


class BrokerPart(NamedTuple):
    """One broker's part of the data."""

    id: int
    directories: tuple[str, ...]
    partitions: int
    bytes: int
    was_left_cleanly: bool


@dataclass(frozen=True, slots=True)
class Report:
    """
    settings    how many topics, brokers, users ... have their own configs
    notes       remarks that are no obstacle
    """

    cluster_id: str
    brokers: tuple[BrokerPart, ...]
    topics: tuple[Topic, ...]
    groups: tuple[Group, ...]
    open_transactions: tuple[OpenTransaction, ...]
    settings: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def users_topics(self) -> tuple[Topic, ...]:
        """The topics without Kafka's internal ones."""
        return tuple(each for each in self.topics if not is_internal(each.name))
