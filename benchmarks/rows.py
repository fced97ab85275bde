"""The rows of the table: one function each, which measures one thing against one running cluster."""

import os
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import PK, Servers, java

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "5000000"))
LINE = b"x" * 99 + b"\n"

JAVA_TOOLS = {
    "topics": "org.apache.kafka.tools.TopicCommand",
    "console-producer": "kafka.tools.ConsoleProducer",
    "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
}


@dataclass
class Bench:
    """What a row needs: a folder for files, and the lines to send (made once)."""

    folder: Path

    def lines(self, *, keyed: bool) -> Path:
        """A file of MESSAGES lines of 100 bytes; with keys, `keyNNNN,` stands in front within the 100 bytes."""
        path = self.folder / ("keyed.txt" if keyed else "lines.txt")
        if not path.exists():
            with path.open("wb") as file:
                for start in range(0, MESSAGES, 10_000):
                    block = min(10_000, MESSAGES - start)
                    if keyed:
                        file.write(b"".join(b"key%05d," % (n % 10_000) + b"x" * 90 + b"\n" for n in range(block)))
                    else:
                        file.write(LINE * block)
        return path

    def tool(self, who: str, name: str, *words: str) -> list[str]:
        """The command line of one tool, of `pk` or of Kafka's own (with the scripts' default heap)."""
        if who == "pk":
            return [PK, name, *words]
        return java(JAVA_TOOLS[name], *words, heap="-Xmx512M", folder=self.folder)


def seconds(command: Sequence[str], *, stdin: Path | None = None) -> float:
    """Wall time of one command; raises CalledProcessError when it fails."""
    with (stdin or Path(os.devnull)).open("rb") as source:
        began = time.monotonic()
        subprocess.run(command, stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
        return time.monotonic() - began


def new_topic(servers: Servers, partitions: int = 1) -> str:
    topic = f"bench-{uuid.uuid4().hex[:8]}"
    words = ["--bootstrap-server", servers.bootstrap, "--create", "--topic", topic, "--partitions", str(partitions)]
    subprocess.run([PK, "topics", *words], check=True, stdout=subprocess.DEVNULL)
    return topic


def topics_list(bench: Bench, servers: Servers, who: str) -> float:
    """Seconds of `topics --list`, best of five."""
    command = bench.tool(who, "topics", "--bootstrap-server", servers.bootstrap, "--list")
    return min(seconds(command) for _ in range(5))


def kcat_produces(bench: Bench, servers: Servers) -> tuple[float, str]:
    """Records a second that kcat produces from a file into one partition, and the topic."""
    topic = new_topic(servers)
    took = seconds(["kcat", "-b", servers.bootstrap, "-P", "-t", topic, "-l", str(bench.lines(keyed=False))])
    return MESSAGES / took, topic


def kcat_consumes(servers: Servers, topic: str) -> float:
    """Records a second that kcat reads from the beginning."""
    return MESSAGES / seconds(["kcat", "-b", servers.bootstrap, "-C", "-t", topic, "-e", "-q", "-o", "beginning"])


def console_produces(bench: Bench, servers: Servers, who: str, *, keyed: bool) -> tuple[float, str]:
    """Lines a second through a console producer, and the topic."""
    topic = new_topic(servers)
    words = ["--bootstrap-server", servers.bootstrap, "--topic", topic]
    if keyed:
        words += ["--property", "parse.key=true", "--property", "key.separator=,"]
    return MESSAGES / seconds(bench.tool(who, "console-producer", *words), stdin=bench.lines(keyed=keyed)), topic


def console_consumes(bench: Bench, servers: Servers, who: str, topic: str, *, keyed: bool) -> float:
    """Lines a second through a console consumer."""
    words = ["--bootstrap-server", servers.bootstrap, "--topic", topic, "--from-beginning"]
    words += ["--max-messages", str(MESSAGES)]
    if keyed:
        words += ["--property", "print.key=true", "--property", "key.separator=,"]
    return MESSAGES / seconds(bench.tool(who, "console-consumer", *words))


def kcat_pipes(bench: Bench, servers: Servers) -> tuple[float, float]:
    """kcat as a peer of the console tools: lines a second in from stdin, and out."""
    topic = new_topic(servers)
    into = seconds(["kcat", "-b", servers.bootstrap, "-P", "-t", topic], stdin=bench.lines(keyed=False))
    return MESSAGES / into, kcat_consumes(servers, topic)


def java_producer_perf(bench: Bench, servers: Servers) -> float:
    """Records a second of Kafka's producer-perf-test with acks=all, 100-byte records, by its own clock."""
    topic = new_topic(servers)
    count = MESSAGES // 2
    command = bench.tool(
        "kafka", "producer-perf-test", "--topic", topic, "--num-records", str(count), "--record-size", "100",
        "--throughput", "-1", "--producer-props", f"bootstrap.servers={servers.bootstrap}", "acks=all",
    )  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.strip().splitlines()[-1].split(" records/sec")[0].rpartition(" ")[2])


def java_consumer_perf(bench: Bench, servers: Servers, topic: str) -> float:
    """Records a second of Kafka's consumer-perf-test, fetch time only (its column fetch.nMsg.sec)."""
    command = bench.tool(
        "kafka", "consumer-perf-test", "--bootstrap-server", servers.bootstrap, "--topic", topic, "--messages",
        str(MESSAGES),
    )  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    header, values = (line.split(", ") for line in done.stdout.strip().splitlines()[-2:])
    return float(dict(zip(header, values, strict=True))["fetch.nMsg.sec"])
