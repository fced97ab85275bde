"""pk console-consumer by hand: the newest records, those between two times, those that meet conditions."""

import json

import pytest

from tests.support.consoles import Talk
from tests.support.running import RunningCluster, pk

HOUR = 3_600_000
NOON = 1_700_000_000_000


@pytest.fixture(scope="module")
def topic(cluster: RunningCluster) -> str:
    """Two partitions with a record every hour, by turns."""
    name = "hourly"
    words = ("--bootstrap-server", cluster.bootstrap, "--topic", name)
    created = pk("topics", *words, "--create", "--partitions", "2", "--config", "retention.ms=-1")
    assert created.returncode == 0, created.stderr
    lines = "".join(
        json.dumps({
            "partition": hour % 2, "timestamp": NOON + hour * HOUR, "key": f"k{hour % 3}",
            "value": json.dumps({"hour": hour}), "headers": [{"key": "h", "value": str(hour)}],
        }) + "\n"
        for hour in range(10)
    )  # fmt: skip
    done = pk("console-producer", *words, "--input", "json", stdin=lines)
    assert done.returncode == 0, done.stderr
    return name


def hours(cluster: RunningCluster, topic: str, *words: str) -> list[int]:
    """Of the records printed, in their order."""
    done = pk("console-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, *words)
    assert done.returncode == 0, done.stderr
    printed = [json.loads(line)["hour"] for line in done.stdout.splitlines()]
    assert done.stderr == f"Processed a total of {len(printed)} messages\n"
    return printed


def test_the_newest_records_come_in_the_order_of_their_times(cluster: RunningCluster, topic: str) -> None:
    assert hours(cluster, topic, "--last", "3", "--exit-at-end") == [7, 8, 9]


def test_the_newest_are_those_that_meet_the_conditions(cluster: RunningCluster, topic: str) -> None:
    assert hours(cluster, topic, "--last", "2", "--exit-at-end", "--where", "key=k0", "--where", "$.hour<9") == [3, 6]


def test_more_than_there_are_is_all(cluster: RunningCluster, topic: str) -> None:
    assert hours(cluster, topic, "--last", "99", "--exit-at-end") == list(range(10))


def test_a_range_of_times_ends_before_its_end(cluster: RunningCluster, topic: str) -> None:
    words = ("--from-time", str(NOON + 2 * HOUR), "--until-time", str(NOON + 6 * HOUR))

    assert sorted(hours(cluster, topic, *words)) == [2, 3, 4, 5]


def test_the_end_of_one_partition_is_read_from_the_beginning(cluster: RunningCluster, topic: str) -> None:
    assert hours(cluster, topic, "--exit-at-end", "--partition", "1") == [1, 3, 5, 7, 9]
    assert hours(cluster, topic, "--exit-at-end", "--partition", "1", "--offset", "3") == [7, 9]


def test_a_template_prints_parts(cluster: RunningCluster, topic: str) -> None:
    words = ("--last", "1", "--exit-at-end", "--template", r"%t-%p@%o %T %k %h\n")
    done = pk("console-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, *words)

    assert done.stdout == f"hourly-1@4 {NOON + 9 * HOUR} k0 h=9\n"


def test_the_newest_records_are_followed_by_those_that_come(cluster: RunningCluster) -> None:
    where = ("--bootstrap-server", cluster.bootstrap, "--topic", "followed")
    pk("console-producer", *where, stdin="one\ntwo\n")
    with Talk(["console-consumer", *where, "--last", "1"]) as talk:
        talk.read_until("^two\n")
        pk("console-producer", *where, stdin="three\n")
        talk.read_until("^two\nthree\n")


def test_what_transactions_leave_between_records_does_not_count_as_one(cluster: RunningCluster) -> None:
    where = ("--bootstrap-server", cluster.bootstrap, "--topic", "with-markers")
    for number in range(3):
        words = ("--num-records", "1", "--record-size", "10", "--throughput", "-1", "--transaction-duration-ms", "1")
        props = ("--producer-props", f"bootstrap.servers={cluster.bootstrap}", f"transactional.id=markers-{number}")
        done = pk("producer-perf-test", "--topic", "with-markers", *words, *props)
        assert done.returncode == 0, done.stderr

    done = pk("console-consumer", *where, "--last", "3", "--exit-at-end", "--template", r"%o\n")

    assert done.stdout.split() == ["0", "2", "4"]


def test_a_topic_that_is_not_there_ends_it(cluster: RunningCluster) -> None:
    words = ("--bootstrap-server", cluster.bootstrap, "--topic", "nowhere", "--exit-at-end")
    done = pk("console-consumer", *words)

    assert done.returncode == 1
    assert "Topic nowhere does not exist" in done.stderr


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--last", "1", "--group", "g"], "Options group and last cannot be specified together."),
        (["--last", "1", "--from-time", "1h"], "Options last and from-time cannot be specified together."),
        (["--where", "color=red"], "--where: 'color' is not a field"),
        (["--sample", "2"], "--sample: '2' is not a share"),
        (["--template", "%z"], "--template: %z is not one of"),
        (["--until-time", "noon"], "--until-time: 'noon' is not a time"),
        (["--las", "1"], "las is not a recognized option"),
    ],
)
def test_what_does_not_go_together_is_said(words: list[str], problem: str) -> None:
    done = pk("console-consumer", "--bootstrap-server", "127.0.0.1:1", "--topic", "t", *words)

    assert done.returncode == 1
    assert done.stderr.startswith(problem)


def test_a_terminal_gets_colors_and_indented_json_unless_the_script_is_asked_for(cluster: RunningCluster) -> None:
    where = ("--bootstrap-server", cluster.bootstrap, "--topic", "looked-at")
    value = json.dumps({"text": "x" * 90}, separators=(",", ":"))
    pk(
        "console-producer",
        *where,
        "--property",
        "parse.key=true",
        "--property",
        "key.separator=|",
        stdin=f"k|{value}\n",
    )
    with Talk(["console-consumer", *where, "--exit-at-end"], terminal=True) as talk:
        talk.read_until(r'^\x1b\[\d+m\{\r\n  "text": "x{90}"\r\n\}\x1b\[0m\r\n')
    with Talk(["console-consumer", *where, "--exit-at-end", "--output", "kafka"], terminal=True) as talk:
        talk.read_until(r'^\{"text":"x{90}"\}\r\n')
