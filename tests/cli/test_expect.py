"""pk expect and pk mark: what is met, what is reported when it is not, and what happens meanwhile."""

import json
import os
import pty
import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest
from confluent_kafka import Producer

from tests.support.far_cluster import FAR, FLAKY, Road, far_cluster
from tests.support.polling import PATIENCE_S
from tests.support.ports import free_port
from tests.support.running import PK, RunningCluster, pk

SENT = '{"id":1,"state":"new","by":"x"}', '{"id":2,"state":"new"}', '{"id":1,"state":"paid"}'


class Topic:
    """A topic of its own for one test."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self.name = name
        self.where = ("--bootstrap-server", bootstrap)

    def create(self, partitions: int = 1) -> None:
        self.topics("--create", "--partitions", str(partitions))

    def topics(self, *words: str) -> None:
        done = pk("topics", *self.where, "--topic", self.name, *words)
        assert done.returncode == 0, done.stderr

    def send(self, *lines: str, headers: bool = False) -> None:
        """Lines of `key:value`, or of `headers|key:value`."""
        words = ("--property", "parse.key=true", "--property", "key.separator=:", "--property", "null.marker=NULL")
        more = (
            (
                "--property",
                "parse.headers=true",
                "--property",
                "headers.delimiter=|",
                "--property",
                "headers.key.separator==",
            )
            if headers
            else ()
        )
        text = "".join(f"{line}\n" for line in lines)
        done = pk("console-producer", *self.where, "--topic", self.name, *words, *more, stdin=text)
        assert done.returncode == 0, done.stderr

    def expect(
        self, *words: str, stdin: str = "", env: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, **env} if env else None
        return pk("expect", *self.where, self.name, *words, stdin=stdin, env=environment)

    def mark(self, *words: str) -> str:
        done = pk("mark", *self.where, self.name, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def waiting(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """An expectation of which something is missing, and which said so."""
        with subprocess.Popen(
            [PK, "expect", *self.where, self.name, *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr
            assert process.stderr.readline().startswith(f"Waiting for {self.name}: ")
            yield process


@pytest.fixture
def topic(cluster: RunningCluster, request: pytest.FixtureRequest) -> Topic:
    return Topic(cluster.bootstrap, re.sub(r"\W", "-", request.node.name)[:200])


@pytest.fixture(scope="module")
def sent(cluster: RunningCluster) -> Topic:
    """Orders of two keys, in two partitions."""
    topic = Topic(cluster.bootstrap, "expected-orders")
    topic.create(2)
    one, two, three = SENT
    topic.send(f"type=a,type=b|k1:{one}", f"type=b|k2:{two}", f"type=a|k1:{three}", headers=True)
    return topic


@pytest.fixture
def wants(tmp_path: Path) -> Path:
    return tmp_path / "want.jsonl"


# ---- what is met


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--count", "3"),
        ("--count", "3", "--exactly", "--grace", "0"),
        ("--count", "2", "--key", "k1", "--exactly", "--grace", "100ms"),
        ("--header", "type=a", "--header", "type=b"),
        ("--count", "2", "--header", "type=b", "--exactly", "--grace", "0"),
        ("--count", "3", "--header", "type"),
        ("--value-matches", '"state":"paid"'),
        ("--count", "0", "--exactly", "--key", "k3", "--grace", "0"),
        ("records=expected-orders:3", "--count", "3"),
        ("--from-offset", "2020-01-01T00:00:00Z", "--count", "3"),
        ("--from-offset", "1577836800000", "--count", "3"),
        ("--from-offset", "2999-01-01", "--count", "0", "--exactly", "--grace", "0"),
        ("--isolation-level", "read_committed", "--count", "3"),
    ],
)
def test_what_came_is_met(words: Sequence[str], sent: Topic) -> None:
    done = sent.expect(*words)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_values_are_wanted_in_part_and_in_order(sent: Topic, wants: Path) -> None:
    wants.write_text('{"id": 1, "state": "new"}\n{"id": 1, "state": "paid"}\n{"id": 2}\n')
    words = ("--json-subset", str(wants), "--ordered-by-key", "--exactly", "--grace", "0")

    assert sent.expect(*words).returncode == 0
    assert sent.expect("--json-subset", "-", stdin=wants.read_text()).returncode == 0


def test_keys_and_values_by_kafkas_deserializers(topic: Topic) -> None:
    topic.create()
    topic.send("12345678:one234567")
    classes = ("--key-deserializer", "LongDeserializer", "--key", str(int.from_bytes(b"12345678")))
    value = ("--value-deserializer", "org.apache.kafka.common.serialization.BytesDeserializer")

    assert topic.expect(*classes, *value, "--value-matches", "^one").returncode == 0


def test_no_group_is_joined_and_no_topic_created(topic: Topic) -> None:
    done = topic.expect("--within", "1s")

    assert done.returncode == 1
    assert f"Timed out after 1 s: the topic does not exist\n  {topic.name}: 1 record or more: 0 of 1" in done.stderr
    assert topic.name not in pk("topics", *topic.where, "--list").stdout.split()
    assert topic.name not in pk("consumer-groups", *topic.where, "--list").stdout


# ---- what happens meanwhile


def test_it_may_begin_before_the_topic_exists_and_sees_partitions_that_are_added(topic: Topic) -> None:
    with topic.waiting("--count", "2") as process:
        topic.create()
        topic.send("k:one")
        topic.topics("--alter", "--partitions", "8")
        topic.send(*(f"{number}:more" for number in range(20)))

        assert process.wait(timeout=PATIENCE_S) == 0


def test_records_of_new_partitions_count(topic: Topic) -> None:
    topic.create()
    with topic.waiting("--count", "20", "--value-matches", "more") as process:
        topic.topics("--alter", "--partitions", "8")
        topic.send(*(f"{number}:more" for number in range(20)))

        assert process.wait(timeout=PATIENCE_S) == 0


def test_it_may_begin_before_there_is_a_cluster(tmp_path: Path) -> None:
    port = free_port()
    topic = Topic(f"127.0.0.1:{port}", "early")
    with topic.waiting("--within", "2m") as process:
        cluster = RunningCluster(tmp_path / "data", ports=(port, 0), extra=("--topic", "early"))
        try:
            topic.send("k:one")
            assert process.wait(timeout=120) == 0
        finally:
            cluster.stop()


def test_exactly_waits_for_what_is_too_much(topic: Topic) -> None:
    topic.create()
    with topic.waiting("--exactly", "--grace", "1h", "--within", "2h") as process:
        topic.send("k:one")
        topic.send("k:two")
        _, errors = process.communicate(timeout=120)

    assert process.returncode == 1
    assert f"{topic.name}: no other records: 1 record too many" in errors
    assert f'{topic.name}-0, offset 1, key "k", value "two"' in errors


def test_only_committed_records_are_read(topic: Topic) -> None:
    topic.create()
    producer = Producer({"bootstrap.servers": topic.where[1], "transactional.id": topic.name, "log_level": 0})
    producer.init_transactions(PATIENCE_S)
    for value, complete in (("aborted", producer.abort_transaction), ("committed", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(topic.name, value)
        producer.flush(PATIENCE_S)  # to abort drops what has not been sent
        complete(30)
    producer.begin_transaction()
    producer.produce(topic.name, "open")
    producer.flush(PATIENCE_S)

    committed = ("--isolation-level", "read_committed")
    one = ("--count", "1", "--exactly", "--grace", "0")
    assert topic.expect(*committed, *one, "--value-matches", "^committed$").returncode == 0
    assert topic.expect(*committed, *one).returncode == 0
    assert topic.expect("--count", "3", "--exactly", "--grace", "0").returncode == 0
    before_open, end = topic.mark(*committed), topic.mark()
    producer.commit_transaction(PATIENCE_S)
    assert topic.expect(*committed, *one, "--from-offset", before_open).returncode == 0
    assert topic.expect(*committed, "--count", "0", *one[2:], "--from-offset", end).returncode == 0


@pytest.mark.parametrize("road", [FAR, FLAKY], ids=["far", "flaky"])
def test_neither_a_slow_road_nor_a_broken_one_loses_or_repeats_records(road: Road, tmp_path: Path, wants: Path) -> None:
    wants.write_text("".join(f'{{"id":{number}}}\n' for number in range(300)))
    with far_cluster(tmp_path, road) as cluster:
        topic = Topic(cluster.bootstrap, "far")
        topic.create(2)
        mark = topic.mark()
        words = ("--json-subset", str(wants), "--ordered-by-key", "--from-offset", mark)
        with topic.waiting(*words, "--exactly", "--grace", "3s", "--within", "2m") as process:
            for first in range(0, 300, 100):
                topic.send(*(f'{number % 7}:{{"id":{number}}}' for number in range(first, first + 100)))
            _, errors = process.communicate(timeout=120)

    assert process.returncode == 0, errors


# ---- marks


def test_what_was_there_before_a_mark_does_not_count(topic: Topic) -> None:
    topic.create()
    topic.send("k:before")
    mark = topic.mark("not-there")
    topic.send("k:after")
    topic.topics("--alter", "--partitions", "4")
    topic.send(*(f"{number}:new" for number in range(20)))

    words = ("--from-offset", mark, "--exactly", "--grace", "0")
    assert topic.expect("--count", "21", *words).returncode == 0
    shown = pk("mark", "--show", mark)
    assert (shown.returncode, shown.stdout) == (0, f"{topic.name}:0:1\n")
    document = json.loads(pk("mark", "--show", mark, "--output", "json").stdout)
    assert (document["token"], [each["topic"] for each in document["topics"]]) == (mark, [topic.name, "not-there"])


def test_a_topic_that_was_created_anew_is_all_after_the_mark(topic: Topic) -> None:
    topic.create()
    topic.send("k:1", "k:2", "k:3")
    mark = topic.mark()
    topic.topics("--delete")
    topic.create()
    topic.send("k:4")

    assert topic.expect("--count", "1", "--exactly", "--grace", "0", "--from-offset", mark).returncode == 0


def test_records_that_were_deleted_are_mentioned(topic: Topic, tmp_path: Path) -> None:
    topic.create()
    mark = topic.mark()
    topic.send("k:1", "k:2", "k:3")
    plan = {"partitions": [{"topic": topic.name, "partition": 0, "offset": 2}], "version": 1}
    (tmp_path / "plan").write_text(json.dumps(plan))
    pk("delete-records", *topic.where, "--offset-json-file", str(tmp_path / "plan"))

    done = topic.expect("--count", "3", "--from-offset", mark, "--within", "2s")
    assert done.returncode == 1
    assert "1 of 3 arrived" in done.stderr
    assert f"Note: {topic.name}-0: the records from offset 0 to 1 have been deleted" in done.stderr


def test_a_mark_of_another_cluster_is_rejected(topic: Topic, fresh_cluster: RunningCluster) -> None:
    topic.create()
    there = Topic(fresh_cluster.bootstrap, topic.name)
    there.create()

    done = there.expect("--from-offset", topic.mark())
    assert done.returncode == 2
    assert "The mark is of the cluster " in done.stderr


def test_a_mark_needs_a_topic_and_a_cluster(topic: Topic) -> None:
    absent = pk("mark", *topic.where, topic.name)
    assert (absent.returncode, absent.stderr) == (
        0,
        f"The topic {topic.name} does not exist yet: all of its records will be after the mark.\n",
    )
    assert pk("mark", *topic.where).returncode == 2
    assert pk("mark", "--show", absent.stdout.strip(), "a").returncode == 2
    assert pk("mark", "--show", "mark1.x").returncode == 2
    assert pk("mark", *topic.where, "not/a/topic").returncode == 2
    assert pk("mark", "--bootstrap-server", f"127.0.0.1:{free_port()}", "a").returncode == 1


# ---- what is reported


def test_what_did_not_come_is_shown_beside_what_is_most_like_it(sent: Topic, wants: Path) -> None:
    wants.write_text('{"id":1}\n\n{"id":2,"state":"paid"}\n')

    done = sent.expect("--json-subset", str(wants), "--within", "1s")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-5:] == [
        f"  expected-orders: {wants} line 3 did not arrive",
        '    wanted {"id": 2, "state": "paid"}',
        f'    most like it is {_place_of("k2", sent)}, key "k2":',
        '      - .state: "paid"',
        '      + .state: "new"',
    ]


def _place_of(key: str, topic: Topic) -> str:
    """Where the first record of a key is."""
    words = ("console-consumer", *topic.where, "--topic", topic.name, "--from-beginning", "--max-messages", "3")
    records = map(json.loads, pk(*words, "--output", "json").stdout.splitlines())
    found = next(each for each in records if each["key"] == key)
    return f"{topic.name}-{found['partition']}, offset {found['offset']}"


def test_a_wrong_order_is_explained(sent: Topic, wants: Path) -> None:
    wants.write_text('{"state":"paid"}\n{"id":1,"state":"new"}\n')

    done = sent.expect("--json-subset", str(wants), "--ordered-by-key", "--within", "1s")

    assert done.returncode == 1
    assert f'{wants} in order by key: key "k1": line 2 arrived at expected-orders-' in done.stderr


def test_reports_for_ci_servers(sent: Topic, wants: Path, tmp_path: Path) -> None:
    wants.write_text('{"id":1}\n{"id":3}\n')
    report = tmp_path / "reports" / "r.xml"
    words = ("lag=nobody:0", "--json-subset", str(wants), "--within", "1s", "--tap", "--junit-xml", str(report))

    done = sent.expect(*words, env={"GITHUB_ACTIONS": "true"})

    assert done.returncode == 1
    points = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert points == [
        "TAP version 14",
        "1..3",
        f"ok 1 - expected-orders: {wants} line 1",
        f"not ok 2 - expected-orders: {wants} line 2",
        "not ok 3 - lag=nobody:0",
    ]
    (suite,) = ElementTree.parse(report).getroot()
    assert [[each.tag for each in case] for case in suite] == [[], ["failure"], ["skipped"]]
    (error,) = (line for line in done.stderr.splitlines() if line.startswith("::error "))
    assert error.startswith(f"::error file={wants},line=2,title=pk expect%3A expected-orders")
    assert "%0A    - .id: 3%0A    + .id: " in error


def test_a_document_has_the_result(sent: Topic) -> None:
    done = sent.expect("--count", "2", "--key", "k1", "--output", "json")

    result = json.loads(done.stdout)
    assert (result["met"], result["records_read"], result["records_counted"]) == (True, 3, 2)
    assert [each["name"] for each in result["assertions"]] == ['expected-orders: 2 records or more with key "k1"']


def test_conditions_are_those_of_wait(sent: Topic) -> None:
    group = ("--group", "expected-readers", "--from-beginning", "--max-messages", "3")
    pk("console-consumer", *sent.where, "--topic", sent.name, *group)

    assert sent.expect("--count", "3", "group=expected-readers:Empty", "lag=expected-readers:0").returncode == 0
    done = pk("expect", *sent.where, "group=expected-readers:Stable:1", "--within", "1s")
    assert done.returncode == 1
    assert "  group=expected-readers:Stable:1: the group is Empty, with 0 members" in done.stderr


def test_what_cannot_be_reached_is_named_with_what_would_help() -> None:
    done = Topic(f"127.0.0.1:{free_port()}", "t").expect("--within", "500ms")

    assert done.returncode == 1
    assert "Timed out after 0.5 s: cannot connect to 127.0.0.1:" in done.stderr
    assert "`pk up` starts one" in done.stderr


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("t", "u"), "There is more than one topic: t u"),
        ((), "No topic and no condition was named"),
        (("not/a/topic",), "Topic name is invalid: 'not/a/topic' contains"),
        (("t", "--header", "=v"), "--header: there is no name"),
        (("t", "--junit-xml", "/"), "--junit-xml: / is a directory"),
        (("lag=g:0", "--count", "1"), "--count needs a topic"),
        (("t", "lag=g"), "'lag=g' is not a condition"),
        (("t", "--count", "-1"), "--count must not be negative"),
        (("t", "--count", "x"), "Cannot parse argument 'x' of option count"),
        (("t", "--count", "0"), "--count 0 needs --exactly"),
        (("t", "--ordered-by-key"), "--ordered-by-key needs --json-subset"),
        (("t", "--grace", "1s"), "--grace needs --exactly"),
        (("t", "--within", "soon"), "--within: 'soon' is not a duration"),
        (("t", "--within", "0"), "--within must be more than 0"),
        (("t", "--json-subset", "/absent.jsonl"), "/absent.jsonl: No such file or directory"),
        (("t", "--value-matches", "("), "--value-matches: Unclosed group"),
        (("t", "--from-offset", "42"), "--from-offset: 42 is not a timestamp in milliseconds"),
        (("t", "--from-offset", "latest"), "--from-offset: 'latest' is not a position in a topic"),
        (("t", "--from-offset", "mark1.x"), "--from-offset: The mark mark1.x is damaged"),
        (("t", "--key-deserializer", "My"), "There is no deserializer My"),
        (("t", "--isolation-level", "some"), "Cannot parse argument 'some' of option isolation-level"),
        (("t", "--tap", "--output", "json"), "--tap and --output cannot be used together"),
        (("t", "--command-config", "/absent.properties"), "/absent.properties: no such file"),
        (("t", "--bootstrap-server", "nonsense"), "Invalid url in bootstrap.servers: nonsense"),
        (("t", "--nonsense"), "nonsense is not a recognized option"),
    ],
)
def test_a_command_line_that_is_wrong(words: Sequence[str], problem: str) -> None:
    where = () if "--bootstrap-server" in words else ("--bootstrap-server", "127.0.0.1:1")
    done = pk("expect", *where, *words)

    assert (done.returncode, done.stdout) == (2, "")
    assert problem in done.stderr


@pytest.mark.parametrize("text", ["", "1\n{\n"])
def test_wants_that_are_none(text: str, wants: Path) -> None:
    wants.write_text(text)

    done = pk("expect", "--bootstrap-server", "127.0.0.1:1", "t", "--json-subset", str(wants))

    assert done.returncode == 2
    assert done.stderr.startswith(f"{wants}: ")


def test_a_terminal_sees_a_diff_in_color(sent: Topic, wants: Path) -> None:
    wants.write_text('{"id":2,"state":"paid"}\n')
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
    words = [PK, "expect", *sent.where, sent.name, "--json-subset", str(wants), "--within", "500ms"]
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": ""}
    done = subprocess.run(words, stderr=follower, check=False, env=environment)
    os.close(follower)
    reading.join()
    os.close(leader)

    assert done.returncode == 1
    assert '\x1b[31m      - .state: "paid"\x1b[0m' in seen.decode()
    assert '\x1b[32m      + .state: "new"\x1b[0m' in seen.decode()
