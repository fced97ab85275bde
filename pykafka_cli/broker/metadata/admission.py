"""Decides when a broker that has just started knows the cluster well enough to serve clients.

Metadata arrives in steps. If another broker is the controller, it sends all partitions at once, but without a leader
for those that only this broker can lead. If this broker is elected controller, it sends itself the live brokers first,
then the partitions, then the leaders that it elects. A client that is served between two steps would find topics
missing or without a leader, and act on that: a Java consumer group rebalances.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from functools import partial

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.metadata.cache import BROKERS_CHANGED, MetadataCache
from pykafka_cli.broker.metadata.zk_store import ZkStore
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.model import BrokerId, Seconds, TopicPartition
from pykafka_cli.zookeeper.errors import SessionExpired

LOOK_AGAIN = 1.0  # seconds after which ZooKeeper is asked again: a topic that is missing may have been deleted


def are_settled(cache: MetadataCache, partitions: Iterable[TopicPartition]) -> bool:
    """Whether the controller has sent each of these partitions, and a leader for each that can have one."""
    return all(_is_settled(cache, partition) for partition in partitions)


def _is_settled(cache: MetadataCache, partition: TopicPartition) -> bool:
    state = cache.partition_state(partition)
    if state is None:
        return False
    eligible = [each for each in state.isr if cache.is_alive(each) and each not in state.offline_replicas]
    return state.leader in eligible or not eligible


async def wait_for_metadata(
    cache: MetadataCache, store: ZkStore, waiting: WaitingRoom, clock: Clock, broker_id: BrokerId, patience: Seconds
) -> bool:
    """Wait until the cache has this broker, and is complete for every partition that has a state in ZooKeeper.

    patience    in seconds
    returns     whether that happened in time
    """
    deadline = clock.monotonic() + patience
    known = asyncio.create_task(_becomes_known(cache, store, waiting, clock, broker_id, deadline))
    pause = asyncio.create_task(clock.sleep(patience))  # ZooKeeper may keep this waiting as well
    try:
        await asyncio.wait((known, pause), return_when=asyncio.FIRST_COMPLETED)
    finally:
        known.cancel()
        pause.cancel()
        await asyncio.wait((known, pause))
    return not known.cancelled() and known.result()


async def _becomes_known(
    cache: MetadataCache, store: ZkStore, waiting: WaitingRoom, clock: Clock, broker_id: BrokerId, deadline: float
) -> bool:
    if not await waiting.wait_until([BROKERS_CHANGED], lambda: cache.is_alive(broker_id), deadline):
        return False
    while True:
        with contextlib.suppress(SessionExpired):  # the next session is asked
            expected = await _with_states(cache, store)
            pause_ends = clock.monotonic() + LOOK_AGAIN
            if await waiting.wait_until([BROKERS_CHANGED], partial(are_settled, cache, expected), pause_ends):
                return True


async def _with_states(cache: MetadataCache, store: ZkStore) -> list[TopicPartition]:
    """The partitions that have had a leader, except those of topics to be deleted. Only those that are missing from the
    cache have their states read from ZooKeeper."""
    topics = sorted(await store.topics() - await store.topic_deletions())
    partitions = [
        TopicPartition(topic, number)
        for topic, assignment in (await store.assignments(topics)).items()
        for number in assignment.partitions
    ]
    unknown = [partition for partition in partitions if cache.partition_state(partition) is None]
    without_state = set(unknown) - (await store.partition_states(unknown)).keys()
    return [partition for partition in partitions if partition not in without_state]
