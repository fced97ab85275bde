"""The compacted topic of a run: who writes and reads it, and whether they have seen what they should."""

import random
from collections import defaultdict
from collections.abc import Callable

from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.model import TopicPartition
from tests.simulation.servers import compaction
from tests.simulation.servers.cluster import ServerCluster
from tests.simulation.servers.compaction import COMPACTED, AllRemains, KeyedWriter, Remains, drawn_writers
from tests.simulation.workers import Reader, Run, TransactionalWriter, Writer

SETTINGS = {
    "request.timeout.ms": "5000",
    "delivery.timeout.ms": "60000",
    "retry.backoff.ms": "100",
    "max.block.ms": "120000",
    "acks": "all",
}


class Compacted:
    """Writers, a reader, and what remains of all compacted partitions, those of internal topics included."""

    def __init__(
        self,
        run: Run,
        chance: random.Random,
        partitions: int,
        reading: Callable[[bool], dict[str, str]],
        *,
        clocks_agree: bool,
    ) -> None:
        """reading    the properties of a consumer, of committed records or of all"""
        self.partitions = [TopicPartition(COMPACTED, number) for number in range(partitions)]
        self.writers: list[KeyedWriter] = drawn_writers(run, chance, SETTINGS)
        self._committed = any(isinstance(each, TransactionalWriter) for each in self.writers)
        properties = reading(self._committed)
        self.reader = Reader(run, "a reader of the latest values", properties, partitions=self.partitions)
        self.remains: AllRemains = defaultdict(lambda: Remains(clocks_agree=clocks_agree))

    def __str__(self) -> str:
        return f"{len(self.partitions)} compacted partitions, {len(self.writers)} writers of keys"

    @property
    def workers(self) -> list[Writer | Reader]:
        return [*self.writers, self.reader]

    def waits(self, cluster: ServerCluster) -> list[str]:
        """Who has not written or read everything yet."""
        waiting = [writer.name for writer in self.writers if not writer.is_done]
        logs = self._logs(cluster)
        if len(logs) < len(self.partitions) or compaction.unread(self.reader, logs, self.remains):
            waiting.append(self.reader.name)
        return waiting

    def faults(self, cluster: ServerCluster) -> list[str]:
        """What is wrong once everything is written and read."""
        logs = self._logs(cluster)
        found = list(compaction.check_reader(self.reader, self.remains, committed=self._committed))
        for writer in self.writers:
            found += compaction.missing(writer, logs, self.remains)
        return found

    def _logs(self, cluster: ServerCluster) -> dict[TopicPartition, PartitionLog]:
        """Those of leaders, of partitions in which no transaction is open."""
        leading = {each: cluster.leading(each) for each in self.partitions}
        return {
            each: role.log
            for each, role in leading.items()
            if role is not None and role.log.last_stable == role.log.log_end
        }
