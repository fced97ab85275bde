"""`pk run-class`: kafka-run-class.sh, for the Kafka classes that are commands of pk."""

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from pykafka_cli.script.command import ScriptCommand
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.script.grammar import Parsed, Spec, parse_jopt
from pykafka_cli.servers.program import own_command

_ADMIN, _CORE, _TOOLS = "kafka.admin.", "kafka.tools.", "org.apache.kafka.tools."
COMMAND_OF_CLASS = {
    "kafka.Kafka": "server-start",
    "org.apache.zookeeper.server.quorum.QuorumPeerMain": "zookeeper-server-start",
    "org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka": "zookeeper-shell",
    "org.apache.zookeeper.ZooKeeperMain": "zookeeper-shell",
    _ADMIN + "AclCommand": "acls",
    _ADMIN + "BrokerApiVersionsCommand": "broker-api-versions",
    _ADMIN + "ConfigCommand": "configs",
    _ADMIN + "ConsumerGroupCommand": "consumer-groups",
    _ADMIN + "DelegationTokenCommand": "delegation-tokens",
    _ADMIN + "DeleteRecordsCommand": "delete-records",
    _ADMIN + "FeatureCommand": "features",
    _ADMIN + "LeaderElectionCommand": "leader-election",
    _ADMIN + "LogDirsCommand": "log-dirs",
    _ADMIN + "MetadataQuorumCommand": "metadata-quorum",
    _ADMIN + "ReassignPartitionsCommand": "reassign-partitions",
    _ADMIN + "TopicCommand": "topics",
    _CORE + "ClusterTool": "cluster",
    _CORE + "ConsoleConsumer": "console-consumer",
    _CORE + "ConsoleProducer": "console-producer",
    _CORE + "ConsumerPerformance": "consumer-perf-test",
    _CORE + "DumpLogSegments": "dump-log",
    _CORE + "EndToEndLatency": "e2e-latency",
    _CORE + "GetOffsetShell": "get-offsets",
    _CORE + "ReplicaVerificationTool": "replica-verification",
    _CORE + "StorageTool": "storage",
    _CORE + "StreamsResetter": "streams-application-reset",
    _TOOLS + "AclCommand": "acls",
    _TOOLS + "BrokerApiVersionsCommand": "broker-api-versions",
    _TOOLS + "ClientMetricsCommand": "client-metrics",
    _TOOLS + "ClusterTool": "cluster",
    _TOOLS + "ConsoleProducer": "console-producer",
    _TOOLS + "ConsumerPerformance": "consumer-perf-test",
    _TOOLS + "DelegationTokenCommand": "delegation-tokens",
    _TOOLS + "DeleteRecordsCommand": "delete-records",
    _TOOLS + "EndToEndLatency": "e2e-latency",
    _TOOLS + "FeatureCommand": "features",
    _TOOLS + "GetOffsetShell": "get-offsets",
    _TOOLS + "GroupsCommand": "groups",
    _TOOLS + "LeaderElectionCommand": "leader-election",
    _TOOLS + "LogDirsCommand": "log-dirs",
    _TOOLS + "MetadataQuorumCommand": "metadata-quorum",
    _TOOLS + "ProducerPerformance": "producer-perf-test",
    _TOOLS + "ReplicaVerificationTool": "replica-verification",
    _TOOLS + "StreamsResetter": "streams-application-reset",
    _TOOLS + "TopicCommand": "topics",
    _TOOLS + "TransactionsCommand": "transactions",
    _TOOLS + "VerifiableConsumer": "verifiable-consumer",
    _TOOLS + "VerifiableProducer": "verifiable-producer",
    _TOOLS + "consumer.ConsoleConsumer": "console-consumer",
    _TOOLS + "consumer.group.ConsumerGroupCommand": "consumer-groups",
    _TOOLS + "consumer.group.ShareGroupCommand": "share-groups",
    _TOOLS + "reassign.ReassignPartitionsCommand": "reassign-partitions",
    _TOOLS + "streams.StreamsGroupCommand": "streams-groups",
}
USAGE = "USAGE: kafka-run-class.sh [-daemon] [-name servicename] [-loggc] classname [opts]"
DAEMON = "-daemon"
app = typer.Typer(add_completion=False, rich_markup_mode=None)


class RunClassCommand(ScriptCommand):
    has_version = False

    def parse(self, words: Sequence[str], specs: Sequence[Spec]) -> Parsed:
        """Keep all words: those after the first ones belong to another command."""
        return parse_jopt(words, specs) if words[:1] == ["--help"] else Parsed([], list(words))


@app.command(cls=RunClassCommand)
def run_class(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-daemon] [-name NAME] [-loggc] CLASS [OPTIONS]",
            help="A class of Kafka's tools or servers, such as kafka.tools.GetOffsetShell, and its own options.",
        ),
    ] = None,
) -> None:
    """Run the command that stands for a class of Kafka's."""
    command = command_for(words or [])
    os.execv(command[0], command)


def command_for(words: Sequence[str]) -> list[str]:
    """The words of pk's own command, program included.

    raises    ScriptError
    """
    rest, is_daemon = list(words), False
    while rest and rest[0] in (DAEMON, "-name", "-loggc"):
        option = rest.pop(0)
        is_daemon |= option == DAEMON
        if option == "-name" and rest:
            rest.pop(0)
    if not rest:
        raise ScriptError(USAGE, on_stdout=True)
    name, *options = rest
    if (command := COMMAND_OF_CLASS.get(name)) is None:
        raise ScriptError(
            f"Error: Could not find or load main class {name}",
            hint="pk runs no Java: it knows the classes of Kafka's own scripts, and `pk --help` lists their commands.",
        )
    return [*own_command(), command, *([DAEMON] if is_daemon else []), *options]
