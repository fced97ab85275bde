"""Which range of a topic a command line means."""

import pytest

from pykafka_cli.model import OffsetSpec, Timestamp
from pykafka_cli.rules.reading_range import ReadingRange, check_range, parse_moment
from pykafka_cli.rules.what_to_read import NotTogether

NOW = Timestamp(1_800_000_000_000)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1700000000123", 1_700_000_000_123),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-15T00:13:20.5+02:00", 1_700_000_000_500),
        ("10m", NOW - 600_000),
        ("2h ago", NOW - 7_200_000),
    ],
)
def test_a_moment_is_a_time_or_how_long_ago_it_was(text: str, moment: int) -> None:
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["yesterday", "-5m", "2023-13-01", ""])
def test_other_moments_are_rejected(text: str) -> None:
    with pytest.raises(ValueError):
        parse_moment(text, NOW)


@pytest.mark.parametrize("given", [{"last", "from-time"}, {"last", "from-beginning"}, {"from-time", "offset"}])
def test_a_range_has_one_start(given: set[str]) -> None:
    with pytest.raises(NotTogether):
        check_range(given, has_group=False)


def test_a_group_has_no_range() -> None:
    check_range({"group", "from-beginning"}, has_group=True)
    with pytest.raises(NotTogether, match="group and exit-at-end"):
        check_range({"group", "exit-at-end"}, has_group=True)


@pytest.mark.parametrize(("timestamp", "expected"), [(9, False), (10, True), (19, True), (20, False), (None, False)])
def test_the_end_is_not_part_of_a_range_of_times(timestamp: Timestamp | None, expected: bool) -> None:
    assert (
        ReadingRange(OffsetSpec.EARLIEST, None, Timestamp(10), Timestamp(20), exits_at_end=False).has_time(timestamp)
        is expected
    )
