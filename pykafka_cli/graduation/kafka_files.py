"""The files to start Apache Kafka with: a properties file for each server, and a README with the commands to type.

    zookeeper.properties
    server.properties          server-0.properties, server-1.properties ... if there are several brokers
    meta.properties            if a KRaft node's directories become those of ZooKeeper mode
    README.md
    kafka-4/                   the migration to Kafka 4; kafka_4_files.py

Every property keeps its value, under Kafka's name for it; relative paths become absolute.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from pykafka_cli import KAFKA_VERSION
from pykafka_cli.graduation import kafka_4_files
from pykafka_cli.graduation.kraft_node import Preparation, shell_lines
from pykafka_cli.graduation.report import Report
from pykafka_cli.model import BrokerId
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import write_properties
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.storage.checkpoints import META_PROPERTIES
from pykafka_cli.text_files import write_private_text

ZOOKEEPER_FILE = "zookeeper.properties"
README = "README.md"

_ZOOKEEPER_PATHS = (
    "dataDir",
    "dataLogDir",
    *(f"ssl.{store}.{key}" for store in ("keyStore", "trustStore") for key in ("location", "passwordPath")),
)
_REPLACED = ("log.dir", "log.dirs", "node.id")  # node.id is another name of broker.id


def write_files(
    directory: Path,
    zookeeper: ZooKeeperSettings,
    brokers: Sequence[BrokerSettings],
    report: Report,
    prepared: Preparation | None = None,
    *,
    controller_port: int = 9093,
) -> list[Path]:
    """Create `directory` with all files; return their paths, the README last.

    prepared           the first steps if a KRaft node has left the data
    controller_port    of the KRaft controller during the migration to Kafka 4
    raises             OSError
    """
    directory = directory.absolute()
    contents = {ZOOKEEPER_FILE: _properties("ZooKeeper's settings", _zookeeper_values(zookeeper))}
    started = list[tuple[str, str]]()
    migrating = list[kafka_4_files.Broker]()
    for part, settings in zip(report.brokers, _by_id(brokers, report), strict=True):
        name = "server.properties" if len(brokers) == 1 else f"server-{part.id}.properties"
        values = _broker_values(settings, part.directories)
        contents[name] = _properties(f"Broker {part.id}'s settings", values)
        started.append((name, _address(settings)))
        migrating.append(kafka_4_files.Broker(Path(name).stem, values, BrokerId(part.id)))
    if prepared is not None:
        contents[META_PROPERTIES] = prepared.meta_properties
    connect = brokers[0].zookeeper_connect or ""
    contents |= kafka_4_files.kafka_4_files(directory, migrating, report.cluster_id, connect, controller_port)
    contents[README] = _readme(directory, report, started, prepared)
    for name, text in contents.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        write_private_text(directory / name, text)  # a broker's settings may hold passwords
    return [directory / name for name in contents]


def commands(directory: Path, files: Sequence[str], prepared: Preparation | None = None) -> list[str]:
    """The commands that start Apache Kafka with these files."""
    lines = shell_lines(prepared) if prepared else []
    lines.append(_start("zookeeper-server-start.sh", directory / ZOOKEEPER_FILE, "logs/zookeeper"))
    return lines + [_start("kafka-server-start.sh", directory / name, f"logs/{Path(name).stem}") for name in files]


def _start(script: str, file: Path, logs: str) -> str:
    return f"LOG_DIR={logs} bin/{script} -daemon {shlex.quote(str(file))}"


def _by_id(brokers: Sequence[BrokerSettings], report: Report) -> list[BrokerSettings]:
    """The brokers' settings in the order of the report, which has their ids from their directories."""
    of_directory = {os.path.abspath(each.log_directories[0]): each for each in brokers}
    return [of_directory[part.directories[0]] for part in report.brokers]


def _properties(title: str, values: Mapping[str, str]) -> str:
    return f"# {title}, for Apache Kafka {KAFKA_VERSION}. Written by `pk graduate`.\n{write_properties(values)}"


def _zookeeper_values(settings: ZooKeeperSettings) -> dict[str, str]:
    values = {
        name: os.path.abspath(text) if name in _ZOOKEEPER_PATHS else text for name, text in settings.originals.items()
    }
    # Kafka's ZooKeeper would start an HTTP server for anyone, which ours does only if asked for.
    needed = {"admin.enableServer": "false"}
    if settings.admin_enable_server:
        needed["admin.serverAddress"] = settings.admin_server_address
    if settings.has_tls:
        needed["serverCnxnFactory"] = "org.apache.zookeeper.server.NettyServerCnxnFactory"  # the other has no TLS
    return needed | values


def _broker_values(settings: BrokerSettings, directories: Sequence[str]) -> dict[str, str]:
    values = {name: text for name, text in settings.originals.items() if name not in _REPLACED}
    for name, text in values.items():
        if name.endswith(".location") and text:
            values[name] = os.path.abspath(text)
    return values | {"log.dirs": ",".join(directories)}


def _address(settings: BrokerSettings) -> str:
    """The address of the first advertised listener."""
    listener = settings.advertised_listener_list[0]
    return f"{listener.host or 'localhost'}:{listener.port}"


def _readme(directory: Path, report: Report, started: Sequence[tuple[str, str]], prepared: Preparation | None) -> str:
    start = "\n".join(commands(directory, [name for name, _ in started], prepared))
    back = "After that, `pk` can use the directories as before."
    if prepared is not None:
        back = (
            "After that, `pk` can use the directories again, with the files here: `pk zookeeper-server-start` with "
            f"{ZOOKEEPER_FILE} and\n`pk server-start` with {started[0][0]}."
        )
    topics = report.users_topics
    records, partitions = sum(each.records for each in topics), sum(each.partitions for each in topics)
    notes = "".join(f"* {note}\n" for note in report.notes)
    return f"""# Start Apache Kafka on this data

The files here start Apache Kafka {
        KAFKA_VERSION
    } on the directories where `pk` kept the data. Any 3.9 works; Kafka 4 does not, because it
has no ZooKeeper. Nothing was copied or converted: `pk` and Kafka can both run on these directories, one at a time.

Unpack Apache Kafka (https://kafka.apache.org/downloads; it needs Java 11 or newer), go into its directory, and type:

```
{start}
```

Then check that everything is there: {len(topics)} topics with {partitions} partitions, {records} records, {
        len(report.groups)
    } consumer groups.

```
bin/kafka-topics.sh --bootstrap-server {started[0][1]} --list
bin/kafka-topics.sh --bootstrap-server {started[0][1]} --describe --unavailable-partitions
bin/kafka-get-offsets.sh --bootstrap-server {started[0][1]}
bin/kafka-consumer-groups.sh --bootstrap-server {started[0][1]} --describe --all-groups --offsets
bin/kafka-transactions.sh --bootstrap-server {started[0][1]} list
```

The second command lists partitions without a leader, so it should print nothing.
{
        notes
        and f'''
Notes:

{notes}'''
    }
To stop the servers, brokers first:

```
bin/kafka-server-stop.sh
bin/zookeeper-server-stop.sh
```

{back}

Kafka 4 comes after Kafka 3.9: {kafka_4_files.FOLDER}/README.md leads there.
"""
