"""What a fetcher reads: one source for each partition, with its position and whom to ask."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pykafka_cli.clients.consuming.fetched_records import AbortedTransaction
from pykafka_cli.clients.group_offsets import Position
from pykafka_cli.model import BrokerId, LeaderEpoch, Offset, OffsetSpec, TopicPartition
from pykafka_cli.protocol.records.batch import NO_LEADER_EPOCH


class Lead(NamedTuple):
    """Who leads a partition, as metadata have it. The epoch is -1, and the topic's id missing, in old versions."""

    broker: BrokerId
    epoch: LeaderEpoch
    topic_id: uuid.UUID | None


@dataclass(slots=True, eq=False)
class Source:
    """One partition that is being read. `offset` is what to fetch next; None until the log's start or end is known."""

    partition: TopicPartition
    offset: Offset | None
    reset_to: OffsetSpec
    epoch: LeaderEpoch = NO_LEADER_EPOCH
    """Of the record before `offset`; -1 if unknown."""
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
    def leader_epoch(self) -> LeaderEpoch:
        return self.lead.epoch if self.lead else NO_LEADER_EPOCH

    @property
    def position(self) -> Position | None:
        return None if self.offset is None else Position(self.offset, self.epoch)

    def is_older(self, lead: Lead) -> bool:
        """Whether metadata are from before what was followed last; a topic of the same name may begin again."""
        return self.lead is not None and lead.topic_id == self.lead.topic_id and 0 <= lead.epoch < self.lead.epoch

    def follow(self, lead: Lead) -> None:
        """Ask this leader from now on. One of another epoch may lack what was read before."""
        if lead.epoch != self.leader_epoch:
            self.is_valid = self.offset is None or self.epoch < 0 or lead.epoch < 0
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
    epoch: LeaderEpoch
    following: Offset
    data: bytes
    aborted: tuple[AbortedTransaction, ...]


def chunks_behind(offset: Offset, chunks: Iterable[Chunk]) -> list[Chunk]:
    """Those that hold anything from that offset on, wholly or in part."""
    return [chunk for chunk in chunks if chunk.following > offset]
