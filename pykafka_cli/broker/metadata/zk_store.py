"""Kafka's znodes as operations: brokers, the controller, topics, partitions' states and requests by znode.

What the controller writes or removes is fenced (fenced_writes.py). Configs are in config_store.py.

source  kafka.zk.KafkaZkClient, kafka.zk.AdminZkClient
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.metadata.fenced_writes import ControllerMoved, Fence, FencedWrites, Result, chunks, gathered
from pykafka_cli.model import BrokerEpoch, BrokerId, ControllerEpoch, PartitionEpoch, Seconds, TopicPartition
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper import topic_znodes
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.errors import BadVersion, MultiFailed, NodeExists, NoNode, NotEmpty, ZooKeeperError
from pykafka_cli.zookeeper.kafka_znodes import BrokerRegistration
from pykafka_cli.zookeeper.operations import Create, Delete, SetData, Watcher
from pykafka_cli.zookeeper.protocol.records import Stat
from pykafka_cli.zookeeper.topic_znodes import PartitionState, ReplicaAssignment, TopicAssignment
from pykafka_cli.zookeeper.znode_data import BadZnode

_log = logging.getLogger(__name__)

T = TypeVar("T")


class BrokerIdTaken(Exception):
    """Another live broker is registered under this id."""


class ZkStore:
    """Kafka's part of ZooKeeper. `client` is there for watches and its session."""

    def __init__(self, client: ZooKeeperClient, clock: Clock) -> None:
        self.client = client
        self._clock = clock
        self._writes = FencedWrites(client)

    # ---- cluster and brokers

    async def ensure_persistent_paths(self) -> None:
        """Create the znodes that are always there, with null data."""
        for path in znodes.PERSISTENT_PATHS:
            await self.client.ensure_path(path)

    async def cluster_id(self, proposed: str | None = None) -> str:
        """The cluster's id; the first broker generates it, unless one is proposed."""
        try:
            data, _ = await self.client.get(znodes.CLUSTER_ID)
        except NoNode:
            proposed = proposed or znodes.new_cluster_id()
            try:
                await self.client.create(znodes.CLUSTER_ID, znodes.encode_cluster_id(proposed))
                return proposed
            except NodeExists:
                data, _ = await self.client.get(znodes.CLUSTER_ID)
        return znodes.decode_cluster_id(data)

    async def generate_broker_id(self, reserved_max_id: int) -> BrokerId:
        """A broker id above all that may be set by hand: reserved.broker.max.id plus a number that was never used."""
        await self.client.ensure_path(znodes.BROKER_SEQUENCE)
        return BrokerId(reserved_max_id + (await self.client.set(znodes.BROKER_SEQUENCE, b"")).version)

    async def register_broker(self, broker: BrokerRegistration, *, patience: Seconds) -> BrokerEpoch:
        """Create the broker's ephemeral znode, empty, and set it in the same multi. Its czxid is the broker epoch.

        patience   seconds to wait for a znode that an earlier session of the broker has left behind: it goes when
                   that session's timeout has passed
        raises     BrokerIdTaken when it is still there after that
        """
        path = znodes.broker_path(broker.id)
        deadline = self._clock.monotonic() + patience
        warned = False
        while True:
            data = znodes.encode_broker(broker, self._clock.now_ms())
            try:
                _, stat = await self.client.multi([Create(path, None, ephemeral=True), SetData(path, data, 0)])
                assert isinstance(stat, Stat)
                return BrokerEpoch(stat.czxid)
            except MultiFailed as refused:
                if not isinstance(refused.error, NodeExists):
                    raise
            changed = asyncio.Event()
            holder = await self.client.exists(path, _setter(changed))
            if holder is None:
                continue
            if holder.ephemeral_owner == self.client.session_id:
                return BrokerEpoch(holder.czxid)  # our own, from a request whose answer was lost with the connection
            left = deadline - self._clock.monotonic()
            if left <= 0:
                raise BrokerIdTaken(
                    f"broker {broker.id} is already registered at {path} by session 0x{holder.ephemeral_owner:x}, "
                    f"which has not ended within {patience:g} s; is another broker running with this broker.id?"
                )
            if not warned:
                _log.warning(
                    "%s is held by another session (0x%x): waiting up to %g s for it to end. "
                    "If broker %d runs elsewhere, give this one another broker.id",
                    path,
                    holder.ephemeral_owner,
                    patience,
                    broker.id,
                )
                warned = True
            timer = self._clock.call_later(Seconds(left), changed.set)
            await changed.wait()
            timer.cancel()

    async def forget_dead_broker(self, broker_id: BrokerId) -> None:
        """Delete the ephemeral znodes of a dead broker, which ZooKeeper keeps until its session expires."""
        with contextlib.suppress(NoNode):
            await self.client.delete(znodes.broker_path(broker_id))
        if await self.controller() == broker_id:
            with contextlib.suppress(NoNode):
                await self.client.delete(znodes.CONTROLLER)

    async def brokers(self, watch: Watcher | None = None) -> dict[BrokerId, BrokerRegistration]:
        """All live brokers; `watch` is called when one joins or leaves."""
        ids = await self.client.children(znodes.BROKER_IDS, watch)
        found = await gathered(self.broker(BrokerId(int(broker_id))) for broker_id in ids)
        return {broker.id: broker for broker in found if broker is not None}

    async def broker(self, broker_id: BrokerId, watch: Watcher | None = None) -> BrokerRegistration | None:
        try:
            data, stat = await self.client.get(znodes.broker_path(broker_id), watch)
        except NoNode:
            return None
        return _readable(lambda: znodes.decode_broker(broker_id, data, stat.czxid), None)

    # ---- controller

    async def controller(self, watch: Watcher | None = None) -> BrokerId | None:
        """Id of the controller, if there is one; `watch` is called when that changes."""
        if watch and await self.client.exists(znodes.CONTROLLER, watch) is None:
            return None
        try:
            return znodes.decode_controller((await self.client.get(znodes.CONTROLLER))[0])
        except NoNode:
            return None

    async def become_controller(self, broker_id: BrokerId) -> Fence:
        """Create /controller and increment /controller_epoch, both or neither.

        raises  ControllerMoved when another broker was faster
        """
        try:
            data, stat = await self.client.get(znodes.CONTROLLER_EPOCH)
            epoch, version = znodes.decode_controller_epoch(data), stat.version
        except NoNode:
            epoch, version = await self._first_epoch()
        won = ControllerEpoch(epoch + 1)
        try:
            _, set_stat = await self.client.multi(
                [
                    Create(znodes.CONTROLLER, znodes.encode_controller(broker_id, self._clock.now_ms()), True),
                    SetData(znodes.CONTROLLER_EPOCH, znodes.encode_controller_epoch(won), version),
                ]
            )
        except MultiFailed as refused:
            if not isinstance(refused.error, NodeExists | BadVersion):
                raise
            # It may have been this very request, sent twice because the first response was lost.
            data, stat = await self.client.get(znodes.CONTROLLER_EPOCH)
            if await self.controller() == broker_id and znodes.decode_controller_epoch(data) == won:
                return Fence(won, stat.version)
            raise ControllerMoved(f"broker {broker_id} was not elected controller: {refused}") from None
        assert isinstance(set_stat, Stat)
        return Fence(won, set_stat.version)

    async def _first_epoch(self) -> tuple[ControllerEpoch, int]:
        try:
            await self.client.create(znodes.CONTROLLER_EPOCH, znodes.encode_controller_epoch(ControllerEpoch(0)))
            return ControllerEpoch(0), 0
        except NodeExists:
            data, stat = await self.client.get(znodes.CONTROLLER_EPOCH)
            return znodes.decode_controller_epoch(data), stat.version

    async def resign_controller(self, fence: Fence) -> None:
        """Delete /controller, if it is still ours."""
        with contextlib.suppress(NoNode):
            await self._writes.one(fence, Delete(znodes.CONTROLLER))

    async def ensure_features(self) -> None:
        """Write that there are no finalized features, as the controller of this mode does."""
        features = znodes.encode_features()
        try:
            await self.client.create(znodes.FEATURE, features)
        except NodeExists:
            data, _ = await self.client.get(znodes.FEATURE)
            if data != features:
                await self.client.set(znodes.FEATURE, features)

    # ---- topics

    async def topics(self, watch: Watcher | None = None) -> set[str]:
        return set(await self.client.children(znodes.TOPICS, watch))

    async def topic_exists(self, topic: str) -> bool:
        return await self.client.exists(topic_znodes.topic_path(topic)) is not None

    async def assignment(self, topic: str, watch: Watcher | None = None) -> TopicAssignment | None:
        """Replicas and id of a topic; None if there is none, or nothing that can be read."""
        try:
            data, _ = await self.client.get(topic_znodes.topic_path(topic), watch)
        except NoNode:
            return None
        return _readable(lambda: topic_znodes.decode_topic(topic, data), None)

    async def assignments(self, topics: Iterable[str]) -> dict[str, TopicAssignment]:
        """The assignments of those of the topics that exist."""
        topics = list(topics)
        found = await gathered(self.assignment(topic) for topic in topics)
        return {topic: each for topic, each in zip(topics, found, strict=True) if each is not None}

    async def create_assignment(self, topic: str, assignment: TopicAssignment) -> None:
        """Create a topic: it exists once this znode does. Raises NodeExists."""
        await self.client.create(topic_znodes.topic_path(topic), topic_znodes.encode_topic(assignment))

    async def set_assignment(self, topic: str, assignment: TopicAssignment, fence: Fence) -> None:
        """Replace a topic's replicas, as the controller does. Raises NoNode."""
        await self._writes.one(fence, SetData(topic_znodes.topic_path(topic), topic_znodes.encode_topic(assignment)))

    async def change_assignment(
        self, topic: str, change: Callable[[TopicAssignment], TopicAssignment]
    ) -> TopicAssignment:
        """Replace a topic's assignment by what `change` returns for its current one; return that.

        raises  NoNode, and what `change` raises
        """
        path = topic_znodes.topic_path(topic)
        while True:
            data, stat = await self.client.get(path)
            changed = change(topic_znodes.decode_topic(topic, data))
            try:
                await self.client.set(path, topic_znodes.encode_topic(changed), stat.version)
            except BadVersion:
                continue
            return changed

    async def remove_topics(self, topics: Iterable[str], fence: Fence) -> None:
        """Delete all znodes of topics, their configs, and the requests to delete them, in Kafka's order."""
        await gathered(self._remove_topic(topic, fence) for topic in topics)

    async def _remove_topic(self, topic: str, fence: Fence) -> None:
        try:
            await self._remove_states(topic, fence)
        except (NoNode, NotEmpty):  # part of it is gone, or somebody has put something there
            await self._remove_tree(topic_znodes.topic_path(topic), fence)
        for path in (znodes.config_path(f"topics/{topic}"), topic_znodes.delete_topic_path(topic)):
            await self._remove(path, fence)

    async def _remove_states(self, topic: str, fence: Fence) -> None:
        """Delete a topic's znodes if they are those that controllers create. raises NoNode, NotEmpty if not"""
        parent = topic_znodes.partitions_path(topic)
        partitions = [f"{parent}/{number}" for number in await self.client.children(parent)]
        paths = [path for partition in partitions for path in (f"{partition}/state", partition)]
        for some in chunks([Delete(path) for path in (*paths, parent, topic_znodes.topic_path(topic))]):
            await self._writes.together(fence, some)

    async def _remove_tree(self, path: str, fence: Fence) -> None:
        try:
            children = await self.client.children(path)
        except NoNode:
            return
        await gathered(self._remove_tree(f"{path}/{child}", fence) for child in children)
        await self._remove(path, fence)

    async def _remove(self, path: str, fence: Fence) -> None:
        with contextlib.suppress(NoNode):
            await self._writes.one(fence, Delete(path))

    # ---- leadership

    async def partition_state(self, partition: TopicPartition) -> PartitionState | None:
        """Leader and ISR of a partition; None while it has none."""
        found = await self._written_state(partition)
        return found and found[0]

    async def partition_states(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, PartitionState]:
        """The states of the partitions that have one."""
        return {partition: state for partition, (state, _) in (await self.written_states(partitions)).items()}

    async def written_states(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, tuple[PartitionState, int]]:
        """The states of the partitions that have one, each with the zxid of the transaction that wrote it."""
        partitions = list(partitions)
        found = await gathered(self._written_state(partition) for partition in partitions)
        return {partition: written for partition, written in zip(partitions, found, strict=True) if written}

    async def _written_state(self, partition: TopicPartition) -> tuple[PartitionState, int] | None:
        try:
            data, stat = await self.client.get(topic_znodes.partition_state_path(partition))
        except NoNode:
            return None
        state = _readable(lambda: topic_znodes.decode_partition_state(partition, data, stat.version), None)
        return None if state is None else (state, stat.mzxid)

    async def create_partition_states(
        self, states: Mapping[TopicPartition, PartitionState], fence: Fence
    ) -> dict[TopicPartition, ZooKeeperError | None]:
        """First leaders of new partitions; None for each that was written, else why it was not."""
        parents = dict.fromkeys(topic_znodes.partitions_path(tp.topic) for tp in states)
        for paths in parents, map(topic_znodes.partition_path, states):
            # Some may exist; and if a topic was deleted meanwhile, creating its states will fail.
            await self._writes.each(fence, [Create(path, None) for path in paths])
        creations = [
            Create(topic_znodes.partition_state_path(partition), topic_znodes.encode_partition_state(state))
            for partition, state in states.items()
        ]

        async def outcome(partition: TopicPartition, result: Result | ZooKeeperError) -> ZooKeeperError | None:
            if not isinstance(result, ZooKeeperError) or await self._has_written(partition, states[partition], result):
                return None
            return result

        results = zip(states, await self._writes.each(fence, creations), strict=True)
        outcomes = await gathered(outcome(partition, result) for partition, result in results)
        return dict(zip(states, outcomes, strict=True))

    async def _has_written(self, partition: TopicPartition, state: PartitionState, error: ZooKeeperError) -> bool:
        """Whether a state that could not be written is there: then the request was sent twice, since the response to
        the first was lost with its connection. No other broker writes states of this controller epoch."""
        if not isinstance(error, NodeExists | BadVersion):
            return False
        found = await self._written_state(partition)
        return found is not None and found[0] == state

    async def update_partition_states(
        self, states: Mapping[TopicPartition, PartitionState], fence: Fence
    ) -> dict[TopicPartition, PartitionState | ZooKeeperError]:
        """Write each state over the version named by its partition epoch; the state with its new epoch, or the error.

        BadVersion means that somebody else wrote it meanwhile: read it again and decide again.
        """
        changes = [
            SetData(
                topic_znodes.partition_state_path(partition),
                topic_znodes.encode_partition_state(state),
                state.partition_epoch,
            )
            for partition, state in states.items()
        ]

        async def outcome(
            partition: TopicPartition, result: Result | ZooKeeperError
        ) -> PartitionState | ZooKeeperError:
            state = states[partition]
            if isinstance(result, ZooKeeperError):
                wanted = replace(state, partition_epoch=PartitionEpoch(state.partition_epoch + 1))
                return wanted if await self._has_written(partition, wanted, result) else result
            assert isinstance(result, Stat)
            return replace(state, partition_epoch=PartitionEpoch(result.version))

        results = zip(states, await self._writes.each(fence, changes), strict=True)
        outcomes = await gathered(outcome(partition, result) for partition, result in results)
        return dict(zip(states, outcomes, strict=True))

    # ---- requests by znode

    async def request_topic_deletion(self, topic: str) -> None:
        """Raises NodeExists if it is being deleted already."""
        await self.client.create(topic_znodes.delete_topic_path(topic))

    async def is_marked_for_deletion(self, topic: str) -> bool:
        return await self.client.exists(topic_znodes.delete_topic_path(topic)) is not None

    async def topic_deletions(self, watch: Watcher | None = None) -> set[str]:
        """Topics to be deleted; `watch` is called for the next."""
        return set(await self.client.children(znodes.DELETE_TOPICS, watch))

    async def delete_topic_deletions(self, topics: Iterable[str], fence: Fence) -> None:
        await gathered(self._remove(topic_znodes.delete_topic_path(topic), fence) for topic in topics)

    async def requested_reassignment(
        self, watch: Watcher | None = None
    ) -> dict[TopicPartition, tuple[BrokerId, ...]] | None:
        """Wanted replicas as the tools before 2.4 request them; None without a request. `watch` is called for the
        next."""
        data = await self._requested(znodes.REASSIGN_PARTITIONS, watch)
        if data is None:
            return None
        nothing: dict[TopicPartition, tuple[BrokerId, ...]] = {}
        return _readable(lambda: topic_znodes.decode_reassignment(data), nothing)

    async def keep_requested_reassignment(
        self, wanted: Mapping[TopicPartition, tuple[BrokerId, ...]], fence: Fence
    ) -> None:
        """Leave only these in the request; delete it if there are none."""
        if wanted:
            await self._writes.one(fence, SetData(znodes.REASSIGN_PARTITIONS, topic_znodes.encode_reassignment(wanted)))
        else:
            await self._remove(znodes.REASSIGN_PARTITIONS, fence)

    async def requested_elections(self, watch: Watcher | None = None) -> list[TopicPartition] | None:
        """Partitions for which the tools before 2.4 want their preferred leader; None without a request."""
        data = await self._requested(znodes.PREFERRED_REPLICA_ELECTION, watch)
        if data is None:
            return None
        nothing: list[TopicPartition] = []
        return _readable(lambda: topic_znodes.decode_partitions(znodes.PREFERRED_REPLICA_ELECTION, data), nothing)

    async def forget_requested_elections(self, fence: Fence) -> None:
        await self._remove(znodes.PREFERRED_REPLICA_ELECTION, fence)

    async def _requested(self, path: str, watch: Watcher | None) -> bytes | None:
        if await self.client.exists(path, watch) is None:
            return None
        try:
            return (await self.client.get(path))[0] or b""
        except NoNode:
            return None

    async def isr_changes(self, watch: Watcher | None = None) -> dict[str, list[TopicPartition]]:
        """Partitions whose leaders wrote their state themselves, by the path of the notification."""
        return {
            path: _readable(partial(topic_znodes.decode_partitions, path, data), [])
            for path, data in await self._notifications(znodes.ISR_CHANGES, watch)
        }

    async def log_dir_events(self, watch: Watcher | None = None) -> dict[str, BrokerId | None]:
        """Brokers that lost a log directory, by the path of the notification."""
        return {
            path: _readable(partial(znodes.decode_log_dir_event, path, data), None)
            for path, data in await self._notifications(znodes.LOG_DIR_EVENTS, watch)
        }

    async def announce_log_dir_failure(self, broker_id: BrokerId) -> None:
        """Notify the controller, which then finds out which replicas this broker has lost."""
        await self.client.create(znodes.LOG_DIR_EVENT, znodes.encode_log_dir_event(broker_id), sequential=True)

    async def _notifications(self, folder: str, watch: Watcher | None) -> list[tuple[str, bytes | None]]:
        names = sorted(await self.client.children(folder, watch))
        return [(f"{folder}/{name}", (await self.client.get(f"{folder}/{name}"))[0]) for name in names]

    async def delete_notifications(self, paths: Iterable[str], fence: Fence) -> None:
        await gathered(self._remove(path, fence) for path in paths)


def full_assignment(partitions: Mapping[int, tuple[BrokerId, ...]]) -> dict[int, ReplicaAssignment]:
    """Replicas of a topic without moves in progress."""
    return {partition: ReplicaAssignment(replicas) for partition, replicas in partitions.items()}


def _readable(decode: Callable[[], T], otherwise: T) -> T:
    """The decoded data of a znode, or `otherwise` if it is invalid: one znode must not stop the rest."""
    try:
        return decode()
    except BadZnode as bad:
        _log.error("%s", bad)
        return otherwise


def _setter(event: asyncio.Event) -> Watcher:
    return lambda _: event.set()
