"""The rows that every run measures again. Each measurement is given running servers and says a figure for each row.

    the broker    the same client (kcat, Kafka's perf tools) against pk's broker and against Kafka's
    the tools     pk's command on pk's broker, Kafka's script on Kafka's, kcat and kcl on pk's

Rows' goals are those of docs/performance.md.
"""

import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from benchmarks.servers import Servers
from benchmarks.sink import TOPIC, Sink
from benchmarks.table import Row
from benchmarks.tools import (
    MESSAGES,
    TIMEOUT_S,
    Bench,
    delete_topic,
    new_topic,
    output,
    produce_lines,
    program,
    seconds,
)

START = Row("servers, start to first metadata answer", "s", at_most=0.4)
IDLE_MEMORY = Row("resident memory, idle", "MB", at_most=60)

LEVEL = 0.95  # with Kafka: what one run differs from the next is more
STARTS = 5  # of a tool that is over in a moment: the best of them
LATENCY_RATE = 20_000  # records a second
LATENCY_S = 30  # long enough that the Java client's own warm-up is less than a hundredth of the records
END_TO_END_MESSAGES = 15_000

# A consumer of librdkafka's defaults stops asking for up to a second whenever 100,000 messages wait in its own queue.
# How often that happens hangs on the broker, and partly on chance; with this queue it does not happen.
KCAT_QUEUE = ("-X", "queued.min.messages=1000000")


class Measurement(NamedTuple):
    """`run` gives one figure for each of `rows` in turn; what is not there within `limit_s` is given up."""

    rows: Sequence[Row]
    run: Callable[[Bench, Servers, str], Iterable[float]]
    peers: Sequence[str] = ("pk", "kafka")  # whoever has no servers of his own is measured with pk's
    needs: Sequence[str] = ()
    limit_s: float = 300


def _version(bench: Bench, _servers: Servers, who: str) -> Sequence[float]:
    command = bench.tool(who, "topics", "--version") if who == "kafka" else [program(who), "--version"]
    return (min(seconds(command) for _ in range(STARTS)),)


def _topics_list(bench: Bench, servers: Servers, who: str) -> Sequence[float]:
    if who == "kcat":
        command = ["kcat", "-b", servers.bootstrap, "-L"]
    elif who == "kcl":
        command = ["kcl", "--no-config-file", "-B", servers.bootstrap, "topic", "list"]
    else:
        command = bench.tool(who, "topics", "--bootstrap-server", servers.bootstrap, "--list")
    return (min(seconds(command) for _ in range(STARTS)),)


def _noticed_start(bench: Bench, servers: Servers, who: str) -> Iterator[float]:
    """Seconds from the first response of servers that were down to the end of a command that waited for them."""
    topics = shlex.join(bench.tool(who, "topics", "--bootstrap-server", servers.bootstrap, "--list"))
    yield _noticed_by(["sh", "-c", f"until {topics}; do :; done"], servers)
    if who != "kafka":
        yield _noticed_by([program(who), "wait", "--bootstrap-server", servers.bootstrap, "broker"], servers)
        scripts = bench.folder / "scripts"
        output([program(who), "scripts", "install", str(scripts)])
        yield _noticed_by([str(scripts / "cub"), "kafka-ready", "-b", servers.bootstrap, "1", "60"], servers)


def _noticed_by(command: Sequence[str], servers: Servers) -> float:
    servers.stop()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as waiting:
        try:
            servers.start()
            ready = time.monotonic()
            waiting.wait(TIMEOUT_S)
        finally:
            waiting.kill()
    return time.monotonic() - ready


def _kcat(bench: Bench, servers: Servers, _who: str) -> Sequence[float]:
    topic = new_topic(servers)
    into = produce_lines(servers, topic, bench.lines())
    consumer = ["kcat", "-b", servers.bootstrap, "-C", "-t", topic, "-e", "-q", "-o", "beginning"]
    out = seconds(consumer)
    memory = servers.resident_mb()
    with_queue = seconds([*consumer, *KCAT_QUEUE])
    delete_topic(servers, topic)
    return MESSAGES / into, MESSAGES / out, memory, MESSAGES / with_queue


def _kcat_into_sink(bench: Bench, _servers: Servers, _who: str) -> Sequence[float]:
    """What kcat and this machine allow a broker."""
    sink = Sink()
    with sink.running():
        return (MESSAGES / seconds(["kcat", "-b", sink.bootstrap, "-P", "-t", TOPIC, "-l", str(bench.lines())]),)


def _java_perf(bench: Bench, servers: Servers, _who: str) -> Sequence[float]:
    """By the tools' own clocks: the producer's last line, and the consumer's column fetch.nMsg.sec."""
    topic = new_topic(servers)
    told = output(
        bench.tool(
            "kafka", "producer-perf-test", "--topic", topic, "--num-records", str(MESSAGES // 2), "--record-size",
            "100", "--throughput", "-1", "--producer-props", f"bootstrap.servers={servers.bootstrap}", "acks=all",
        )
    )  # fmt: skip
    into = float(told.strip().splitlines()[-1].split(" records/sec")[0].rpartition(" ")[2])
    told = output(
        bench.tool(
            "kafka", "consumer-perf-test", "--bootstrap-server", servers.bootstrap, "--topic", topic, "--messages",
            str(MESSAGES // 2),
        )
    )  # fmt: skip
    header, values = (line.split(", ") for line in told.strip().splitlines()[-2:])
    delete_topic(servers, topic)
    return into, float(dict(zip(header, values, strict=True))["fetch.nMsg.sec"])


def _steady_rate(bench: Bench, servers: Servers, _who: str) -> Sequence[float]:
    topic = new_topic(servers)
    told = output(
        bench.tool(
            "kafka", "producer-perf-test", "--topic", topic, "--num-records", str(LATENCY_RATE * LATENCY_S),
            "--record-size", "100", "--throughput", str(LATENCY_RATE), "--producer-props",
            f"bootstrap.servers={servers.bootstrap}", "linger.ms=0",
        )
    )  # fmt: skip
    last = told.strip().splitlines()[-1]
    return _number(r"([\d.]+) ms avg", last), _number(r"(\d+) ms 99th", last)


def _end_to_end(bench: Bench, servers: Servers, _who: str) -> Sequence[float]:
    words = [servers.bootstrap, new_topic(servers), str(END_TO_END_MESSAGES), "all", "100"]
    told = output(bench.tool("kafka", "e2e-latency", *words))
    return _number(r"Avg latency: ([\d.]+) ms", told), _number(r"99th = (\d+)", told)


def _single_records(bench: Bench, servers: Servers, _who: str) -> Sequence[float]:
    topic = new_topic(servers)
    told = output(
        bench.tool(
            "kafka", "producer-perf-test", "--topic", topic, "--num-records", str(MESSAGES // 25), "--record-size",
            "100", "--throughput", "-1", "--producer-props", f"bootstrap.servers={servers.bootstrap}", "batch.size=0",
        )
    )  # fmt: skip
    return (_number(r"([\d.]+) records/sec", told.strip().splitlines()[-1]),)


def _console(*, keyed: bool) -> Callable[[Bench, Servers, str], Sequence[float]]:
    def run(bench: Bench, servers: Servers, who: str) -> Sequence[float]:
        topic, lines = new_topic(servers), bench.lines(keyed=keyed)
        producer, consumer = _CONSOLES.get(who, _kafkas_console)(bench, servers, who, topic, keyed)
        into, out = seconds(producer, stdin=lines), seconds(consumer)
        delete_topic(servers, topic)
        return MESSAGES / into, MESSAGES / out

    return run


def _kafkas_console(
    bench: Bench, servers: Servers, who: str, topic: str, keyed: bool
) -> tuple[Sequence[str], Sequence[str]]:
    """The commands that produce and consume, in the words that the script and pk share."""
    words = ["--bootstrap-server", servers.bootstrap, "--topic", topic]
    separated = ["--property", "key.separator=,"]
    parsed = ["--property", "parse.key=true", *separated] if keyed else []
    printed = ["--property", "print.key=true", *separated] if keyed else []
    begin = ["--from-beginning", "--max-messages", str(MESSAGES)]
    producer = bench.tool(who, "console-producer", *words, *parsed)
    return producer, bench.tool(who, "console-consumer", *words, *begin, *printed)


def _kcats_console(
    _bench: Bench, servers: Servers, _who: str, topic: str, keyed: bool
) -> tuple[Sequence[str], Sequence[str]]:
    words = ["kcat", "-b", servers.bootstrap, "-t", topic, *(["-K", ","] if keyed else [])]
    return [*words, "-P"], [*words, "-C", "-e", "-q", "-o", "beginning", *KCAT_QUEUE]


def _kcls_console(
    _bench: Bench, servers: Servers, _who: str, topic: str, keyed: bool
) -> tuple[Sequence[str], Sequence[str]]:
    words, line = ["kcl", "--no-config-file", "-B", servers.bootstrap], "%k,%v\\n" if keyed else "%v\\n"
    producer = [*words, "produce", topic, "-z", "none", "-f", line]
    return producer, [*words, "consume", topic, "-n", str(MESSAGES), "-f", line]


_CONSOLES = {"kcat": _kcats_console, "kcl": _kcls_console}


def _copy(bench: Bench, servers: Servers, who: str) -> Sequence[float]:
    """Keys and values only, as two kcats in a pipe copy no headers and no timestamps; pk copies both."""
    source, copy = new_topic(servers), new_topic(servers)
    produce_lines(servers, source, bench.lines(keyed=True), keyed=True)
    command = [program(who), "copy", f"{source}={copy}", "--from", servers.bootstrap, "--to", servers.bootstrap]
    if who == "kcat":
        kcat = ["kcat", "-b", servers.bootstrap]
        read = [*kcat, "-C", "-t", source, "-e", "-q", "-o", "beginning", *KCAT_QUEUE, "-K", ","]
        command = ["sh", "-c", f"{shlex.join(read)} | {shlex.join([*kcat, '-P', '-t', copy, '-K', ','])}"]
    took = seconds(command)
    delete_topic(servers, source)
    delete_topic(servers, copy)
    return (MESSAGES / took,)


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"no {pattern!r} in {text!r}")
    return float(found[1])


_TOOLS = ("pk", "kafka", "kcat", "kcl")

MEASUREMENTS = (
    Measurement([Row("--version", "s")], _version, peers=("pk", "one file", "kafka")),
    Measurement(
        [Row("topics --list", "s", times_kafka=0.1)], _topics_list, peers=("pk", "one file", "kafka", "kcat", "kcl")
    ),
    Measurement(
        [
            Row("a started broker noticed by a loop of topics --list", "s"),
            Row("a started broker noticed by pk wait broker", "s"),
            Row("a started broker noticed by cub kafka-ready, which calls pk wait", "s"),
        ],
        _noticed_start,
    ),
    Measurement(
        [
            Row("kcat producing into the broker", "records/s", higher_is_better=True, times_kafka=1),
            Row("kcat consuming from the broker", "records/s", higher_is_better=True, times_kafka=LEVEL),
            Row(f"resident memory after {MESSAGES:,} records in and out", "MB", at_most=150),
            Row("kcat consuming with a queue of 1,000,000", "records/s", higher_is_better=True, times_kafka=LEVEL),
        ],
        _kcat,
        needs=("kcat",),
    ),
    Measurement(
        [Row("kcat producing into a sink that only reads", "records/s", higher_is_better=True)],
        _kcat_into_sink,
        peers=("kcat",),
        needs=("kcat",),
    ),
    Measurement(
        [
            Row("console producer", "lines/s", higher_is_better=True, times_kafka=4, ahead_of=("kcl",)),
            Row("console consumer", "lines/s", higher_is_better=True, times_kafka=4, ahead_of=("kcl",)),
        ],
        _console(keyed=False),
        peers=_TOOLS,
    ),
    Measurement(
        [
            Row("console producer with keys", "lines/s", higher_is_better=True, times_kafka=2),
            Row("console consumer with keys", "lines/s", higher_is_better=True, times_kafka=4),
        ],
        _console(keyed=True),
        peers=_TOOLS,
    ),
    Measurement(
        [Row("copying a topic with keys", "records/s", higher_is_better=True)],
        _copy,
        peers=("pk", "kcat"),
        needs=("kcat",),
    ),
    Measurement(
        [
            Row("Java producer-perf-test, acks=all", "records/s", higher_is_better=True, times_kafka=1),
            Row("Java consumer-perf-test, fetching", "records/s", higher_is_better=True, times_kafka=LEVEL),
        ],
        _java_perf,
        needs=("java",),
    ),
    Measurement(
        [
            Row("20,000 records/s, linger 0: mean latency", "ms", times_kafka=1),
            Row("20,000 records/s, linger 0: p99 latency", "ms", times_kafka=1, at_most=10),
        ],
        _steady_rate,
        needs=("java",),
    ),
    Measurement(
        [
            Row("end to end, acks=all: mean latency", "ms", times_kafka=1),
            Row("end to end, acks=all: p99 latency", "ms", times_kafka=1),
        ],
        _end_to_end,
        needs=("java",),
    ),
    Measurement(
        [Row("requests of one record each", "records/s", higher_is_better=True, times_kafka=1)],
        _single_records,
        needs=("java",),
    ),
)
