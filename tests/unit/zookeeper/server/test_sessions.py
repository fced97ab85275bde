import pytest

from pykafka_cli.model import Milliseconds
from pykafka_cli.zookeeper.protocol.errors import SessionExpired, UnknownSession
from pykafka_cli.zookeeper.server.sessions import Sessions, password_of, printed

TICK = Milliseconds(1000)
WALL = 1_795_564_477_264


def sessions(timeouts: dict[int, int] | None = None, now_ms: int = 0) -> Sessions:
    return Sessions(TICK, timeouts or {}, now_ms=now_ms, wall_ms=WALL)


def test_a_session_expires_at_the_first_tick_after_its_timeout() -> None:
    tracked = sessions()
    tracked.open(1, Milliseconds(3000), 500)

    assert tracked.expire(3999) == []
    assert tracked.expire(4000) == [1]


def test_a_session_that_is_heard_of_lives_on() -> None:
    tracked = sessions()
    tracked.open(1, Milliseconds(3000), 0)

    assert tracked.touch(1, 2500)

    assert tracked.expire(5999) == []
    assert tracked.expire(6000) == [1]


def test_a_session_is_expired_once_and_then_rejected() -> None:
    tracked = sessions()
    tracked.open(1, Milliseconds(1000), 0)
    assert tracked.expire(60_000) == [1]

    assert tracked.expire(120_000) == []
    assert not tracked.touch(1, 60_000)
    with pytest.raises(SessionExpired):
        tracked.check(1)


def test_a_session_that_is_gone_is_unknown() -> None:
    tracked = sessions()
    tracked.open(1, Milliseconds(1000), 0)
    tracked.remove(1)

    assert len(tracked) == 0
    assert tracked.expire(60_000) == []
    assert not tracked.touch(1, 0)
    with pytest.raises(UnknownSession, match="0x1"):
        tracked.check(1)


def test_a_client_that_comes_back_may_want_another_timeout() -> None:
    tracked = sessions()
    tracked.open(1, Milliseconds(1000), 0)

    tracked.touch(1, 0, timeout_ms=Milliseconds(5000))

    assert tracked.expire(5999) == []
    assert tracked.timeout_ms(1) == 5000


def test_sessions_found_at_the_start_have_their_whole_timeout_ahead() -> None:
    tracked = sessions({7: 2000, 8: 6000}, now_ms=100_000)

    assert tracked.expire(102_999) == []
    assert tracked.expire(103_000) == [7]
    assert tracked.by_deadline() == [(107_000, [8])]


def test_a_server_that_stood_still_gives_its_sessions_that_much_longer() -> None:
    tracked = sessions()
    tracked.open(1, Milliseconds(3000), 0)

    tracked.postpone(30_000, 33_000)

    assert tracked.expire(33_999) == []
    assert tracked.expire(35_000) == [1]


def test_after_standing_still_a_session_has_at_least_a_tick() -> None:
    tracked = sessions()
    tracked.open(1, Milliseconds(1000), 0)

    tracked.postpone(10, 50_000)

    assert tracked.expire(50_999) == []
    assert tracked.expire(51_000) == [1]


def test_new_ids_have_zookeepers_form_and_avoid_those_in_use() -> None:
    first = sessions().new_id()
    assert first == 1 << 56 | (WALL & 0xFFFFFFFFFF) << 16

    tracked = sessions({first: 1000, first + 1: 1000})
    assert [tracked.new_id(), tracked.new_id()] == [first + 2, first + 3]


@pytest.mark.parametrize(
    ("session_id", "password"),
    [
        (0x0100006342020000, "cc9125f8698da1858a57a21d5a8a9f6d"),
        (0x0100006342020001, "dfb21ff809d980ca7f9a09492e13b43a"),
        (0x0100006342020003, "b9702bf8c941c24095143bf287018ba0"),
    ],
)
def test_passwords_are_those_that_zookeeper_gives(session_id: int, password: str) -> None:
    assert password_of(session_id).hex() == password


def test_an_id_of_a_server_above_127_is_printed_unsigned() -> None:
    assert printed(-(1 << 56)) == "ff00000000000000"
