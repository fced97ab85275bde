"""Brokers for tests, each in a process of its own on a free port: ours, and Apache Kafka's, unchanged.

with pk_zookeeper(folder) as zookeeper:
    broker = PkBroker(0, folder, zookeeper.address)
    broker.start()                      # serves clients now
    broker.kill(); broker.start()       # the second start finds the logs of the first
"""

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka.admin import AdminClient

from tests import peers
from tests.running import PK
from tests.zookeeper_servers import free_port

READY_TIMEOUT_S = 90
STOP_TIMEOUT_S = 60

USUAL = {
    "offsets.topic.num.partitions": "3",
    "offsets.topic.replication.factor": "1",
    "group.initial.rebalance.delay.ms": "0",
    "zookeeper.session.timeout.ms": "3000",
}


class BrokerProcess(ABC):
    """A broker; it will listen at `bootstrap`, HOST:PORT, and keep its records below `logs`.

    port        a free one unless given
    logs        its log.dirs; brokers of both makes may have it one after another
    settings    what shall hold besides, or instead of, the usual
    """

    STARTED: str
    """What its output says when it serves."""

    def __init__(
        self,
        number: int,
        folder: Path,
        zookeeper: str,
        *,
        port: int | None = None,
        logs: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.number = number
        self.port = port or free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.logs = logs or folder / f"logs-{number}"
        name = f"{type(self).__name__}-{number}"
        self.output = folder / f"{name}.log"
        self._file = folder / f"{name}.properties"
        given = {
            "broker.id": str(number),
            "listeners": f"PLAINTEXT://{self.bootstrap}",
            "log.dirs": str(self.logs),
            "zookeeper.connect": zookeeper,
            **USUAL,
            **(settings or {}),
        }
        self._file.write_text("".join(f"{key}={value}\n" for key, value in given.items()))
        self.process: subprocess.Popen[bytes] | None = None
        self._seen = 0

    @abstractmethod
    def command(self) -> list[str]:
        """What to run, without the file of properties."""

    def begin(self) -> None:
        """Start, without waiting until it serves."""
        assert self.process is None
        with self.output.open("ab") as output:
            self._seen = output.tell()
            self.process = subprocess.Popen([*self.command(), str(self._file)], stdout=output, stderr=output)

    def start(self) -> None:
        """Start, and wait until it serves; raises RuntimeError with the end of its output if it does not."""
        self.begin()
        self.wait_until_started()

    def wait_until_started(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.STARTED in self.said():
                return
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"broker {self.number} does not serve: {self.said()[-3000:]}")

    def said(self) -> str:
        """What it has printed since it was started last."""
        with self.output.open("rb") as output:
            output.seek(self._seen)
            return output.read().decode(errors="replace")

    def stop(self) -> int:
        """SIGTERM; returns its status once it has handed over and ended."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9, if it runs."""
        if self.process is not None:
            self._end(signal.SIGKILL)

    def _end(self, by: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(by)
        status = self.process.wait(STOP_TIMEOUT_S)
        self.process = None
        return status

    def freeze(self) -> None:
        """Take its processor away, as a long pause would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


class PkBroker(BrokerProcess):
    """Ours."""

    STARTED = "] started, listens on "

    def command(self) -> list[str]:
        return [PK, "server-start"]


class KafkaBroker(BrokerProcess):
    """Apache Kafka 3.9.1's."""

    STARTED = "started (kafka.server.KafkaServer)"

    def wait_until_started(self) -> None:
        """It serves before its controller has told it who the controller is, which admin clients want to know."""
        super().wait_until_started()
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        deadline = time.monotonic() + READY_TIMEOUT_S
        while admin.list_topics(timeout=READY_TIMEOUT_S).controller_id < 0:
            assert time.monotonic() < deadline, "there is no controller"
            time.sleep(0.1)

    def command(self) -> list[str]:
        logging = self.output.with_suffix(".log4j.properties")
        logging.write_text(
            "log4j.rootLogger=INFO, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n"
            "log4j.appender.out.layout=org.apache.log4j.PatternLayout\n"
            "log4j.appender.out.layout.ConversionPattern=[%d] %p %m (%c)%n\n"
        )
        return [
            peers.java(), "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
            f"-Dlog4j.configuration={logging.as_uri()}", "-cp", peers.kafka_classpath(), "kafka.Kafka",
        ]  # fmt: skip
