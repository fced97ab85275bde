"""pk console-producer while somebody types, when something goes wrong, and when it is interrupted."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.consoles import Talk
from tests.support.polling import PATIENCE_S, until
from tests.support.running import PK, RunningCluster, pk


@pytest.fixture
def topic(cluster: RunningCluster, request: pytest.FixtureRequest) -> str:
    name: str = request.node.name.replace("[", "-").replace("]", "")
    created = pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", name, "--partitions", "1")
    assert created.returncode == 0, created.stderr
    return name


def lines_of(cluster: RunningCluster, topic: str, count: int, *extra: str) -> list[str]:
    read = pk(
        "console-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, "--from-beginning",
        "--max-messages", str(count), "--timeout-ms", "10000", *extra,
    )  # fmt: skip
    return read.stdout.splitlines()


def producer(cluster: RunningCluster, topic: str, *extra: str) -> list[str]:
    return ["console-producer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, *extra]


def test_a_terminal_is_prompted_and_each_line_sent_while_more_may_come(cluster: RunningCluster, topic: str) -> None:
    with Talk(producer(cluster, topic), terminal=True) as talk:
        talk.read_until("^>$")
        talk.type("one\n")
        talk.read_until("one\r\n>$")
        assert lines_of(cluster, topic, 1) == ["one"]

        talk.type("two\n\x04")
        done = talk.end()

    assert done.returncode == 0
    assert not done.stderr
    assert lines_of(cluster, topic, 2) == ["one", "two"]


def test_a_slow_pipe_is_not_prompted_and_sent_line_by_line(cluster: RunningCluster, topic: str) -> None:
    with Talk(producer(cluster, topic)) as talk:
        for line in ("one", "two"):
            talk.type(f"{line}\n")
            expected = ["one"] if line == "one" else ["one", "two"]
            assert lines_of(cluster, topic, len(expected)) == expected
        talk.type("no newline at the end")
        done = talk.end()

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert lines_of(cluster, topic, 3)[2] == "no newline at the end"


def test_a_record_that_is_too_large_keeps_its_neighbors(cluster: RunningCluster, topic: str) -> None:
    text = f"before\n{'x' * 2000}\nafter\n"

    done = pk(*producer(cluster, topic, "--producer-property", "max.request.size=1000"), stdin=text)

    assert done.returncode == 1
    assert "line 2" in done.stderr
    assert "org.apache.kafka.common.errors.RecordTooLargeException" in done.stderr
    assert lines_of(cluster, topic, 2) == ["before", "after"]


def test_a_record_that_the_broker_finds_too_large_keeps_its_neighbors(cluster: RunningCluster, topic: str) -> None:
    pk(
        "configs", "--bootstrap-server", cluster.bootstrap, "--alter", "--topic", topic,
        "--add-config", "max.message.bytes=1000",
    )  # fmt: skip
    text = "".join(f"{number}\n" for number in range(100)) + f"{'x' * 2000}\n" + "after\n"

    done = pk(*producer(cluster, topic), stdin=text)

    assert done.returncode == 1
    assert "line 101" in done.stderr
    assert "RecordTooLargeException" in done.stderr
    assert lines_of(cluster, topic, 101) == [*map(str, range(100)), "after"]


def test_a_line_without_separator_ends_it_after_what_came_before(cluster: RunningCluster, topic: str) -> None:
    done = pk(
        *producer(cluster, topic, "--property", "parse.key=true", "--property", "key.separator=:"),
        stdin="a:1\nb:2\nbad\nc:3\n",
    )

    assert done.returncode == 1
    assert "No key separator found on line number 3: 'bad'" in done.stderr
    assert lines_of(cluster, topic, 2, "--property", "print.key=true") == ["a\t1", "b\t2"]


def test_long_input_is_sent_in_order_up_to_a_line_without_separator(cluster: RunningCluster, topic: str) -> None:
    lines = [f"k{number % 7}\t{number:05} {'ü' * (number % 50)}" for number in range(6000)]
    text = "\n".join([*lines, "bad", "k\tv", ""])

    done = pk(*producer(cluster, topic, "--property", "parse.key=true"), stdin=text)

    assert done.returncode == 1
    assert "No key separator found on line number 6001: 'bad'" in done.stderr
    assert lines_of(cluster, topic, len(lines), "--property", "print.key=true") == lines


def test_a_topic_that_is_not_there_is_created_with_a_warning(cluster: RunningCluster) -> None:
    done = pk(*producer(cluster, "made-by-the-console"), stdin="hello\n")

    assert done.returncode == 0
    assert "{made-by-the-console=UNKNOWN_TOPIC_OR_PARTITION}" in done.stderr or "LEADER_NOT_AVAILABLE" in done.stderr
    assert lines_of(cluster, "made-by-the-console", 1) == ["hello"]


def test_sync_sends_one_after_the_other(cluster: RunningCluster, topic: str) -> None:
    done = pk(*producer(cluster, topic, "--sync"), stdin="1\n2\n3\n")

    assert (done.returncode, done.stderr) == (0, "")
    assert lines_of(cluster, topic, 3) == ["1", "2", "3"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_sends_what_was_read(cluster: RunningCluster, topic: str, number: signal.Signals, status: int) -> None:
    with Talk(producer(cluster, topic, "--producer-property", "linger.ms=60000", "--timeout", "60000",
                       "--producer-property", "delivery.timeout.ms=120000")) as talk:  # fmt: skip
        talk.type("one\ntwo\n")
        talk.wait_until_read()
        talk.process.send_signal(number)
        talk.process.wait(PATIENCE_S)
        done = talk.end()

    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert lines_of(cluster, topic, 2) == ["one", "two"]


@pytest.fixture
def restarting(tmp_path: Path) -> Iterator[RunningCluster]:
    running = RunningCluster(tmp_path / "data")
    yield running
    running.stop()


def test_a_broker_that_is_killed_meanwhile_loses_and_repeats_nothing(restarting: RunningCluster) -> None:
    ports = (restarting.port, restarting.zookeeper_port)
    bootstrap = ["--bootstrap-server", restarting.bootstrap]
    pk("topics", *bootstrap, "--create", "--topic", "t", "--partitions", "1")
    process = subprocess.Popen(
        [PK, "console-producer", *bootstrap, "--topic", "t"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin

    def feed(first: int, end: int) -> None:
        process.stdin.write(b"".join(b"%d\n" % number for number in range(first, end)))
        process.stdin.flush()

    feed(0, 100)
    until(lambda: pk("get-offsets", *bootstrap, "--topic", "t").stdout == "t:0:100\n", "nothing was stored")
    feed(100, 200)
    restarting.kill()
    feed(200, 300)
    second = RunningCluster(restarting.data_dir, ports=ports)
    feed(300, 400)
    try:
        _, errors = process.communicate(timeout=120)

        assert process.returncode == 0, errors.decode()
        read = pk("console-consumer", *bootstrap, "--topic", "t", "--from-beginning", "--exit-at-end")
        assert read.stdout.split() == [str(number) for number in range(400)]
    finally:
        second.stop()


def test_json_that_was_consumed_is_produced_again(cluster: RunningCluster, topic: str) -> None:
    lines = "".join(
        f'{{"partition":0,"timestamp":{1_700_000_000_000 + number},"timestamp_type":"CreateTime",'
        f'"headers":[{{"key":"h","value":null}}],"key":"k{number}","value":"v\\n{number}"}}\n'
        for number in range(3)
    )
    done = pk(*producer(cluster, topic, "--input", "json"), stdin=lines)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    copy = f"{topic}-copy"
    consumed = lines_of(cluster, topic, 3, "--output", "json")
    pk(*producer(cluster, copy, "--input", "json"), stdin="".join(f"{line}\n" for line in consumed))

    copied = lines_of(cluster, copy, 3, "--output", "json")
    assert copied == [line.replace(f'"{topic}"', f'"{copy}"') for line in consumed]
    assert '"timestamp":1700000000002' in copied[2]


def test_a_line_that_is_no_json_ends_it_after_those_before(cluster: RunningCluster, topic: str) -> None:
    done = pk(*producer(cluster, topic, "--input", "json"), stdin='{"value":"one"}\ntwo\n{"value":"three"}\n')

    assert done.returncode == 1
    assert done.stderr.startswith("line 2: not JSON: ")
    assert lines_of(cluster, topic, 1) == ["one"]


def test_a_partition_that_is_not_there_is_reported(cluster: RunningCluster, topic: str) -> None:
    done = pk(*producer(cluster, topic, "--input", "json"), stdin='{"value":"one","partition":7}\n{"value":"two"}\n')

    assert done.returncode == 1
    assert f"Topic {topic} has no partition 7" in done.stderr
    assert lines_of(cluster, topic, 1) == ["two"]
