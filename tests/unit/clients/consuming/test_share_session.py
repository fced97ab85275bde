"""A share session with one broker: epochs, acknowledgements, and gaps."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from kio.schema.errors import ErrorCode
from kio.schema.share_acknowledge.v1.request import ShareAcknowledgeRequest
from kio.schema.share_acknowledge.v1.response import ShareAcknowledgeResponse
from kio.schema.share_fetch.v1.request import ShareFetchRequest
from kio.schema.share_fetch.v1.response import (
    AcquiredRecords,
    LeaderIdAndEpoch,
    PartitionData,
    ShareFetchableTopicResponse,
    ShareFetchResponse,
)
from kio.schema.types import BrokerId
from kio.static.primitive import Records, i16, i32, i64

from pykafka_cli.clients.consuming.share_session import Acknowledgement, Acquired, ShareSession, batches_of
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.properties.consumer import ConsumerSettings
from tests.fakes.cluster import NO_TIME, FakeConnection, FakeSession

TOPIC = uuid.UUID(int=7)
ZERO = (TOPIC, 0)
NAMES = {TOPIC: "t"}


def batch(*offsets: int) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1000)
    for offset in offsets:
        builder.append(offset, 1_700_000_000_000, None, b"v%d" % offset, [])
    return bytes(builder.build())


def answered(
    *acquired: tuple[int, int, int],
    data: bytes = b"",
    code: ErrorCode = ErrorCode.none,
    of_partition: ErrorCode = ErrorCode.none,
) -> ShareFetchResponse:
    partition = PartitionData(
        partition_index=i32(0),
        error_code=of_partition,
        error_message=None,
        acknowledge_error_code=i16(0),
        acknowledge_error_message=None,
        current_leader=LeaderIdAndEpoch(leader_id=i32(0), leader_epoch=i32(0)),
        records=Records(data),
        acquired_records=tuple(
            AcquiredRecords(first_offset=i64(first), last_offset=i64(last), delivery_count=i16(count))
            for first, last, count in acquired
        ),
    )
    topic = ShareFetchableTopicResponse(topic_id=TOPIC, partitions=(partition,))
    return ShareFetchResponse(
        throttle_time=NO_TIME, error_code=code, error_message=None, acquisition_lock_timeout=NO_TIME,
        responses=(topic,), node_endpoints=(),
    )  # fmt: skip


class Broker:
    """Answers fetches in turn; `asked` has what each said of its epoch, partitions and acknowledgements."""

    def __init__(self, *answers: ShareFetchResponse) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[int, list[int], list[tuple[int, int, int]]]] = []
        handlers: Mapping[type[Any], Callable[[Any], Any]] = {
            ShareFetchRequest: self._fetch,
            ShareAcknowledgeRequest: self._acknowledge,
        }
        self._session = FakeSession(dict(handlers))

    def session(self) -> ShareSession:
        connection: Any = FakeConnection(self._session, BrokerId(0))
        return ShareSession(connection, "g", "m", ConsumerSettings({"group.id": "g"}))

    def _note(self, request: Any) -> None:
        partitions = [each for topic in request.topics for each in topic.partitions]
        said = [
            (int(batch.first_offset), int(batch.last_offset), int(batch.acknowledge_types[0]))
            for each in partitions
            for batch in each.acknowledgement_batches
        ]
        self.asked.append((int(request.share_session_epoch), [int(each.partition_index) for each in partitions], said))

    def _fetch(self, request: ShareFetchRequest) -> ShareFetchResponse:
        self._note(request)
        return self.answers.pop(0)

    def _acknowledge(self, request: ShareAcknowledgeRequest) -> ShareAcknowledgeResponse:
        self._note(request)
        return ShareAcknowledgeResponse(
            throttle_time=NO_TIME, error_code=ErrorCode.none, error_message=None, responses=(), node_endpoints=()
        )


async def fetched(session: ShareSession) -> list[Acquired]:
    acquired = await session.fetch(frozenset([ZERO]), NAMES)
    assert acquired is not None
    return acquired


async def test_what_is_acknowledged_goes_with_the_next_fetch_and_the_rest_with_the_end() -> None:
    broker = Broker(answered((0, 2, 1), data=batch(0, 1, 2)), answered())
    session = broker.session()

    (acquired,) = await fetched(session)
    session.acknowledge(ZERO, [0, 1], Acknowledgement.ACCEPT)
    await session.fetch(frozenset([ZERO]), NAMES)
    session.acknowledge(ZERO, [2], Acknowledgement.REJECT)
    await session.end(1)

    assert [(each.value, each.delivery_count) for each in acquired.records] == [(b"v0", 1), (b"v1", 1), (b"v2", 1)]
    assert broker.asked == [(0, [0], []), (1, [0], [(0, 1, 1)]), (-1, [0], [(2, 2, 3)])]


async def test_offsets_without_a_record_are_gaps_and_records_that_were_not_acquired_are_not_given() -> None:
    broker = Broker(answered((0, 3, 2), data=batch(0, 2, 5)), answered())
    session = broker.session()

    (acquired,) = await fetched(session)
    await session.fetch(frozenset([ZERO]), NAMES)

    assert [(each.offset, each.delivery_count) for each in acquired.records] == [(0, 2), (2, 2)]
    assert broker.asked[1][2] == [(1, 1, 0), (3, 3, 0)]


async def test_a_session_that_the_broker_has_lost_is_opened_again_without_acknowledgements() -> None:
    broker = Broker(answered((0, 0, 1), data=batch(0)), answered(code=ErrorCode.share_session_not_found), answered())
    session = broker.session()

    await session.fetch(frozenset([ZERO]), NAMES)
    assert await session.fetch(frozenset([ZERO]), NAMES) == []
    session.acknowledge(ZERO, [0], Acknowledgement.ACCEPT)
    await session.fetch(frozenset([ZERO]), NAMES)

    assert [(epoch, said) for epoch, _, said in broker.asked] == [(0, []), (1, []), (0, [])]


async def test_a_partition_that_has_moved_is_looked_for_and_another_error_is_raised() -> None:
    moved = Broker(answered(of_partition=ErrorCode.not_leader_or_follower))
    forbidden = Broker(answered(of_partition=ErrorCode.topic_authorization_failed))

    assert await moved.session().fetch(frozenset([ZERO]), NAMES) is None
    with pytest.raises(ApiError) as raised:
        await forbidden.session().fetch(frozenset([ZERO]), NAMES)
    assert raised.value.code == ErrorCode.topic_authorization_failed


async def test_nothing_is_sent_at_the_end_of_a_session_that_was_never_opened() -> None:
    broker = Broker()

    await broker.session().end(1)

    assert broker.asked == []


def test_consecutive_offsets_with_one_outcome_are_one_batch() -> None:
    accept, reject = Acknowledgement.ACCEPT, Acknowledgement.REJECT
    outcomes = {4: reject, 1: accept, 2: accept, 3: reject, 7: accept}

    assert batches_of(outcomes) == [(1, 2, accept), (3, 4, reject), (7, 7, accept)]
