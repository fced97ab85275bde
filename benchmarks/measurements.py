"""The rows of the table and what is run for them. Each measurement is given servers and says a figure for each row.

    the broker    the same client (kcat, Kafka's perf tools) against pk's broker and against Kafka's
    the tools     pk's command on pk's broker, Kafka's script on Kafka's, kcat on pk's

Rows' goals are those of docs/performance.md.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.servers import Servers
from benchmarks.table import Row
from benchmarks.tools import MESSAGES, Bench, delete_topic, new_topic, output, seconds

START = Row("servers, start to first metadata answer", "s", at_most=0.4)
IDLE_MEMORY = Row("resident memory, idle", "MB", at_most=60)
USED_MEMORY = Row("resident memory after all bulk rows", "MB", at_most=150)

LATENCY_RATE = 20_000  # records a second
LATENCY_SECONDS = 15
END_TO_END_MESSAGES = 10_000

# A consumer of librdkafka's defaults stops asking for up to a second whenever 100,000 messages wait in its own queue,
# which measures chance: a broker that answers faster fills that queue more often.
KCAT_QUEUE = ("-X", "queued.min.messages=1000000")


class Measurement(NamedTuple):
    """`run` returns one figure for each of `rows`. `peers` beside pk and Kafka: who is measured with pk's servers."""

    rows: Sequence[Row]
    run: Callable[[Bench, Servers, str], Sequence[float]]
    peers: Sequence[str] = ("pk", "kafka")
    needs: Sequence[str] = ()


def _topics_list(bench: Bench, servers: Servers, who: str) -> Sequence[float]:
    command = bench.tool(who, "topics", "--bootstrap-server", servers.bootstrap, "--list")
    return (min(seconds(command) for _ in range(5)),)


def _kcat_and_perf_consumer(bench: Bench, servers: Servers, _who: str) -> Sequence[float]:
    topic = new_topic(servers)
    into = seconds(["kcat", "-b", servers.bootstrap, "-P", "-t", topic, "-l", str(bench.lines(keyed=False))])
    out = seconds(["kcat", "-b", servers.bootstrap, "-C", "-t", topic, "-e", "-q", "-o", "beginning", *KCAT_QUEUE])
    defaults = seconds(["kcat", "-b", servers.bootstrap, "-C", "-t", topic, "-e", "-q", "-o", "beginning"])
    delete_topic(servers, topic)
    return MESSAGES / into, MESSAGES / out, MESSAGES / defaults


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
            "kafka", "producer-perf-test", "--topic", topic, "--num-records", str(LATENCY_RATE * LATENCY_SECONDS),
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
        if who == "kcat":
            key = ["-K", ","] if keyed else []
            producer = ["kcat", "-b", servers.bootstrap, "-P", "-t", topic, *key]
            consumer = ["kcat", "-b", servers.bootstrap, "-C", "-t", topic, "-e", "-q", "-o", "beginning", *KCAT_QUEUE]
            consumer += key
        else:
            words = ["--bootstrap-server", servers.bootstrap, "--topic", topic]
            separated = ["--property", "key.separator=,"]
            parsed = ["--property", "parse.key=true", *separated] if keyed else []
            printed = ["--property", "print.key=true", *separated] if keyed else []
            producer = bench.tool(who, "console-producer", *words, *parsed)
            begin = ["--from-beginning", "--max-messages", str(MESSAGES)]
            consumer = bench.tool(who, "console-consumer", *words, *begin, *printed)
        into, out = seconds(producer, stdin=lines), seconds(consumer)
        delete_topic(servers, topic)
        return MESSAGES / into, MESSAGES / out

    return run


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"no {pattern!r} in {text!r}")
    return float(found[1])


MEASUREMENTS = (
    Measurement([Row("topics --list", "s", times_kafka=0.1)], _topics_list),
    Measurement(
        [
            Row("kcat producing into the broker", "records/s", higher_is_better=True, times_kafka=1),
            Row("kcat consuming from the broker", "records/s", higher_is_better=True, times_kafka=1),
            Row("the same with kcat's default queue", "records/s", higher_is_better=True),
        ],
        _kcat_and_perf_consumer,
        needs=("kcat",),
    ),
    Measurement(
        [
            Row("Java producer-perf-test, acks=all", "records/s", higher_is_better=True, times_kafka=1),
            Row("Java consumer-perf-test, fetching", "records/s", higher_is_better=True, times_kafka=1),
        ],
        _java_perf,
        needs=("java",),
    ),
    Measurement(
        [
            Row("console producer", "lines/s", higher_is_better=True, times_kafka=4),
            Row("console consumer", "lines/s", higher_is_better=True, times_kafka=4),
        ],
        _console(keyed=False),
        peers=("pk", "kafka", "kcat"),
    ),
    Measurement(
        [
            Row("console producer with keys", "lines/s", higher_is_better=True, times_kafka=2),
            Row("console consumer with keys", "lines/s", higher_is_better=True, times_kafka=4),
        ],
        _console(keyed=True),
        peers=("pk", "kafka", "kcat"),
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
