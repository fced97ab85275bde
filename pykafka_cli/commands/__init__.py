"""The commands of `pk`: one module each, imported only when it is called."""

from typing import NamedTuple

TOPICS, GROUPS, CLUSTER, SERVERS, TOOL = "Topics and records", "Consumer groups", "Cluster", "Servers", "pk itself"
SECTIONS = (TOPICS, GROUPS, CLUSTER, SERVERS, TOOL)
"""In the order of `pk --help`."""


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
    "up": Command("up", "Start ZooKeeper and brokers together, without configuration.", SERVERS, None),
    "graduate": Command("graduate", "Go on with Apache Kafka on a stopped cluster's data.", SERVERS, None),
    "server-start": Command("server_start", "Start a broker.", SERVERS, "kafka-server-start"),
    "storage": Command("storage", "Format the directories of a KRaft node.", SERVERS, "kafka-storage"),
    "server-stop": Command("server_stop", "Stop the brokers of this machine.", SERVERS, "kafka-server-stop"),
    "zookeeper-server-start": Command(
        "zookeeper_server_start", "Start a ZooKeeper server.", SERVERS, "zookeeper-server-start"
    ),
    "zookeeper-server-stop": Command(
        "zookeeper_server_stop", "Stop the ZooKeeper servers of this machine.", SERVERS, "zookeeper-server-stop"
    ),
    "zookeeper-shell": Command("zookeeper_shell", "Look at znodes and change them.", SERVERS, "zookeeper-shell"),
    "console-consumer": Command("console_consumer", "Print the records of a topic.", TOPICS, "kafka-console-consumer"),
    "console-producer": Command(
        "console_producer", "Send lines of standard input to a topic.", TOPICS, "kafka-console-producer"
    ),
    "producer-perf-test": Command(
        "producer_perf_test", "How fast records can be sent.", TOPICS, "kafka-producer-perf-test"
    ),
    "consumer-perf-test": Command(
        "consumer_perf_test", "How fast records can be read.", TOPICS, "kafka-consumer-perf-test"
    ),
    "e2e-latency": Command("e2e_latency", "How long records take.", TOPICS, "kafka-e2e-latency"),
    "verifiable-producer": Command(
        "verifiable_producer", "Send numbers, and tell which arrived.", TOPICS, "kafka-verifiable-producer"
    ),
    "verifiable-consumer": Command(
        "verifiable_consumer", "Read in a group, and tell what happens.", TOPICS, "kafka-verifiable-consumer"
    ),
    "get-offsets": Command("get_offsets", "Offsets of partitions, now or at a time.", TOPICS, "kafka-get-offsets"),
    "delete-records": Command("delete_records", "Delete records below an offset.", TOPICS, "kafka-delete-records"),
    "configs": Command("configs", "Settings of topics and brokers, limits, credentials.", CLUSTER, "kafka-configs"),
    "leader-election": Command("leader_election", "Elect leaders anew.", CLUSTER, "kafka-leader-election"),
    "reassign-partitions": Command(
        "reassign_partitions", "Move replicas to other brokers.", CLUSTER, "kafka-reassign-partitions"
    ),
    "transactions": Command(
        "transactions", "Transactions of producers, and those that hang.", CLUSTER, "kafka-transactions"
    ),
    "replica-verification": Command(
        "replica_verification", "Compare replicas, until stopped.", CLUSTER, "kafka-replica-verification"
    ),
    "dump-log": Command("dump_log", "What is in the files of a log.", CLUSTER, "kafka-dump-log"),
    "log-dirs": Command("log_dirs", "Sizes of partitions in log directories.", CLUSTER, "kafka-log-dirs"),
    "cluster": Command("cluster", "The cluster's id; unregister brokers.", CLUSTER, "kafka-cluster"),
    "features": Command("features", "Features that the cluster has agreed to use.", CLUSTER, "kafka-features"),
    "broker-api-versions": Command(
        "broker_api_versions", "APIs that brokers offer.", CLUSTER, "kafka-broker-api-versions"
    ),
    "consumer-groups": Command(
        "consumer_groups", "List, describe, delete or reset consumer groups.", GROUPS, "kafka-consumer-groups"
    ),
    "streams-application-reset": Command(
        "streams_application_reset",
        "Have a Kafka Streams application begin anew.",
        GROUPS,
        "kafka-streams-application-reset",
    ),
    "config": Command("config", "Clusters by name, one of them current.", TOOL, None),
    "scripts": Command("scripts", "Put kafka-topics.sh and the others, calling pk, into a directory.", TOOL, None),
}
