"""A consumer whose partition gets leaders that lack what it has read."""

import asyncio
import datetime
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.fetch.v12.request import FetchRequest
from kio.schema.fetch.v12.response import FetchableTopicResponse, FetchResponse, PartitionData
from kio.schema.list_offsets.v9.request import ListOffsetsRequest
from kio.schema.list_offsets.v9.response import (
    ListOffsetsPartitionResponse,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)
from kio.schema.offset_for_leader_epoch.v4.request import OffsetForLeaderEpochRequest
from kio.schema.offset_for_leader_epoch.v4.response import (
    EpochEndOffset,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderTopicResult,
)
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import Records, i32, i32Timedelta, i64

from pykafka_cli.clients.consuming.fetcher import Fetcher, LogTruncated
from pykafka_cli.clients.consuming.position_validation import (
    LedPosition,
    epoch_ends,
    is_truncated,
    truncation_text,
)
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.group_offsets import Position
from pykafka_cli.model import LeaderEpoch, Offset, OffsetSpec, Timestamp, TopicPartition
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.protocol.records.record import Record, build_batch
from pykafka_cli.transport.errors import VersionUnsupported
from tests.fakes.cluster import FakeSession
from tests.support.polling import PATIENCE_S

NO_TIME = i32Timedelta.parse(datetime.timedelta())
T0 = TopicPartition("t", 0)


def position(offset: int, epoch: int | None) -> Position:
    return Position(Offset(offset), None if epoch is None else LeaderEpoch(epoch))


class Partition:
    """A log with one record a batch, of which `epochs` has the leader epochs; the last one is also the leader's."""

    def __init__(self, *epochs: int, mark: str = "a") -> None:
        self.log = [(epoch, mark) for epoch in epochs]
        self.errors: list[ErrorCode] = []
        """What the next questions for the end of an epoch are answered with."""
        self.fetches: list[tuple[int, int]] = []
        """Leader epoch and offset of each request."""
        self.session = FakeSession(
            {
                FetchRequest: self.fetch,
                OffsetForLeaderEpochRequest: self.epoch_end,
                ListOffsetsRequest: self.list_offsets,
            },
            {"t": 1},
        )
        self.session.leader_epoch = epochs[-1]
        self.changed = asyncio.Event()
        self.idle = asyncio.Event()
        """The consumer has all that is there."""

    def elect(self, keeps: int, epoch: int, *, adds: int) -> None:
        """A replica with no more than that of the log becomes the leader, and gets other records."""
        self.idle.clear()
        self.log = [*self.log[:keeps], *[(epoch, "b")] * adds]
        self.session.leader_epoch = epoch
        self.changed.set()

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        part = request.topics[0].partitions[0]
        self.fetches.append((int(part.current_leader_epoch), int(part.fetch_offset)))
        if part.fetch_offset >= len(self.log) and part.current_leader_epoch == self.session.leader_epoch:
            self.changed.clear()
            self.idle.set()
            await self.changed.wait()
        code, data = ErrorCode.fenced_leader_epoch, b""
        if part.current_leader_epoch == self.session.leader_epoch:
            code = ErrorCode.none
            data = b"".join(
                bytes(
                    build_batch(
                        [Record(Offset(offset), Timestamp(1), None, mark.encode())], leader_epoch=LeaderEpoch(epoch)
                    )
                )
                for offset, (epoch, mark) in enumerate(self.log)
                if offset >= part.fetch_offset
            )
        answer = PartitionData(
            partition_index=part.partition, error_code=code, high_watermark=i64(0), aborted_transactions=None,
            records=Records(data), preferred_read_replica=BrokerId(-1),
        )  # fmt: skip
        topic = FetchableTopicResponse(topic=TopicName("t"), partitions=(answer,))
        return FetchResponse(throttle_time=NO_TIME, error_code=ErrorCode.none, responses=(topic,))

    def epoch_end(self, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse:
        part = request.topics[0].partitions[0]
        code = self.errors.pop(0) if self.errors else ErrorCode.none
        known = [offset for offset, (epoch, _) in enumerate(self.log) if epoch <= part.leader_epoch]
        end, epoch = (known[-1] + 1, self.log[known[-1]][0]) if known else (-1, -1)
        answer = EpochEndOffset(error_code=code, partition=part.partition, leader_epoch=i32(epoch), end_offset=i64(end))
        return OffsetForLeaderEpochResponse(
            throttle_time=NO_TIME,
            topics=(OffsetForLeaderTopicResult(topic=TopicName("t"), partitions=(answer,)),),
        )

    def list_offsets(self, request: ListOffsetsRequest) -> ListOffsetsResponse:
        part = request.topics[0].partitions[0]
        offset = 0 if part.timestamp == OffsetSpec.EARLIEST else len(self.log)
        answer = ListOffsetsPartitionResponse(
            partition_index=part.partition_index, error_code=ErrorCode.none, offset=i64(offset)
        )
        return ListOffsetsResponse(
            throttle_time=NO_TIME, topics=(ListOffsetsTopicResponse(name=TopicName("t"), partitions=(answer,)),)
        )


class Reader:
    """A fetcher, what it said of positions, and what it handed over: offsets with the records' values."""

    def __init__(self, partition: Partition, **settings: str) -> None:
        self.starts: list[Position] = []
        self.warnings: list[str] = []
        properties = {"auto.offset.reset": "earliest", "retry.backoff.ms": "1"}
        self.fetcher = Fetcher(
            partition.session,  # type: ignore[arg-type]
            ConsumerSettings(properties | {name.replace("_", "."): value for name, value in settings.items()}),
            self.warnings.append,
            lambda _, start: self.starts.append(start),
        )

    async def read(self, count: int) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < count:
                if (fetched := self.fetcher.take()) is None:
                    await self.fetcher.ready.wait()
                    continue
                found += [(record.offset, (record.value or b"").decode()) for record in fetched.records]
        return found


def asked(partition: Partition) -> list[tuple[int, int]]:
    """The epochs in questions for the end of an epoch: the leader's, and that of the position."""
    parts = [
        request.topics[0].partitions[0]
        for request in partition.session.asked
        if isinstance(request, OffsetForLeaderEpochRequest)
    ]
    return [(int(part.current_leader_epoch), int(part.leader_epoch)) for part in parts]


async def test_a_committed_position_is_validated_before_anything_is_read() -> None:
    partition = Partition(2, 2, 2, 3)
    reader = Reader(partition)
    reader.fetcher.add({T0: position(2, 2)})

    assert await reader.read(2) == [(2, "a"), (3, "a")]
    assert (asked(partition), reader.starts) == ([(3, 2)], [])
    assert partition.fetches[0] == (3, 2)
    reader.fetcher.close()


async def test_a_position_without_an_epoch_cannot_be_validated() -> None:
    partition = Partition(2, 2, 3)
    reader = Reader(partition)
    reader.fetcher.add({T0: position(1, None)})

    assert await reader.read(2) == [(1, "a"), (2, "a")]
    assert asked(partition) == []
    reader.fetcher.close()


async def test_reading_goes_on_at_the_first_offset_that_differs() -> None:
    partition = Partition(2, 2, 2, 2)
    reader = Reader(partition)
    reader.fetcher.add({T0: position(0, None)})
    assert await reader.read(4) == [(offset, "a") for offset in range(4)]

    partition.elect(2, 3, adds=3)

    assert await reader.read(3) == [(2, "b"), (3, "b"), (4, "b")]
    assert (asked(partition), reader.starts) == ([(3, 2)], [position(2, 2)])
    reader.fetcher.close()


async def test_what_was_fetched_and_not_yet_read_is_fetched_again() -> None:
    partition = Partition(1, 1, 2, 2)
    reader = Reader(partition)
    reader.fetcher.add({T0: position(0, None)})
    async with asyncio.timeout(PATIENCE_S):
        await partition.idle.wait()

    partition.elect(3, 4, adds=1)
    async with asyncio.timeout(PATIENCE_S):
        await partition.idle.wait()

    assert await reader.read(4) == [(0, "a"), (1, "a"), (2, "a"), (3, "b")]
    assert reader.starts == []  # the reader had nothing that was lost
    reader.fetcher.close()


async def test_a_leader_that_knows_no_epoch_of_those_read_makes_the_policy_decide() -> None:
    partition = Partition(2, 2)
    reader = Reader(partition)
    reader.fetcher.add({T0: position(0, None)})
    await reader.read(2)

    partition.elect(0, 5, adds=1)

    assert await reader.read(1) == [(0, "b")]
    assert reader.starts == [position(0, None)]
    reader.fetcher.close()


async def test_without_a_policy_a_truncated_log_is_an_error() -> None:
    partition = Partition(2, 2, 2)
    reader = Reader(partition, auto_offset_reset="none")
    reader.fetcher.add({T0: position(3, 2)})
    partition.elect(1, 3, adds=1)

    with pytest.raises(LogTruncated) as raised:
        await reader.read(1)

    assert str(raised.value) == (
        "Truncated partitions detected with divergent offsets "
        "{t-0=OffsetAndMetadata{offset=1, leaderEpoch=2, metadata=''}}"
    )
    reader.fetcher.close()


async def test_a_leader_that_cannot_tell_yet_is_asked_again() -> None:
    partition = Partition(2, 2, 3)
    partition.errors = [
        ErrorCode.unknown_leader_epoch,
        ErrorCode.not_leader_or_follower,
        ErrorCode.offset_not_available,
    ]
    reader = Reader(partition)
    reader.fetcher.add({T0: position(1, 2)})

    assert await reader.read(2) == [(1, "a"), (2, "a")]
    assert len(asked(partition)) == 4  # with the one that is answered
    reader.fetcher.close()


async def test_a_topic_that_may_not_be_read_is_reported() -> None:
    partition = Partition(2, 2)
    partition.errors = [ErrorCode.topic_authorization_failed]
    reader = Reader(partition)
    reader.fetcher.add({T0: position(1, 1)})

    with pytest.raises(ApiError, match="Topic authorization failed"):
        await reader.read(1)
    reader.fetcher.close()


async def test_metadata_that_are_older_than_the_last_are_not_followed() -> None:
    partition = Partition(2, 2)
    reader = Reader(partition)
    reader.fetcher.add({T0: position(0, None)})
    await reader.read(2)
    answers = iter([1, 1, 3])
    metadata = partition.session.metadata

    async def stale(*given: Any, **named: Any) -> Any:
        partition.session.leader_epoch = next(answers, 3)
        return await metadata(*given, **named)

    partition.session.metadata = stale  # type: ignore[method-assign]
    partition.elect(2, 3, adds=1)

    assert await reader.read(1) == [(2, "b")]
    assert {epoch for epoch, _ in partition.fetches} == {2, 3}
    reader.fetcher.close()


async def test_a_leader_too_old_to_be_asked_counts_as_having_everything() -> None:
    session = FakeSession({OffsetForLeaderEpochRequest: lambda _: VersionUnsupported("no such API")})
    wanted = {T0: LedPosition(position(7, 2), BrokerId(0), LeaderEpoch(3))}

    assert await epoch_ends(session, wanted) == {T0: position(7, 2)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("end", "expected"),
    [(position(7, 2), False), (position(9, 2), False), (position(6, 1), True), (None, True)],
)
def test_records_are_lost_where_their_epoch_ends_before_the_position(end: Position | None, expected: bool) -> None:
    assert is_truncated(position(7, 2), end) is expected


def test_an_error_names_no_offset_where_none_is_known() -> None:
    assert truncation_text(T0, None) == "Truncated partitions detected with divergent offsets {}"
