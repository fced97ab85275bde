"""pk console-consumer in groups, with readers that leave, and when it is interrupted."""

import re
import signal
import subprocess
import time

import pytest

from tests.support.consoles import Talk
from tests.support.polling import PATIENCE_S, until
from tests.support.running import PK, RunningCluster, pk

QUICK_GROUP = [
    "--consumer-property", "session.timeout.ms=6000", "--consumer-property", "heartbeat.interval.ms=500",
]  # fmt: skip


@pytest.fixture
def topic(cluster: RunningCluster, request: pytest.FixtureRequest) -> str:
    name: str = request.node.name.replace("[", "-").replace("]", "")
    created = pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", name, "--partitions", "2")
    assert created.returncode == 0, created.stderr
    return name


def produce(cluster: RunningCluster, topic: str, lines: list[str], *extra: str) -> None:
    text = "".join(f"{line}\n" for line in lines)
    done = pk("console-producer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, *extra, stdin=text)
    assert done.returncode == 0, done.stderr


def produce_keyed(cluster: RunningCluster, topic: str, numbers: range) -> None:
    """Spread over both partitions."""
    produce(
        cluster, topic, [f"k{number}:{number}" for number in numbers],
        "--property", "parse.key=true", "--property", "key.separator=:",
    )  # fmt: skip


def consumer(cluster: RunningCluster, topic: str, *extra: str) -> list[str]:
    return ["console-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, *extra]


def committed(cluster: RunningCluster, group: str) -> dict[int, str]:
    """Offsets of a group by partition."""
    done = pk("consumer-groups", "--bootstrap-server", cluster.bootstrap, "--describe", "--group", group)
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(f"{group} ")]
    return {int(row[2]): row[3] for row in rows}


def wait_for_members(cluster: RunningCluster, group: str, partitions: list[str]) -> None:
    """Until the members of a group have so many partitions each."""

    def found() -> list[str]:
        words = ["--bootstrap-server", cluster.bootstrap, "--describe", "--members", "--group", group]
        lines = pk("consumer-groups", *words).stdout.splitlines()
        return sorted(line.split()[-1] for line in lines if line.startswith(f"{group} "))

    until(lambda: found() == partitions, lambda: f"{found()} is not {partitions}")


def test_two_members_share_and_one_that_is_killed_is_replaced(cluster: RunningCluster, topic: str) -> None:
    words = consumer(cluster, topic, "--group", topic, "--from-beginning", *QUICK_GROUP)
    with Talk(words) as first, Talk(words) as second:
        wait_for_members(cluster, topic, ["1", "1"])
        produce_keyed(cluster, topic, range(20))
        first.read_until(r"\d+\n")
        second.read_until(r"\d+\n")

        second.process.kill()
        wait_for_members(cluster, topic, ["2"])
        produce_keyed(cluster, topic, range(100, 120))
        for number in range(100, 120):
            first.read_until(rf"(?m)^{number}$")


def test_what_was_printed_is_committed_and_nothing_else(cluster: RunningCluster, topic: str) -> None:
    produce(cluster, topic, [str(number) for number in range(100)])
    words = consumer(cluster, topic, "--group", topic, "--from-beginning", "--timeout-ms", "10000")

    printed: list[str] = []
    for count in (1, 7, 42):
        done = pk(*words, "--max-messages", str(count))
        printed += done.stdout.split()
        offsets = [int(offset) for offset in committed(cluster, topic).values() if offset != "-"]
        assert sum(offsets) == len(printed)

    assert len(set(printed)) == 50


def test_a_record_is_printed_as_it_comes(cluster: RunningCluster, topic: str) -> None:
    with Talk(consumer(cluster, topic, "--from-beginning")) as talk:
        for line in ("one", "two", "three"):
            produce(cluster, topic, [line])
            talk.read_until(f"{line}\n")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_commits_and_counts(cluster: RunningCluster, topic: str, number: signal.Signals, status: int) -> None:
    produce(cluster, topic, ["one", "two", "three"])
    with Talk(consumer(cluster, topic, "--group", topic, "--from-beginning")) as talk:
        talk.read_until(r"one\ntwo\nthree\n")
        talk.process.send_signal(number)
        done = talk.end()

    assert done.returncode == status
    assert done.stderr == "Processed a total of 3 messages\n"
    assert "3" in committed(cluster, topic).values()
    wait_for_members(cluster, topic, [])  # it left: nobody waits for its session to end


def test_a_reader_that_leaves_ends_it_quietly(cluster: RunningCluster, topic: str) -> None:
    produce(cluster, topic, ["x" * 100] * 20_000)
    reading = subprocess.Popen(
        [PK, *consumer(cluster, topic, "--from-beginning", "--group", topic)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert reading.stdout
    assert reading.stderr
    assert reading.stdout.readline() == b"x" * 100 + b"\n"
    reading.stdout.close()

    errors = reading.stderr.read().decode()

    reading.stderr.close()
    reading.wait(PATIENCE_S)
    assert "Traceback" not in errors
    counted = re.search(r"Processed a total of (\d+) messages", errors)
    assert counted
    assert 0 < int(counted[1]) < 20_000


def test_a_reader_that_leaves_ends_it_though_no_record_comes(cluster: RunningCluster, topic: str) -> None:
    produce(cluster, topic, ["one"])
    reading = [PK, "console-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, "--from-beginning"]

    with subprocess.Popen(reading, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as consumer:
        assert consumer.stdout is not None
        assert consumer.stderr is not None
        assert consumer.stdout.readline() == "one\n"
        consumer.stdout.close()
        said = consumer.stderr.read()
        status = consumer.wait(60)

    assert status == 0
    assert said.endswith("Processed a total of 1 messages\n")


def test_a_time_out_counts_from_the_last_record(cluster: RunningCluster, topic: str) -> None:
    produce(cluster, topic, ["one"])
    began = time.monotonic()

    done = pk(*consumer(cluster, topic, "--from-beginning", "--timeout-ms", "10000"))

    assert time.monotonic() - began >= 10
    assert done.returncode == 0
    assert done.stdout == "one\n"
    assert "org.apache.kafka.common.errors.TimeoutException" in done.stderr
    assert done.stderr.endswith("Processed a total of 1 messages\n")


def test_a_topic_that_comes_later_is_read(cluster: RunningCluster) -> None:
    words = [
        "console-consumer", "--bootstrap-server", cluster.bootstrap, "--include", "late-.*", "--from-beginning",
        "--consumer-property", "metadata.max.age.ms=500", "--group", "of-late-topics",
    ]  # fmt: skip
    with Talk(words) as talk:
        wait_for_members(cluster, "of-late-topics", ["0"])
        produce(cluster, "late-topic", ["hello"])
        talk.read_until("hello\n")


def test_a_member_that_is_stopped_too_long_comes_back(cluster: RunningCluster, topic: str) -> None:
    words = consumer(cluster, topic, "--group", topic, "--from-beginning", *QUICK_GROUP)
    with Talk(words) as talk:
        wait_for_members(cluster, topic, ["2"])
        talk.process.send_signal(signal.SIGSTOP)
        wait_for_members(cluster, topic, [])
        talk.process.send_signal(signal.SIGCONT)
        produce(cluster, topic, ["afterwards"])
        talk.read_until("afterwards\n")
        wait_for_members(cluster, topic, ["2"])


def test_a_cooperative_group_keeps_what_need_not_move(cluster: RunningCluster, topic: str) -> None:
    strategy = "partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
    words = consumer(
        cluster, topic, "--group", topic, "--from-beginning", "--consumer-property", strategy, *QUICK_GROUP
    )
    with Talk(words) as first:
        wait_for_members(cluster, topic, ["2"])
        with Talk(words) as second:
            wait_for_members(cluster, topic, ["1", "1"])
            produce_keyed(cluster, topic, range(20))
            second.read_until(r"\d+\n")
            second.process.send_signal(signal.SIGTERM)
            second.end()
        wait_for_members(cluster, topic, ["2"])
        produce_keyed(cluster, topic, range(100, 120))
        for number in range(100, 120):
            first.read_until(rf"(?m)^{number}$")
