import itertools
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.replication.fetch_sessions import FetchSessions
from pykafka_cli.broker.replication.fetch_values import AskedPartition, FetchResult, FetchTarget
from pykafka_cli.broker.replication.leader_session import LeaderSession
from pykafka_cli.model import TopicPartition


def target(partition: int, offset: int = 0) -> FetchTarget:
    asked = AskedPartition("t", None, partition, offset, 1 << 20, current_leader_epoch=1)
    return FetchTarget(TopicPartition("t", partition), asked)


def opened(*targets: FetchTarget) -> LeaderSession:
    session = LeaderSession()
    session.accept(session.plan(targets), error=ErrorCode.none, session_id=7)
    return session


def test_the_first_fetch_is_full() -> None:
    plan = LeaderSession().plan([target(0), target(1)])

    assert (plan.session_id, plan.epoch, plan.is_full) == (0, 0, True)
    assert plan.named == (target(0), target(1))


def test_the_next_names_only_what_changed() -> None:
    session = opened(target(0), target(1), target(2))

    plan = session.plan([target(0), target(1, 5), target(3)], gone=[target(2).asked.key])

    assert (plan.session_id, plan.epoch) == (7, 1)
    assert plan.named == (target(1, 5), target(3))
    assert plan.forgotten == (target(2),)


def test_what_is_not_mentioned_is_fetched_as_before() -> None:
    session = opened(target(0), target(1))

    plan = session.plan([target(1, 5)])

    assert list(plan.targets.values()) == [target(0), target(1, 5)]
    assert (plan.named, plan.forgotten) == ((target(1, 5),), ())


def test_what_is_gone_and_fetched_again_is_named_and_not_forgotten() -> None:
    session = opened(target(0), target(1))

    plan = session.plan([target(1)], gone=[target(1).asked.key])

    assert (plan.named, plan.forgotten) == ((target(1),), ())


def test_a_leader_without_a_free_slot_gets_full_fetches() -> None:
    session = LeaderSession()
    session.accept(session.plan([target(0)]), error=ErrorCode.none, session_id=0)

    assert session.plan([target(0)]).is_full


def test_an_evicted_session_starts_again() -> None:
    session = opened(target(0))

    assert not session.accept(session.plan([target(0)]), error=ErrorCode.fetch_session_id_not_found, session_id=0)
    plan = session.plan([target(0)])

    assert (plan.session_id, plan.epoch, plan.named) == (0, 0, (target(0),))


def test_a_lost_answer_is_followed_by_a_full_fetch_that_closes_the_old_session() -> None:
    session = opened(target(0))
    session.plan([target(0)])

    session.lost()
    plan = session.plan([target(0)])

    assert (plan.session_id, plan.epoch) == (7, 0)


moves = st.lists(st.tuples(st.dictionaries(st.integers(0, 4), st.integers(0, 3), min_size=1), st.booleans()))


@given(moves)
def test_the_serving_side_reads_exactly_what_the_asking_side_planned(rounds: Any) -> None:
    ids = itertools.count(1)
    leader, follower = FetchSessions(3, lambda: next(ids)), LeaderSession()
    before: dict[int, int] = {}
    for wanted, answer_lost in rounds:
        changed = [target(partition, offset) for partition, offset in wanted.items() if before.get(partition) != offset]
        plan = follower.plan(changed, gone=[("t", partition) for partition in before.keys() - wanted.keys()])
        before = wanted
        try:
            context = leader.begin(
                [replace(named.asked) for named in plan.named],
                [forgotten.asked.key for forgotten in plan.forgotten],
                session_id=plan.session_id,
                epoch=plan.epoch,
                is_follower=True,
                uses_topic_ids=False,
                now=0,
            )
        except BrokerError as error:
            raise AssertionError(f"{plan} was refused") from error
        assert sorted(context.targets, key=lambda t: t.partition) == sorted(
            (t.asked for t in plan.targets.values()), key=lambda asked: asked.partition
        )
        session_id, _ = context.conclude([(asked, FetchResult()) for asked in context.targets], 0)
        if answer_lost:
            follower.lost()
        else:
            follower.accept(plan, error=ErrorCode.none, session_id=session_id)
