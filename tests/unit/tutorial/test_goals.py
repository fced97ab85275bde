"""What is still missing, in words, of what a learner was to do."""

import pytest

from pykafka_cli.tutorial.goals import (
    missing_of_alive,
    missing_of_committed,
    missing_of_members,
    missing_of_start,
    missing_of_znode,
)
from pykafka_cli.tutorial.guide import is_same_script


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        (missing_of_znode("/a", "hello", None), "there is no znode /a"),
        (missing_of_znode("/a", "hello", b"bye"), "/a does not hold hello"),
        (missing_of_znode("/a", "hello", b"hello"), ""),
        (missing_of_znode("/a", "", b""), ""),
        (missing_of_alive(2, 3), "3 brokers are alive, not 2"),
        (missing_of_alive(2, 2), ""),
        (missing_of_members(2, "Stable", 1), "the group has 1 members, not 2"),
        (missing_of_members(2, "PreparingRebalance", 2), "the group is PreparingRebalance"),
        (missing_of_members(2, "Stable", 2), ""),
        (missing_of_members(0, "Empty", 0), ""),
        (missing_of_committed(4, 3), "the group's committed offsets add up to 3, not 4"),
        (missing_of_committed(4, 4), ""),
        (missing_of_start(3, 2), "the first offsets add up to 2, not yet to 3"),
        (missing_of_start(3, 5), ""),
    ],
)
def test_what_is_missing(missing: str, text: str) -> None:
    assert missing == text


@pytest.mark.parametrize(
    ("typed", "wanted", "is_same"),
    [
        ("pk topics --list", "pk topics --create --topic t", True),
        ("kafka-topics.sh --bootstrap-server localhost:9092 --list", "pk topics --list", True),
        ("bin/kafka-topics --list", "pk topics --list", True),
        ("zookeeper-shell.sh localhost ls /", "pk zookeeper-shell {zookeeper} ls /", True),
        ("cat file | kafka-console-producer.sh --topic t", "seq 3 | pk console-producer --topic t", True),
        ("pk configs --list", "pk topics --list", False),
        ("pk", "pk topics --list", False),
        ("echo 'unfinished", "pk topics --list", False),
        ("", "", False),
    ],
)
def test_a_script_counts_under_each_of_its_names(typed: str, wanted: str, is_same: bool) -> None:
    assert is_same_script(typed, wanted) is is_same
