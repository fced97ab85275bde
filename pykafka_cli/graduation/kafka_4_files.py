"""From Apache Kafka 3.9 in ZooKeeper mode to Kafka 4: Kafka's own migration to KRaft, with files for each step.

    kafka-4/
        README.md                              the steps, with the commands to type
        controller.properties                  a KRaft controller that copies the metadata from ZooKeeper
        controller-without-zookeeper.properties
        server-migrating.properties            each broker, while ZooKeeper and the controller both have the metadata
        server.properties                      each broker, on KRaft alone; also for Kafka 4

With several brokers, their files are named server-0.properties and so on. Source: KIP-866, Kafka's operations guide.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pykafka_cli import KAFKA_VERSION
from pykafka_cli.model import BrokerId
from pykafka_cli.properties.grammar import write_properties
from pykafka_cli.properties.kraft import BROKER, CONTROLLER

FOLDER = "kafka-4"
CONTROLLER_ID = 3000
_LISTENER = "CONTROLLER"
_MAP = "listener.security.protocol.map"
_DEFAULT_MAP = "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL"
_OF_ZOOKEEPER = ("zookeeper.", "broker.id.generation.enable", "inter.broker.protocol.version")
_REMOVED_IN_4 = (
    "control.plane.listener.name", "delegation.token.master.key", "log.message.format.version",
    "log.message.timestamp.difference.max.ms", "offsets.commit.required.acks", "password.encoder.",
)  # fmt: skip


class Broker(NamedTuple):
    """One broker on Kafka 3.9: the name of its properties file without suffix, its properties, and its id."""

    name: str
    properties: Mapping[str, str]
    broker_id: BrokerId


def kafka_4_files(
    directory: Path, brokers: Sequence[Broker], cluster_id: str, zookeeper_connect: str, controller_port: int
) -> dict[str, str]:
    """Contents by file name, below the directory with the files of Kafka 3.9.

    controller_port    on the loopback interface, as the controller is on the brokers' machine
    """
    folder = directory / FOLDER
    metadata = f"{Path(brokers[0].properties['log.dirs'].split(',')[0]).absolute()}-controller"
    quorum = {
        "controller.quorum.voters": f"{CONTROLLER_ID}@127.0.0.1:{controller_port}",
        "controller.listener.names": _LISTENER,
    }
    migration = {"zookeeper.metadata.migration.enable": "true", "zookeeper.connect": zookeeper_connect}
    controller = {
        "process.roles": CONTROLLER,
        "node.id": str(CONTROLLER_ID),
        **quorum,
        "listeners": f"{_LISTENER}://127.0.0.1:{controller_port}",
        _MAP: f"{_LISTENER}:PLAINTEXT,{_DEFAULT_MAP}",
        "log.dirs": metadata,
    }
    contents = {
        "controller.properties": write_properties(controller | migration),
        "controller-without-zookeeper.properties": write_properties(controller),
    }
    for each in brokers:
        with_map = dict(each.properties) | quorum
        with_map[_MAP] = f"{_LISTENER}:PLAINTEXT,{each.properties.get(_MAP, _DEFAULT_MAP)}"
        contents[f"{each.name}-migrating.properties"] = write_properties(with_map | migration)
        contents[f"{each.name}.properties"] = write_properties(_kraft_broker(with_map, each.broker_id))
    contents["README.md"] = _readme(folder, brokers, cluster_id, metadata)
    return {f"{FOLDER}/{name}": text for name, text in contents.items()}


def _kraft_broker(properties: Mapping[str, str], broker_id: BrokerId) -> dict[str, str]:
    kept = {
        name: text
        for name, text in properties.items()
        if not name.startswith((*_OF_ZOOKEEPER, *_REMOVED_IN_4, "broker.id"))
    }
    return {"process.roles": BROKER, "node.id": str(broker_id), **kept}


def _readme(folder: Path, brokers: Sequence[Broker], cluster_id: str, metadata: str) -> str:
    listeners = brokers[0].properties.get("advertised.listeners") or brokers[0].properties.get("listeners", "")
    address = listeners.partition("://")[2].partition(",")[0]

    def start(name: str) -> str:
        return f"LOG_DIR=logs/{name} bin/kafka-server-start.sh -daemon {folder / name}.properties"

    def restart(suffix: str) -> str:
        return "\n".join(
            f"bin/kafka-server-stop.sh --node-id={each.broker_id}\n{start(each.name + suffix)}" for each in brokers
        )

    return f"""# From Apache Kafka 3.9 to Kafka 4

Kafka 4 has no ZooKeeper, so the metadata moves to KRaft first. That is Kafka's own procedure (KIP-866), and these files
are what it needs. Make a copy of all data before: from step 4 on there is no way back to ZooKeeper, nor to `pk`.

Apache Kafka {KAFKA_VERSION} must run as the README one folder above describes it. Until step 6, type all commands
in the directory of that Kafka.

## 1. Start a KRaft controller

It waits until every broker takes part:

```
bin/kafka-storage.sh format -t {cluster_id} -c {folder}/controller.properties
{start("controller")}
```

## 2. Restart the brokers, ready to migrate

```
{restart("-migrating")}
```

Then the controller copies the metadata. Its log says when it is done:

```
grep 'Completed migration of metadata from ZooKeeper to KRaft' logs/controller/*
```

## 3. Restart the brokers on KRaft

```
{restart("")}
```

## 4. Restart the controller without ZooKeeper, and stop ZooKeeper

```
bin/kafka-server-stop.sh --node-id={CONTROLLER_ID}
{start("controller-without-zookeeper")}
bin/zookeeper-server-stop.sh
```

## 5. Check

```
bin/kafka-topics.sh --bootstrap-server {address} --describe --unavailable-partitions
bin/kafka-features.sh --bootstrap-server {address} describe
```

The first command prints nothing; the second one says that metadata.version is 3.9-IV0, which is what Kafka 4 needs.

## 6. Start Kafka 4

Stop Kafka 3.9, brokers first, and start Kafka 4 in its own directory, with the same files:

```
bin/kafka-server-stop.sh
{start("controller-without-zookeeper")}
{chr(10).join(start(each.name) for each in brokers)}
```

When you are sure that you stay, let the cluster use Kafka 4's features:

```
bin/kafka-features.sh --bootstrap-server {address} upgrade --release-version 4.0
```

The brokers' data stay where they are; the controller's metadata are in {metadata}.
"""
