"""The consumer, its fetcher and its membership, against a scripted coordinator and log."""

import asyncio
import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.fetch.v12.request import FetchRequest
from kio.schema.fetch.v12.response import FetchableTopicResponse, FetchResponse, PartitionData
from kio.schema.find_coordinator.v6.request import FindCoordinatorRequest
from kio.schema.find_coordinator.v6.response import Coordinator as KioCoordinator
from kio.schema.find_coordinator.v6.response import FindCoordinatorResponse
from kio.schema.heartbeat.v4.request import HeartbeatRequest
from kio.schema.heartbeat.v4.response import HeartbeatResponse
from kio.schema.join_group.v9.request import JoinGroupRequest
from kio.schema.join_group.v9.response import JoinGroupResponse, JoinGroupResponseMember
from kio.schema.leave_group.v5.request import LeaveGroupRequest
from kio.schema.leave_group.v5.response import LeaveGroupResponse
from kio.schema.list_offsets.v9.request import ListOffsetsRequest
from kio.schema.list_offsets.v9.response import (
    ListOffsetsPartitionResponse,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)
from kio.schema.offset_commit.v9.request import OffsetCommitRequest
from kio.schema.offset_commit.v9.response import (
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
)
from kio.schema.offset_fetch.v8.request import OffsetFetchRequest
from kio.schema.offset_fetch.v8.response import (
    OffsetFetchResponse,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartitions,
    OffsetFetchResponseTopics,
)
from kio.schema.sync_group.v5.request import SyncGroupRequest
from kio.schema.sync_group.v5.response import SyncGroupResponse
from kio.schema.types import BrokerId, GroupId
from kio.static.primitive import Records, i32, i32Timedelta, i64

from pykafka_cli.clients.consuming.consumer import Consumer
from pykafka_cli.clients.consuming.fetcher import NoOffset
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.member_messages import decode_assignment, encode_assignment
from pykafka_cli.model import LeaderEpoch, Offset, OffsetSpec, Seconds, Timestamp, TopicPartition
from pykafka_cli.properties.consumer import ConsumerSettings
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.protocol.records.batch import CorruptRecords
from pykafka_cli.protocol.records.record import Record, build_batch
from tests.fakes.clock import forward
from tests.fakes.cluster import FakeSession
from tests.support.event_loop import settle, until
from tests.support.polling import PATIENCE_S

NO_TIME = i32Timedelta.parse(datetime.timedelta())
T0, T1, T2 = (TopicPartition("t", index) for index in range(3))
QUICK = {
    "group.id": "g", "auto.offset.reset": "earliest", "heartbeat.interval.ms": "1", "retry.backoff.ms": "1",
    "metadata.max.age.ms": "60000",
}  # fmt: skip


class Cluster:
    """One broker: logs of one batch a record, a group whose other members are whatever a test says."""

    def __init__(self, **partitions: int) -> None:
        self.logs = {TopicPartition(name, index): 0 for name, count in partitions.items() for index in range(count)}
        self.committed: dict[TopicPartition, Offset] = {}
        self.commits: list[dict[TopicPartition, Offset]] = []
        self.joins = self.generation = 0
        self.others: list[JoinGroupResponseMember] = []
        self.errors: dict[type[Any], list[ErrorCode]] = {}
        """What the next requests of a kind are answered with."""
        self.fetch_errors: list[ErrorCode] = []
        """What the next Fetch requests are answered with as a whole, without a word about partitions."""
        self.data: bytes | None = None
        """Instead of the log's records."""
        self.turns_to_list_offsets = 0
        """How often the loop turns until a question for offsets is answered: others find something to wait for."""
        self.nearest = -1
        """The replica that the leader, broker 0, sends consumers to."""
        self.fetched_from: list[int | None] = []
        self.left = asyncio.Event()
        self.produced = asyncio.Event()
        self.session = FakeSession(
            {
                FetchRequest: self.fetch,
                FindCoordinatorRequest: self.find_coordinator,
                HeartbeatRequest: lambda request: HeartbeatResponse(
                    throttle_time=NO_TIME, error_code=self._error(request)
                ),
                JoinGroupRequest: self.join,
                LeaveGroupRequest: self.leave,
                ListOffsetsRequest: self.list_offsets,
                OffsetCommitRequest: self.commit,
                OffsetFetchRequest: self.fetch_offsets,
                SyncGroupRequest: self.sync,
            },
            partitions,
        )
        self.synced: dict[str, bytes] = {}

    def _error(self, request: Any) -> ErrorCode:
        waiting = self.errors.get(type(request), [])
        return waiting.pop(0) if waiting else ErrorCode.none

    def add(self, partition: TopicPartition, count: int) -> None:
        self.logs[partition] += count
        self.produced.set()

    async def fetch(self, request: FetchRequest) -> FetchResponse:
        if self.fetch_errors:
            return FetchResponse(throttle_time=NO_TIME, error_code=self.fetch_errors.pop(0), responses=())
        answers = []
        code = self._error(request)
        self.fetched_from.append(self.session.asked_broker)
        sent_away = self.nearest >= 0 and self.session.asked_broker == 0
        if code is ErrorCode.none and not any(
            self._records(topic, part) for topic in request.topics for part in topic.partitions
        ):
            self.produced.clear()
            await self.produced.wait()
        for topic in request.topics:
            parts = [
                PartitionData(
                    partition_index=part.partition, error_code=code, high_watermark=i64(0), aborted_transactions=None,
                    records=Records(self._records(topic, part) if code is ErrorCode.none and not sent_away else b""),
                    preferred_read_replica=BrokerId(self.nearest if sent_away else -1),
                )
                for part in topic.partitions
            ]  # fmt: skip
            answers.append(FetchableTopicResponse(topic=topic.topic, partitions=tuple(parts)))
        return FetchResponse(throttle_time=NO_TIME, error_code=ErrorCode.none, responses=tuple(answers))

    def _records(self, topic: Any, part: Any) -> bytes:
        if self.data is not None:
            return self.data
        end = self.logs[TopicPartition(topic.topic, int(part.partition))]
        records = [
            Record(Offset(offset), Timestamp(1), None, b"%d" % offset) for offset in range(int(part.fetch_offset), end)
        ]
        return bytes(build_batch(records, leader_epoch=LeaderEpoch(3))) if records else b""

    def find_coordinator(self, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
        (key,) = request.coordinator_keys
        found = KioCoordinator(
            key=key, node_id=BrokerId(0), host="fake", port=i32(1), error_code=self._error(request), error_message=None
        )
        return FindCoordinatorResponse(throttle_time=NO_TIME, coordinators=(found,))

    def join(self, request: JoinGroupRequest) -> JoinGroupResponse:
        self.joins += 1
        code = self._error(request)
        if code is ErrorCode.none and not request.member_id:
            code = ErrorCode.member_id_required
        self.generation += code is ErrorCode.none
        me = JoinGroupResponseMember(
            member_id="me", group_instance_id=request.group_instance_id, metadata=request.protocols[0].metadata
        )
        return JoinGroupResponse(
            throttle_time=NO_TIME,
            error_code=code,
            generation_id=i32(self.generation),
            protocol_type="consumer",
            protocol_name=request.protocols[0].name,
            leader="me",
            member_id="me",
            members=(me, *self.others),
        )

    def sync(self, request: SyncGroupRequest) -> SyncGroupResponse:
        code = self._error(request)
        self.synced = {each.member_id: bytes(each.assignment) for each in request.assignments}
        return SyncGroupResponse(
            throttle_time=NO_TIME, error_code=code, protocol_type="consumer", protocol_name=request.protocol_name,
            assignment=self.synced.get("me", b""),
        )  # fmt: skip

    def leave(self, _request: LeaveGroupRequest) -> LeaveGroupResponse:
        self.left.set()
        return LeaveGroupResponse(throttle_time=NO_TIME, error_code=ErrorCode.none, members=())

    async def list_offsets(self, request: ListOffsetsRequest) -> ListOffsetsResponse:
        for _ in range(self.turns_to_list_offsets):
            await asyncio.sleep(0)
        code = self._error(request)
        topics = []
        for topic in request.topics:
            parts = [
                ListOffsetsPartitionResponse(
                    partition_index=part.partition_index,
                    error_code=code,
                    offset=i64(
                        0 if part.timestamp == -2 else self.logs[TopicPartition(topic.name, int(part.partition_index))]
                    ),
                )
                for part in topic.partitions
            ]
            topics.append(ListOffsetsTopicResponse(name=topic.name, partitions=tuple(parts)))
        return ListOffsetsResponse(throttle_time=NO_TIME, topics=tuple(topics))

    def commit(self, request: OffsetCommitRequest) -> OffsetCommitResponse:
        code = self._error(request)
        offsets = {
            TopicPartition(topic.name, int(part.partition_index)): Offset(part.committed_offset)
            for topic in request.topics
            for part in topic.partitions
        }
        if code is ErrorCode.none:
            self.commits.append(offsets)
            self.committed |= offsets
        return OffsetCommitResponse(
            throttle_time=NO_TIME,
            topics=tuple(
                OffsetCommitResponseTopic(
                    name=topic.name,
                    partitions=tuple(
                        OffsetCommitResponsePartition(partition_index=part.partition_index, error_code=code)
                        for part in topic.partitions
                    ),
                )
                for topic in request.topics
            ),
        )

    def fetch_offsets(self, request: OffsetFetchRequest) -> OffsetFetchResponse:
        (group,) = request.groups
        topics = tuple(
            OffsetFetchResponseTopics(
                name=topic.name,
                partitions=tuple(
                    OffsetFetchResponsePartitions(
                        partition_index=index,
                        committed_offset=i64(self.committed.get(TopicPartition(topic.name, int(index)), -1)),
                        committed_leader_epoch=i32(-1),
                        metadata="",
                        error_code=ErrorCode.none,
                    )
                    for index in topic.partition_indexes
                ),
            )
            for topic in group.topics or ()
        )
        found = OffsetFetchResponseGroup(group_id=GroupId("g"), topics=topics, error_code=self._error(request))
        return OffsetFetchResponse(throttle_time=NO_TIME, groups=(found,))


class Reader:
    """A consumer with what it said."""

    def __init__(self, cluster: Cluster, **settings: str) -> None:
        self.warnings: list[str] = []
        self.assigned: list[list[TopicPartition]] = []
        self.revoked: list[list[TopicPartition]] = []
        properties = QUICK | {name.replace("_", "."): value for name, value in settings.items()}
        self.consumer = Consumer(
            cluster.session,  # type: ignore[arg-type]
            ConsumerSettings(properties),
            warn=self.warnings.append,
            on_assigned=lambda partitions: self.assigned.append(list(partitions)),
            on_revoked=lambda partitions: self.revoked.append(list(partitions)),
        )

    async def read(self, count: int) -> dict[TopicPartition, list[int]]:
        """Offsets of at least `count` records, by partition, all of them used."""
        found: dict[TopicPartition, list[int]] = {}
        while sum(map(len, found.values())) < count:
            fetched = await self.consumer.poll(Seconds(10))
            assert fetched, f"nothing more came after {found}"
            found.setdefault(fetched.partition, []).extend(record.offset for record in fetched.records)
            self.consumer.used(fetched)
        return found

    async def poll_until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await self.consumer.poll(Seconds(0.001))


async def test_a_lone_member_reads_all_partitions_and_commits_what_it_used() -> None:
    cluster = Cluster(t=3)
    for partition, count in ((T0, 2), (T1, 1)):
        cluster.add(partition, count)
    reader = Reader(cluster)
    await reader.consumer.subscribe(["t"])

    assert await reader.read(3) == {T0: [0, 1], T1: [0]}
    await reader.consumer.close()

    assert cluster.committed == {T0: 2, T1: 1, T2: 0}  # a position counts even where nothing was read, as in Kafka
    assert (reader.assigned, reader.revoked) == ([[T0, T1, T2]], [[T0, T1, T2]])
    assert cluster.left.is_set()
    assert cluster.joins == 2  # the first learns the member's id (KIP-394)


async def test_reading_continues_where_the_group_was() -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 5)
    cluster.committed[T0] = Offset(3)
    reader = Reader(cluster)
    await reader.consumer.subscribe(["t"])

    assert await reader.read(2) == {T0: [3, 4]}
    await reader.consumer.close()


async def test_only_what_was_used_of_a_fetch_is_committed() -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 5)
    reader = Reader(cluster)
    await reader.consumer.subscribe(["t"])

    fetched = await reader.consumer.poll(Seconds(10))
    assert fetched
    reader.consumer.used(fetched, 2)
    await reader.consumer.close()

    assert cluster.committed == {T0: 2}


async def test_without_auto_commit_nothing_is_committed() -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 1)
    reader = Reader(cluster, enable_auto_commit="false")
    await reader.consumer.subscribe(["t"])

    await reader.read(1)
    await reader.consumer.close()

    assert cluster.commits == []
    assert cluster.left.is_set()


async def test_positions_are_committed_now_and_then_and_only_when_they_moved() -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 1)
    reader = Reader(cluster, auto_commit_interval_ms="1")
    await reader.consumer.subscribe(["t"])

    await reader.read(1)
    await reader.poll_until(lambda: cluster.committed == {T0: 1})
    before = len(cluster.commits)
    for _ in range(5):
        await reader.consumer.poll(Seconds(0.002))

    assert len(cluster.commits) == before
    await reader.consumer.close()


async def test_a_rebalance_takes_partitions_after_committing_and_gives_others() -> None:
    cluster = Cluster(t=2)
    cluster.add(T0, 1)
    cluster.add(T1, 1)
    reader = Reader(cluster, partition_assignment_strategy="range")
    await reader.consumer.subscribe(["t"])
    await reader.read(2)

    metadata = (
        cluster.session.asked[
            next(i for i, request in enumerate(cluster.session.asked) if isinstance(request, JoinGroupRequest))
        ]
        .protocols[0]
        .metadata
    )
    cluster.others = [JoinGroupResponseMember(member_id="another", group_instance_id=None, metadata=metadata)]
    cluster.errors[HeartbeatRequest] = [ErrorCode.rebalance_in_progress]
    await reader.poll_until(lambda: len(reader.assigned) == 2)

    assert cluster.committed == {T0: 1, T1: 1}
    assert reader.revoked == [[T0, T1]]
    assert reader.assigned[1] == [T1]  # "another" comes before "me"
    assert decode_assignment(cluster.synced["another"]) == [T0]
    await reader.consumer.close()


async def test_cooperation_keeps_what_does_not_move() -> None:
    cluster = Cluster(t=2)
    reader = Reader(cluster, partition_assignment_strategy="cooperative-sticky")
    await reader.consumer.subscribe(["t"])
    await reader.poll_until(lambda: reader.assigned == [[T0, T1]])

    cluster.errors[HeartbeatRequest] = [ErrorCode.rebalance_in_progress]
    cluster.sync = lambda request: SyncGroupResponse(  # type: ignore[method-assign]
        throttle_time=NO_TIME, error_code=ErrorCode.none, protocol_type="consumer",
        protocol_name=request.protocol_name, assignment=encode_assignment([T1]),
    )  # fmt: skip
    cluster.session.answers[SyncGroupRequest] = cluster.sync
    await reader.poll_until(lambda: len(reader.assigned) == 3)

    assert reader.revoked == [[T0]]
    assert reader.consumer.assignment == [T1]
    await reader.consumer.close()


@pytest.mark.parametrize("code", [ErrorCode.unknown_member_id, ErrorCode.illegal_generation])
async def test_a_member_that_the_group_forgot_rejoins_and_commits_nothing_stale(code: ErrorCode) -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 1)
    reader = Reader(cluster)
    await reader.consumer.subscribe(["t"])
    await reader.read(1)

    cluster.errors[HeartbeatRequest] = [code]
    await reader.poll_until(lambda: len(reader.assigned) == 2)

    assert cluster.commits == []
    assert cluster.joins == 4
    await reader.consumer.close()


@pytest.mark.parametrize(
    ("request_type", "code"),
    [
        (JoinGroupRequest, ErrorCode.coordinator_load_in_progress),
        (JoinGroupRequest, ErrorCode.not_coordinator),
        (JoinGroupRequest, ErrorCode.rebalance_in_progress),
        (JoinGroupRequest, ErrorCode.unknown_member_id),
        (SyncGroupRequest, ErrorCode.rebalance_in_progress),
        (SyncGroupRequest, ErrorCode.unknown_member_id),
        (FindCoordinatorRequest, ErrorCode.coordinator_not_available),
        (OffsetFetchRequest, ErrorCode.coordinator_load_in_progress),
    ],
)
async def test_joining_puts_up_with_what_passes(request_type: type[Any], code: ErrorCode) -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 1)
    cluster.errors[request_type] = [code]
    reader = Reader(cluster)
    await reader.consumer.subscribe(["t"])

    assert await reader.read(1) == {T0: [0]}
    await reader.consumer.close()


@pytest.mark.parametrize("code", [ErrorCode.group_authorization_failed, ErrorCode.inconsistent_group_protocol])
async def test_a_group_that_rejects_the_member_is_an_error(code: ErrorCode) -> None:
    cluster = Cluster(t=1)
    cluster.errors[JoinGroupRequest] = [code]
    reader = Reader(cluster)
    await reader.consumer.subscribe(["t"])

    with pytest.raises(ApiError) as raised:
        await reader.poll_until(lambda: False)
    assert raised.value.code == code
    await reader.consumer.close()


async def test_a_static_member_does_not_leave() -> None:
    cluster = Cluster(t=1)
    reader = Reader(cluster, group_instance_id="one")
    await reader.consumer.subscribe(["t"])
    await reader.poll_until(lambda: bool(reader.assigned))

    await reader.consumer.close()

    assert not cluster.left.is_set()


async def test_a_member_that_polls_too_seldom_leaves_by_itself() -> None:
    cluster = Cluster(t=1)
    reader = Reader(cluster, max_poll_interval_ms="20")
    await reader.consumer.subscribe(["t"])
    await reader.poll_until(lambda: bool(reader.assigned))

    await asyncio.wait_for(cluster.left.wait(), PATIENCE_S)
    cluster.left.clear()
    await reader.poll_until(lambda: len(reader.assigned) == 2)
    await reader.consumer.close()


async def test_a_commit_that_is_rejected_is_a_warning() -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 1)
    reader = Reader(cluster)
    await reader.consumer.subscribe(["t"])
    await reader.read(1)

    cluster.errors[OffsetCommitRequest] = [ErrorCode.offset_metadata_too_large]
    await reader.consumer.close()

    assert "Offset commit failed" in reader.warnings[0]


async def test_a_topic_that_is_not_there_is_waited_for() -> None:
    cluster = Cluster()
    reader = Reader(cluster, metadata_max_age_ms="1", client_id="console-consumer")
    await reader.consumer.subscribe(["t"])
    await reader.poll_until(lambda: reader.assigned == [[]])

    cluster.logs[T0] = 0
    cluster.session.topics["t"] = 1
    cluster.add(T0, 1)

    assert await reader.read(1) == {T0: [0]}
    assert reader.warnings[0] == (
        "[Consumer clientId=console-consumer, groupId=g] The metadata response from the cluster reported a recoverable "
        "issue with correlation id 1 : {t=UNKNOWN_TOPIC_OR_PARTITION}"
    )
    await reader.consumer.close()


async def test_a_pattern_takes_whole_names_and_leaves_internal_topics_out() -> None:
    cluster = Cluster(in_a=1, in_b=1, in_bb=1, __in_=1)
    reader = Reader(cluster)
    await reader.consumer.subscribe(pattern=re.compile(".*in_.?"))
    await reader.poll_until(lambda: bool(reader.assigned))

    assert reader.assigned == [[TopicPartition("in_a", 0), TopicPartition("in_b", 0)]]
    await reader.consumer.close()


async def test_a_partition_of_ones_own_needs_no_group() -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 4)
    reader = Reader(cluster)
    reader.consumer.assign({T0: Offset(2)})

    assert await reader.read(2) == {T0: [2, 3]}
    assert cluster.joins == 0
    await reader.consumer.close()


@pytest.mark.parametrize(
    ("start", "offsets"), [(OffsetSpec.EARLIEST, [0, 1, 2]), (None, [0, 1, 2]), (OffsetSpec.LATEST, [3])]
)
async def test_reading_begins_at_an_end_of_the_log(start: OffsetSpec | None, offsets: list[int]) -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 3)
    reader = Reader(cluster)
    reader.consumer.assign({T0: start})
    if start is OffsetSpec.LATEST:
        await reader.poll_until(lambda: any(isinstance(each, FetchRequest) for each in cluster.session.asked))
        cluster.add(T0, 1)

    assert await reader.read(len(offsets)) == {T0: offsets}
    await reader.consumer.close()


async def test_an_offset_out_of_range_goes_where_the_policy_says() -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 2)
    cluster.errors[FetchRequest] = [ErrorCode.offset_out_of_range]
    reader = Reader(cluster)
    reader.consumer.assign({T0: Offset(1000)})

    assert await reader.read(2) == {T0: [0, 1]}
    await reader.consumer.close()


async def test_a_new_position_may_be_found_after_the_leaders_task_began_to_wait() -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 2)
    cluster.errors[FetchRequest] = [ErrorCode.offset_out_of_range]
    cluster.turns_to_list_offsets = 50
    reader = Reader(cluster, retry_backoff_ms="0")
    reader.consumer.assign({T0: Offset(1000)})

    assert await reader.read(2) == {T0: [0, 1]}
    await reader.consumer.close()


async def test_the_first_position_may_be_found_after_the_leader_was() -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 2)
    cluster.errors[ListOffsetsRequest] = [ErrorCode.unknown_topic_or_partition]  # as of a topic just created
    cluster.turns_to_list_offsets = 50
    reader = Reader(cluster, retry_backoff_ms="0")
    reader.consumer.assign({T0: None})

    assert await reader.read(2) == {T0: [0, 1]}
    await reader.consumer.close()


async def test_without_a_policy_a_missing_offset_is_an_error() -> None:
    cluster = Cluster(t=1)
    cluster.errors[FetchRequest] = [ErrorCode.offset_out_of_range]
    reader = Reader(cluster, auto_offset_reset="none")
    with pytest.raises(NoOffset, match="no reset policy"):
        reader.consumer.assign({T0: None})

    reader.consumer.assign({T0: Offset(7)})
    with pytest.raises(NoOffset, match="Fetch position 7 is out of range for partition t-0"):
        await reader.poll_until(lambda: False)
    await reader.consumer.close()


async def test_a_leader_that_could_not_see_a_topic_assigns_again_once_it_can() -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 1)
    cluster.session.topic_errors = [ErrorCode.unknown_topic_or_partition] * 2  # also when it is assigned
    reader = Reader(cluster, metadata_max_age_ms="1")
    await reader.consumer.subscribe(["t"])

    assert await reader.read(1) == {T0: [0]}
    await reader.consumer.close()


async def test_a_topic_that_appears_while_a_member_joins_is_read() -> None:
    """The member joins as one that does not know it, in several requests."""
    cluster = Cluster()
    reader = Reader(cluster, metadata_max_age_ms="1")
    await reader.consumer.subscribe(pattern=re.compile("t"))

    async def join(request: JoinGroupRequest) -> JoinGroupResponse:
        if not cluster.joins:
            cluster.logs[T0] = 0
            cluster.session.topics["t"] = 1
            cluster.add(T0, 1)
            seen = cluster.session.asked_topics.count(None)
            await until(lambda: cluster.session.asked_topics.count(None) > seen + 1)  # so it has noted what it was told
        return cluster.join(request)

    cluster.session.answers[JoinGroupRequest] = join

    assert await reader.read(1) == {T0: [0]}
    assert reader.assigned == [[], [T0]]
    await reader.consumer.close()


async def test_while_the_group_rebalances_waiting_for_it_is_all_that_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 1)
    reader = Reader(cluster)
    await reader.consumer.subscribe(["t"])
    await reader.read(1)
    cluster.session.answers[JoinGroupRequest] = lambda _: asyncio.Event().wait()
    fetches = len(cluster.fetched_from)
    cluster.add(T0, 1)  # comes just before the group rebalances, so there is something to take, which must not be taken
    await until(lambda: len(cluster.fetched_from) > fetches)
    cluster.errors[HeartbeatRequest] = [ErrorCode.rebalance_in_progress]
    await until(lambda: not cluster.errors[HeartbeatRequest])
    await settle()
    loop, looks_at_the_clock = asyncio.get_running_loop(), 0
    clock = loop.time

    def counted() -> float:
        nonlocal looks_at_the_clock
        looks_at_the_clock += 1
        return clock()

    monkeypatch.setattr(loop, "time", counted)
    assert await reader.consumer.poll(Seconds(0.05)) is None

    assert looks_at_the_clock < 100  # whoever spins looks some thousand times
    await reader.consumer.close()


async def test_a_leader_that_moved_is_looked_up() -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 1)
    cluster.errors[FetchRequest] = [ErrorCode.not_leader_or_follower]
    reader = Reader(cluster)
    reader.consumer.assign({T0: Offset(0)})

    assert await reader.read(1) == {T0: [0]}
    await reader.consumer.close()


async def test_a_later_leader_is_found_while_the_one_before_still_answers() -> None:
    cluster = Cluster(t=1)
    reader = Reader(cluster, metadata_max_age_ms="1")
    reader.consumer.assign({T0: Offset(0)})
    assert await reader.consumer.poll(Seconds(0.05)) is None
    assert cluster.fetched_from == [0]

    cluster.session.leader, cluster.session.leader_epoch = BrokerId(1), 1
    assert await reader.consumer.poll(Seconds(0.3)) is None

    assert cluster.fetched_from[-1] == 1
    await reader.consumer.close()


async def test_a_nearer_replica_is_asked_until_it_does_not_have_the_offset() -> None:
    cluster = Cluster(t=1)
    cluster.nearest = 1
    cluster.add(T0, 1)
    reader = Reader(cluster, client_rack="here")
    reader.consumer.assign({T0: Offset(0)})

    assert await reader.read(1) == {T0: [0]}
    assert cluster.fetched_from[:2] == [0, 1]

    cluster.errors[FetchRequest] = [ErrorCode.offset_out_of_range]
    cluster.nearest = -1
    cluster.add(T0, 1)
    assert await reader.read(1) == {T0: [1]}
    assert cluster.fetched_from[-1] == 0
    await reader.consumer.close()


async def test_the_leader_is_asked_again_after_a_while_who_is_nearest() -> None:
    cluster = Cluster(t=1)
    cluster.nearest = 1
    cluster.add(T0, 1)
    reader = Reader(cluster, client_rack="here", metadata_max_age_ms="60000")
    reader.consumer.assign({T0: Offset(0)})
    await reader.read(1)
    forward(asyncio.get_running_loop(), 60)  # the next request is under way already, the one after it asks the leader

    cluster.add(T0, 1)
    await reader.read(1)
    cluster.add(T0, 1)
    await reader.read(1)

    assert cluster.fetched_from[:5] == [0, 1, 1, 0, 1]
    await reader.consumer.close()


async def test_an_error_that_does_not_pass_is_reported() -> None:
    cluster = Cluster(t=1)
    cluster.errors[FetchRequest] = [ErrorCode.topic_authorization_failed]
    reader = Reader(cluster)
    reader.consumer.assign({T0: Offset(0)})

    with pytest.raises(ApiError, match="Topic authorization failed"):
        await reader.poll_until(lambda: False)
    await reader.consumer.close()


async def test_a_fetch_that_is_rejected_as_a_whole_is_asked_again_where_that_may_help() -> None:
    cluster = Cluster(t=1)
    cluster.add(T0, 1)
    cluster.fetch_errors = [ErrorCode.fetch_session_id_not_found, ErrorCode.inconsistent_topic_id]
    reader = Reader(cluster)
    reader.consumer.assign({T0: Offset(0)})

    assert await reader.read(1) == {T0: [0]}

    cluster.fetch_errors = [ErrorCode.cluster_authorization_failed]
    cluster.add(T0, 1)
    with pytest.raises(ApiError, match="Cluster authorization failed"):
        await reader.poll_until(lambda: False)
    await reader.consumer.close()


async def test_bytes_that_are_no_records_are_reported() -> None:
    cluster = Cluster(t=1)
    cluster.data = b"x" * 100
    reader = Reader(cluster)
    reader.consumer.assign({T0: Offset(0)})

    with pytest.raises(CorruptRecords, match="t-0"):
        await reader.poll_until(lambda: False)
    await reader.consumer.close()


async def test_nothing_within_the_time_is_none() -> None:
    reader = Reader(Cluster(t=1))
    reader.consumer.assign({T0: Offset(0)})

    assert await reader.consumer.poll(Seconds(0.001)) is None
    await reader.consumer.close()


def test_an_assignor_that_is_not_kafkas_is_rejected() -> None:
    from pykafka_cli.clients.consuming.group_member import assignor_names

    assert assignor_names(["org.apache.kafka.clients.consumer.StickyAssignor", "range"]) == ["sticky", "range"]
    with pytest.raises(ConfigError, match=r"Class foo\.Bar could not be found"):
        assignor_names(["foo.Bar"])
