"""pk wait on Apache Kafka 4.3.1, which is far away and advertises itself there."""

import subprocess
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.support.far_cluster import FAR, Proxy
from tests.support.kafka_4 import Kafka4
from tests.support.ports import free_port
from tests.support.running import PK, pk

TOPIC = "orders"
NEW_PROTOCOL = ("--command-property", "group.protocol=consumer")


class FarKafka(NamedTuple):
    server: Kafka4
    bootstrap: str
    """What it advertises."""
    awaited: "subprocess.CompletedProcess[str]"
    """A `pk wait` that began before the server did, for all that was then done."""

    def wait(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return pk("wait", "--bootstrap-server", self.bootstrap, *words)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarKafka]:
    """With a topic of three records, which a group of each protocol has read."""
    near = free_port()
    proxy = Proxy(near, FAR)
    bootstrap = f"127.0.0.1:{proxy.port}"
    advertised = f"advertised.listeners=PLAINTEXT://{bootstrap}"
    server = Kafka4(tmp_path_factory.mktemp("kafka-4"), port=near, more=advertised)
    conditions = ("broker", f"topic={TOPIC}:3", f"records={TOPIC}:3", "group=new:Empty:0", "lag=new:0", "lag=classic:0")
    waiting = subprocess.Popen(
        [PK, "wait", "--bootstrap-server", bootstrap, *conditions, "--timeout", "2m"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert waiting.stderr
        first = waiting.stderr.readline()
        server.start()
        _prepare(bootstrap)
        out, rest = waiting.communicate(timeout=120)
        awaited = subprocess.CompletedProcess(waiting.args, waiting.returncode, out, first + rest)
        yield FarKafka(server, bootstrap, awaited)
    finally:
        waiting.kill()
        waiting.communicate()
        server.kill()
        proxy.close()


def _prepare(bootstrap: str) -> None:
    where = ("--bootstrap-server", bootstrap, "--topic", TOPIC)
    reading = ("console-consumer", *where, "--from-beginning", "--max-messages", "3", "--group")
    for done in (
        pk("topics", *where, "--create", "--partitions", "3"),
        pk("console-producer", *where, stdin="one\ntwo\nthree\n"),
        pk(*reading, "new", *NEW_PROTOCOL),
        pk(*reading, "classic"),
    ):
        assert done.returncode == 0, done.stderr


def test_it_may_begin_before_the_cluster_and_sees_everything_come(kafka: FarKafka) -> None:
    assert (kafka.awaited.returncode, kafka.awaited.stdout) == (0, "")
    closing = f"{kafka.bootstrap} accepts connections, and closes them without a response"
    assert kafka.awaited.stderr.startswith(f"Waiting for broker: {closing}\n")
    assert "Timed out" not in kafka.awaited.stderr


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("broker=2", "1 of 2 brokers registered (1)"),
        (f"topic={TOPIC}:4", "3 of 4 partitions"),
        ("topic=unheard", "the topic does not exist"),
        (f"records={TOPIC}:4", "3 of 4 records"),
        ("group=unheard", "the group does not exist"),
        ("group=new:Stable:1", "the group is Empty, with 0 members"),
        ("group=classic:Stable:1", "the group is Empty, with 0 members"),
        ("lag=unheard:0", "the group does not exist"),
        ("lag=new:0:unread", "the group has committed nothing in unread"),
    ],
)
def test_a_condition_that_is_not_met(condition: str, reason: str, kafka: FarKafka) -> None:
    done = kafka.wait(condition, "--timeout", "0")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"  {condition}: {reason}"


@pytest.mark.parametrize("protocol", [(), NEW_PROTOCOL], ids=["classic", "consumer"])
def test_a_member_that_joins(protocol: tuple[str, ...], kafka: FarKafka) -> None:
    group = f"joined-by-{len(protocol)}"
    reading = (PK, "console-consumer", "--bootstrap-server", kafka.bootstrap, "--topic", TOPIC, "--group", group)
    with subprocess.Popen([*reading, *protocol], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as reader:
        try:
            joined = kafka.wait(f"group={group}:Stable:1", "--timeout", "60s")
        finally:
            reader.kill()

    assert joined.returncode == 0, joined.stderr


def test_lag_is_that_of_records_not_committed(kafka: FarKafka) -> None:
    reset = ("--reset-offsets", "--to-earliest", "--execute", "--topic", TOPIC)
    done = pk("consumer-groups", "--bootstrap-server", kafka.bootstrap, "--group", "new", *reset)
    assert done.returncode == 0, done.stderr

    assert kafka.wait("lag=new:3", "--timeout", "0").returncode == 0
    assert "lag=new:2: the lag is 3, above 2" in kafka.wait("lag=new:2", "--timeout", "0").stderr
