"""The scripts' --zookeeper up to Kafka 2.8: reads and writes Kafka's znodes, and leaves the rest to the controller.

source  kafka.admin.AdminUtils and kafka.zk.AdminZkClient of Apache Kafka 2.2
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self

from pykafka_cli.model import BrokerId, ConfigEntry, PartitionDescription, Seconds, TopicDescription, TopicPartition
from pykafka_cli.protocol.absence import or_minus_one
from pykafka_cli.replica_assignment import Candidate, assign_replicas, next_start
from pykafka_cli.topic_names import MAX_LENGTH, collisions, why_invalid
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.client_security import ClientSecurity
from pykafka_cli.zookeeper.errors import NodeExists, NoNode, ZooKeeperError, ZooKeeperUnreachable

__all__ = ["AdminRefused", "TopicExists", "ZooKeeperAdmin", "ZooKeeperError", "ZooKeeperUnreachable"]

SESSION_TIMEOUT_S = Seconds(30.0)
CONNECT_TIMEOUT_S = Seconds(2.5)
OVERRIDE_SOURCE = "DYNAMIC_TOPIC_CONFIG"


class AdminRefused(Exception):
    """A change that the scripts reject, in their words."""


class TopicExists(AdminRefused):
    """The topic already exists."""


class ZooKeeperAdmin:
    """One command's session with ZooKeeper.

    raises    ZooKeeperUnreachable on entering, ZooKeeperError from all methods
    """

    def __init__(self, connect: str, security: ClientSecurity) -> None:
        """connect    HOST:PORT,HOST:PORT/CHROOT"""
        # kazoo logs every attempt to connect; a command reports the failure once.
        logging.getLogger("kazoo").setLevel(logging.CRITICAL)
        self._client = ZooKeeperClient(
            connect, session_timeout=SESSION_TIMEOUT_S, connection_timeout=CONNECT_TIMEOUT_S, security=security
        )

    async def __aenter__(self) -> Self:
        await self._client.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    # ---- topics

    async def topics(self) -> list[str]:
        """Names, sorted."""
        return sorted(await self._children(znodes.TOPICS))

    async def marked_for_deletion(self) -> set[str]:
        return set(await self._children(znodes.DELETE_TOPICS))

    async def brokers(self) -> list[Candidate]:
        """Registered brokers, by id."""
        found = []
        for name in await self._children(znodes.BROKER_IDS):
            broker = BrokerId(int(name))
            data, stat = await self._client.get(znodes.broker_path(broker))
            found.append(Candidate(broker, znodes.decode_broker(broker, data, stat.czxid).rack))
        return sorted(found)

    async def describe_topic(self, topic: str, *, is_marked_for_deletion: bool = False) -> TopicDescription | None:
        """A topic with its overrides; None if it does not exist."""
        assignment = await self._assignment(topic)
        if assignment is None:
            return None
        partitions = []
        for index, replicas in assignment.partitions.items():
            state = await self._partition_state(TopicPartition(topic, index))
            # The script prints -1 where the leader is gone, and "none" where there has never been one.
            leader, isr = (None, ()) if state is None else (BrokerId(or_minus_one(state.leader)), state.isr)
            partitions.append(PartitionDescription(index, leader, replicas.replicas, isr))
        overrides = await self.configs(f"topics/{topic}")
        configs = tuple(ConfigEntry(name, value, OVERRIDE_SOURCE) for name, value in overrides.items())
        return TopicDescription(
            topic,
            assignment.topic_id,
            tuple(partitions),
            configs=configs,
            is_marked_for_deletion=is_marked_for_deletion,
        )

    async def create_topic(
        self,
        topic: str,
        *,
        partitions: int,
        replication_factor: int,
        assignment: Mapping[int, Sequence[BrokerId]] | None,
        configs: Mapping[str, str],
        rack_aware: bool,
    ) -> None:
        """Write a topic's znodes.

        assignment    replicas by partition, instead of the two numbers
        raises        TopicExists, AdminRefused, AssignmentRefused
        """
        placed: Mapping[int, Sequence[BrokerId]]
        placed = assignment or assign_replicas(await self._candidates(rack_aware), partitions, replication_factor)
        existing = await self.topics()
        if why := _why_illegal(topic):
            raise AdminRefused(why)
        if topic in existing:
            raise TopicExists(f"Topic '{topic}' already exists.")
        if colliding := collisions(topic, existing):
            raise AdminRefused(f"Topic '{topic}' collides with existing topics: {', '.join(colliding)}")
        await self._write_configs(f"topics/{topic}", configs)
        wanted = topic_znodes.TopicAssignment(_as_assignments(placed), topic_znodes.new_topic_id())
        try:
            await self._client.create(topic_znodes.topic_path(topic), topic_znodes.encode_topic(wanted))
        except NodeExists:
            raise TopicExists(f"Topic '{topic}' already exists.") from None

    async def add_partitions(
        self, topic: str, count: int, assignment: Sequence[Sequence[BrokerId]], *, rack_aware: bool
    ) -> None:
        """Increase a topic's partitions to `count`.

        assignment    replicas of the new ones; placed evenly if it is empty
        raises        AdminRefused, AssignmentRefused
        """
        current = await self._assignment(topic)
        if current is None:
            raise AdminRefused(f"The topic {topic} does not exist")
        existing = len(current.partitions)
        added = count - existing
        if added <= 0:
            raise AdminRefused(
                f"The number of partitions for a topic can only be increased. Topic {topic} currently has {existing} "
                f"partitions, {count} would not be an increase."
            )
        first = current.partitions[0].replicas
        brokers = await self._candidates(rack_aware)
        placed: Mapping[int, Sequence[BrokerId]]
        if assignment:
            placed = {existing + index: replicas for index, replicas in enumerate(assignment)}
            _ensure_assignable(placed, len(first), {broker.id for broker in brokers})
        else:
            start = next_start(brokers, first[0])
            placed = assign_replicas(brokers, added, len(first), start, first_partition=existing)
        wanted = topic_znodes.TopicAssignment({**current.partitions, **_as_assignments(placed)}, current.topic_id)
        await self._client.set(topic_znodes.topic_path(topic), topic_znodes.encode_topic(wanted))

    async def mark_for_deletion(self, topic: str) -> bool:
        """Mark a topic for deletion by the controller; False if it is already marked."""
        try:
            await self._client.create(topic_znodes.delete_topic_path(topic))
        except NodeExists:
            return False
        return True

    # ---- settings

    async def configs(self, entity: str) -> dict[str, str]:
        """Configs of `topics/T`, `brokers/0`, `users/U/clients/C` and so on; names are sanitized."""
        path = znodes.config_path(entity)
        try:
            data, _ = await self._client.get(path)
        except NoNode:
            return {}
        return znodes.decode_config(path, data)

    async def configured(self, kind: str) -> list[str]:
        """Names, sanitized and sorted, of all entities with configs of a kind such as `topics` or `users/U/clients`."""
        return sorted(await self._children(znodes.config_path(kind)))

    async def change_configs(self, entity: str, configs: Mapping[str, str]) -> None:
        """Replace configs and notify the brokers."""
        await self._write_configs(entity, configs)
        await self._client.create(znodes.CONFIG_CHANGE, znodes.encode_config_change(entity), sequential=True)

    async def is_broker_alive(self, broker: BrokerId) -> bool:
        return await self._client.exists(znodes.broker_path(broker)) is not None

    # ---- znodes

    async def _children(self, path: str) -> list[str]:
        try:
            return await self._client.children(path)
        except NoNode:
            return []

    async def _assignment(self, topic: str) -> topic_znodes.TopicAssignment | None:
        try:
            data, _ = await self._client.get(topic_znodes.topic_path(topic))
        except NoNode:
            return None
        return topic_znodes.decode_topic(topic, data)

    async def _partition_state(self, partition: TopicPartition) -> topic_znodes.PartitionState | None:
        try:
            data, stat = await self._client.get(topic_znodes.partition_state_path(partition))
        except NoNode:
            return None
        return topic_znodes.decode_partition_state(partition, data, stat.version)

    async def _write_configs(self, entity: str, configs: Mapping[str, str]) -> None:
        path, data = znodes.config_path(entity), znodes.encode_config(configs)
        try:
            await self._client.set(path, data)
        except NoNode:
            await self._client.create(path, data)

    async def _candidates(self, rack_aware: bool) -> list[Candidate]:
        brokers = await self.brokers()
        if not rack_aware:
            return [broker._replace(rack=None) for broker in brokers]
        racks = [broker.rack for broker in brokers]
        if None in racks and any(racks):
            raise AdminRefused(
                "Not all brokers have rack information. Add --disable-rack-aware in command line to make replica "
                "assignment without rack information."
            )
        return brokers


def _as_assignments(placed: Mapping[int, Iterable[BrokerId]]) -> dict[int, topic_znodes.ReplicaAssignment]:
    return {index: topic_znodes.ReplicaAssignment(tuple(replicas)) for index, replicas in placed.items()}


def _why_illegal(topic: str) -> str | None:
    """The words of Kafka 2.2 for an invalid topic name."""
    if why_invalid(topic) is None:
        return None
    if not topic:
        return "Topic name is illegal, it can't be empty"
    if topic in (".", ".."):
        return 'Topic name cannot be "." or ".."'
    if len(topic) > MAX_LENGTH:
        return f"Topic name is illegal, it can't be longer than {MAX_LENGTH} characters, topic name: {topic}"
    return (
        f"Topic name \"{topic}\" is illegal, it contains a character other than ASCII alphanumerics, '.', '_' and '-'"
    )


def _ensure_assignable(placed: Mapping[int, Sequence[BrokerId]], replication_factor: int, alive: set[BrokerId]) -> None:
    for partition, replicas in placed.items():
        if not alive.issuperset(replicas):
            raise AdminRefused(
                f"Some brokers specified for partition id {partition} are not available. Specified brokers: "
                f"{', '.join(map(str, replicas))}, available brokers: {', '.join(map(str, sorted(alive)))}."
            )
    uneven = {partition: len(replicas) for partition, replicas in placed.items() if len(replicas) != replication_factor}
    if uneven:
        raise AdminRefused(
            "Inconsistent replication factor between partitions, partition 0 has "
            f"{replication_factor} while partitions [{', '.join(map(str, uneven))}] have replication factors "
            f"[{', '.join(map(str, uneven.values()))}], respectively."
        )
