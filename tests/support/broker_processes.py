"""Brokers for tests, each in a separate process on a free port: ours, and Apache Kafka's, unchanged.

with pk_zookeeper(folder) as zookeeper:
    broker = PkBroker(0, folder, zookeeper.address)
    broker.start()                      # serves clients now
    broker.kill(); broker.start()       # the second start finds the logs of the first
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from confluent_kafka.admin import AdminClient

from tests.support import peers
from tests.support.confluent import patiently
from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.running import PK
from tests.support.server_processes import READY_TIMEOUT_S, ServerProcess

USUAL = {
    "offsets.topic.num.partitions": "3",
    "offsets.topic.replication.factor": "1",
    "group.initial.rebalance.delay.ms": "0",
    "zookeeper.session.timeout.ms": "3000",
}


class BrokerProcess(ServerProcess):
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
        super().__init__(folder / f"{name}.log")
        self.file = folder / f"{name}.properties"
        given = {
            "broker.id": str(number),
            "listeners": f"PLAINTEXT://{self.bootstrap}",
            "log.dirs": str(self.logs),
            "zookeeper.connect": zookeeper,
            **USUAL,
            **(settings or {}),
        }
        self.file.write_text("".join(f"{key}={value}\n" for key, value in given.items()))

    def serves(self) -> bool:
        return self.STARTED in self.said()


Kind = TypeVar("Kind", bound=BrokerProcess)


@contextmanager
def running(broker: Kind) -> Iterator[Kind]:
    """Start it; it is killed at the end of the block."""
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


class PkBroker(BrokerProcess):
    """Ours."""

    STARTED = "started (kafka.server.KafkaServer)"

    def command(self) -> Sequence[str]:
        return [PK, "server-start", str(self.file)]


class KafkaBroker(BrokerProcess):
    """Apache Kafka 3.9.1's."""

    STARTED = "started (kafka.server.KafkaServer)"
    STARTS = 3

    def wait_until_started(self) -> None:
        """It serves before its controller has told it who the controller is, which admin clients want to know.

        It ends if its session does while it starts, which happens on a busy machine: then it is started again.
        """
        for left in reversed(range(self.STARTS)):
            try:
                super().wait_until_started()
                break
            except RuntimeError:
                if not left or "SessionExpiredException" not in self.said():
                    raise
            self.begin()
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        until(
            lambda: patiently(lambda: admin.list_topics(timeout=READY_TIMEOUT_S)).controller_id >= 0,
            "there is no controller",
        )

    def command(self) -> Sequence[str]:
        logging = self.output.with_suffix(".log4j.properties")
        logging.write_text(
            "log4j.rootLogger=INFO, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n"
            "log4j.appender.out.layout=org.apache.log4j.PatternLayout\n"
            "log4j.appender.out.layout.ConversionPattern=[%d] %p %m (%c)%n\n"
        )
        return [
            peers.java(), "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
            f"-Dlog4j.configuration={logging.as_uri()}", "-cp", peers.kafka_classpath(), "kafka.Kafka",
            str(self.file),
        ]  # fmt: skip
