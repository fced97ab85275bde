"""Apache Kafka's own command-line tools, from its jars: of 3.9.1 by their names, of 4.3.1 by their classes."""

import subprocess

from tests.support import peers

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
    "verifiable-consumer": "org.apache.kafka.tools.VerifiableConsumer",
    "streams-application-reset": "org.apache.kafka.tools.StreamsResetter",
    "transactions": "org.apache.kafka.tools.TransactionsCommand",
    "dump-log": "kafka.tools.DumpLogSegments",
}

PATIENCE = {"consumer-groups": ("--timeout", "60000")}
"""In place of 5 s for all requests, which are not enough for a JVM that shares its processor."""


def command(tool: str, *words: str) -> list[str]:
    """What starts one of Kafka's tools, by class name."""
    return [*peers.small_java(256), "-cp", peers.kafka_classpath(), TOOLS[tool], *words, *PATIENCE.get(tool, ())]


def run_kafka(tool: str, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run one of Kafka's tools to its end."""
    return subprocess.run(command(tool, *words), input=stdin, capture_output=True, text=True, timeout=120, check=False)


def kafka(tool: str, *words: str, stdin: str = "") -> str:
    """stdout of one of Kafka's tools, which must succeed."""
    done = run_kafka(tool, *words, stdin=stdin)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


def run_kafka_4(class_name: str, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run one of the tools of Apache Kafka 4.3.1, by the name of its class, to its end."""
    command = [*peers.small_java(256), "-cp", peers.kafka_4_classpath(), class_name, *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)
