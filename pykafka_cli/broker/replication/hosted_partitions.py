"""The partitions of which this broker holds a replica."""

from collections.abc import Callable, Iterator

from pykafka_cli.broker.errors import KafkaStorageError, NotLeaderOrFollower, UnknownTopicOrPartition
from pykafka_cli.broker.metadata.cache import MetadataCache
from pykafka_cli.broker.replication.partition import Partition
from pykafka_cli.model import TopicPartition


class HostedPartitions:
    """By topic and partition. One whose log directory failed stays known as offline until the broker starts again."""

    def __init__(self, metadata: MetadataCache, make: Callable[[TopicPartition], Partition]) -> None:
        self._metadata = metadata
        self._make = make
        self._online: dict[TopicPartition, Partition] = {}
        self._offline: set[TopicPartition] = set()

    def __iter__(self) -> Iterator[Partition]:
        return iter(self._online.values())

    def __len__(self) -> int:
        return len(self._online)

    def get(self, topic_partition: TopicPartition) -> Partition | None:
        return self._online.get(topic_partition)

    @property
    def offline_count(self) -> int:
        """How many are in log directories that have failed."""
        return len(self._offline)

    def is_offline(self, topic_partition: TopicPartition) -> bool:
        return topic_partition in self._offline

    def require(self, topic_partition: TopicPartition) -> Partition:
        """The partition.

        raises   KafkaStorageError (offline), NotLeaderOrFollower (others have it: ask for metadata),
                 UnknownTopicOrPartition
        """
        partition = self._online.get(topic_partition)
        if partition is not None:
            return partition
        if topic_partition in self._offline:
            raise KafkaStorageError(f"{topic_partition} is in a log directory that has failed")
        if self._metadata.partition_state(topic_partition) is not None:
            raise NotLeaderOrFollower(f"this broker has no replica of {topic_partition}")
        raise UnknownTopicOrPartition(f"{topic_partition} does not exist, as far as this broker knows")

    def get_or_add(self, topic_partition: TopicPartition) -> Partition:
        partition = self._online.get(topic_partition)
        if partition is None:
            partition = self._online[topic_partition] = self._make(topic_partition)
        return partition

    def remove(self, topic_partition: TopicPartition) -> None:
        """Stop hosting it, and notify its waiters."""
        partition = self._online.pop(topic_partition, None)
        if partition is not None:
            partition.close()
            partition.notify_all()

    def take_offline(self, topic_partition: TopicPartition) -> None:
        self.remove(topic_partition)
        self._offline.add(topic_partition)
