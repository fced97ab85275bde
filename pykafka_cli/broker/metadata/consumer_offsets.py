"""Offsets of consumer groups in ZooKeeper, where they were kept before Kafka 0.8.2; OffsetCommit 0 and OffsetFetch 0
still speak of those, and of no others.

    /consumers/GROUP/offsets/TOPIC/PARTITION   the offset in decimal digits

source  kafka.zk.KafkaZkClient, ConsumerOffset
"""

from pykafka_cli.broker.errors import InvalidGroupId
from pykafka_cli.model import Offset, TopicPartition
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.errors import NoNode
from pykafka_cli.zookeeper.znode_data import BadZnode


async def store_offset(client: ZooKeeperClient, group: str, partition: TopicPartition, offset: Offset) -> None:
    """raises  InvalidGroupId, ZooKeeperError"""
    path, data = _path(group, partition), str(offset).encode()
    try:
        await client.set(path, data)
    except NoNode:
        await client.create(path, data)


async def stored_offset(client: ZooKeeperClient, group: str, partition: TopicPartition) -> Offset | None:
    """The offset, None if the group has none. Raises InvalidGroupId, ZooKeeperError, BadZnode."""
    path = _path(group, partition)
    try:
        data, _ = await client.get(path)
    except NoNode:
        return None
    if data is None:
        return None
    try:
        return Offset(int(data))
    except ValueError:
        raise BadZnode(f"{path} holds no offset but {data!r}") from None


def _path(group: str, partition: TopicPartition) -> str:
    if group in ("", ".", "..") or "/" in group or not group.isprintable():
        raise InvalidGroupId(f"the group {group!r} cannot be the name of a znode")
    return f"{znodes.CONSUMERS}/{group}/offsets/{partition.topic}/{partition.partition}"
