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
    "status": Command("status", "Show the servers that pk up has started.", SERVERS, None),
    "down": Command("down", "Stop the servers that pk up has started.", SERVERS, None),
    "broker": Command("broker", "Kill, pause, stop, or start one broker of pk up.", SERVERS, None),
    "zookeeper": Command("zookeeper", "Kill, pause, stop, or start one ZooKeeper of pk up.", SERVERS, None),
    "clock": Command("clock", "Move the clock of the servers that pk up has started.", SERVERS, None),
    "fault": Command("fault", "Make requests to the servers of pk up fail.", SERVERS, None),
    "graduate": Command("graduate", "Move a stopped cluster's data to Apache Kafka.", SERVERS, None),
    "server-start": Command("server_start", "Start a broker.", SERVERS, "kafka-server-start"),
    "storage": Command("storage", "Format the directories of a KRaft node.", SERVERS, "kafka-storage"),
    "server-stop": Command("server_stop", "Stop the brokers on this machine.", SERVERS, "kafka-server-stop"),
    "zookeeper-server-start": Command(
        "zookeeper_server_start", "Start a ZooKeeper server.", SERVERS, "zookeeper-server-start"
    ),
    "zookeeper-server-stop": Command(
        "zookeeper_server_stop", "Stop the ZooKeeper servers on this machine.", SERVERS, "zookeeper-server-stop"
    ),
    "zookeeper-shell": Command("zookeeper_shell", "Show and change znodes.", SERVERS, "zookeeper-shell"),
    "zookeeper-security-migration": Command(
        "zookeeper_security_migration",
        "Let only brokers change Kafka's znodes, or anyone.",
        SERVERS,
        "zookeeper-security-migration",
    ),
    "console-consumer": Command("console_consumer", "Print the records of a topic.", TOPICS, "kafka-console-consumer"),
    "console-share-consumer": Command(
        "console_share_consumer", "Print records from a share group.", TOPICS, "kafka-console-share-consumer"
    ),
    "console-producer": Command(
        "console_producer", "Send lines of standard input to a topic.", TOPICS, "kafka-console-producer"
    ),
    "copy": Command("copy", "Copy records to other topics or another cluster.", TOPICS, None),
    "producer-perf-test": Command(
        "producer_perf_test", "Measure how fast records can be sent.", TOPICS, "kafka-producer-perf-test"
    ),
    "consumer-perf-test": Command(
        "consumer_perf_test", "Measure how fast records can be read.", TOPICS, "kafka-consumer-perf-test"
    ),
    "e2e-latency": Command("e2e_latency", "Measure end-to-end latency.", TOPICS, "kafka-e2e-latency"),
    "verifiable-producer": Command(
        "verifiable_producer", "Send numbers, and report which arrived.", TOPICS, "kafka-verifiable-producer"
    ),
    "verifiable-consumer": Command(
        "verifiable_consumer", "Read in a group, and report what happens.", TOPICS, "kafka-verifiable-consumer"
    ),
    "get-offsets": Command("get_offsets", "Print the offsets of partitions.", TOPICS, "kafka-get-offsets"),
    "delete-records": Command("delete_records", "Delete records before given offsets.", TOPICS, "kafka-delete-records"),
    "apply": Command("apply", "Create and change what a file declares.", CLUSTER, None),
    "export": Command("export", "Write the file that apply reads, from a cluster.", CLUSTER, None),
    "configs": Command("configs", "Show and change configs, quotas, and credentials.", CLUSTER, "kafka-configs"),
    "acls": Command("acls", "List, add, or remove ACLs.", CLUSTER, "kafka-acls"),
    "delegation-tokens": Command(
        "delegation_tokens", "Create, renew, or expire delegation tokens.", CLUSTER, "kafka-delegation-tokens"
    ),
    "leader-election": Command("leader_election", "Elect new leaders of partitions.", CLUSTER, "kafka-leader-election"),
    "reassign-partitions": Command(
        "reassign_partitions", "Move replicas to other brokers.", CLUSTER, "kafka-reassign-partitions"
    ),
    "transactions": Command("transactions", "List, describe, and abort transactions.", CLUSTER, "kafka-transactions"),
    "replica-verification": Command(
        "replica_verification", "Compare replicas until stopped.", CLUSTER, "kafka-replica-verification"
    ),
    "dump-log": Command("dump_log", "Dump log segments.", CLUSTER, "kafka-dump-log"),
    "log-dirs": Command("log_dirs", "Show the size of partitions in log directories.", CLUSTER, "kafka-log-dirs"),
    "cluster": Command("cluster", "Print the cluster's id; list nodes; unregister brokers.", CLUSTER, "kafka-cluster"),
    "features": Command("features", "Show and change the cluster's features.", CLUSTER, "kafka-features"),
    "metadata-quorum": Command(
        "metadata_quorum", "Describe the quorum of KRaft controllers.", CLUSTER, "kafka-metadata-quorum"
    ),
    "client-metrics": Command(
        "client_metrics", "Configure which metrics clients push to a KRaft cluster.", CLUSTER, "kafka-client-metrics"
    ),
    "broker-api-versions": Command(
        "broker_api_versions", "List the APIs that brokers support.", CLUSTER, "kafka-broker-api-versions"
    ),
    "consumer-groups": Command(
        "consumer_groups", "List, describe, delete, or reset consumer groups.", GROUPS, "kafka-consumer-groups"
    ),
    "share-groups": Command(
        "share_groups", "List, describe, delete, or reset share groups.", GROUPS, "kafka-share-groups"
    ),
    "streams-groups": Command(
        "streams_groups", "List, describe, or delete streams groups.", GROUPS, "kafka-streams-groups"
    ),
    "groups": Command("groups", "List groups of every type.", GROUPS, "kafka-groups"),
    "streams-application-reset": Command(
        "streams_application_reset",
        "Reset a Kafka Streams application.",
        GROUPS,
        "kafka-streams-application-reset",
    ),
    "doctor": Command("doctor", "Find what is wrong with a cluster, or on the way to it.", CLUSTER, None),
    "wire": Command("wire", "Show what clients and brokers send each other.", CLUSTER, None),
    "wait": Command("wait", "Wait until brokers, topics, records, or groups are ready.", CLUSTER, None),
    "expect": Command("expect", "Check that a topic gets the records that a test expects.", TOPICS, None),
    "mark": Command("mark", "Mark where topics end, for pk expect.", TOPICS, None),
    "ui": Command("ui", "Show a cluster in the browser.", CLUSTER, None),
    "tutorial": Command("tutorial", "Learn Kafka step by step.", TOOL, None),
    "config": Command("config", "Give clusters names, and choose one.", TOOL, None),
    "run-class": Command("run_class", "Run the command of a Kafka class.", TOOL, "kafka-run-class"),
    "scripts": Command("scripts", "Write scripts with Kafka's names.", TOOL, None),
}
