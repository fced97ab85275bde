"""pk apply and pk export: what is planned, done, refused; and that a file and a cluster end up the same."""

import hashlib
import json
import os
import pty
import re
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.pages import DOCS, files_of, pattern_of, steps_of
from tests.support.running import PK, RunningCluster, pk
from tests.support.terminal import Terminal

FILE = """\
topics:
  NAME-orders:
    partitions: 3
    configs: {retention.ms: 60000}
    records:
      - {key: a, value: {amount: 5}, headers: {source: seed}, timestamp: 7}
      - {key: a, value: ~}
users:
  NAME-alice:
    scram-sha-512: {password: {file: PASSWORD}}
quotas:
  - {user: NAME-alice, limits: {producer_byte_rate: 1024}}
"""


class Declared:
    """A file for a cluster, whose names begin with a prefix of its own."""

    def __init__(self, directory: Path, cluster: RunningCluster, prefix: str) -> None:
        self.prefix, self.bootstrap = prefix, cluster.bootstrap
        self.path = directory / "declared.yaml"
        self.password = directory / "password"
        self.password.write_text("hunter2\n")
        self.write(FILE)

    def write(self, text: str) -> None:
        self.path.write_text(text.replace("NAME", self.prefix).replace("PASSWORD", str(self.password)))

    def apply(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return pk("apply", str(self.path), "--bootstrap-server", self.bootstrap, *words, stdin=stdin)

    def topics(self) -> list[str]:
        return pk("topics", "--bootstrap-server", self.bootstrap, "--list").stdout.split()


@pytest.fixture
def declared(tmp_path: Path, cluster: RunningCluster, request: pytest.FixtureRequest) -> Declared:
    return Declared(tmp_path, cluster, hashlib.sha256(request.node.name.encode()).hexdigest()[:8])


def test_a_dry_run_shows_everything_and_changes_nothing(declared: Declared) -> None:
    done = declared.apply("--dry-run", "--detailed-exitcode")

    assert (done.returncode, done.stderr) == (2, "")
    assert (
        done.stdout
        == f"""\
+ topic {declared.prefix}-orders
    + partitions: 3
    + replication-factor: default
    + retention.ms: 60000
    + records: 2
+ user {declared.prefix}-alice
    + SCRAM-SHA-512: 4096 iterations
+ quota user {declared.prefix}-alice
    + producer_byte_rate: 1024
To add: 3, to change: 0, to delete: 0.
"""
    )
    assert f"{declared.prefix}-orders" not in declared.topics()
    assert "hunter2" not in done.stdout


def test_what_is_declared_is_made_and_then_there_is_nothing_to_change(declared: Declared) -> None:
    first, second = declared.apply("--detailed-exitcode"), declared.apply("--detailed-exitcode")

    assert (first.returncode, first.stderr) == (2, "")
    assert first.stdout.endswith("Added: 3, changed: 0, deleted: 0.\n")
    assert (second.returncode, second.stdout, second.stderr) == (0, "Nothing to change.\n", "")
    words = ("--topic", f"{declared.prefix}-orders", "--from-beginning", "--max-messages", "2", "--output", "json")
    read = pk("console-consumer", "--bootstrap-server", declared.bootstrap, *words)
    records = [json.loads(line) for line in read.stdout.splitlines()]
    assert [(each["key"], each["value"]) for each in records] == [("a", '{"amount":5}'), ("a", None)]
    assert (records[0]["timestamp"], records[0]["headers"]) == (7, [{"key": "source", "value": "seed"}])


def test_a_change_is_made_where_there_is_one(declared: Declared) -> None:
    declared.apply()
    declared.write(FILE.replace("partitions: 3", "partitions: 4").replace("60000", "~").replace("1024", "2048"))

    done = declared.apply("--output", "json")

    result = json.loads(done.stdout)
    assert (done.returncode, result["applied"], result["changed"]) == (0, True, 2)
    assert [(each["kind"], each["details"]) for each in result["changes"]] == [
        (
            "topic",
            [
                {"action": "change", "field": "partitions", "before": "3", "after": "4"},
                {"action": "delete", "field": "retention.ms", "before": "60000", "after": None},
            ],
        ),
        ("quota", [{"action": "change", "field": "producer_byte_rate", "before": "1024", "after": "2048"}]),
    ]
    assert declared.apply().stdout == "Nothing to change.\n"


def test_a_password_is_set_again_only_if_that_is_wanted(declared: Declared) -> None:
    declared.apply()
    declared.password.write_text("another")

    assert declared.apply().stdout == "Nothing to change.\n"
    assert "4096 iterations, a new password" in declared.apply("--reset-passwords").stdout


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("partitions: 3", "partitions: three", "line 3, document 1, topics.{}-orders.partitions: must be a whole"),
        ("retention.ms: 60000", "retention.mms: 1", "line 2, document 1, topics.{}-orders: {}-orders: Unknown topic"),
        ("retention.ms: 60000", "retention.ms: soon", "line 2, document 1, topics.{}-orders: {}-orders: Invalid value"),
        (
            "PASSWORD",
            "/absent",
            "line 10, document 1, users.{}-alice.scram-sha-512: cannot read the password file /absent",
        ),
        ("file: PASSWORD", "env: UNSET", "scram-sha-512: the variable UNSET for the password is not set"),
        ("partitions: 3", "replication-factor: 9", "{}-orders cannot have 9 replicas: there is 1 broker"),
    ],
)
def test_nothing_is_changed_if_anything_is_wrong(declared: Declared, old: str, new: str, problem: str) -> None:
    declared.write(FILE.replace(old, new))

    done = declared.apply("--detailed-exitcode")

    assert (done.returncode, done.stdout) == (1, "")
    assert problem.replace("{}", declared.prefix) in done.stderr
    assert done.stderr.startswith(str(declared.path))
    assert f"{declared.prefix}-orders" not in declared.topics()


def test_fewer_partitions_are_refused(declared: Declared) -> None:
    declared.apply()
    declared.write(FILE.replace("partitions: 3", "partitions: 2").replace("60000", "70000"))

    done = declared.apply()

    assert done.returncode == 1
    assert done.stderr == (
        f"{declared.path}, line 3, document 1, topics.{declared.prefix}-orders.partitions: {declared.prefix}-orders "
        "has 3 partitions, and Kafka can only add to them; declare 3 or more\n"
    )


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "Missing argument FILE"),
        (("/absent.yaml",), 1, "/absent.yaml: No such file or directory"),
        (("-",), 1, "standard input, line 1, document 1: the file is empty"),
        (("-", "--nonsense"), 2, "nonsense"),
    ],
)
def test_a_command_line_that_is_wrong(words: tuple[str, ...], status: int, said: str) -> None:
    done = pk("apply", *words, "--bootstrap-server", "127.0.0.1:1")

    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


def test_topics_are_deleted_by_prune_alone_after_a_question_at_a_terminal(
    fresh_cluster: RunningCluster, tmp_path: Path
) -> None:
    file = tmp_path / "kept.yaml"
    file.write_text("topics: {kept: {}}")
    where = ("--bootstrap-server", fresh_cluster.bootstrap)
    for topic in ("kept", "old"):
        pk("topics", *where, "--create", "--topic", topic, "--config", "retention.ms=1")
    pk("console-consumer", *where, "--topic", "kept", "--group", "g", "--timeout-ms", "1")  # __consumer_offsets

    kept = pk("apply", str(file), *where)
    refused = at_a_terminal("no\n", "apply", str(file), *where, "--prune")
    accepted = at_a_terminal("yes\n", "apply", str(file), *where, "--prune")

    assert kept.stdout == "Nothing to change.\n"
    assert "Delete 1 topic with all records: old? Type yes: " in refused[1]
    assert (refused[0], "Nothing was changed." in refused[1]) == (1, True)
    assert accepted[0] == 0
    assert "\x1b[31m- topic old" in accepted[1]
    assert "Added: 0, changed: 1, deleted: 1." in accepted[1]
    assert pk("topics", *where, "--list").stdout.split() == ["__consumer_offsets", "kept"]


def test_two_runs_at_once_make_what_one_makes(declared: Declared) -> None:
    """None of them fails because another one was faster."""
    declared.write(FILE.partition("    records:")[0])
    words = (PK, "apply", str(declared.path), "--bootstrap-server", declared.bootstrap)

    runs = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [(*run.communicate(timeout=120), run.returncode) for run in runs]

    assert [status for *_, status in ended] == [0, 0, 0], ended
    assert declared.apply().stdout == "Nothing to change.\n"


def test_who_creates_a_topic_sends_its_first_records(fresh_cluster: RunningCluster, tmp_path: Path) -> None:
    """While this one asks its question, another one does."""
    file = tmp_path / "raced.yaml"
    file.write_text("topics: {raced: {records: [{value: once}]}}")
    where = ("--bootstrap-server", fresh_cluster.bootstrap)
    assert pk("topics", *where, "--create", "--topic", "old").returncode == 0

    with Terminal(["apply", str(file), *where, "--prune"]) as terminal:
        terminal.wait_for(lambda lines: any("Type yes:" in line for line in lines))
        assert pk("topics", *where, "--create", "--topic", "raced").returncode == 0
        terminal.type("yes\n")
        status = terminal.end()

    assert status == 0, terminal.lines
    assert "Another run has just created raced." in "".join(terminal.lines)
    assert terminal.lines[-1] == "Added: 0, changed: 0, deleted: 1."
    assert pk("get-offsets", *where, "--topic", "raced").stdout == "raced:0:0\n"
    assert pk("topics", *where, "--list").stdout == "raced\n"


def at_a_terminal(typed: str, *words: str) -> tuple[int, str]:
    """Status and output of a command whose standard streams are a terminal."""
    leader, follower = pty.openpty()
    seen = bytearray()

    def read() -> None:
        try:
            while chunk := os.read(leader, 4096):
                seen.extend(chunk)
        except OSError:  # the end of a terminal
            pass

    reading = threading.Thread(target=read)
    reading.start()
    os.write(leader, typed.encode())
    environment = os.environ | {"TERM": "xterm-256color"}
    done = subprocess.run([PK, *words], stdin=follower, stdout=follower, stderr=follower, check=False, env=environment)
    os.close(follower)
    reading.join()
    os.close(leader)
    return done.returncode, seen.decode()


def test_an_export_is_the_same_on_another_cluster(fresh_cluster: RunningCluster, tmp_path: Path) -> None:
    here = ("--bootstrap-server", fresh_cluster.bootstrap)
    file = tmp_path / "declared.yaml"
    file.write_text(
        "topics: {a: {partitions: 2, configs: {retention.ms: 1, min.cleanable.dirty.ratio: 0.25}}, b_c: {}}\n"
        "users: {alice: {scram-sha-512: {password: {env: ALICE_PASSWORD}}}}\n"
        "quotas: [{user: alice, limits: {producer_byte_rate: 5}}]\n"
    )
    environment = os.environ | {"ALICE_PASSWORD": "hunter2"}
    assert pk("apply", str(file), *here, env=environment).returncode == 0

    for form in ("short", "strimzi", "jikkou"):
        exported = pk("export", *here, "--format", form)
        assert (exported.returncode, "hunter2" in exported.stdout) == (0, False)
        again = pk("apply", "-", *here, "--prune", stdin=exported.stdout)
        assert (again.stdout, again.stderr) == ("Nothing to change.\n", "")

    other = RunningCluster(tmp_path / "other")
    try:
        there = ("--bootstrap-server", other.bootstrap)
        exported = pk("export", *here, "--output", "json")
        assert pk("apply", "-", *there, stdin=exported.stdout, env=environment).returncode == 0
        assert pk("export", *there, "--output", "json").stdout == exported.stdout
    finally:
        other.stop()


def test_parts_are_exported_alone(fresh_cluster: RunningCluster) -> None:
    here = ("--bootstrap-server", fresh_cluster.bootstrap)
    for topic in ("a", "b"):
        pk("topics", *here, "--create", "--topic", topic)

    one = json.loads(pk("export", *here, "--topic", "a", "--output", "json").stdout)
    none = json.loads(pk("export", *here, "--kind", "quotas", "--output", "json").stdout)
    absent = pk("export", *here, "--topic", "c")

    assert list(one["topics"]) == ["a"]
    assert none == {"topics": {}}
    assert (absent.returncode, absent.stderr) == (1, "Cannot export: there is no topic c\n")


def test_the_page_about_declarations_does_what_it_says(fresh_cluster: RunningCluster, tmp_path: Path) -> None:
    text = (DOCS / "declarations.md").read_text()
    for name, content in files_of(text).items():
        (tmp_path / name).write_text(content)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pk").symlink_to(PK)
    environment = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "HOME": "/nonexistent"}
    environment |= {"PK_BOOTSTRAP_SERVER": fresh_cluster.bootstrap, "ALICE_PASSWORD": "hunter2"}
    steps = steps_of(text)
    assert len(steps) >= 5

    for step in steps:
        done = subprocess.run(
            ["bash", "-c", step.command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
        assert re.fullmatch(pattern_of(step.printed), said), f"{step.command} printed\n{said}"


def test_of_records_that_fail_in_part_the_place_and_the_way_out_are_said(declared: Declared) -> None:
    declared.write(
        "topics:\n"
        "  NAME-part:\n"
        "    partitions: 2\n"
        "    configs: {max.message.bytes: 200}\n"
        "    records:\n"
        "      - {partition: 0, value: short}\n"
        f"      - {{partition: 1, value: {'long' * 100}}}\n"
    )

    done = declared.apply()

    assert done.returncode == 1
    assert f"line 7, document 1, topics.{declared.prefix}-part.records[1]: 1 record of" in done.stderr
    assert f"Of 2, 1 were sent. Delete {declared.prefix}-part before you apply again" in done.stderr
