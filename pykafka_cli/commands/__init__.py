"""The commands of `pk`: one module each, imported only when it is called."""

from typing import NamedTuple

TOPICS, GROUPS, CLUSTER, SERVERS, TOOL = "Topics and records", "Consumer groups", "Cluster", "Servers", "pk itself"


class Command(NamedTuple):
    """Where a command is, and what `pk --help` says about it."""

    module: str
    """Below pykafka_cli.commands; it has a Typer called `app`."""
    help: str
    section: str
    script: str | None
    """Kafka's script of this kind, without .sh; None for what Kafka does not have."""


COMMANDS: dict[str, Command] = {
    "topics": Command("topics", "Create, delete, describe, or change topics.", TOPICS, "kafka-topics"),
    "zookeeper-server-start": Command(
        "zookeeper_server_start", "Start a ZooKeeper server.", SERVERS, "zookeeper-server-start"
    ),
    "zookeeper-server-stop": Command(
        "zookeeper_server_stop", "Stop the ZooKeeper servers of this machine.", SERVERS, "zookeeper-server-stop"
    ),
    "console-producer": Command(
        "console_producer", "Send lines of standard input to a topic.", TOPICS, "kafka-console-producer"
    ),
    "scripts": Command("scripts", "Put kafka-topics.sh and the others, calling pk, into a directory.", TOOL, None),
}
