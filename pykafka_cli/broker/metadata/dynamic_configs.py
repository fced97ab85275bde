"""Configs that change while the broker runs: of topics, of brokers, of clients and users.

What counts is in ZooKeeper; here is this broker's copy, loaded at the start and brought up to date by the notes in
/config/changes. The overrides of a new topic are loaded when the broker becomes a replica, for a topic's creation
leaves no note.

    static settings  <  brokers/<default>  <  brokers/N      apply to this broker, where a key may change at run time
    that             <  topics/T                             applies to a topic

source  kafka.server.DynamicConfigManager, ConfigHandler, DynamicBrokerConfig
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.metadata.config_changes import is_secret, is_static
from pykafka_cli.broker.metadata.config_store import ConfigStore, broker_entity, topic_entity, user_entity
from pykafka_cli.model import BrokerId
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.topic import TopicConfig
from pykafka_cli.zookeeper.errors import ConnectionClosed, SessionExpired
from pykafka_cli.zookeeper.operations import WatchEvent

_log = logging.getLogger(__name__)

OnTopicChange = Callable[[str], None]
OnChange = Callable[[], None]
OnClientChange = Callable[[str, Mapping[str, str]], None]


class DynamicConfigs:
    """This broker's view of all dynamic configs.

    cluster_wide, this_broker   dynamic settings of brokers by key, as text; applied to `settings` in place
    """

    def __init__(self, store: ConfigStore, settings: BrokerSettings, clock: Clock) -> None:
        self.store = store
        self.settings = settings
        self.cluster_wide: dict[str, str] = {}
        self.this_broker: dict[str, str] = {}
        self._clock = clock
        self._topics: dict[str, dict[str, str]] = {}
        self._clients: dict[str, dict[str, str]] = {}
        self._last_change = ""
        self._woken = asyncio.Event()
        self._reading = asyncio.Lock()
        self._follower: asyncio.Task[None] | None = None
        self._on_topic: list[OnTopicChange] = []
        self._on_broker: list[OnChange] = []
        self._checks: list[OnChange] = []
        self._on_client: list[OnClientChange] = []

    async def start(self) -> None:
        """Load everything, apply what concerns this broker, and follow changes from now on."""
        await self._load()
        self.store.client.add_listener(self)
        self._follower = asyncio.get_running_loop().create_task(self._follow(), name="config changes")

    async def stop(self) -> None:
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.wait([self._follower])

    # ---- topics

    async def load_topics(self, topics: Iterable[str]) -> None:
        """Read the overrides of topics that this broker is about to hold; those it knows are read again."""
        topics = list(topics)
        read = await asyncio.gather(*(self.store.read(topic_entity(topic)) for topic in topics))
        self._topics.update(zip(topics, read, strict=True))

    def forget_topics(self, topics: Iterable[str]) -> None:
        """These topics have been deleted."""
        for topic in topics:
            self._topics.pop(topic, None)

    def topic_overrides(self, topic: str) -> dict[str, str]:
        """The topic's own overrides; empty for one that was never loaded."""
        return self._topics.get(topic, {})

    def topic_config(self, topic: str) -> TopicConfig:
        """The config that applies to a topic on this broker. Invalid overrides are left out, and logged."""
        return self.resolve(topic, self.topic_overrides(topic))

    def resolve(self, topic: str, overrides: Mapping[str, str]) -> TopicConfig:
        """As `topic_config`, for overrides that were read elsewhere."""
        try:
            return TopicConfig.resolve(self.settings, overrides)
        except ConfigError as error:
            _log.error("topic %s has a config that cannot be used: %s", topic, error)
        usable: dict[str, str] = {}
        for name, value in overrides.items():
            try:
                TopicConfig.resolve(self.settings, usable | {name: value})
            except ConfigError:
                continue
            usable[name] = value
        return TopicConfig.resolve(self.settings, usable)

    async def unclean_election_allowed(self, topic: str) -> bool:
        """What unclean.leader.election.enable is for a topic, freshly read: the controller may have no replica."""
        overrides = await self.store.read(topic_entity(topic))
        return bool(self.resolve(topic, overrides).unclean_leader_election_enable)

    def subscribe(self, on_topic: OnTopicChange) -> None:
        """Call `on_topic(topic)` when the config that applies to a topic has changed, also by the brokers' defaults."""
        self._on_topic.append(on_topic)

    # ---- brokers and clients

    def subscribe_broker(self, on_change: OnChange) -> None:
        """Call `on_change()` when this broker's settings have changed."""
        self._on_broker.append(on_change)

    def add_check(self, check: OnChange) -> None:
        """Call `check()` before settings of this broker are accepted, while they hold; it raises ConfigError."""
        self._checks.append(check)

    def ensure_usable(self) -> None:
        """Raise ConfigError unless all parts of this broker can use its settings as they are."""
        for check in self._checks:
            check()

    def subscribe_clients(self, on_change: OnClientChange) -> None:
        """Call `on_change(entity, config)` for each user, client id and address with a config, and when it changes.

        To be called before `start`. An entity is named by its path below /config; without a config, that is empty.
        """
        self._on_client.append(on_change)

    def user_config(self, user: str) -> Mapping[str, str]:
        """A user's own config: quotas, and credentials under SCRAM-SHA-256 and SCRAM-SHA-512."""
        return self._clients.get(user_entity(user), {})

    # ---- following changes

    async def catch_up(self) -> None:
        """Apply what has been changed up to now: a broker that has acknowledged a change obeys it."""
        try:
            await self._read_changes()
        except (ConnectionClosed, SessionExpired) as lost:
            _log.info("config changes are not followed for now: %r", lost)

    def session_lost(self) -> None:
        """ZooKeeperClient's listener; the watch is gone."""

    def session_begun(self) -> None:
        self._woken.set()

    def _changed(self, _: WatchEvent) -> None:
        self._woken.set()

    async def _load(self) -> None:
        # The watch comes first: what changes during the reading is read again.
        notes = await self.store.changes(self._changed)
        self._last_change = notes[-1] if notes else ""
        self.cluster_wide = await self._read_settings(None)
        self.this_broker = await self._read_settings(self.settings.broker_id)
        self._apply_to_broker()
        await self.load_topics(entity.partition("/")[2] for entity in await self.store.entities("topics"))
        for folder in ("users", "clients", "ips"):
            for entity in await self.store.entities(folder):
                self._take_client(entity, await self.store.read(entity))
                for client in await self.store.entities(f"{entity}/clients") if folder == "users" else ():
                    self._take_client(client, await self.store.read(client))

    async def _read_settings(self, broker_id: BrokerId | None) -> dict[str, str]:
        """Dynamic settings, without those that only server.properties can give, whatever wrote them to ZooKeeper.

        Passwords are among these: Apache Kafka's brokers encrypt theirs.
        """
        given = await self.store.read(broker_entity(broker_id))
        ignored = [name for name in given if is_static(name) or is_secret(name)]
        if ignored:
            _log.error("%s cannot be changed at run time and are ignored: %s", broker_entity(broker_id), ignored)
        return {name: value for name, value in given.items() if name not in ignored}

    async def _follow(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self._read_changes()
            except (ConnectionClosed, SessionExpired) as lost:
                _log.info("config changes are not followed for now: %r", lost)
            except Exception:
                _log.exception("a config change could not be read")

    async def _read_changes(self) -> None:
        async with self._reading:
            await self._read_notes(await self.store.changes(self._changed))

    async def _read_notes(self, notes: Sequence[str]) -> None:
        for note in notes:
            if note > self._last_change:
                entity, _ = await self.store.changed_entity(note, self._clock.now_ms())
                if entity is not None:
                    await self._reload(entity)
                self._last_change = note
        for note in notes:
            entity, is_old = await self.store.changed_entity(note, self._clock.now_ms())
            if entity is not None and not is_old:
                break
            await self.store.forget_change(note)

    async def _reload(self, entity: str) -> None:
        kind, _, name = entity.partition("/")
        if kind == "topics":
            config = await self.store.read(entity)
            _log.info("the config of topic %s changed: %s", name, config)
            self._topics[name] = config
            self._notify_listeners(name)
        elif entity == broker_entity(None):
            self.cluster_wide = await self._read_settings(None)
            self._apply_to_broker()
        elif entity == broker_entity(self.settings.broker_id):
            self.this_broker = await self._read_settings(self.settings.broker_id)
            self._apply_to_broker()
        elif kind in ("users", "clients", "ips"):
            self._take_client(entity, await self.store.read(entity))

    def _take_client(self, entity: str, config: dict[str, str]) -> None:
        if config:
            self._clients[entity] = config
        else:
            self._clients.pop(entity, None)
        for on_client in self._on_client:
            on_client(entity, config)

    def _apply_to_broker(self) -> None:
        try:
            self.settings.apply_dynamic(self.cluster_wide, self.this_broker)
        except ConfigError as error:
            _log.error("dynamic settings of this broker cannot be used and are left as they were: %s", error)
            return
        for on_change in self._on_broker:
            on_change()
        for topic in list(self._topics):
            self._notify_listeners(topic)

    def _notify_listeners(self, topic: str) -> None:
        for on_topic in self._on_topic:
            on_topic(topic)
