"""What a measurement runs: pk's commands, Kafka's classes, kcat; and the lines that they are fed."""

import os
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import PK, Servers, java

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "5000000"))
TIMEOUT_S = 600.0

JAVA_TOOLS = {
    "topics": "org.apache.kafka.tools.TopicCommand",
    "console-producer": "kafka.tools.ConsoleProducer",
    "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "e2e-latency": "org.apache.kafka.tools.EndToEndLatency",
}


@dataclass
class Bench:
    """What a measurement needs: a folder for files, and the lines to send (made once)."""

    folder: Path

    def lines(self, *, keyed: bool) -> Path:
        """A file of MESSAGES lines of 100 bytes; with keys, `keyNNNNN,` stands in front within the 100 bytes."""
        path = self.folder / ("keyed.txt" if keyed else "lines.txt")
        if not path.exists():
            with path.open("wb") as file:
                for start in range(0, MESSAGES, 10_000):
                    block = min(10_000, MESSAGES - start)
                    if keyed:
                        file.write(b"".join(b"key%05d," % number + b"x" * 90 + b"\n" for number in range(block)))
                    else:
                        file.write((b"x" * 99 + b"\n") * block)
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
        subprocess.run(
            command, stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True, timeout=TIMEOUT_S
        )
        return time.monotonic() - began


def output(command: Sequence[str]) -> str:
    """What one command prints; raises CalledProcessError when it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT_S).stdout


def new_topic(servers: Servers, partitions: int = 1) -> str:
    topic = f"bench-{uuid.uuid4().hex[:8]}"
    words = ["--bootstrap-server", servers.bootstrap, "--create", "--topic", topic, "--partitions", str(partitions)]
    subprocess.run([PK, "topics", *words], check=True, stdout=subprocess.DEVNULL, timeout=TIMEOUT_S)
    return topic


def delete_topic(servers: Servers, topic: str) -> None:
    """So that disk and page cache are not full of what nobody reads any more."""
    words = ["--bootstrap-server", servers.bootstrap, "--delete", "--topic", topic]
    subprocess.run([PK, "topics", *words], check=True, stdout=subprocess.DEVNULL, timeout=TIMEOUT_S)
