"""Other ways to type the command of a step."""

import pytest

from pykafka_cli.tutorial.equivalent import is_equivalent, missing_pk, stays_in_front

READ = "pk console-consumer --topic t --from-beginning"


@pytest.mark.parametrize(
    ("typed", "wanted", "expected"),
    [
        ("pk topics --list", "pk topics --create", True),
        ("kafka-topics.sh --bootstrap-server localhost:9092 --list", "pk topics --list", True),
        ("bin/kafka-topics --list", "pk topics --list", True),
        ("zookeeper-shell.sh localhost ls /", "pk zookeeper-shell {zookeeper} ls /", True),
        ("zkCli.sh -server localhost:2181 ls /", "pk zookeeper-shell {zookeeper} ls /", True),
        ("cat file | kafka-console-producer.sh --topic t", "seq 3 | pk console-producer --topic t", True),
        ("kafka-console-consumer --from-beginning --topic=t", READ, True),
        ("pk console-consumer --topic t | head -3", READ, True),
        ("timeout 5 pk console-consumer --topic t", READ, True),
        ("A=b pk console-consumer --topic t && echo", READ, True),
        ("pk console-consumer \\\n --topic t", READ, True),
        ("kcat -C -b localhost:9092 -t t -e", READ, True),
        ("kcat -P -b localhost:9092 -t t", READ, False),
        ("pk console-consumer --topic other", READ, False),
        ("pk configs --list", "pk topics --list", False),
        ("pk", "pk topics --list", False),
        ("echo 'unfinished", "pk topics --list", False),
        ("", "pk topics --list", False),
        ("", "", False),
    ],
)
def test_a_command_counts_in_any_way_that_does_the_same(typed: str, wanted: str, expected: bool) -> None:
    assert is_equivalent(typed, wanted) is expected


def test_a_command_without_pk_is_recognized() -> None:
    assert missing_pk("topics --list", {"topics"}) == "pk topics --list"
    for line in ("pk topics --list", "ls", ""):
        assert not missing_pk(line, {"topics"})


def test_a_command_in_the_background_leaves_the_prompt() -> None:
    assert stays_in_front("pk console-consumer --topic t")
    assert not stays_in_front("pk console-consumer --topic t & ")
