"""Apache Kafka 4.3.1 in KRaft mode, one node that is broker and controller, for tests that talk to it from outside."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support import peers
from tests.support.ports import free_port
from tests.support.server_processes import ServerProcess

NODE_ID = 1
_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.bootstrap.servers={controller}
listeners=PLAINTEXT://{bootstrap},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{bootstrap},CONTROLLER://{controller}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.dirs={data}
{more}
"""


class Kafka4(ServerProcess):
    """A cluster of one node, formatted; `bootstrap` and `controller` are HOST:PORT.

    port    where it listens for clients, if that must be known beforehand
    more    lines of its properties file beside the usual ones, which they replace
    """

    def __init__(self, folder: Path, *, port: int | None = None, more: str = "") -> None:
        super().__init__(folder / "kafka-4.log")
        self.bootstrap, self.controller = (f"127.0.0.1:{each or free_port()}" for each in (port, None))
        self._file = folder / "kafka-4.properties"
        self._file.write_text(
            _PROPERTIES.format(
                node=NODE_ID,
                bootstrap=self.bootstrap,
                controller=self.controller,
                data=folder / "kafka-4-data",
                more=more,
            )
        )
        self._format()

    def _format(self) -> None:
        tool = [*peers.small_java(256), "-cp", peers.kafka_4_classpath(), "kafka.tools.StorageTool"]
        cluster = subprocess.run([*tool, "random-uuid"], capture_output=True, text=True, check=True).stdout.strip()
        formatting = [*tool, "format", "--standalone", "-t", cluster, "-c", str(self._file)]
        subprocess.run(formatting, capture_output=True, check=True)

    def command(self) -> Sequence[str]:
        return [*peers.loud_java(700), "-cp", peers.kafka_4_classpath(), "kafka.Kafka", str(self._file)]

    def serves(self) -> bool:
        return "Kafka Server started" in self.said()
