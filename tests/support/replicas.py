"""One or three brokers with a topic, for tests of the handlers that read and write partitions."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from pykafka_cli.model import Offset
from pykafka_cli.protocol.hot_path import fetch
from tests.fakes.replica_cluster import ReplicaCluster

TOPIC = "t"


async def cluster_with_topic(*brokers: int, partitions: int = 1, **config: str) -> ReplicaCluster:
    """Brokers that all have a replica of TOPIC, led by the first; `config` is the topic's, dots as underscores."""
    cluster = await ReplicaCluster.started(*brokers)
    cluster.topic_configs[TOPIC] = {name.replace("_", "."): value for name, value in config.items()}
    await cluster.controller.create(TOPIC, *[brokers] * partitions)
    await cluster.settle()
    return cluster


async def begun(cluster: ReplicaCluster, answer: Awaitable[Any]) -> asyncio.Future[Any]:
    """A request that has got as far as it can without time passing."""
    task = asyncio.ensure_future(answer)
    await cluster.settle()
    return task


def fetch_request(*offsets: int, **fields: Any) -> fetch.FetchRequest:
    """A fetch of partitions 0, 1, ... of TOPIC by name, from these offsets."""
    wanted = [fetch.FetchPartition(index, Offset(offset), 1 << 20) for index, offset in enumerate(offsets)]
    defaults: dict[str, Any] = {"max_wait_ms": 0, "min_bytes": 1, "session_epoch": -1}
    return fetch.FetchRequest(topics=[fetch.FetchTopic(TOPIC, None, wanted)] if wanted else [], **(defaults | fields))
