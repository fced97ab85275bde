"""Large answers to a client that would choke on more speed; others are not held back."""

import pytest

from pykafka_cli.broker.network.pace import BULK_BYTES, RELAXATION, SLOWEST, Pace, pace_for

SIZE = 2 * BULK_BYTES
PARSING_S = 0.002


class Reading:
    """A client that reads large responses, on a simulated clock."""

    def __init__(self) -> None:
        self.pace, self.now = Pace(), 0.0

    def answer(self, size: int = SIZE, *, after: float = PARSING_S) -> float:
        """How long the response to what is asked so many seconds after the last one is held back."""
        self.now += after
        delay = self.pace.delay(size, self.now)
        self.now += delay
        self.pace.sent(size, self.now)
        return delay


def test_a_large_answer_is_held_back_for_as_long_as_the_client_took_for_the_last_one() -> None:
    client = Reading()

    assert [client.answer(after=after) for after in (7.0, 0.002, 0.003)] == pytest.approx([0, 0.002, 0.003])


def test_only_large_answers_that_follow_large_ones_are_held_back() -> None:
    client = Reading()

    delays = [client.answer(size) for size in (SIZE, BULK_BYTES - 1, SIZE, BULK_BYTES - 1, SIZE, SIZE)]

    assert delays == pytest.approx([0, 0, 0, 0, 0, PARSING_S])


def test_a_client_whose_pace_comes_from_elsewhere_is_not_held_back() -> None:
    client = Reading()
    client.answer()

    assert client.answer(after=0.02) == 0  # 50 MB/s
    assert client.answer() == pytest.approx(PARSING_S)


def test_each_time_it_stood_still_doubles_the_time_it_is_given_up_to_a_limit() -> None:
    client = Reading()
    client.answer()
    given = []
    for _ in range(5):
        assert client.answer(after=1.0) == 0
        given.append(client.answer() / PARSING_S)

    assert given == pytest.approx([2, 4, 8, 8, 8], rel=0.02)
    assert max(given) <= SLOWEST


def test_while_it_does_not_stand_still_it_is_given_less_again_but_not_less_than_it_took() -> None:
    client = Reading()
    client.answer()
    client.answer(after=1.0)

    given = [client.answer() / PARSING_S for _ in range(1000)]

    assert given[:2] == pytest.approx([2, 2 * RELAXATION])
    assert given[-1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "version", "paced"),
    [
        ("librdkafka", "2.0.2", True),
        ("confluent-kafka-python", "2.16.1-rdkafka-2.16.0", True),
        ("apache-kafka-java", "3.9.1", False),
        ("franz-go", "1.18.0", False),
        ("", "", False),
    ],
)
def test_only_librdkafka_and_what_is_built_on_it_has_a_pace(name: str, version: str, paced: bool) -> None:
    assert (pace_for(name, version) is not None) == paced
