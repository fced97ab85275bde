"""How soon tests have Kafka: a fixture, from nothing to the first record, a topic for each of many tests."""

import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator

from benchmarks.servers import KAFKA_LIBS, PK, ROOT, PkServers, Servers
from benchmarks.single import Note, SingleMeasurement
from benchmarks.table import Row
from benchmarks.tools import Bench, output, seconds

EMBEDDED = ROOT / "benchmarks/EmbeddedKafka.java"
STARTS = 3  # from nothing: the best of them
TESTS = 1_000
TESTS_LIMIT_S = 600

FIXTURE = Row("CI: servers of a fixture, start to ready", "s", times_kafka=0.5)
FROM_NOTHING = Row("CI: from nothing to the first record in a topic", "s", times_kafka=0.5)
OWN_TOPICS = Row(f"CI: {TESTS:,} tests in pytest, each with its own topic", "s", times_kafka=1)


def in_ci(bench: Bench, servers: Servers, _note: Note) -> Iterator[float]:
    """The servers of each start are new, as in a job."""
    kind = type(servers)
    yield min(_fixture(servers) for _ in range(STARTS))
    yield min(_from_nothing(bench, kind(servers.folder / f"start-{start}")) for start in range(STARTS))
    yield _many_tests(bench, kind(servers.folder / "tests"))


def _fixture(servers: Servers) -> float:
    """By the fixture's own clock. Java's has ZooKeeper and a broker in its own process, as Java's test libraries do."""
    if isinstance(servers, PkServers):
        program = "from pykafka_cli.testing import Kafka\nwith Kafka() as kafka: print(kafka.start_seconds)"
        return float(output([sys.executable, "-c", program]))
    words = ["java", f"-Djava.io.tmpdir={servers.folder}", "-cp", f"{KAFKA_LIBS}/*", str(EMBEDDED)]
    return float(output(words).strip().splitlines()[-1])


def _from_nothing(bench: Bench, servers: Servers) -> float:
    """Servers, a topic, and a record by the console producer, each by whatever command there is for it."""
    line = bench.folder / "line.txt"
    line.write_text("first\n")
    where = ["--bootstrap-server", servers.bootstrap]
    began = time.monotonic()
    try:
        if isinstance(servers, PkServers):
            ports = ["--port", str(servers.port), "--zookeeper-port", str(servers.zookeeper_port)]
            output([PK, "up", "--detach", "--data-dir", str(servers.folder), *ports, "--topic", "t"])
        else:
            servers.start()
            output(bench.tool(servers.name, "topics", *where, "--create", "--topic", "t"))
        seconds(bench.tool(servers.name, "console-producer", *where, "--topic", "t"), stdin=line)
        return time.monotonic() - began
    finally:
        if isinstance(servers, PkServers):
            subprocess.run([PK, "down", "--data-dir", str(servers.folder)], capture_output=True, check=False)
        servers.stop()


def _many_tests(bench: Bench, servers: Servers) -> float:
    """A run of pytest with servers, each test with a record in and out of its topic; ours are the fixture's."""
    folder = bench.folder / f"tests-{servers.name}"
    folder.mkdir()
    (folder / "test_it.py").write_text(
        textwrap.dedent(f"""
        import pytest

        @pytest.mark.parametrize("number", range({TESTS}))
        def test_it(pk_kafka, pk_topic, number):
            pk_kafka.produce(pk_topic, str(number))
            assert pk_kafka.records(pk_topic, 1)[0].text == str(number)
        """)
    )
    words = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(folder), str(folder)]
    began = time.monotonic()
    if isinstance(servers, PkServers):
        _run_pytest(words)
    else:
        with servers.running():
            _run_pytest([*words, "--pk-bootstrap", servers.bootstrap])
    return time.monotonic() - began


def _run_pytest(words: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "pytest", *words], capture_output=True, check=True, timeout=TESTS_LIMIT_S)


CI = SingleMeasurement([FIXTURE, FROM_NOTHING, OWN_TOPICS], in_ci, limit_s=900)
