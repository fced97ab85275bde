"""What is still missing, in words, of what a learner was to do."""

import pytest

from pykafka_cli.model import Seconds
from pykafka_cli.tutorial.goals import (
    missing_of_alive,
    missing_of_clock,
    missing_of_committed,
    missing_of_members,
    missing_of_start,
    missing_of_znode,
)


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        (missing_of_znode("/a", "hello", None), "there is no znode /a"),
        (missing_of_znode("/a", "hello", b"bye"), "/a does not hold hello"),
        (missing_of_znode("/a", "hello", b"hello"), ""),
        (missing_of_znode("/a", "", b""), ""),
        (missing_of_clock("2h", Seconds(3600.0)), "the servers' clock is 60 minutes ahead, not 2h"),
        (missing_of_clock("2h", Seconds(7199.9)), ""),
        (missing_of_alive(2, 3), "3 brokers alive, not 2"),
        (missing_of_alive(2, 2), ""),
        (missing_of_members(2, "Stable", 1), "the group has 1 member, not 2"),
        (missing_of_members(2, "PreparingRebalance", 2), "the group is PreparingRebalance"),
        (missing_of_members(2, "Stable", 2), ""),
        (missing_of_members(0, "Empty", 0), ""),
        (missing_of_committed(4, 3), "the group's committed offsets add up to 3, not 4"),
        (missing_of_committed(4, 4), ""),
        (missing_of_committed(4, 5), "the group's committed offsets add up to 5, not 4"),
        (missing_of_committed(4, 5, or_more=True), ""),
        (missing_of_start(3, 2), "the first offsets add up to 2, not yet to 3"),
        (missing_of_start(3, 5), ""),
    ],
)
def test_what_is_missing(missing: str, text: str) -> None:
    assert missing == text
