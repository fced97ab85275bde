"""Apache Kafka 3.9.1's own command-line tools, from its jars."""

import subprocess

from tests import peers

TOOLS = {
    "topics": "org.apache.kafka.tools.TopicCommand",
    "console-producer": "kafka.tools.ConsoleProducer",
    "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "configs": "kafka.admin.ConfigCommand",
    "get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "broker-api-versions": "kafka.admin.BrokerApiVersionsCommand",
    "producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "transactions": "org.apache.kafka.tools.TransactionsCommand",
    "dump-log": "kafka.tools.DumpLogSegments",
}


def run_kafka(tool: str, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run one of Kafka's tools, started by class name, to its end."""
    command = [peers.java(), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", peers.kafka_classpath(), TOOLS[tool], *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=90, check=False)


def kafka(tool: str, *words: str, stdin: str = "") -> str:
    """stdout of one of Kafka's tools, which must succeed."""
    done = run_kafka(tool, *words, stdin=stdin)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout
