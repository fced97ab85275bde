"""Moves a stopped KRaft node to Apache Kafka 3.9 in ZooKeeper mode: its properties there, and what to move first.

The node's own ZooKeeper server has kept the metadata in __cluster_metadata-0, a folder that Kafka deletes on its way to
KRaft. So the folder moves out of the log directory, and meta.properties takes the form of ZooKeeper mode.
"""

import shlex
from pathlib import Path
from typing import NamedTuple

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.storage.checkpoints import META_PROPERTIES
from pykafka_cli.storage.cluster_metadata import metadata_folder

_LOOPBACK = "127.0.0.1"
_KRAFT_ONLY = frozenset({
    "process.roles", "node.id", "metadata.log.dir", "controller.listener.names", "controller.quorum.voters",
    "controller.quorum.bootstrap.servers", "share.coordinator.state.topic.replication.factor",
    "share.coordinator.state.topic.min.isr",
})  # fmt: skip


class Preparation(NamedTuple):
    """Changes to the directories before Apache Kafka starts on them.

    meta_properties    the file that replaces meta.properties in each log directory
    commands           shell commands, in order
    """

    meta_properties: str
    commands: tuple[tuple[str, ...], ...]


def as_zookeeper_broker(settings: BrokerSettings, zookeeper_port: int) -> BrokerSettings:
    """The settings of the same broker in ZooKeeper mode."""
    given = {name: text for name, text in settings.originals.items() if name not in _KRAFT_ONLY}
    given["broker.id"] = str(settings.node_id)
    given["zookeeper.connect"] = f"{_LOOPBACK}:{zookeeper_port}"
    if settings.node_id > settings.reserved_broker_max_id:
        given["broker.id.generation.enable"] = "false"  # otherwise only ZooKeeper could assign this id
    controllers = settings.controller_listeners
    given["listeners"] = ",".join(str(each) for each in settings.listener_list if each.name not in controllers)
    given["advertised.listeners"] = ",".join(map(str, settings.advertised_listener_list))
    return BrokerSettings(Property(name, text, 0) for name, text in given.items())


def zookeeper_inside(settings: BrokerSettings) -> ZooKeeperSettings:
    """The settings of the ZooKeeper server that ran in the node."""
    return ZooKeeperSettings.on_loopback(metadata_folder(settings.metadata_directory), 0)


def zookeeper_outside(settings: BrokerSettings, port: int) -> ZooKeeperSettings:
    """The settings of the ZooKeeper server that serves the broker from now on."""
    return ZooKeeperSettings.on_loopback(_moved_to(settings), port)


def _moved_to(settings: BrokerSettings) -> str:
    return f"{Path(settings.metadata_directory).absolute()}-zookeeper"


def preparation(settings: BrokerSettings, cluster_id: str, kafka_files: Path) -> Preparation:
    """The steps by which a stopped node's directories become those of a broker in ZooKeeper mode."""
    metadata = Path(metadata_folder(settings.metadata_directory)).absolute()
    copies = [
        ("cp", str(kafka_files / META_PROPERTIES), str(Path(each).absolute() / META_PROPERTIES))
        for each in settings.log_directories
    ]
    return Preparation(
        f"version=0\nbroker.id={settings.node_id}\ncluster.id={cluster_id}\n",
        (("mv", str(metadata), _moved_to(settings)), *copies),
    )


def shell_lines(prepared: Preparation) -> list[str]:
    """The commands as typed into a shell."""
    return [shlex.join(each) for each in prepared.commands]
