"""Loading, appending, waiting for replicas, timers, leadership that comes and goes; with group shards to be run."""

import asyncio
import json
import re
import tarfile
from typing import Any

import pytest

from pykafka_cli.broker.coordinator.group.group import GroupState, Joined
from pykafka_cli.broker.coordinator.group.member_requests import Leaving, Syncing
from pykafka_cli.broker.coordinator.group.records import OffsetCommitValue
from pykafka_cli.broker.coordinator.group.shard import Committer
from pykafka_cli.broker.coordinator.runtime import partition_for
from pykafka_cli.broker.errors import (
    CoordinatorLoadInProgress,
    CoordinatorNotAvailable,
    GroupIdNotFound,
    InvalidCommitOffsetSize,
    InvalidGroupId,
    MessageTooLarge,
    NotCoordinator,
    NotEnoughReplicas,
    NotLeaderOrFollower,
    RebalanceInProgress,
    RequestTimedOut,
    UnknownMemberId,
)
from pykafka_cli.model import (
    CoordinatorEpoch,
    LeaderEpoch,
    Offset,
    ProducerEpoch,
    ProducerId,
    ProducerIdAndEpoch,
    Timestamp,
    TopicPartition,
)
from pykafka_cli.protocol.records.record import Record, build_batch, records_in
from tests.support.coordinator_peer import OFFSETS, Peer, T, soon
from tests.support.vectors import VECTORS


@pytest.fixture
def peer() -> Peer:
    return Peer()


IDS = [line for line in json.loads((VECTORS / "partitions.json").read_text()) if "id" in line]


@pytest.mark.parametrize("line", IDS)
def test_a_group_lives_where_kafka_s_classes_say(line: dict[str, Any]) -> None:
    for count, partition in line["partitions"].items():
        assert partition_for(line["id"], int(count)) == partition


def test_the_one_hash_without_a_positive_twin_gives_the_first_partition() -> None:
    assert partition_for("polygenelubricants", 50) == 0  # its hashCode is Integer.MIN_VALUE


# --- loading


def recorded_log() -> bytes:
    """The log of __consumer_offsets-0 that Kafka left behind."""
    with tarfile.open(VECTORS / "disk" / "clean.tar.gz") as archive:
        (name,) = (name for name in archive.getnames() if re.search(r"__consumer_offsets-0/\d+\.log$", name))
        log = archive.extractfile(name)
        assert log is not None
        return log.read()


async def test_what_kafka_wrote_is_loaded(peer: Peer) -> None:
    peer.writer.put(OFFSETS, recorded_log())

    groups = await peer.start()

    assert {(o.group_id, o.state) for o in groups.list_groups()[0]} == {
        (name, GroupState.EMPTY) for name in ("alone", "offsets-deleted", "subscribed", "left-open")
    }
    offsets = {
        group: {
            f"{partition.topic}-{partition.partition}": (value.offset, value.metadata)
            for partition, value in groups.fetch_offsets(group, None, require_stable=True).items()
        }
        for group in ("alone", "offsets-deleted", "subscribed", "left-open", "deleted")
    }
    # Taken from clean.dump.txt: tombstones, one transaction committed, one aborted.
    assert offsets == {
        "alone": {"codec-none-0": (3, ""), "segments-0": (7, "with metadata")},
        "offsets-deleted": {"segments-0": (7, "with metadata")},
        "subscribed": {"codec-none-0": (4, "in a transaction"), "segments-0": (5, "")},
        "left-open": {"codec-none-0": (5, "")},
        "deleted": {},
    }


async def test_members_continue_when_the_log_is_read_again(peer: Peer) -> None:
    await peer.start()
    member_id = await peer.stable_member()
    await peer.commit(5, committer=Committer(member_id, None, 1))

    groups = await peer.restart()

    await groups.heartbeat("g", member_id, None, 1)
    assert (await groups.sync("g", Syncing(member_id, None, 1, None, None, {}))).assignment == b"all"
    assert peer.committed() == 5
    peer.clock.advance(10)
    assert groups.describe("g").state is GroupState.EMPTY


async def test_requests_are_put_off_while_the_log_is_read(peer: Peer) -> None:
    peer.groups.start()
    peer.groups.on_leadership([(OFFSETS, LeaderEpoch(0))], [])

    assert peer.groups.list_groups() == ([], True)
    with pytest.raises(CoordinatorLoadInProgress):
        await peer.join()
    with pytest.raises(CoordinatorLoadInProgress):
        peer.groups.fetch_offsets("g", None, require_stable=False)
    with pytest.raises(RebalanceInProgress):
        await peer.groups.sync("g", Syncing("m", None, 1, None, None, {}))
    await peer.groups.heartbeat("g", "m", None, 1)

    await peer.loaded()
    await peer.join()


async def test_a_record_that_makes_no_sense_does_not_keep_the_rest_from_being_loaded(peer: Peer) -> None:
    await peer.start()
    await peer.commit(1, "before")
    for record in (
        Record(Offset(0), Timestamp(0), None, b"x"),
        Record(Offset(0), Timestamp(0), b"?", b"x"),
        Record(Offset(0), Timestamp(0), b"\x00\x09", b"x"),
    ):
        peer.writer.append_records(OFFSETS, build_batch([record]))
    damaged = build_batch([Record(Offset(0), Timestamp(0), b"k", b"v")])
    damaged[-1] ^= 0x55
    peer.writer.append_records(OFFSETS, damaged)
    await peer.commit(2, "after")

    await peer.restart()

    assert (peer.committed("before"), peer.committed("after")) == (1, 2)


async def test_a_leader_that_stays_leader_keeps_its_groups(peer: Peer) -> None:
    groups = await peer.start()
    member_id = (await peer.join()).member_id

    groups.on_leadership([(OFFSETS, LeaderEpoch(1))], [])

    assert groups.list_groups()[1] is False
    joining = asyncio.ensure_future(peer.join(member_id))
    await soon(lambda: groups.describe("g").state is GroupState.PREPARING)
    peer.clock.advance(0)
    assert isinstance(await joining, Joined)


# --- leadership


async def test_a_group_elsewhere_has_another_coordinator(peer: Peer) -> None:
    peer.groups.start()

    with pytest.raises(NotCoordinator):
        await peer.join()
    with pytest.raises(NotCoordinator):
        peer.groups.describe("g")


async def test_a_broker_that_starts_or_stops_coordinates_nothing(peer: Peer) -> None:
    with pytest.raises(CoordinatorNotAvailable):
        await peer.join()
    groups = await peer.start()
    groups.close()

    with pytest.raises(CoordinatorNotAvailable):
        groups.list_groups()


async def test_those_who_wait_are_sent_away_when_leadership_goes(peer: Peer) -> None:
    groups = await peer.start()
    joining = asyncio.ensure_future(peer.join((await peer.join()).member_id))
    await soon(lambda: groups.describe("g").state is GroupState.PREPARING)

    peer.writer.lose(OFFSETS)
    groups.on_leadership([], [OFFSETS])

    with pytest.raises(NotCoordinator):
        await joining
    peer.clock.advance(100_000)  # no timer is left to run out


async def test_a_commit_that_leadership_outruns_is_not_acknowledged(peer: Peer) -> None:
    groups = await peer.start()
    peer.writer.is_replicating = False
    committing = asyncio.ensure_future(peer.commit(5))
    await soon(lambda: peer.writer.log_end(OFFSETS) == 1)

    peer.writer.lose(OFFSETS)
    groups.on_leadership([], [OFFSETS])

    with pytest.raises(NotCoordinator):
        await committing


async def test_leadership_that_goes_while_loading_stops_it(peer: Peer) -> None:
    await peer.start()
    for offset in range(9):
        await peer.commit(offset)
    peer.groups.close()
    peer.groups = peer.coordinator()
    peer.groups.start()
    peer.groups.on_leadership([(OFFSETS, LeaderEpoch(1))], [])
    await asyncio.sleep(0)

    peer.groups.on_leadership([], [OFFSETS])
    await asyncio.sleep(0)
    assert peer.groups.list_groups() == ([], False)

    peer.groups.on_leadership([(OFFSETS, LeaderEpoch(2))], [])
    await peer.loaded()
    assert peer.committed() == 8


# --- appending


async def test_an_answer_waits_until_the_records_are_replicated(peer: Peer) -> None:
    await peer.start()
    peer.writer.is_replicating = False

    committing = asyncio.ensure_future(peer.commit(5))
    await soon(lambda: peer.writer.log_end(OFFSETS) == 1)
    assert not committing.done()
    peer.writer.replicate(OFFSETS)

    assert await committing == {T: None}


async def test_records_that_are_not_replicated_in_time_are_no_success(peer: Peer) -> None:
    await peer.start()
    peer.writer.is_replicating = False
    committing = asyncio.ensure_future(peer.commit(5))
    await soon(lambda: peer.writer.log_end(OFFSETS) == 1)
    await asyncio.sleep(0)

    peer.clock.advance(5)

    with pytest.raises(RequestTimedOut):
        await committing


async def test_who_goes_away_does_not_take_the_others_answers_along(peer: Peer) -> None:
    groups = await peer.start()
    ids = [(await peer.join()).member_id for _ in range(2)]
    joining = [asyncio.ensure_future(peer.join(member_id)) for member_id in ids]
    await soon(lambda: len(groups.describe("g").members) == 2)
    peer.clock.advance(0)
    await asyncio.gather(*joining)
    peer.writer.is_replicating = False
    assignments = {ids[0]: b"1", ids[1]: b"2"}
    leader = asyncio.ensure_future(groups.sync("g", Syncing(ids[0], None, 1, None, None, assignments)))
    follower = asyncio.ensure_future(groups.sync("g", Syncing(ids[1], None, 1, None, None, {})))
    await soon(lambda: groups.describe("g").state is GroupState.STABLE)

    leader.cancel()
    await asyncio.sleep(0)
    peer.writer.replicate(OFFSETS)

    assert (await follower).assignment == b"2"


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (NotLeaderOrFollower("x"), NotCoordinator),
        (NotEnoughReplicas("x"), CoordinatorNotAvailable),
        (MessageTooLarge("x"), InvalidCommitOffsetSize),
    ],
)
async def test_errors_of_the_log_are_reported_as_the_coordinator_s(peer: Peer, refusal: Any, told: type) -> None:
    await peer.start()
    peer.writer.refusal = refusal

    with pytest.raises(told):
        await peer.commit(5)

    assert peer.committed() is None


async def test_a_commit_is_one_batch_like_kafka_s(peer: Peer) -> None:
    groups = await peer.start()
    value = OffsetCommitValue(offset=Offset(1), metadata="", commit_timestamp=peer.clock.now_ms())

    await groups.commit(
        "g", Committer(), {T: value, TopicPartition("u", 3): value}, ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(2))
    )

    records = list(records_in(peer.writer.log(OFFSETS)))
    assert [record.key.hex() for record in records] == [
        "000100016700017400000000",
        "000100016700017500000003",
    ]
    assert {record.timestamp for record in records} == {peer.clock.now_ms()}


# --- transactions


async def test_a_marker_settles_what_a_transaction_committed(peer: Peer) -> None:
    groups = await peer.start()
    await peer.commit(5, producer=ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(0)))
    assert peer.committed() is None

    await groups.end_transaction(
        0, ProducerId(7), ProducerEpoch(0), committed=True, coordinator_epoch=CoordinatorEpoch(0)
    )

    assert peer.committed() == 5
    await peer.restart()
    assert peer.committed() == 5


async def test_an_abort_is_remembered_too(peer: Peer) -> None:
    groups = await peer.start()
    await peer.commit(1)
    await peer.commit(5, producer=ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(0)))

    await groups.end_transaction(
        0, ProducerId(7), ProducerEpoch(0), committed=False, coordinator_epoch=CoordinatorEpoch(0)
    )
    assert peer.committed() == 1
    await peer.restart()

    assert peer.committed() == 1


async def test_a_marker_that_cannot_be_written_settles_nothing(peer: Peer) -> None:
    groups = await peer.start()
    await peer.commit(5, producer=ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(0)))
    peer.writer.refusal = NotEnoughReplicas("x")

    with pytest.raises(CoordinatorNotAvailable):
        await groups.end_transaction(
            0, ProducerId(7), ProducerEpoch(0), committed=True, coordinator_epoch=CoordinatorEpoch(0)
        )

    assert peer.committed() is None


# --- from time to time


async def test_expired_offsets_are_looked_for_from_time_to_time() -> None:
    peer = Peer(offsets_retention_minutes=1, offsets_retention_check_interval_ms=40_000)
    await peer.start()
    await peer.commit(5)

    peer.clock.advance(79)
    assert peer.committed() == 5
    peer.clock.advance(1)

    assert peer.committed() is None
    assert peer.groups.list_groups() == ([], False)


async def test_expiry_that_cannot_be_written_is_tried_again() -> None:
    peer = Peer(offsets_retention_minutes=1, offsets_retention_check_interval_ms=60_000)
    await peer.start()
    await peer.commit(5)
    peer.writer.refusal = NotEnoughReplicas("x")
    peer.clock.advance(60)
    assert peer.committed() == 5

    peer.writer.refusal = None
    peer.clock.advance(60)

    assert peer.committed() is None


async def test_offsets_of_deleted_topics_are_forgotten(peer: Peer) -> None:
    groups = await peer.start()
    await peer.commit(5, "a")
    await peer.commit(6, "b")

    groups.on_partitions_deleted([T])

    assert groups.list_groups() == ([], False)
    await peer.restart()
    assert peer.groups.list_groups() == ([], False)


# --- what is asked of the coordinator alone


async def test_group_management_needs_a_group_id(peer: Peer) -> None:
    groups = await peer.start()

    with pytest.raises(InvalidGroupId):
        await peer.join(group="")
    with pytest.raises(InvalidGroupId):
        await groups.heartbeat("", "m", None, 1)
    with pytest.raises(InvalidGroupId):
        await groups.leave("", [Leaving("m", None)])
    with pytest.raises(InvalidGroupId):
        await groups.delete_offsets("", [T])
    await peer.commit(5, "")
    await groups.delete_group("")
    with pytest.raises(GroupIdNotFound):
        await groups.delete_group("")


async def test_each_leaving_member_has_an_outcome_of_its_own(peer: Peer) -> None:
    groups = await peer.start()
    member_id = await peer.stable_member()

    outcomes = await groups.leave("g", [Leaving("nobody", None), Leaving(member_id, None)])

    assert [type(outcome) for outcome in outcomes] == [UnknownMemberId, type(None)]
