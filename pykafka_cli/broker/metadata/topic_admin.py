"""Creates, extends and deletes topics by writing the znodes that the controller watches.

A request is answered when the outcome has come back through UpdateMetadata - every partition has a leader, the
topic is gone - or when its time is up: then with REQUEST_TIMED_OUT, though the topic may well be made or deleted later.
Kafka answers once the controller's broker knows the outcome. Here the others have a second more to learn of it, so that
the next command, which may ask any of them, sees it as well.

source  kafka.server.ZkAdminManager, DefaultAutoTopicCreationManager
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import NamedTuple, TypeAlias, TypeVar

from pykafka_cli import topic_names
from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.errors import (
    BrokerError,
    InvalidTopic,
    PolicyViolation,
    RequestTimedOut,
    TopicAlreadyExists,
    UnknownTopicOrPartition,
)
from pykafka_cli.broker.metadata import topic_rules
from pykafka_cli.broker.metadata.cache import MetadataCache, TopicChanged
from pykafka_cli.broker.metadata.config_store import ConfigStore, topic_entity
from pykafka_cli.broker.metadata.topic_rules import Existing, MorePartitions, NewTopic, PlacedTopic
from pykafka_cli.broker.metadata.zk_store import ZkStore, full_assignment
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.model import Milliseconds, Seconds, TopicPartition, in_seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.replica_assignment import Candidate
from pykafka_cli.zookeeper.errors import NodeExists, ZooKeeperError
from pykafka_cli.zookeeper.topic_znodes import TopicAssignment, new_topic_id

_log = logging.getLogger(__name__)

T = TypeVar("T")

Charge: TypeAlias = Callable[[int], None]
"""Counts partitions that are about to be created or deleted; raises a BrokerError above the client's quota."""


OTHERS_MAY_TAKE = Seconds(1.0)
"""How long a response is kept back for brokers that have not heard of the outcome."""


def _for_free(partitions: int) -> None:
    del partitions


class CreatedTopic(NamedTuple):
    """The topic that was created, or would have been (validate_only); `topic_id` is None in the second case."""

    topic_id: uuid.UUID | None
    partitions: int
    replication_factor: int
    configs: dict[str, str]


class TopicAdmin:
    """Everything that is done to topics as a whole."""

    def __init__(
        self,
        *,
        settings: BrokerSettings,
        store: ZkStore,
        configs: ConfigStore,
        cache: MetadataCache,
        waiting: WaitingRoom,
        clock: Clock,
        all_answered: Callable[[Seconds], Awaitable[None]],
    ) -> None:
        """all_answered    waits until all brokers have what the controller sent them, or for so many seconds"""
        self._settings = settings
        self._store = store
        self._configs = configs
        self._cache = cache
        self._waiting = waiting
        self._clock = clock
        self._all_answered = all_answered
        self._being_created: set[str] = set()

    # ---- create

    async def create(
        self,
        topics: Iterable[NewTopic],
        *,
        timeout_ms: Milliseconds,
        validate_only: bool = False,
        charge: Charge = _for_free,
    ) -> dict[str, CreatedTopic | BrokerError]:
        """Create topics and wait for their leaders; the result for each, by name.

        validate_only    only return what the result would be
        """
        outcomes: dict[str, CreatedTopic | BrokerError] = {}
        wanted = list(topics)
        try:
            topic_rules.ensure_not_excessive(sum(map(self._partitions_of, wanted)))
        except PolicyViolation as refused:
            return dict.fromkeys((topic.name for topic in wanted), refused)
        for topic in wanted:
            outcomes[topic.name] = await self._attempt(topic.name, partial(self._create, topic, validate_only, charge))
        if validate_only:
            return outcomes
        made = {
            name: [TopicPartition(name, number) for number in range(outcome.partitions)]
            for name, outcome in outcomes.items()
            if isinstance(outcome, CreatedTopic)
        }
        await self._wait(made, lambda name: self._cache.has_leaders(made[name]), timeout_ms)
        late = {
            name: RequestTimedOut("") for name in made if not self._cache.has_leaders(made[name]) or timeout_ms <= 0
        }
        return outcomes | late

    def _partitions_of(self, topic: NewTopic) -> int:
        if topic.assignment:
            return len(topic.assignment)
        return self._settings.num_partitions if topic.partitions == topic_rules.NOT_GIVEN else max(topic.partitions, 0)

    async def _create(self, topic: NewTopic, validate_only: bool, charge: Charge) -> CreatedTopic:
        if topic.name in self._cache:
            raise TopicAlreadyExists(f"Topic '{topic.name}' already exists.")
        placed = topic_rules.placed(topic, self._settings, self._brokers())
        topic_rules.ensure_creatable(placed, await self._existing(), self._settings)
        topic_id = None
        if not validate_only:
            charge(len(placed.assignment))
            topic_id = await self._write(placed)
        replication_factor = len(placed.assignment[0])
        return CreatedTopic(topic_id, len(placed.assignment), replication_factor, dict(placed.configs))

    async def _write(self, topic: PlacedTopic) -> uuid.UUID:
        """Write the config before the topic: whoever sees the topic must find it."""
        await self._configs.create(topic_entity(topic.name), dict(topic.configs))
        topic_id = new_topic_id()
        assignment = TopicAssignment(full_assignment(dict(topic.assignment)), topic_id)
        try:
            await self._store.create_assignment(topic.name, assignment)
        except NodeExists:
            existing = await self._store.assignment(topic.name)
            if existing is None or existing.topic_id != topic_id:  # else the first response to this request was lost
                raise TopicAlreadyExists(f"Topic '{topic.name}' already exists.") from None
        _log.info(
            "topic %s is made: %d partitions on brokers %s, configs %s",
            topic.name,
            len(topic.assignment),
            sorted({broker for replicas in topic.assignment.values() for broker in replicas}),
            dict(topic.configs),
        )
        return topic_id

    async def _existing(self) -> Existing:
        topics, deletions = await asyncio.gather(self._store.topics(), self._store.topic_deletions())
        return Existing(topics, deletions)

    def _brokers(self) -> list[Candidate]:
        return [Candidate(broker.id, broker.rack) for broker in self._cache.brokers()]

    # ---- auto-create

    async def auto_create(self, topics: Iterable[str], charge: Charge = _for_free) -> dict[str, BrokerError | None]:
        """Create topics that a client requested, with the broker's defaults, without waiting for their leaders.

        returns   None for each that is on its way, else why it is not: InvalidTopic, UnknownTopicOrPartition while an
                  earlier request is making it, or what forbids it
        """
        outcomes: dict[str, BrokerError | None] = {}
        for name in topics:
            reason = topic_names.why_invalid(name)
            if reason:
                outcomes[name] = InvalidTopic(f"Topic name is invalid: {reason}")
            elif name in self._being_created:
                outcomes[name] = UnknownTopicOrPartition(f"Topic '{name}' is just being created.")
            else:
                self._being_created.add(name)
                try:
                    outcome = await self._attempt(name, partial(self._create, self.default_topic(name), False, charge))
                finally:
                    self._being_created.discard(name)
                if isinstance(outcome, CreatedTopic | TopicAlreadyExists):
                    outcomes[name] = None
                else:
                    outcomes[name] = outcome
                    _log.warning("topic %s is not created: %s", name, outcome)
        return outcomes

    def default_topic(self, name: str) -> NewTopic:
        """The topic that auto-creation creates: Kafka's own topics have special partition counts and configs."""
        settings = self._settings
        if name == topic_names.CONSUMER_OFFSETS:
            return NewTopic(
                name,
                settings.offsets_topic_num_partitions,
                settings.offsets_topic_replication_factor,
                configs={
                    "cleanup.policy": "compact",
                    "segment.bytes": str(settings.offsets_topic_segment_bytes),
                    "compression.type": "producer",
                },
            )
        if name == topic_names.TRANSACTION_STATE:
            return NewTopic(
                name,
                settings.transaction_state_log_num_partitions,
                settings.transaction_state_log_replication_factor,
                configs={
                    "unclean.leader.election.enable": "false",
                    "compression.type": "uncompressed",
                    "cleanup.policy": "compact",
                    "min.insync.replicas": str(settings.transaction_state_log_min_isr),
                    "segment.bytes": str(settings.transaction_state_log_segment_bytes),
                },
            )
        return NewTopic(name, settings.num_partitions, settings.default_replication_factor)

    # ---- extend

    async def create_partitions(
        self,
        topics: Iterable[MorePartitions],
        *,
        timeout_ms: Milliseconds,
        validate_only: bool = False,
        charge: Charge = _for_free,
    ) -> dict[str, BrokerError | None]:
        """Add partitions to topics and wait for all leaders; None for each that succeeded."""
        outcomes: dict[str, BrokerError | None] = {}
        extended: dict[str, list[TopicPartition]] = {}
        for topic in topics:
            outcome = await self._attempt(topic.topic, partial(self._extend, topic, validate_only, charge))
            if isinstance(outcome, BrokerError):
                outcomes[topic.topic] = outcome
            else:
                outcomes[topic.topic] = None
                extended[topic.topic] = [TopicPartition(topic.topic, number) for number in outcome]
        if validate_only:
            return outcomes
        await self._wait(extended, lambda name: self._cache.has_leaders(extended[name]), timeout_ms)
        late = {
            name: RequestTimedOut("")
            for name in extended
            if timeout_ms <= 0 or not self._cache.has_leaders(extended[name])
        }
        return outcomes | late

    async def _extend(self, wanted: MorePartitions, validate_only: bool, charge: Charge) -> list[int]:
        """All partitions that the topic is to have."""
        current = await self._store.assignment(wanted.topic)
        if current is None or not current.partitions:
            raise UnknownTopicOrPartition(f"The topic '{wanted.topic}' does not exist.")
        if await self._store.is_marked_for_deletion(wanted.topic):
            raise InvalidTopic("The topic is queued for deletion.")
        brokers = sorted((await self._store.brokers()).values(), key=lambda broker: broker.id)
        candidates = [Candidate(broker.id, broker.rack) for broker in brokers]

        def extended(current: TopicAssignment) -> TopicAssignment:
            added = topic_rules.new_partitions(wanted, current.partitions, candidates)
            return TopicAssignment({**current.partitions, **full_assignment(added)}, current.topic_id)

        planned = extended(current).partitions
        if validate_only:
            return list(planned)
        charge(len(planned) - len(current.partitions))
        return list((await self._store.change_assignment(wanted.topic, extended)).partitions)

    # ---- delete

    async def delete(
        self, topics: Iterable[str], *, timeout_ms: Milliseconds, charge: Charge = _for_free
    ) -> dict[str, BrokerError | None]:
        """Request the deletion of topics and wait until they are deleted; None for each that is."""
        outcomes: dict[str, BrokerError | None] = {}
        for name in topics:
            outcome = await self._attempt(name, partial(self._request_deletion, name, charge))
            outcomes[name] = outcome if isinstance(outcome, BrokerError) else None
        doomed = [name for name, error in outcomes.items() if error is None]
        await self._wait(doomed, lambda name: name not in self._cache, timeout_ms)
        late = {name: RequestTimedOut("") for name in doomed if name in self._cache or timeout_ms <= 0}
        return outcomes | late

    async def _request_deletion(self, topic: str, charge: Charge) -> None:
        if not await self._store.topic_exists(topic):
            raise UnknownTopicOrPartition(f"Topic `{topic}` to delete does not exist")
        charge(self._cache.partition_count(topic) or 0)
        try:
            await self._store.request_topic_deletion(topic)
        except NodeExists:
            _log.info("topic %s is being deleted already", topic)

    # ---- both

    async def _attempt(self, topic: str, act: Callable[[], Awaitable[T]]) -> T | BrokerError:
        try:
            return await act()
        except BrokerError as error:
            return error
        except ZooKeeperError as error:
            _log.exception("%s: ZooKeeper refused", topic)
            return BrokerError(f"ZooKeeper refused: {error!r}")

    async def _wait(self, topics: Iterable[str], is_done: Callable[[str], bool], timeout_ms: Milliseconds) -> None:
        """Wait until all are done, and the other brokers know, or the time has passed."""
        remaining = list(topics)
        if not remaining:
            return
        keys = [TopicChanged(name) for name in remaining]
        deadline = self._clock.monotonic() + in_seconds(timeout_ms)

        def all_are_done() -> bool:
            # Each change of one of them leads here: those that were done are not checked again.
            while remaining and is_done(remaining[-1]):
                remaining.pop()
            return not remaining

        if await self._waiting.wait_until(keys, all_are_done, deadline):
            left = Seconds(max(deadline - self._clock.monotonic(), 0.0))
            await self._all_answered(min(left, OTHERS_MAY_TAKE))
