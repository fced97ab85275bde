"""What a measurement runs: pk's commands, Kafka's classes, kcat, kcl; and the lines that they are fed."""

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import ONE_FILE, PK, Servers, java

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "5000000"))
LINE_BYTES = 100
KEYS = 10_000
TIMEOUT_S = 240.0

JAVA_TOOLS = {
    "topics": ("org.apache.kafka.tools.TopicCommand", "-Xmx256M"),
    "console-producer": ("kafka.tools.ConsoleProducer", "-Xmx512M"),
    "console-consumer": ("org.apache.kafka.tools.consumer.ConsoleConsumer", "-Xmx512M"),
    "producer-perf-test": ("org.apache.kafka.tools.ProducerPerformance", "-Xmx512M"),
    "consumer-perf-test": ("org.apache.kafka.tools.ConsumerPerformance", "-Xmx512M"),
    "e2e-latency": ("org.apache.kafka.tools.EndToEndLatency", "-Xmx256M"),
    "configs": ("kafka.admin.ConfigCommand", "-Xmx256M"),
    "get-offsets": ("org.apache.kafka.tools.GetOffsetShell", "-Xmx256M"),
    "consumer-groups": ("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "-Xmx256M"),
    "log-dirs": ("org.apache.kafka.tools.LogDirsCommand", "-Xmx256M"),
    "broker-api-versions": ("kafka.admin.BrokerApiVersionsCommand", "-Xmx256M"),
    "transactions": ("org.apache.kafka.tools.TransactionsCommand", "-Xmx256M"),
}  # with the heap that its script gives each


@dataclass
class Bench:
    """What a measurement needs: a folder for files, and the lines to send (made once)."""

    folder: Path

    def lines(self, *, keyed: bool = False, count: int = MESSAGES) -> Path:
        """A file of that many lines of 100 bytes; one of 10,000 keys may come first, within the 100 bytes."""
        path = self.folder / f"{count}-{'keyed' if keyed else 'plain'}.txt"
        if not path.exists():
            plain = b"x" * (LINE_BYTES - 1) + b"\n"
            lines = [b"key%05d," % number + plain[9:] if keyed else plain for number in range(min(KEYS, count))]
            with path.open("wb") as file:
                for _ in range(count // len(lines)):
                    file.write(b"".join(lines))
                file.write(b"".join(lines[: count % len(lines)]))
        return path

    def tool(self, who: str, name: str, *words: str) -> list[str]:
        """The command line of one tool: pk's, the one file's, or Kafka's own."""
        if who == "kafka":
            main, heap = JAVA_TOOLS[name]
            return java(main, *words, heap=heap, folder=self.folder)
        return [program(who), name, *words]


def program(who: str) -> str:
    """pk as it is installed, or the one file."""
    return str(ONE_FILE) if who == "one file" else PK


def is_here(who: str) -> bool:
    """Whether a peer that is no server is on this machine."""
    return ONE_FILE.is_file() if who == "one file" else who == "pk" or shutil.which(who) is not None


def seconds(command: Sequence[str], *, stdin: Path | None = None) -> float:
    """Wall time of one command; raises CalledProcessError when it fails, TimeoutExpired when it takes too long."""
    with (stdin or Path(os.devnull)).open("rb") as source:
        began = time.monotonic()
        subprocess.run(
            command, stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True, timeout=TIMEOUT_S
        )
        return time.monotonic() - began


def process_clock(pid: int) -> int:
    """The clock of a process's CPU time, for time.clock_gettime; clock_getcpuclockid(3) of Linux computes it so."""
    return (~pid << 3) | 2


def output(command: Sequence[str]) -> str:
    """What one command prints; raises as `seconds` does."""
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=TIMEOUT_S
    ).stdout


def new_topic(servers: Servers, **config: str) -> str:
    """Make a topic of one partition; `config` with _ for . in the names of settings."""
    topic = f"bench-{uuid.uuid4().hex[:8]}"
    words = ["--bootstrap-server", servers.bootstrap, "--create", "--topic", topic, "--partitions", "1"]
    for name, value in config.items():
        words += ["--config", f"{name.replace('_', '.')}={value}"]
    output([PK, "topics", *words])
    return topic


def delete_topic(servers: Servers, topic: str) -> None:
    """So that disk and page cache are not full of what nobody reads any more."""
    output([PK, "topics", "--bootstrap-server", servers.bootstrap, "--delete", "--topic", topic])


def produce_lines(servers: Servers, topic: str, lines: Path, *, keyed: bool = False) -> float:
    """Fill a topic by kcat; the seconds that took."""
    key = ["-K", ","] if keyed else []
    return seconds(["kcat", "-b", servers.bootstrap, "-P", "-t", topic, *key, "-l", str(lines)])
