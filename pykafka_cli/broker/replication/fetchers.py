"""The fetchers of a broker: num.replica.fetchers tasks for each leader, started and stopped as needed."""

import asyncio
import zlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pykafka_cli.broker.replication.fetcher import LeaderFetcher
from pykafka_cli.broker.replication.peers import BrokerEndpoint
from pykafka_cli.model import BrokerId

if TYPE_CHECKING:
    from pykafka_cli.broker.replication.partition import Partition
    from pykafka_cli.model import TopicPartition


class Fetchers:
    """LeaderFetchers by leader and number. A partition always goes to the same number, so its fetches keep their order.

    make   a fetcher, not started, for an endpoint and a number
    """

    def __init__(self, make: Callable[[BrokerEndpoint, int], LeaderFetcher], per_leader: int) -> None:
        self._make = make
        self._per_leader = per_leader
        self._running: dict[tuple[BrokerId, int], LeaderFetcher] = {}

    def __len__(self) -> int:
        return len(self._running)

    def follow(self, partition: "Partition", leader: BrokerEndpoint) -> None:
        """Fetch `partition` from `leader` from now on. It must not be followed elsewhere: `drop` it first."""
        topic, index = partition.topic_partition
        number = (zlib.crc32(topic.encode()) + index) % self._per_leader
        fetcher = self._running.get((leader.broker_id, number))
        if fetcher is None or fetcher.leader != leader:
            moved = [] if fetcher is None else fetcher.close()
            fetcher = self._running[leader.broker_id, number] = self._make(leader, number)
            fetcher.start()
            for each in moved:
                fetcher.follow(each)
        fetcher.follow(partition)

    def drop(self, topic_partitions: "Iterable[TopicPartition]") -> None:
        gone = list(topic_partitions)
        for fetcher in self._running.values():
            fetcher.drop(gone)

    def close_idle(self) -> None:
        """End the fetchers that have no partition left."""
        for key in [key for key, fetcher in self._running.items() if not len(fetcher)]:
            self._running.pop(key).close()

    async def stop(self) -> None:
        fetchers = list(self._running.values())
        self._running.clear()
        for fetcher in fetchers:
            fetcher.close()
        await asyncio.gather(*(fetcher.ended() for fetcher in fetchers))
