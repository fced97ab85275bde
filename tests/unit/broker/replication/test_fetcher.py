"""A fetcher with a real log against a leader that answers what the test says."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.list_offsets.v9.response import (
    ListOffsetsPartitionResponse,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)

from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.quotas.rates import Windows
from pykafka_cli.broker.quotas.replication_quotas import FOLLOWER_RATE, ReplicationQuota
from pykafka_cli.broker.replication.fetcher import FetchLimits, LeaderFetcher
from pykafka_cli.broker.replication.partition import Partition
from pykafka_cli.broker.replication.peers import BrokerEndpoint
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.model import BrokerEpoch, TopicPartition
from pykafka_cli.protocol.hot_path import fetch
from pykafka_cli.protocol.hot_path.fetch import EpochEndOffset, FetchPartitionResponse
from pykafka_cli.transport.errors import BrokerUnreachable, ConnectionLost
from tests.fakes.clock import FakeClock
from tests.fakes.files import MemoryFiles
from tests.fakes.isr_updates import FakeIsrUpdates
from tests.support.event_loop import settle
from tests.support.leadership import STATE
from tests.support.logs import batch, broker_settings, open_log

TOPIC_ID = uuid.UUID(int=5)
BACKOFF = 1.0
ENDPOINT = BrokerEndpoint(2, "b2", 9002)


class ScriptedLeader:
    """Each fetch is put into `asked` and answered when the test calls `answer`."""

    def __init__(self) -> None:
        self.asked: list[fetch.FetchRequest] = []
        self.connections = 0
        self.offsets = {-1: 0, -2: 0}
        self.list_offsets_error = ErrorCode.none
        self.is_reachable = True
        self.is_open = True
        self._waiting: asyncio.Future[memoryview] | None = None

    async def connect(self, endpoint: BrokerEndpoint, client_id: str) -> "ScriptedLeader":
        assert (endpoint, client_id) == (ENDPOINT, "broker-1-fetcher-0")
        if not self.is_reachable:
            raise BrokerUnreachable("nobody listens")
        self.connections += 1
        self.is_open = True
        return self

    def close(self) -> None:
        self.is_open = False

    async def request_raw(self, api_key: int, version: int, header_version: int, body: bytes) -> memoryview:
        assert (api_key, version, header_version) == (1, 17, 2)
        self.asked.append(fetch.decode_request(memoryview(body), 0, 17))
        self._waiting = asyncio.get_running_loop().create_future()
        return await self._waiting

    async def request(self, request: Any) -> ListOffsetsResponse:
        (topic,) = request.topics
        (wanted,) = topic.partitions
        answer = ListOffsetsPartitionResponse(
            partition_index=wanted.partition_index,
            error_code=self.list_offsets_error,
            offset=self.offsets[wanted.timestamp],
        )
        return ListOffsetsResponse(
            throttle_time=timedelta(), topics=(ListOffsetsTopicResponse(name=topic.name, partitions=(answer,)),)
        )

    async def answer(
        self, *partitions: fetch.FetchPartitionResponse, error: ErrorCode = ErrorCode.none, session_id: int = 9
    ) -> None:
        topics = [fetch.FetchTopicResponse(None, TOPIC_ID, list(partitions))] if partitions else []
        response = fetch.FetchResponse(topics, error_code=error, session_id=session_id)
        await self.answer_raw(memoryview(b"".join(fetch.encode_response(response, 17))))

    async def answer_raw(self, data: memoryview | Exception) -> None:
        assert self._waiting is not None
        if isinstance(data, Exception):
            self._waiting.set_exception(data)
        else:
            self._waiting.set_result(data)
        await settle()

    @property
    def wanted(self) -> dict[int, fetch.FetchPartition]:
        """What the last fetch named."""
        return {each.partition: each for topic in self.asked[-1].topics for each in topic.partitions}


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.leader = ScriptedLeader()
        self.fetcher = LeaderFetcher(
            ENDPOINT,
            replica_id=1,
            client_id="broker-1-fetcher-0",
            limits=FetchLimits(500, 1, 10_000_000, 1_000_000, BACKOFF),
            broker_epoch=lambda: BrokerEpoch(44),
            connect=self.leader.connect,
            clock=self.clock,
            quota=ReplicationQuota(broker_settings(), self.clock, FOLLOWER_RATE, Windows()),
        )

    def partition(self, index: int = 0, leader_epoch: int = 1) -> Partition:
        partition = Partition(
            TopicPartition("t", index),
            broker_id=1,
            max_lag=30,
            clock=self.clock,
            waiting=WaitingRoom(self.clock),
            isr_updates=FakeIsrUpdates(),
            is_alive=lambda _: True,
        )
        log = open_log(MemoryFiles(), clock=self.clock)
        log.topic_id = TOPIC_ID
        self.become_follower(partition, log, leader_epoch)
        return partition

    @staticmethod
    def become_follower(partition: Partition, log: PartitionLog, leader_epoch: int) -> None:
        from dataclasses import replace

        state = replace(STATE, leader=2, leader_epoch=leader_epoch, partition_epoch=leader_epoch)
        partition.follow(state, lambda: log)

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await settle()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    bench.fetcher.start()
    yield bench
    bench.fetcher.close()
    await bench.fetcher.ended()


def records(*values: bytes, base_offset: int = 0, leader_epoch: int = 1) -> bytes:
    data = batch(*values, leader_epoch=leader_epoch)
    data[:8] = base_offset.to_bytes(8)
    return bytes(data)


def fetched(
    index: int = 0, data: bytes = b"", *, mark: int = 0, error: ErrorCode = ErrorCode.none, **fields: EpochEndOffset
) -> FetchPartitionResponse:
    return fetch.FetchPartitionResponse(index, error, high_watermark=mark, log_start_offset=0, records=data, **fields)


async def followed(bench: Bench, index: int = 0) -> Partition:
    partition = bench.partition(index)
    bench.fetcher.follow(partition)
    await settle()
    return partition


async def test_the_request_says_who_fetches_and_what_it_has(bench: Bench) -> None:
    await followed(bench)

    request = bench.leader.asked[0]
    assert (request.replica_id, request.replica_epoch) == (1, 44)
    assert (request.max_wait_ms, request.min_bytes, request.max_bytes) == (500, 1, 10_000_000)
    assert (request.session_id, request.session_epoch) == (0, 0)
    assert bench.leader.wanted[0] == fetch.FetchPartition(0, 0, 1_000_000, 1, -1, 0)


async def test_what_comes_is_appended_and_the_next_fetch_continues_from_there(bench: Bench) -> None:
    partition = await followed(bench)

    await bench.leader.answer(fetched(0, records(b"a", b"b"), mark=1))

    assert (partition.log.log_end, partition.log.high_watermark) == (2, 1)
    assert (bench.leader.asked[1].session_id, bench.leader.asked[1].session_epoch) == (9, 1)
    assert (bench.leader.wanted[0].fetch_offset, bench.leader.wanted[0].last_fetched_epoch) == (2, 1)


async def test_a_partition_that_comes_during_a_fetch_is_in_the_next_one(bench: Bench) -> None:
    await followed(bench, 0)
    await followed(bench, 1)
    assert len(bench.leader.asked) == 1

    await bench.leader.answer(fetched(0))

    assert list(bench.leader.wanted) == [1]


async def test_a_dropped_partition_is_forgotten_and_what_was_under_way_is_thrown_away(bench: Bench) -> None:
    gone, stays = await followed(bench, 0), await followed(bench, 1)
    bench.fetcher.drop([gone.topic_partition])

    await bench.leader.answer(fetched(0, records(b"a")))
    assert gone.log.log_end == 0
    await bench.leader.answer()

    assert stays.log is not None
    assert len(bench.fetcher) == 1


async def test_an_answer_from_before_a_new_leader_epoch_is_thrown_away(bench: Bench) -> None:
    partition = await followed(bench)
    bench.fetcher.drop([partition.topic_partition])
    bench.become_follower(partition, partition.log, leader_epoch=2)
    bench.fetcher.follow(partition)

    await bench.leader.answer(fetched(0, records(b"a")))

    assert partition.log.log_end == 0
    assert bench.leader.wanted[0].current_leader_epoch == 2


async def test_an_evicted_session_is_opened_again_at_once(bench: Bench) -> None:
    await followed(bench)
    await bench.leader.answer(fetched(0))

    await bench.leader.answer(error=ErrorCode.fetch_session_id_not_found, session_id=0)

    assert (bench.leader.asked[-1].session_id, bench.leader.asked[-1].session_epoch) == (0, 0)
    assert list(bench.leader.wanted) == [0]


@pytest.mark.parametrize("trouble", [ConnectionLost("gone"), memoryview(b"\x01\x02")])
async def test_after_a_lost_answer_or_garbage_it_rests_and_starts_over(
    bench: Bench, trouble: memoryview | ConnectionLost
) -> None:
    await followed(bench)
    await bench.leader.answer(fetched(0))

    await bench.leader.answer_raw(trouble)
    assert len(bench.leader.asked) == 2
    await bench.advance(BACKOFF)

    assert bench.leader.connections == 2
    assert (bench.leader.asked[-1].session_id, bench.leader.asked[-1].session_epoch) == (9, 0)
    assert list(bench.leader.wanted) == [0]


async def test_a_leader_that_cannot_be_reached_is_tried_again(bench: Bench) -> None:
    bench.leader.is_reachable = False
    await followed(bench)
    assert not bench.leader.asked

    bench.leader.is_reachable = True
    await bench.advance(BACKOFF)

    assert len(bench.leader.asked) == 1


async def test_a_leader_that_is_gone_makes_one_line_until_it_responds_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.leader.is_reachable = False
    await followed(bench)
    for _ in range(5):
        await bench.advance(BACKOFF)
    assert caplog.text.count("retrying until it responds again") == 1

    bench.leader.is_reachable = True
    await bench.advance(BACKOFF)
    await bench.leader.answer()
    bench.leader.is_reachable = False
    await bench.leader.answer_raw(ConnectionLost("the leader hung up"))

    assert caplog.text.count("retrying until it responds again") == 2


@pytest.mark.parametrize(
    "error",
    [
        ErrorCode.unknown_leader_epoch,
        ErrorCode.not_leader_or_follower,
        ErrorCode.unknown_topic_or_partition,
        ErrorCode.unknown_topic_id,
        ErrorCode.unknown_server_error,
    ],
)
async def test_a_partition_in_trouble_rests_while_the_others_continue(bench: Bench, error: ErrorCode) -> None:
    await followed(bench, 0)
    await followed(bench, 1)
    await bench.leader.answer(fetched(0))

    await bench.leader.answer(fetched(0, error=error), fetched(1))
    resting = [each.partitions for each in bench.leader.asked[-1].forgotten]
    await bench.leader.answer(fetched(1))
    await bench.advance(BACKOFF)
    await bench.leader.answer(fetched(1))

    assert resting == [[0]]
    assert list(bench.leader.wanted) == [0]


async def test_partitions_of_a_topic_in_the_same_trouble_are_one_line_in_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pykafka_cli.broker.replication.fetcher")
    troubles = [fetched(index, error=ErrorCode.unknown_topic_id) for index in (0, 1)]
    await followed(bench, 0)
    await followed(bench, 1)
    await bench.leader.answer(fetched(0))

    await bench.leader.answer(*troubles)
    await bench.advance(BACKOFF)
    await bench.leader.answer(*troubles)

    assert [record.getMessage() for record in caplog.records] == [
        "t: the leader answers with unknown_topic_id in 2 partitions: 0, 1"
    ]


async def test_a_fenced_partition_waits_for_the_controller(bench: Bench) -> None:
    await followed(bench)

    await bench.leader.answer(fetched(0, error=ErrorCode.fenced_leader_epoch))
    await bench.advance(10 * BACKOFF)

    assert len(bench.fetcher) == 0


async def test_broken_records_are_fetched_again(bench: Bench) -> None:
    partition = await followed(bench)
    broken = bytearray(records(b"a"))
    broken[-1] ^= 1

    await bench.leader.answer(fetched(0, bytes(broken)))
    await bench.advance(BACKOFF)
    await bench.leader.answer()
    await bench.leader.answer(fetched(0, records(b"a")))

    assert partition.log.log_end == 1


async def test_a_partition_whose_log_fails_is_dropped(bench: Bench) -> None:
    partition = await followed(bench)
    partition.log.take_offline()

    await bench.leader.answer(fetched(0, records(b"a")))

    assert len(bench.fetcher) == 0


async def test_a_diverging_epoch_cuts_the_log(bench: Bench) -> None:
    partition = bench.partition()
    partition.append_from_leader(
        memoryview(records(b"a", b"b", leader_epoch=0)), leader_high_watermark=0, leader_log_start=0
    )
    bench.fetcher.follow(partition)
    await settle()

    await bench.leader.answer(fetched(0, diverging_epoch=fetch.EpochEndOffset(0, 0)))

    assert partition.log.log_end == 0
    assert bench.leader.wanted[0].fetch_offset == 0


async def out_of_range(bench: Bench, partition: Partition, *, start: int, end: int) -> None:
    bench.leader.offsets = {-1: end, -2: start}
    bench.fetcher.follow(partition)
    await settle()
    await bench.leader.answer(fetched(0, error=ErrorCode.offset_out_of_range))


@pytest.mark.parametrize(
    ("leader_start", "leader_end", "then_at"),
    [(0, 1, 1), (5, 9, 5)],
    ids=["leader is shorter", "leader has deleted it"],
)
async def test_out_of_range_finds_the_place_where_the_leader_can_serve(
    bench: Bench, leader_start: int, leader_end: int, then_at: int
) -> None:
    partition = bench.partition()
    for offset in (0, 1):
        partition.append_from_leader(
            memoryview(records(b"v", base_offset=offset)), leader_high_watermark=0, leader_log_start=0
        )

    await out_of_range(bench, partition, start=leader_start, end=leader_end)

    assert partition.log.log_end == then_at
    assert bench.leader.wanted[0].fetch_offset == then_at


async def test_out_of_range_of_a_leader_that_has_the_place_again_is_asked_later(bench: Bench) -> None:
    partition = bench.partition()
    await out_of_range(bench, partition, start=0, end=9)
    await bench.leader.answer()
    await bench.advance(BACKOFF)

    assert partition.log.log_end == 0
    assert bench.leader.wanted[0].fetch_offset == 0


async def test_out_of_range_rests_when_the_leader_does_not_say_where_it_is(bench: Bench) -> None:
    bench.leader.list_offsets_error = ErrorCode.not_leader_or_follower
    partition = bench.partition()
    await out_of_range(bench, partition, start=5, end=9)
    assert partition.log.log_end == 0
    asked = len(bench.leader.asked)

    bench.leader.list_offsets_error = ErrorCode.none
    await bench.leader.answer()
    await bench.advance(BACKOFF)

    assert len(bench.leader.asked) > asked


async def test_closing_gives_back_what_was_followed(bench: Bench) -> None:
    partition = await followed(bench)

    assert bench.fetcher.close() == [partition]
    assert not bench.leader.is_open
