"""pk wire between clients and brokers, and --show-wire."""

import json
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.connecting import CONNECTING, connecting
from tests.support.peers import kcat
from tests.support.polling import PATIENCE_S, until
from tests.support.running import PK, RunningCluster, pk


class Wire:
    """A running `pk wire`; `address` is where clients connect."""

    def __init__(self, target: str, *words: str) -> None:
        self.process = subprocess.Popen(
            [PK, "wire", target, "--output", "json", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        assert self.process.stderr
        said = self.process.stderr.readline()
        found = re.fullmatch(r"Connect clients to (\S+)\. Ctrl-C ends it\.\n", said)
        assert found, said
        self.address = found[1]
        self.messages: list[dict[str, Any]] = []
        self._reading = threading.Thread(target=self._read, args=(self.process.stdout,))
        self._reading.start()

    def _read(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.messages.append(json.loads(line))

    def of(self, api: str, kind: str) -> list[dict[str, Any]]:
        return [each["body"] for each in self.messages if each["api"] == api and each["type"] == kind]

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(PATIENCE_S)
        self._reading.join()
        assert self.process.stderr
        self.process.stderr.close()
        return status


@pytest.fixture
def three_brokers(tmp_path: Path) -> Iterator[RunningCluster]:
    running = RunningCluster(tmp_path / "data", extra=("--brokers", "3"))
    yield running
    running.stop()


def test_clients_stay_with_the_proxy_whichever_broker_they_need(three_brokers: RunningCluster) -> None:
    wire = Wire(three_brokers.bootstrap, "--records")
    where = ("--bootstrap-server", wire.address)
    try:
        pk("topics", *where, "--create", "--topic", "shown", "--partitions", "6", "--replication-factor", "1")
        sent = pk(
            "console-producer", *where, "--topic", "shown", "--property", "parse.key=true",
            stdin="".join(f"key-{number}\tvalue-{number}\n" for number in range(20)),
        )  # fmt: skip
        assert sent.returncode == 0, sent.stderr
        came = pk("console-consumer", *where, "--topic", "shown", "--from-beginning", "--max-messages", "20")
        assert len(came.stdout.splitlines()) == 20
        until(lambda: wire.of("LeaveGroup", "response"))
    finally:
        assert wire.end() in (0, 130)

    partitions = [
        (partition["index"], record["value"])
        for request in wire.of("Produce", "request")
        for topic in request["topicData"]
        for partition in topic["partitionData"]
        for record in partition["records"]["records"]
    ]
    assert {value for _, value in partitions} == {f"value-{number}" for number in range(20)}
    assert len({each["address"] for each in wire.messages}) == 3
    assert all(each["error"] is None for each in wire.messages)
    assert all(each["milliseconds"] >= 0 for each in wire.messages if each["type"] == "response")


def test_kcat_goes_through_it(cluster: RunningCluster) -> None:
    program = kcat()
    wire = Wire(cluster.bootstrap, "--api", "Produce")
    try:
        sent = subprocess.run(
            [program, "-b", wire.address, "-P", "-t", "from-kcat"], input=b"one\n", capture_output=True, check=False
        )
        assert sent.returncode == 0, sent.stderr
        until(lambda: wire.of("Produce", "response"))
    finally:
        wire.end()

    assert {each["api"] for each in wire.messages} == {"Produce"}
    assert (
        pk("get-offsets", "--bootstrap-server", cluster.bootstrap, "--topic", "from-kcat").stdout == "from-kcat:0:1\n"
    )


def test_bytes_of_another_protocol_end_one_connection(cluster: RunningCluster) -> None:
    wire = Wire(cluster.bootstrap)
    host, _, port = wire.address.rpartition(":")
    try:
        with socket.create_connection((host, int(port))) as stranger:
            stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert stranger.recv(1) == b""
        listed = pk("topics", "--list", "--bootstrap-server", wire.address)
    finally:
        wire.end()

    assert listed.returncode == 0


def test_a_command_shows_its_own_wire_and_prints_what_it_prints(cluster: RunningCluster) -> None:
    where = ("--bootstrap-server", cluster.bootstrap)
    plain = pk("topics", "--list", *where)
    shown = pk("topics", "--list", "--show-wire", *where)

    assert shown.stdout == plain.stdout
    assert re.search(r"^ +\d+\.\d{3} → ApiVersions 0 #1  \S+  \d+ bytes, client \S+$", shown.stderr, re.MULTILINE)
    assert re.search(r"^ +\d+\.\d{3} ← Metadata 12 #2  \S+  \d+\.\d ms, \d+ bytes$", shown.stderr, re.MULTILINE)


def test_a_command_shows_what_follows_the_option(cluster: RunningCluster) -> None:
    where = ("--bootstrap-server", cluster.bootstrap)
    pk("console-producer", *where, "--topic", "shown-wire", stdin="value-of-mine\n")

    done = pk(
        "console-consumer", *where, "--topic", "shown-wire", "--from-beginning", "--max-messages", "1",
        "--show-wire=json,Fetch,formatter=org.apache.kafka.tools.consumer.DefaultMessageFormatter",
    )  # fmt: skip

    assert done.stdout == "value-of-mine\n"
    messages = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert {each["api"] for each in messages} == {"Fetch"}
    assert '"records": ["value-of-mine"]' in done.stderr


@pytest.mark.parametrize("command", CONNECTING)
def test_every_command_shows_its_wire(command: str, cluster: RunningCluster, tmp_path: Path) -> None:
    done = pk(*connecting(command, cluster.bootstrap, tmp_path), "--show-wire=json", stdin="one\n")

    apis = [json.loads(line)["api"] for line in done.stderr.splitlines() if line.startswith('{"seconds"')]
    assert "ApiVersions" in apis, done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["9092", "--api", "Nonsense"], "There is no API nonsense"),
        (["a:1,b:2"], "Name one broker"),
        (["localhost:port"], "Invalid url"),
    ],
)
def test_what_is_wrong_with_the_command_line(words: list[str], message: str) -> None:
    done = pk("wire", *words)

    assert done.returncode != 0
    assert message in done.stderr
