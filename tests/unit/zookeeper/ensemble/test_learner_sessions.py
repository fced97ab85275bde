from pykafka_cli.model import Milliseconds
from pykafka_cli.zookeeper.ensemble.learner_sessions import LearnerSessions
from pykafka_cli.zookeeper.ensemble.packets import SessionTimeout


def sessions(timeouts: dict[int, int]) -> LearnerSessions:
    return LearnerSessions(Milliseconds(1000), timeouts, now_ms=0, wall_ms=1, server_id=200)


def test_what_is_heard_of_is_reported_once() -> None:
    tracked = sessions({1: 4000, 2: 6000})

    assert tracked.touch(1, 0)
    assert tracked.touch(1, 9)
    assert not tracked.touch(3, 0)

    assert tracked.take_touched() == [SessionTimeout(1, 4000)]
    assert tracked.take_touched() == []


def test_a_timeout_that_a_client_has_changed_is_reported() -> None:
    tracked = sessions({1: 4000})

    tracked.touch(1, 0, Milliseconds(9000))
    tracked.touch(1, 1)

    assert tracked.take_touched() == [SessionTimeout(1, 9000)]


def test_nothing_expires_here() -> None:
    timeouts = {1: 4000}
    tracked = sessions(timeouts)

    assert tracked.expire(1_000_000) == []
    assert (len(tracked), tracked.timeout_ms(1), tracked.timeout_ms(2)) == (1, 4000, 0)
    timeouts[2] = 5000
    assert (len(tracked), tracked.timeout_ms(2)) == (2, 5000)


def test_ids_of_new_sessions_begin_with_the_id_of_the_server() -> None:
    tracked = sessions({})

    first, second = tracked.new_id(), tracked.new_id()

    assert first != second
    assert (first & 0xFFFFFFFFFFFFFFFF) >> 56 == 200
    assert -(1 << 63) <= first < 0
