"""Who may hold memory, who waits for it, and who is cut off."""

from collections.abc import Callable

from pykafka_cli.broker.network.memory import PATIENCE_S, SMALL_BYTES, UNDER_WAY_BYTES, UNREAD_BYTES, Memory
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from tests.fakes.clock import FakeClock


class Connection:
    """A holder that records what happened to it."""

    def __init__(self) -> None:
        self.progress = 0
        self.is_muted = False
        self.ended = False
        self.asked_again = 0
        self.then: Callable[[], None] = lambda: None

    def end(self, kind: str, why: str) -> None:  # noqa: ARG002
        self.ended = True

    def memory_freed(self) -> None:
        self.asked_again += 1
        self.then()


def memory(**given: str) -> tuple[Memory, FakeClock]:
    named = {"zookeeper.connect": "z"} | {name.replace("_", "."): text for name, text in given.items()}
    clock = FakeClock()
    return Memory(BrokerSettings(Property(name, text, 0) for name, text in named.items()), clock), clock


def test_above_the_limit_only_the_oldest_request_grows() -> None:
    it, _ = memory()
    oldest, other, small = Connection(), Connection(), Connection()
    it.receive(oldest, UNDER_WAY_BYTES)
    it.receive(other, SMALL_BYTES + 1)
    it.receive(small, SMALL_BYTES)

    assert [it.may_receive(each) for each in (oldest, other, small)] == [True, False, True]

    it.receive(oldest, 0)
    assert other.asked_again == 1
    assert it.may_receive(other)


def test_the_limit_is_queued_max_request_bytes_where_it_is_set() -> None:
    it, _ = memory(queued_max_request_bytes="1000000", socket_request_max_bytes="1000000")
    oldest, other = Connection(), Connection()
    it.receive(oldest, 1_000_000)
    it.receive(other, SMALL_BYTES + 1)

    assert not it.may_receive(other)


def test_a_request_that_does_not_arrive_while_others_wait_is_cut_off() -> None:
    it, clock = memory()
    stalled, other = Connection(), Connection()
    it.receive(stalled, UNDER_WAY_BYTES)
    it.receive(other, SMALL_BYTES + 1)
    assert not it.may_receive(other)

    clock.advance(PATIENCE_S)

    assert (stalled.ended, other.ended) == (True, False)
    it.forget(stalled)
    assert it.may_receive(other)


def test_one_that_arrives_is_waited_for() -> None:
    it, clock = memory()
    busy, other = Connection(), Connection()
    it.receive(busy, UNDER_WAY_BYTES)
    it.receive(other, SMALL_BYTES + 1)
    assert not it.may_receive(other)
    busy.progress += SMALL_BYTES

    clock.advance(PATIENCE_S)

    assert not busy.ended


def test_a_request_that_quotas_keep_from_arriving_is_not_cut_off_for_it() -> None:
    it, clock = memory()
    muted, other = Connection(), Connection()
    muted.is_muted = True
    it.receive(muted, UNDER_WAY_BYTES)
    it.receive(other, SMALL_BYTES + 1)
    assert not it.may_receive(other)

    clock.advance(PATIENCE_S)
    muted.is_muted = False
    clock.advance(PATIENCE_S)
    assert not muted.ended  # it had not the whole time

    clock.advance(PATIENCE_S)
    assert muted.ended


def test_answers_wait_while_others_are_not_read_and_come_one_by_one() -> None:
    it, clock = memory()
    silent, one, two = Connection(), Connection(), Connection()
    it.send(silent, UNREAD_BYTES)
    assert [it.may_answer(each) for each in (one, two)] == [False, False]

    one.then = lambda: it.send(one, 1)
    it.send(silent, UNREAD_BYTES - 1)
    clock.advance(1)

    assert (one.asked_again, two.asked_again) == (1, 0)


def test_who_does_not_read_while_others_wait_is_cut_off() -> None:
    it, clock = memory()
    silent, waiting = Connection(), Connection()
    it.send(silent, UNREAD_BYTES)
    assert not it.may_answer(waiting)

    clock.advance(PATIENCE_S)
    it.forget(silent)
    clock.advance(0)

    assert silent.ended
    assert waiting.asked_again == 1
