"""The sources of a fetcher, one for each partition, with its position and the broker to fetch from."""

import uuid
from dataclasses import dataclass
from typing import NamedTuple

from pykafka_cli.clients.group_offsets import Position
from pykafka_cli.model import BrokerId, LeaderEpoch, Offset, OffsetSpec, TopicPartition


class Lead(NamedTuple):
    """The leader of a partition in metadata; old versions have neither its epoch nor the topic's id."""

    broker: BrokerId
    epoch: LeaderEpoch | None
    topic_id: uuid.UUID | None


@dataclass(slots=True, eq=False)
class Source:
    """One partition that is read. `offset` is the next to fetch; None until the log's start or end is known."""

    partition: TopicPartition
    offset: Offset | None
    reset_to: OffsetSpec
    epoch: LeaderEpoch | None = None
    """The leader epoch of the record before `offset`; None if unknown."""
    leader: BrokerId | None = None
    """The broker to fetch from."""
    nearer_until: float | None = None
    """Monotonic seconds until which that is a nearer replica; None if it is the leader."""
    lead: Lead | None = None
    """The latest leader and epoch."""
    is_valid: bool = True
    """Whether the leader is known to have the records before `offset`."""

    @property
    def is_ready(self) -> bool:
        """Whether it can be fetched."""
        return self.leader is not None and self.offset is not None and self.is_valid

    @property
    def leader_epoch(self) -> LeaderEpoch | None:
        return self.lead.epoch if self.lead else None

    @property
    def position(self) -> Position | None:
        return None if self.offset is None else Position(self.offset, self.epoch)

    def is_older(self, lead: Lead) -> bool:
        """Whether metadata are older than the latest; a topic may be created again with the same name."""
        if self.lead is None or lead.topic_id != self.lead.topic_id:
            return False
        return lead.epoch is not None and self.lead.epoch is not None and lead.epoch < self.lead.epoch

    def is_outdated_by(self, lead: Lead) -> bool:
        """Whether metadata name a later leader, or another one if they have no epochs."""
        if self.lead is None or lead == self.lead:
            return False
        return not self.is_older(lead)

    def follow(self, lead: Lead) -> None:
        """Fetch from this leader from now on. One of another epoch may lack records read before."""
        if lead.epoch != self.leader_epoch:
            self.is_valid = self.offset is None or self.epoch is None or lead.epoch is None
        self.lead, self.leader = lead, lead.broker

    def begin_at(self, position: Position) -> None:
        """Continue at a position of which the leader has everything before."""
        self.offset, self.epoch = position
        self.is_valid = True
