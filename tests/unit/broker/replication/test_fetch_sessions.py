import itertools
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.errors import FetchSessionIdNotFound, FetchSessionTopicIdError, InvalidFetchSessionEpoch
from pykafka_cli.broker.replication.fetch_sessions import (
    EVICTION_TIME,
    FINAL_EPOCH,
    INITIAL_EPOCH,
    LAST_EPOCH,
    NO_SESSION,
    FetchContext,
    FetchSessions,
    next_epoch,
)
from pykafka_cli.broker.replication.fetch_values import AskedPartition, FetchResult, FetchTarget
from pykafka_cli.broker.replication.isr import IdleFetch
from pykafka_cli.model import TopicPartition
from pykafka_cli.storage.leader_epochs import EpochEnd


def answer(**fields: Any) -> FetchResult:
    return FetchResult(**{"high_watermark": 0, "log_start": 0, **fields})


def target(partition: int, offset: int = 0) -> AskedPartition:
    return AskedPartition("t", None, partition, offset, 1 << 20)


def sessions(slots: int = 10) -> FetchSessions:
    ids = itertools.count(101)
    return FetchSessions(slots, lambda: next(ids))


def begin(
    cache: FetchSessions,
    targets: Iterable[AskedPartition] = (),
    forgotten: Iterable[Any] = (),
    session_id: int = 0,
    epoch: int = INITIAL_EPOCH,
    follower: bool = False,
    ids: bool = False,
    now: float = 0.0,
) -> Any:
    return cache.begin(
        list(targets),
        list(forgotten),
        session_id=session_id,
        epoch=epoch,
        is_follower=follower,
        uses_topic_ids=ids,
        now=now,
    )


def open_session(cache: FetchSessions, partitions: Iterable[int], now: float = 0.0, follower: bool = False) -> int:
    context = begin(cache, [target(p) for p in partitions], follower=follower, now=now)
    session_id, _ = context.conclude([(t, answer()) for t in context.targets], now)
    return session_id


def sent(context: Any, answers: Mapping[int, FetchResult], now: float = 0.0) -> list[int]:
    """The partitions of the response, when each partition is answered as `answers` says."""
    pairs = [(t, answers.get(t.partition, answer())) for t in context.targets]
    return [t.partition for t, _ in context.conclude(pairs, now)[1]]


def test_a_full_fetch_opens_a_session_and_answers_every_partition() -> None:
    cache = sessions()
    context = begin(cache, [target(0), target(1)])

    session_id, news = context.conclude([(t, answer()) for t in context.targets], 0)

    assert session_id == 101
    assert [t.partition for t, _ in news] == [0, 1]


def test_an_incremental_fetch_reads_all_partitions_and_answers_only_news() -> None:
    cache = sessions()
    session_id = open_session(cache, [0, 1, 2])

    context = begin(cache, session_id=session_id, epoch=1)

    assert [t.partition for t in context.targets] == [0, 1, 2]
    assert sent(context, {1: answer(records=b"x")}) == [1]


@pytest.mark.parametrize(
    "news",
    [
        answer(records=b"x"),
        answer(high_watermark=1),
        answer(log_start=1),
        answer(error_code=ErrorCode.not_leader_or_follower),
        answer(diverging_epoch=EpochEnd(1, 2)),
    ],
)
def test_each_kind_of_news_is_sent(news: FetchResult) -> None:
    cache = sessions()
    session_id = open_session(cache, [0, 1])

    assert sent(begin(cache, session_id=session_id, epoch=1), {0: news}) == [0]


def test_a_mark_is_reported_once_and_reported_again_after_an_error() -> None:
    cache = sessions()
    session_id = open_session(cache, [0])
    moved = answer(high_watermark=5)

    assert sent(begin(cache, session_id=session_id, epoch=1), {0: moved}) == [0]
    assert sent(begin(cache, session_id=session_id, epoch=2), {0: moved}) == []
    assert sent(begin(cache, session_id=session_id, epoch=3), {0: answer(error_code=ErrorCode.fenced_leader_epoch)})
    assert sent(begin(cache, session_id=session_id, epoch=4), {0: moved}) == [0]


def test_partitions_are_added_moved_and_forgotten() -> None:
    cache = sessions()
    session_id = open_session(cache, [0, 1])

    context = begin(cache, [target(1, 7), target(2, 3)], [("t", 0)], session_id=session_id, epoch=1)

    assert [(t.partition, t.fetch_offset) for t in context.targets] == [(1, 7), (2, 3)]


def test_the_name_found_for_a_topic_id_stays_when_the_partition_is_named_again() -> None:
    cache, topic_id = sessions(), uuid.uuid4()

    def by_id() -> AskedPartition:
        return AskedPartition(None, topic_id, 0, 0, 1 << 20)

    context = begin(cache, [by_id()], ids=True)
    context.targets[0].topic = "t"  # as the handler does that looks it up
    session_id, _ = context.conclude([(each, answer()) for each in context.targets], 0.0)

    (again,) = begin(cache, [by_id()], session_id=session_id, epoch=1, ids=True).targets

    assert (again.topic, again.topic_id) == ("t", topic_id)


def test_a_partition_that_gave_records_goes_to_the_end_of_the_line() -> None:
    cache = sessions()
    session_id = open_session(cache, [0, 1, 2])
    sent(begin(cache, session_id=session_id, epoch=1), {0: answer(records=b"x")})

    assert [t.partition for t in begin(cache, session_id=session_id, epoch=2).targets] == [1, 2, 0]


def test_a_session_without_partitions_ends() -> None:
    cache = sessions()
    session_id = open_session(cache, [0])

    context = begin(cache, [], [("t", 0)], session_id=session_id, epoch=1)

    assert context.conclude([], 0) == (NO_SESSION, [])
    assert len(cache) == 0


def test_the_final_epoch_closes_the_session_and_still_reads() -> None:
    cache = sessions()
    session_id = open_session(cache, [0])

    context = begin(cache, [target(5)], session_id=session_id, epoch=FINAL_EPOCH)

    assert [t.partition for t in context.targets] == [5]
    assert context.conclude([], 0)[0] == NO_SESSION
    assert len(cache) == 0


def test_a_full_fetch_replaces_the_session_that_it_names() -> None:
    cache = sessions()
    session_id = open_session(cache, [0])

    begin(cache, [target(1)], session_id=session_id)

    with pytest.raises(FetchSessionIdNotFound):
        begin(cache, session_id=session_id, epoch=1)


def test_an_epoch_out_of_turn_is_rejected() -> None:
    cache = sessions()
    session_id = open_session(cache, [0])
    begin(cache, session_id=session_id, epoch=1)

    with pytest.raises(InvalidFetchSessionEpoch):
        begin(cache, session_id=session_id, epoch=1)


def test_an_answer_overtaken_by_the_next_request_is_rejected() -> None:
    cache = sessions()
    session_id = open_session(cache, [0])
    first = begin(cache, session_id=session_id, epoch=1)
    begin(cache, session_id=session_id, epoch=2)

    with pytest.raises(InvalidFetchSessionEpoch):
        first.conclude([], 0)


def test_ids_and_names_do_not_mix_within_a_session() -> None:
    cache = sessions()
    session_id = open_session(cache, [0])

    with pytest.raises(FetchSessionTopicIdError):
        begin(cache, session_id=session_id, epoch=1, ids=True)


def test_the_epoch_after_the_last_is_one() -> None:
    assert next_epoch(LAST_EPOCH) == 1
    assert next_epoch(FINAL_EPOCH) == FINAL_EPOCH


def test_a_full_cache_gives_no_session_to_an_equal() -> None:
    cache = sessions(slots=1)
    open_session(cache, [0, 1])

    assert open_session(cache, [0, 1, 2], now=1) == NO_SESSION


def test_a_follower_takes_the_place_of_a_consumer() -> None:
    cache = sessions(slots=1)
    consumer = open_session(cache, [0, 1])

    assert open_session(cache, [0], follower=True) != NO_SESSION
    with pytest.raises(FetchSessionIdNotFound):
        begin(cache, session_id=consumer, epoch=1)


def test_a_consumer_never_takes_the_place_of_a_follower_in_use() -> None:
    cache = sessions(slots=1)
    follower = open_session(cache, [0], follower=True)
    begin(cache, session_id=follower, epoch=1, follower=True, now=EVICTION_TIME + 1)

    assert open_session(cache, range(50), now=EVICTION_TIME + 2) == NO_SESSION


def test_an_unused_session_is_evicted_whatever_it_is() -> None:
    cache = sessions(slots=1)
    open_session(cache, range(50), follower=True)

    assert open_session(cache, [0], now=EVICTION_TIME + 0.1) != NO_SESSION


def test_a_settled_smaller_session_makes_way_for_a_larger_one() -> None:
    cache = sessions(slots=2)
    small, large = open_session(cache, [0]), open_session(cache, [0, 1, 2])
    later = EVICTION_TIME + 1
    for session_id in (small, large):
        begin(cache, session_id=session_id, epoch=1, now=later)

    assert open_session(cache, [0, 1], now=later + 1) != NO_SESSION
    with pytest.raises(FetchSessionIdNotFound):
        begin(cache, session_id=small, epoch=2, now=later + 1)
    begin(cache, session_id=large, epoch=2, now=later + 1)


class Leader:
    """Says which partitions are idle, and notes what is to be ended when they change."""

    def __init__(self, *idle: int) -> None:
        self.idle = set(idle)
        self.ending: dict[int, IdleFetch] = {}

    def is_idle(self, target: FetchTarget, fetch: IdleFetch) -> bool:
        partition = target.topic_partition.partition
        if partition in self.idle:
            self.ending[partition] = fetch
        return partition in self.idle


def idle_session(cache: FetchSessions, partitions: Iterable[int], leader: Leader) -> tuple[int, int]:
    """A follower's session and its next epoch, after a fetch that has brought nothing new."""
    session_id = open_session(cache, partitions, follower=True)
    context = begin(cache, session_id=session_id, epoch=1, follower=True)
    context.conclude([(t, answer()) for t in context.targets], 0, leader.is_idle)
    return session_id, 2


def read(context: FetchContext) -> list[int]:
    return [t.partition for t in context.targets]


def test_a_followers_session_does_not_read_idle_partitions() -> None:
    cache, leader = sessions(), Leader(0, 2)
    session_id, epoch = idle_session(cache, [0, 1, 2], leader)

    context = begin(cache, session_id=session_id, epoch=epoch, follower=True)

    assert read(context) == [1]
    assert context.has_idle


def test_partitions_with_news_are_not_idle() -> None:
    cache, leader = sessions(), Leader(0)
    session_id = open_session(cache, [0], follower=True)
    first = begin(cache, session_id=session_id, epoch=1, follower=True)

    first.conclude([(t, answer(high_watermark=1)) for t in first.targets], 0, leader.is_idle)

    assert read(begin(cache, session_id=session_id, epoch=2, follower=True)) == [0]
    assert not leader.ending


def test_a_partition_is_read_again_once_it_changes() -> None:
    cache, leader = sessions(), Leader(0)
    session_id, epoch = idle_session(cache, [0], leader)

    leader.ending[0].end()
    leader.ending[0].end()

    assert read(begin(cache, session_id=session_id, epoch=epoch, follower=True)) == [0]


def test_a_fetch_that_waits_learns_of_idle_partitions_that_change() -> None:
    cache, leader = sessions(), Leader(0, 1)
    session_id, epoch = idle_session(cache, [0, 1], leader)
    context = begin(cache, session_id=session_id, epoch=epoch, follower=True)
    heard: list[FetchTarget] = []

    with context.on_news(heard.append):
        leader.ending[1].end()
    leader.ending[0].end()

    assert [each.topic_partition for each in heard] == [TopicPartition("t", 1)]
    assert read(context) == []
    assert read(begin(cache, session_id=session_id, epoch=3, follower=True)) == [1, 0]


def test_an_idle_partition_that_is_named_is_read() -> None:
    cache, leader = sessions(), Leader(0, 1)
    session_id, epoch = idle_session(cache, [0, 1], leader)

    context = begin(cache, [target(1, 5)], session_id=session_id, epoch=epoch, follower=True)
    leader.ending[1].end()

    assert [(t.partition, t.fetch_offset) for t in context.targets] == [(1, 5)]


def test_an_idle_partition_that_is_forgotten_does_not_come_back() -> None:
    cache, leader = sessions(), Leader(0, 1)
    session_id, epoch = idle_session(cache, [0, 1], leader)

    begin(cache, forgotten=[("t", 1)], session_id=session_id, epoch=epoch, follower=True, now=5)
    leader.ending[1].end()

    assert read(begin(cache, session_id=session_id, epoch=3, follower=True)) == []


def test_a_session_whose_last_partitions_are_idle_is_a_session() -> None:
    cache, leader = sessions(), Leader(0)
    session_id, epoch = idle_session(cache, [0], leader)

    assert begin(cache, session_id=session_id, epoch=epoch, follower=True).conclude([], 0) == (session_id, [])


def test_idle_partitions_count_as_fetched_whenever_their_session_fetches_until_it_drops_them() -> None:
    cache, leader = sessions(), Leader(0, 1)
    session_id, epoch = idle_session(cache, [0, 1], leader)

    begin(cache, session_id=session_id, epoch=epoch, follower=True, now=5)
    begin(cache, forgotten=[("t", 1)], session_id=session_id, epoch=3, follower=True, now=7)
    begin(cache, session_id=session_id, epoch=4, follower=True, now=9)

    assert (leader.ending[0].fetched_at, leader.ending[1].fetched_at) == (9, 5)


partitions = st.integers(0, 4)


@given(st.lists(st.tuples(st.sets(partitions), st.sets(partitions), st.sets(partitions)), max_size=12))
def test_a_fetcher_that_applies_the_news_knows_what_a_full_fetch_would_return(rounds: Any) -> None:
    cache = sessions()
    marks = dict.fromkeys(range(5), 0)
    session_id = open_session(cache, range(5))
    asked, known = set(range(5)), dict(marks)
    for epoch, (added, removed, grown) in enumerate(rounds, start=1):
        for partition in grown:
            marks[partition] += 1
        removed -= added
        asked = (asked | added) - removed
        context = begin(
            cache, [target(p) for p in added], [("t", p) for p in removed], session_id=session_id, epoch=epoch
        )
        assert {t.partition for t in context.targets} == asked
        answers = [(t, answer(high_watermark=marks[t.partition])) for t in context.targets]
        answered, news = context.conclude(answers, 0)
        known.update({t.partition: answer.high_watermark for t, answer in news})
        assert {p: known[p] for p in asked} == {p: marks[p] for p in asked}
        if answered == NO_SESSION:
            break
