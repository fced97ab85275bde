"""What a fetcher reads: one source for each partition, with its position and whom to ask."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pykafka_cli.clients.consuming.fetched_records import AbortedTransaction
from pykafka_cli.clients.group_offsets import Position
from pykafka_cli.model import BrokerId, LeaderEpoch, Offset, OffsetSpec, TopicPartition


class Lead(NamedTuple):
    """Who leads a partition, as metadata have it. Old versions have neither the epoch nor the topic's id."""

    broker: BrokerId
    epoch: LeaderEpoch | None
    topic_id: uuid.UUID | None


@dataclass(slots=True, eq=False)
class Source:
    """One partition that is being read. `offset` is what to fetch next; None until the log's start or end is known."""

    partition: TopicPartition
    offset: Offset | None
    reset_to: OffsetSpec
    epoch: LeaderEpoch | None = None
    """Of the record before `offset`; None if unknown."""
    leader: BrokerId | None = None
    """Whom to ask."""
    nearer_until: float | None = None
    """Monotonic seconds until when that is a nearer replica instead of the leader; None while it is the leader."""
    lead: Lead | None = None
    """The last that was followed."""
    is_valid: bool = True
    """Whether the leader has what was read before `offset`, as far as that can be known."""

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
        """Whether metadata are from before what was followed last; a topic of the same name may begin again."""
        if self.lead is None or lead.topic_id != self.lead.topic_id:
            return False
        return lead.epoch is not None and self.lead.epoch is not None and lead.epoch < self.lead.epoch

    def follow(self, lead: Lead) -> None:
        """Ask this leader from now on. One of another epoch may lack what was read before."""
        if lead.epoch != self.leader_epoch:
            self.is_valid = self.offset is None or self.epoch is None or lead.epoch is None
        self.lead, self.leader = lead, lead.broker

    def begin_at(self, position: Position) -> None:
        """Continue there, where the leader has all that comes before."""
        self.offset, self.epoch = position
        self.is_valid = True


class Chunk(NamedTuple):
    """What one response had of a partition, not decoded yet. `epoch` is that of the record before.

    `following` is the offset of what comes after.
    """

    source: Source
    offset: Offset
    epoch: LeaderEpoch | None
    following: Offset
    data: bytes
    aborted: tuple[AbortedTransaction, ...]


def chunks_behind(offset: Offset, chunks: Iterable[Chunk]) -> list[Chunk]:
    """Those that hold anything from that offset on, wholly or in part."""
    return [chunk for chunk in chunks if chunk.following > offset]
