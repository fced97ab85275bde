"""The values of a Fetch: the request for one partition, the partition that was found, and what was read."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from kio.schema.errors import ErrorCode

from pykafka_cli.model import LeaderEpoch, Offset, TopicPartition
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.storage.leader_epochs import EpochEnd
from pykafka_cli.storage.transaction_index import AbortedTransaction

PartitionKey: TypeAlias = tuple[str | uuid.UUID | None, int]
"""Topic id (Fetch 13 and up) or topic name (before), and partition. One session knows only one of the two kinds.

None: a client sent the id that means no id.
"""


@dataclass(slots=True)
class AskedPartition:
    """A fetcher's request for one partition, as a session keeps it.

    topic               None while this broker does not know the topic id
    *_epoch, log_start  None where the fetcher gives none; log_start is the fetching follower's
    """

    topic: str | None
    topic_id: uuid.UUID | None
    partition: int
    fetch_offset: Offset
    max_bytes: int
    current_leader_epoch: LeaderEpoch | None = None
    last_fetched_epoch: LeaderEpoch | None = None
    log_start: Offset | None = None

    @property
    def key(self) -> PartitionKey:
        return self.topic if self.topic_id is None else self.topic_id, self.partition


class FetchTarget(NamedTuple):
    """A partition that is known, and what is asked of it."""

    topic_partition: TopicPartition
    asked: AskedPartition


@dataclass(slots=True)
class FetchResult:
    """The result for one partition. Offsets are None after an error.

    records               whole batches as they lie in the log
    aborted_transactions  None unless read committed asked
    diverging_epoch       where the asker's log parts from this one; nothing was read then
    """

    error_code: ErrorCode = ErrorCode.none
    high_watermark: Offset | None = None
    last_stable: Offset | None = None
    log_start: Offset | None = None
    records: Buffer = b""
    aborted_transactions: Sequence[AbortedTransaction] | None = None
    diverging_epoch: EpochEnd | None = None


Answer: TypeAlias = tuple[AskedPartition, FetchResult]
