"""Commits that arrive in one turn of the event loop: one batch, and an answer for each."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from pykafka_cli.broker.coordinator.group.coordinator import GroupCoordinator
from pykafka_cli.broker.coordinator.group.group import GroupState
from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.broker.coordinator.group.shard import Committer
from pykafka_cli.broker.errors import (
    CoordinatorNotAvailable,
    IllegalGeneration,
    InvalidCommitOffsetSize,
    NotCoordinator,
    NotEnoughReplicas,
    OffsetMetadataTooLarge,
    RequestTimedOut,
    UnknownMemberId,
)
from pykafka_cli.model import (
    CoordinatorEpoch,
    LeaderEpoch,
    Milliseconds,
    Offset,
    ProducerEpoch,
    ProducerId,
    ProducerIdAndEpoch,
    Timestamp,
    TopicPartition,
)
from pykafka_cli.properties.broker_keys.coordinator import CoordinatorKeys
from pykafka_cli.protocol.records.batch import walk
from pykafka_cli.protocol.records.record import read_records
from tests.fakes.replica_cluster import ReplicaCluster
from tests.support.coordinator_peer import OFFSETS, Peer, T, soon

PRODUCER = ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(2))


@pytest.fixture
async def peer() -> Peer:
    peer = Peer()
    await peer.start()
    return peer


def commit(
    peer: Peer, group: str, *, offset: int = 5, metadata: str = "", **arguments: Any
) -> Coroutine[Any, Any, Any]:
    value = OffsetCommitValue(offset=Offset(offset), metadata=metadata, commit_timestamp=peer.clock.now_ms())
    return peer.groups.commit(group, arguments.pop("committer", Committer()), {T: value}, **arguments)


async def together(*commits: Coroutine[Any, Any, Any]) -> list[Any]:
    """What each commit returned or raised; all begin in the same turn."""
    return await asyncio.gather(*commits, return_exceptions=True)


def kinds(outcomes: list[Any]) -> list[Any]:
    """The types of errors, of the whole request or of the partition; None for success."""
    found = [outcome if isinstance(outcome, Exception) else outcome[T] for outcome in outcomes]
    return [None if error is None else type(error) for error in found]


def batches(peer: Peer) -> list[int]:
    """How many records each batch of the log has."""
    return [header.record_count for _, header in walk(peer.writer.log(OFFSETS))]


async def test_commits_of_one_turn_are_one_batch(peer: Peer) -> None:
    outcomes = await together(*(commit(peer, f"g{number}", offset=number) for number in range(5)))

    assert kinds(outcomes) == [None] * 5
    assert batches(peer) == [5]
    log = peer.writer.log(OFFSETS)
    assert [(record.offset, record.timestamp) for record in read_records(log)] == [
        (number, peer.clock.now_ms()) for number in range(5)
    ]


async def test_commits_of_different_turns_are_different_batches(peer: Peer) -> None:
    for number in range(3):
        await together(commit(peer, f"g{number}"))

    assert batches(peer) == [1, 1, 1]


async def test_what_was_committed_together_is_the_same_after_a_restart(peer: Peer) -> None:
    await together(commit(peer, "g1", offset=1), commit(peer, "g2", offset=2), commit(peer, "g1", offset=3))
    assert (peer.committed("g1"), peer.committed("g2")) == (3, 2)

    await peer.restart()

    assert (peer.committed("g1"), peer.committed("g2")) == (3, 2)


async def test_a_rejected_commit_does_not_fail_the_others(peer: Peer) -> None:
    member_id = await peer.stable_member()
    before = batches(peer)

    outcomes = await together(
        commit(peer, "a"),
        commit(peer, "g"),  # it has members, and this is none of them
        commit(peer, "g", committer=Committer("somebody else", None, 1)),
        commit(peer, "g", committer=Committer(member_id, None, 7)),
        commit(peer, "g", committer=Committer(member_id, None, 1)),
        commit(peer, "b", metadata="x" * 5000),
        commit(peer, "c"),
    )

    assert kinds(outcomes) == [
        None, UnknownMemberId, UnknownMemberId, IllegalGeneration, None, OffsetMetadataTooLarge, None,
    ]  # fmt: skip
    assert batches(peer) == [*before, 3]
    assert [peer.committed(group) for group in "agbc"] == [5, 5, None, 5]


async def test_a_mistake_in_one_commit_does_not_fail_the_others(peer: Peer) -> None:
    value: Any = object()  # not what a commit looks like
    broken = peer.groups.commit("g", Committer(), {T: value})

    outcomes = await together(commit(peer, "a"), broken, commit(peer, "b"))

    assert kinds(outcomes) == [None, AttributeError, None]
    assert batches(peer) == [2]


async def test_members_that_commit_together_are_all_alive(peer: Peer) -> None:
    member_id = await peer.stable_member()
    for _ in range(3):
        peer.clock.advance(9)  # of 10 seconds
        await together(commit(peer, "a"), commit(peer, "g", committer=Committer(member_id, None, 1)))

    assert peer.groups.describe("g").state is GroupState.STABLE
    peer.clock.advance(11)
    assert peer.groups.describe("g").state is not GroupState.STABLE


async def test_an_append_that_fails_fails_all_that_would_have_been_stored(peer: Peer) -> None:
    peer.writer.refusal = NotEnoughReplicas("x")

    outcomes = await together(commit(peer, "a"), commit(peer, "b", metadata="x" * 5000), commit(peer, "c"))

    assert kinds(outcomes) == [CoordinatorNotAvailable, OffsetMetadataTooLarge, CoordinatorNotAvailable]
    assert [peer.committed(group) for group in "abc"] == [None] * 3


async def test_the_next_turn_is_not_affected_by_an_append_that_failed(peer: Peer) -> None:
    peer.writer.refusal = NotEnoughReplicas("x")
    await together(commit(peer, "a"))
    peer.writer.refusal = None

    assert kinds(await together(commit(peer, "a"), commit(peer, "b"))) == [None, None]
    assert batches(peer) == [2]


async def test_a_batch_that_would_be_too_large_is_divided(peer: Peer) -> None:
    peer.writer.largest_batch = 300

    outcomes = await together(*(commit(peer, f"g{number}", metadata="x" * 50) for number in range(9)))

    assert kinds(outcomes) == [None] * 9
    assert sum(batches(peer)) == 9
    assert max(batches(peer)) > 1
    assert [peer.committed(f"g{number}") for number in range(9)] == [5] * 9


async def test_only_the_commit_that_is_too_large_by_itself_is_rejected(peer: Peer) -> None:
    peer.writer.largest_batch = 300

    outcomes = await together(commit(peer, "a"), commit(peer, "b", metadata="x" * 400), commit(peer, "c"))

    assert kinds(outcomes) == [None, InvalidCommitOffsetSize, None]
    assert [peer.committed(group) for group in "abc"] == [5, None, 5]


async def test_a_coordinator_that_moves_during_the_turn_has_performed_nothing(peer: Peer) -> None:
    committing = [asyncio.ensure_future(commit(peer, group)) for group in "abc"]
    await asyncio.sleep(0)  # they have begun

    peer.groups.on_leadership([], [OFFSETS])
    outcomes = await asyncio.gather(*committing, return_exceptions=True)

    assert kinds(outcomes) == [NotCoordinator] * 3
    assert batches(peer) == []


async def test_a_coordinator_that_comes_back_during_the_turn_does_not_perform_it(peer: Peer) -> None:
    committing = [asyncio.ensure_future(commit(peer, group)) for group in "ab"]
    await asyncio.sleep(0)

    peer.groups.on_leadership([], [OFFSETS])
    peer.groups.on_leadership([(OFFSETS, LeaderEpoch(1))], [])
    outcomes = await asyncio.gather(*committing, return_exceptions=True)
    await peer.loaded()

    assert kinds(outcomes) == [NotCoordinator] * 2
    assert batches(peer) == []
    assert kinds(await together(commit(peer, "a"))) == [None]


async def test_a_log_that_is_led_elsewhere_already_takes_nothing(peer: Peer) -> None:
    committing = [asyncio.ensure_future(commit(peer, group)) for group in "ab"]
    peer.writer.lose(OFFSETS)

    assert kinds(await asyncio.gather(*committing, return_exceptions=True)) == [NotCoordinator] * 2


async def test_no_commit_is_answered_before_every_replica_has_the_batch(peer: Peer) -> None:
    peer.writer.is_replicating = False
    committing = [asyncio.ensure_future(commit(peer, group)) for group in "abc"]
    rejected = asyncio.ensure_future(commit(peer, "d", committer=Committer("m", None, 3)))
    await soon(lambda: batches(peer) == [3])
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(each.done() for each in committing)

    peer.writer.replicate(OFFSETS)

    assert kinds(await asyncio.gather(*committing)) == [None] * 3
    with pytest.raises(IllegalGeneration):
        await rejected


async def test_leadership_that_goes_before_the_replicas_have_the_batch_fails_all(peer: Peer) -> None:
    peer.writer.is_replicating = False
    committing = [asyncio.ensure_future(commit(peer, group)) for group in "abc"]
    await soon(lambda: batches(peer) == [3])

    peer.writer.lose(OFFSETS)
    peer.groups.on_leadership([], [OFFSETS])

    assert kinds(await asyncio.gather(*committing, return_exceptions=True)) == [NotCoordinator] * 3


async def test_a_batch_that_is_not_replicated_in_time_fails_all(peer: Peer) -> None:
    peer.writer.is_replicating = False
    committing = [asyncio.ensure_future(commit(peer, group)) for group in "ab"]
    await soon(lambda: batches(peer) == [2])
    await asyncio.sleep(0)  # the wait has begun

    peer.clock.advance(5)

    assert kinds(await asyncio.gather(*committing, return_exceptions=True)) == [RequestTimedOut] * 2


async def test_a_client_that_leaves_has_committed_and_does_not_disturb_the_others(peer: Peer) -> None:
    leaving, staying = (asyncio.ensure_future(commit(peer, group)) for group in "ab")
    await asyncio.sleep(0)

    leaving.cancel()

    assert await staying == {T: None}
    assert leaving.cancelled()
    assert batches(peer) == [2]


async def test_a_client_that_leaves_while_replicas_are_waited_for_does_not_disturb_the_others(peer: Peer) -> None:
    peer.writer.is_replicating = False
    leaving, staying = (asyncio.ensure_future(commit(peer, group)) for group in "ab")
    await soon(lambda: batches(peer) == [2])

    leaving.cancel()
    await asyncio.sleep(0)
    peer.writer.replicate(OFFSETS)

    assert await staying == {T: None}


async def test_a_commit_in_a_transaction_has_a_batch_of_its_own(peer: Peer) -> None:
    groups: GroupCoordinator = peer.groups

    await together(commit(peer, "a"), commit(peer, "b", offset=6, producer=PRODUCER), commit(peer, "c"))

    headers = [header for _, header in walk(peer.writer.log(OFFSETS))]
    assert sorted((header.record_count, header.is_transactional) for header in headers) == [(1, True), (2, False)]
    assert [peer.committed(group) for group in "abc"] == [5, None, 5]
    await groups.end_transaction(
        0, PRODUCER.producer_id, PRODUCER.producer_epoch, committed=True, coordinator_epoch=CoordinatorEpoch(0)
    )
    assert peer.committed("b") == 6
    await peer.restart()
    assert [peer.committed(group) for group in "abc"] == [5, 6, 5]


async def test_offsets_that_are_forgotten_in_the_same_turn_leave_one_state(peer: Peer) -> None:
    await commit(peer, "a")

    committed, forgotten = await together(commit(peer, "a", offset=9), peer.groups.delete_offsets("a", [T]))
    assert (committed, forgotten) == ({T: None}, {T: None})
    live = peer.committed("a")
    await peer.restart()

    assert peer.committed("a") == live


async def test_offsets_committed_together_expire_together(peer: Peer) -> None:
    await together(commit(peer, "a"), commit(peer, "b"))
    retention_ms = Milliseconds(peer.settings.offsets_retention_minutes * 60_000)

    peer.clock.advance(retention_ms / 1000 + 2 * peer.settings.offsets_retention_check_interval_ms / 1000)

    assert [peer.committed(group) for group in "ab"] == [None, None]
    await peer.restart()
    assert [peer.committed(group) for group in "ab"] == [None, None]


async def test_each_partition_of_the_topic_has_its_own_batch() -> None:
    peer = Peer()
    other = TopicPartition(OFFSETS.topic, 1)
    peer.writer.lead(other)
    peer.groups = peer.coordinator(partitions=2)
    peer.groups.start()
    peer.groups.on_leadership([(OFFSETS, LeaderEpoch(0)), (other, LeaderEpoch(0))], [])
    await peer.loaded()

    outcomes = await together(*(commit(peer, f"g{number}") for number in range(6)))

    assert kinds(outcomes) == [None] * 6
    counts = [[header.record_count for _, header in walk(peer.writer.log(each))] for each in (OFFSETS, other)]
    assert counts == [[3], [3]]


# --- three brokers


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await ReplicaCluster.started(1, 2, 3)
    await cluster.controller.create(OFFSETS.topic, (1, 2, 3))
    await cluster.settle()
    yield cluster
    await cluster.close()


async def coordinator_on(cluster: ReplicaCluster) -> GroupCoordinator:
    """The coordinator of broker 1, which leads the partition."""
    groups = GroupCoordinator(CoordinatorKeys([]), cluster.clock, cluster.nodes[1].replicas, lambda: 1)
    groups.start()
    groups.on_leadership([(OFFSETS, LeaderEpoch(0))], [])
    await soon(lambda: not groups.list_groups()[1])
    return groups


def begin_commits(groups: GroupCoordinator, now_ms: Timestamp) -> list[asyncio.Task[Any]]:
    value = OffsetCommitValue(offset=Offset(5), metadata="", commit_timestamp=now_ms)
    return [asyncio.create_task(groups.commit(group, Committer(), {T: value})) for group in "abc"]


async def test_commits_are_answered_once_the_slowest_replica_has_their_batch(cluster: ReplicaCluster) -> None:
    groups = await coordinator_on(cluster)
    cluster.cut(1, 3)

    committing = begin_commits(groups, cluster.clock.now_ms())
    await cluster.settle()
    leader = cluster.nodes[1].replicas
    assert (leader.log_end(OFFSETS), leader.high_watermark(OFFSETS)) == (3, 0)
    assert not any(each.done() for each in committing)

    cluster.mend(1, 3)
    await cluster.wait(5)

    assert kinds(await asyncio.gather(*committing)) == [None] * 3
    assert leader.high_watermark(OFFSETS) == 3
    assert [header.record_count for _, header in walk(leader.read(OFFSETS, Offset(0)))] == [3]


async def test_commits_fail_together_when_another_broker_is_elected(cluster: ReplicaCluster) -> None:
    groups = await coordinator_on(cluster)
    cluster.cut(1, 2)
    cluster.cut(1, 3)
    committing = begin_commits(groups, cluster.clock.now_ms())
    await cluster.settle()
    assert not any(each.done() for each in committing)

    await cluster.controller.elect(OFFSETS, 2)
    await cluster.settle()

    assert kinds(await asyncio.gather(*committing, return_exceptions=True)) == [NotCoordinator] * 3
