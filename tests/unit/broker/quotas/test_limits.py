import itertools

import pytest

from pykafka_cli.broker.quotas.limits import Applied, Limits, as_limit

# The most specific first, as Kafka's documentation has them, with who shares each.
LEVELS = (
    ("users/alice/clients/app", "alice", "app"),
    ("users/alice/clients/<default>", "alice", "app"),
    ("users/alice", "alice", ""),
    ("users/<default>/clients/app", "alice", "app"),
    ("users/<default>/clients/<default>", "alice", "app"),
    ("users/<default>", "alice", ""),
    ("clients/app", "", "app"),
    ("clients/<default>", "", "app"),
)


@pytest.mark.parametrize("levels", list(itertools.combinations(range(len(LEVELS)), 2)))
def test_the_more_specific_of_two_applies(levels: tuple[int, int]) -> None:
    limits = Limits()
    for level in levels:
        limits.set(LEVELS[level][0], level + 1)

    assert limits.of("alice", "app") == Applied(levels[0] + 1, *LEVELS[levels[0]][1:])


def test_others_have_no_limit() -> None:
    limits = Limits()
    limits.set("users/alice", 1)
    limits.set("clients/app", 2)

    assert limits.of("bob", "other") is None


def test_a_limit_that_is_taken_away_is_gone() -> None:
    limits = Limits()
    assert limits.set("users/alice", 1)
    assert not limits.set("users/alice", 1)
    assert limits.set("users/alice", None)

    assert not limits
    assert limits.of("alice", "app") is None


@pytest.mark.parametrize(
    ("text", "limit"), [("1024", 1024.0), ("12.5", 12.5), ("0", None), ("-1", None), ("many", None)]
)
def test_only_a_positive_number_is_a_limit(text: str, limit: float | None) -> None:
    assert as_limit({"producer_byte_rate": text}, "producer_byte_rate") == limit
    assert as_limit({}, "producer_byte_rate") is None
