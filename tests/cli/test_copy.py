"""pk copy: between topics and clusters, whole batches and by key, in part, resumed, and what it says."""

import json
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.far_cluster import FLAKY, far_cluster
from tests.support.pages import DOCS, files_of, pattern_of, steps_of
from tests.support.polling import PATIENCE_S
from tests.support.running import PK, RunningCluster, pk


class Cluster:
    """Where commands of a test go."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def pk(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return pk(words[0], "--bootstrap-server", self.bootstrap, *words[1:], stdin=stdin)

    def create(self, topic: str, partitions: int, *words: str) -> None:
        done = self.pk("topics", "--create", "--topic", topic, "--partitions", str(partitions), *words)
        assert done.returncode == 0, done.stderr

    def produce(self, topic: str, lines: Sequence[str], *words: str) -> None:
        keyed = ("--property", "parse.key=true", "--property", "parse.headers=true")
        done = self.pk(
            "console-producer", "--topic", topic, *keyed, *words, stdin="".join(f"{each}\n" for each in lines)
        )
        assert done.returncode == 0, done.stderr

    def copy(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return pk("copy", "--from", self.bootstrap, *words, timeout=120)

    def records(self, topic: str, count: int) -> list[tuple[Any, ...]]:
        """Everything about the records but their offsets, by partition and in order."""
        words = ("--topic", topic, "--from-beginning", "--max-messages", str(count), "--output", "json")
        done = self.pk("console-consumer", *words, "--timeout-ms", "15000")
        found = sorted(
            (json.loads(line) for line in done.stdout.splitlines()),
            key=lambda each: (each["partition"], each["offset"]),
        )
        return [(each["partition"], each["timestamp"], each["headers"], each["key"], each["value"]) for each in found]

    def codecs(self, topic: str, logs: Path) -> set[str]:
        (file, *_) = sorted(logs.glob(f"{topic}-*/*.log"), key=lambda each: -each.stat().st_size)
        done = pk("dump-log", "--files", str(file), "--output", "json")
        return {each["compression"] for each in json.loads(done.stdout) if each["kind"] == "batch"}


LINES = [f"h:{number}\tkey-{number}\tvalue {number}" for number in range(300)]


@pytest.fixture
def here(cluster: RunningCluster) -> Cluster:
    return Cluster(cluster.bootstrap)


def test_a_copy_has_the_same_records_in_the_same_partitions(here: Cluster, cluster: RunningCluster) -> None:
    here.create("copied", 3, "--config", "retention.ms=123456789")
    here.produce("copied", LINES, "--compression-codec", "zstd")

    done = here.copy("copied=copied-new")

    assert (done.returncode, done.stdout, done.stderr) == (0, "Copied 300 records from copied to copied-new.\n", "")
    assert here.records("copied-new", 300) == here.records("copied", 300)
    assert here.codecs("copied-new", cluster.data_dir / "kafka") == {"zstd"}
    described = json.loads(here.pk("topics", "--describe", "--topic", "copied-new", "--output", "json").stdout)
    assert described[0]["configs"]["retention.ms"] == "123456789"


def test_records_go_where_their_keys_belong_if_there_are_other_partitions(here: Cluster) -> None:
    here.create("by-key", 3)
    here.create("by-key-new", 5)
    here.create("by-key-produced", 5)
    here.produce("by-key", LINES)
    here.produce("by-key-produced", LINES)

    done = here.copy("by-key=by-key-new", "--output", "json")

    assert json.loads(done.stdout) == [{"from": "by-key", "to": "by-key-new", "records": 300}]
    places = {(key, partition) for partition, _, _, key, _ in here.records("by-key-new", 300)}
    assert places == {(key, partition) for partition, _, _, key, _ in here.records("by-key-produced", 300)}


def test_a_dry_run_says_what_would_be_copied(here: Cluster) -> None:
    here.create("dry", 2)
    here.produce("dry", LINES)

    done = here.copy("dry=dry-new", "--dry-run", "--max-messages", "10")

    assert done.stdout == (
        "Would copy up to 300 records from dry to dry-new, keeping partitions, 10 of all topics at most.\n"
    )
    assert "dry-new" not in here.pk("topics", "--list").stdout.split()


def test_a_copy_in_parts_has_every_record_once(here: Cluster) -> None:
    here.create("parts", 2)
    here.produce("parts", LINES)

    counts = [
        json.loads(here.copy("parts=parts-new", "--group", "parts", "--output", "json", *words).stdout)[0]["records"]
        for words in (("--max-messages", "7"), ("--max-messages", "100"), (), ())
    ]

    assert counts == [7, 100, 193, 0]
    assert here.records("parts-new", 300) == here.records("parts", 300)
    assert pk("wait", "--bootstrap-server", here.bootstrap, "lag=parts:0", "--timeout", "60s").returncode == 0


def test_a_copy_that_follows_ends_by_a_signal_and_can_be_resumed(here: Cluster) -> None:
    here.create("copied-on", 1)
    here.produce("copied-on", LINES[:100])
    command = [PK, "copy", "--from", here.bootstrap, "copied-on=followed-new", "--group", "copied-on", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert pk("wait", "--bootstrap-server", here.bootstrap, "records=followed-new:100").returncode == 0
        here.produce("copied-on", LINES[100:200])
        assert pk("wait", "--bootstrap-server", here.bootstrap, "records=followed-new:200").returncode == 0
        following.send_signal(signal.SIGINT)
        printed = following.communicate(timeout=PATIENCE_S)[0]

    assert (following.returncode, printed) == (130, "Copied 200 records from copied-on to followed-new.\n")
    assert here.copy("copied-on=followed-new", "--group", "copied-on").stdout.startswith("Copied 0 records")


def test_nothing_is_missing_after_a_copy_was_killed(here: Cluster) -> None:
    here.create("killed", 2)
    here.produce("killed", LINES[:200])
    command = [PK, "copy", "--from", here.bootstrap, "killed=killed-new", "--group", "killed", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as killed:
        assert pk("wait", "--bootstrap-server", here.bootstrap, "records=killed-new:200").returncode == 0
        killed.kill()
        killed.wait(timeout=PATIENCE_S)
    here.produce("killed", LINES[200:])

    resumed = json.loads(here.copy("killed=killed-new", "--group", "killed", "--output", "json").stdout)

    (copied,) = (each["records"] for each in resumed)
    assert copied >= 100
    assert set(map(str, here.records("killed-new", 200 + copied))) == set(map(str, here.records("killed", 300)))


def test_what_transactions_have_aborted_is_left_out(here: Cluster) -> None:
    from confluent_kafka import Producer

    here.create("aborted", 1)
    producer = Producer({"bootstrap.servers": here.bootstrap, "transactional.id": "aborted", "log_level": 0})
    producer.init_transactions(PATIENCE_S)
    for commit in (True, False, True):
        producer.begin_transaction()
        for number in range(10):
            producer.produce("aborted", f"{commit} {number}")
        producer.flush(PATIENCE_S)
        producer.commit_transaction(PATIENCE_S) if commit else producer.abort_transaction(PATIENCE_S)

    done = here.copy("aborted=aborted-new")

    assert done.stdout == "Copied 20 records from aborted to aborted-new.\n"
    assert [value for *_, value in here.records("aborted-new", 20)] == [f"True {number}" for number in range(10)] * 2


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "Missing argument TOPIC"),
        (("=x",), 2, "'=x' is not TOPIC or TOPIC=NEW"),
        (("absent",), 1, "there is no topic absent to copy"),
        (("few",), 1, "few cannot be copied to itself; name another topic: few=NEW"),
        (("few=x", "--to", "nowhere"), 2, "--to: no cluster has the name nowhere"),
        (("few=fewer", "--partitioner", "same"), 1, "fewer has 1 partitions, fewer than the 2 of few"),
        (("a=x", "b=x"), 2, "A topic is named twice as a destination"),
    ],
)
def test_what_cannot_be_copied(here: Cluster, words: tuple[str, ...], status: int, said: str) -> None:
    for topic, partitions in (("few", 2), ("fewer", 1)):
        here.pk("topics", "--create", "--if-not-exists", "--topic", topic, "--partitions", str(partitions))

    done = here.copy(*words)

    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


def test_a_copy_to_another_cluster_over_connections_that_end(here: Cluster, tmp_path: Path) -> None:
    here.create("moved", 3)
    here.produce("moved", LINES * 5, "--compression-codec", "gzip")

    with far_cluster(tmp_path, FLAKY) as there:
        done = here.copy("moved", "--to", there.bootstrap)
        assert done.returncode == 0, done.stderr
        assert Cluster(there.bootstrap).records("moved", 1500) == here.records("moved", 1500)


def test_the_page_about_copies_does_what_it_says(fresh_cluster: RunningCluster, tmp_path: Path) -> None:
    text = (DOCS / "copying.md").read_text()
    for name, content in files_of(text).items():
        (tmp_path / name).write_text(content)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pk").symlink_to(PK)
    environment = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "HOME": "/nonexistent"}
    environment["PK_BOOTSTRAP_SERVER"] = fresh_cluster.bootstrap
    steps = steps_of(text)
    assert len(steps) >= 5

    for step in steps:
        done = subprocess.run(
            ["bash", "-c", step.command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
        assert re.fullmatch(pattern_of(step.printed), said), f"{step.command} printed\n{said}"
