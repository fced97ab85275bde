"""Producing to three brokers with acks=all: a topic with three replicas, of which two must have each record.

After each row, all replicas must be in sync, and every record that was acknowledged is read.
"""

import re
from collections.abc import Iterator, Sequence

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from benchmarks.clusters import CLIENTS, NUMBERS, Cluster, new_topic, wait_until_in_sync
from benchmarks.servers import Servers
from benchmarks.single import Note, SingleMeasurement
from benchmarks.table import Row
from benchmarks.tools import MESSAGES, Bench, output, seconds

RECORDS = MESSAGES // 5

_PLAIN = ["acks=all", "enable.idempotence=false"]
JAVA: dict[str, Sequence[str]] = {
    "Java producer-perf-test": _PLAIN,
    "the same, idempotent": ["acks=all", "enable.idempotence=true"],
    "the same, transactions of 100 ms": ["acks=all", "transactional.id=bench"],
}

KCAT = Row("three brokers, acks=all: kcat producing", "records/s", higher_is_better=True, times_kafka=1)
ROWS = [
    KCAT,
    *(Row(f"three brokers, acks=all: {how}", "records/s", higher_is_better=True, times_kafka=1) for how in JAVA),
]


def replicated(bench: Bench, servers: Servers, _note: Note) -> Iterator[float]:
    cluster = Cluster(servers)
    with cluster.running() as admin:
        words = ["kcat", "-b", cluster.bootstrap, "-P", "-X", "acks=all", "-l"]
        for count in (RECORDS // 10, RECORDS):  # the first to warm up
            topic = new_topic(admin, list(NUMBERS))
            took = seconds([*words, str(bench.lines(count=count)), "-t", topic])
            _check(cluster, admin, topic, count)
        yield RECORDS / took
        for properties in JAVA.values():
            yield _java(bench, cluster, admin, properties)


def _java(bench: Bench, cluster: Cluster, admin: AdminClient, properties: Sequence[str]) -> float:
    topic = new_topic(admin, list(NUMBERS))
    words = ["--topic", topic, "--num-records", str(RECORDS), "--record-size", "100", "--throughput", "-1"]
    if any(each.startswith("transactional.id") for each in properties):
        words += ["--transaction-duration-ms", "100"]
    props = ["--producer-props", f"bootstrap.servers={cluster.bootstrap}", *properties]
    last = output(bench.tool("kafka", "producer-perf-test", *words, *props)).strip().splitlines()[-1]
    _check(cluster, admin, topic, RECORDS)
    found = re.search(r"([\d.]+) records/sec", last)
    if found is None:
        raise ValueError(f"no rate in {last!r}")
    return float(found[1])


def _check(cluster: Cluster, admin: AdminClient, topic: str, count: int) -> None:
    """Raise RuntimeError unless so many records are there; markers of transactions have offsets as well."""
    wait_until_in_sync(admin, topic)
    alone = {"group.id": "none", "enable.auto.commit": False, "enable.partition.eof": True, **CLIENTS}
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, **alone})
    consumer.assign([TopicPartition(topic, 0, 0)])
    came, over = 0, False
    while not over:
        messages = consumer.consume(10_000, 1)  # whose end comes as an error
        over = any(message.error() for message in messages)
        came += sum(not message.error() for message in messages)
    consumer.close()
    if came != count:
        raise RuntimeError(f"{came} of {count} records that were acknowledged are in {topic}")


REPLICATED = SingleMeasurement(ROWS, replicated, needs=("kcat", "java"), limit_s=400)
