"""kafka-topics.sh: lists and descriptions of Kafka 3.9, and those of the --zookeeper generation."""

from collections.abc import Iterable

from pykafka_cli.model import PartitionDescription, TopicDescription, base64_id


def listing(names: Iterable[str]) -> str:
    """One name a line; without names one empty line, as the script joins and prints them at once."""
    return "\n".join(names) + "\n"


def header(topic: TopicDescription) -> str:
    """The line above a topic's partitions. Its replication factor is that of its first partition."""
    topic_id = f"\tTopicId: {base64_id(topic.topic_id)}" if topic.topic_id else ""
    configs = ",".join(f"{entry.name}={_or_null(entry.value)}" for entry in topic.configs)
    return (
        f"Topic: {topic.topic}{topic_id}\tPartitionCount: {len(topic.partitions)}"
        f"\tReplicationFactor: {topic.partitions[0].replication_factor}\tConfigs: {configs}\n"
    )


def partition(topic: str, described: PartitionDescription) -> str:
    """One partition's line."""
    reassignment = ""
    if described.adding_replicas is not None and described.removing_replicas is not None:
        reassignment = (
            f"\tAdding Replicas: {_joined(described.adding_replicas)}"
            f"\tRemoving Replicas: {_joined(described.removing_replicas)}"
        )
    return (
        f"{_partition(topic, described)}{reassignment}"
        f"\tElr: {_or_unknown(described.elr)}\tLastKnownElr: {_or_unknown(described.last_known_elr)}\n"
    )


def zookeeper_header(topic: TopicDescription) -> str:
    """The header of the scripts up to 2.3: no blanks behind its colons."""
    configs = ",".join(f"{entry.name}={_or_null(entry.value)}" for entry in topic.configs)
    deletion = "\tMarkedForDeletion:true" if topic.is_marked_for_deletion else ""
    return (
        f"Topic:{topic.topic}\tPartitionCount:{len(topic.partitions)}"
        f"\tReplicationFactor:{topic.partitions[0].replication_factor}\tConfigs:{configs}{deletion}\n"
    )


def zookeeper_partition(topic: TopicDescription, described: PartitionDescription, *, below_header: bool) -> str:
    deletion = "\tMarkedForDeletion: true" if topic.is_marked_for_deletion and not below_header else ""
    return f"{_partition(topic.topic, described)}{deletion}\n"


def _partition(topic: str, described: PartitionDescription) -> str:
    leader = "none" if described.leader is None else described.leader
    return (
        f"\tTopic: {topic}\tPartition: {described.partition}\tLeader: {leader}"
        f"\tReplicas: {_joined(described.replicas)}\tIsr: {_joined(described.isr)}"
    )


def _joined(brokers: Iterable[int]) -> str:
    return ",".join(map(str, brokers))


def _or_unknown(brokers: Iterable[int] | None) -> str:
    return "N/A" if brokers is None else _joined(brokers)


def _or_null(value: str | None) -> str:
    return "null" if value is None else value
