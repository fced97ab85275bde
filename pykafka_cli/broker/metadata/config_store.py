"""Configs in ZooKeeper: one znode per entity under /config, and a notification in /config/changes for each change.

An entity is named by its path below /config with percent-encoded names, as Kafka's notes name it: topics/T, brokers/0,
brokers/<default>, clients/C, users/U, users/U/clients/C, ips/A. A change writes the whole config; the last
writer wins.

source  kafka.zk.AdminZkClient
"""

import contextlib
import logging

from pykafka_cli.model import BrokerId, Timestamp
from pykafka_cli.zookeeper import kafka_znodes as znodes
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.errors import NodeExists, NoNode, NotEmpty
from pykafka_cli.zookeeper.kafka_znodes import DEFAULT_ENTITY, sanitized
from pykafka_cli.zookeeper.operations import Watcher
from pykafka_cli.zookeeper.znode_data import BadZnode

_log = logging.getLogger(__name__)

KEPT_MS = 15 * 60 * 1000
"""How long a note stays, so that every broker has read it."""


def topic_entity(topic: str) -> str:
    return f"topics/{topic}"


def broker_entity(broker_id: BrokerId | None) -> str:
    """None means the defaults of all brokers."""
    return f"brokers/{DEFAULT_ENTITY if broker_id is None else broker_id}"


def user_entity(user: str | None) -> str:
    """None means the default for users."""
    return f"users/{DEFAULT_ENTITY if user is None else sanitized(user)}"


class ConfigStore:
    """Reads and writes entities' configs."""

    def __init__(self, client: ZooKeeperClient) -> None:
        self.client = client

    async def read(self, entity: str) -> dict[str, str]:
        """An entity's config; empty if it has none, or none that can be read."""
        path = znodes.config_path(entity)
        try:
            data, _ = await self.client.get(path)
        except NoNode:
            return {}
        try:
            return znodes.decode_config(path, data)
        except BadZnode as bad:
            _log.error("%s", bad)
            return {}

    async def entities(self, folder: str) -> list[str]:
        """Entities with a znode right below a path such as `users` or `users/alice/clients`."""
        try:
            names = await self.client.children(znodes.config_path(folder))
        except NoNode:
            return []
        return [f"{folder}/{name}" for name in sorted(names)]

    async def create(self, entity: str, config: dict[str, str]) -> None:
        """Write a config without notifying the brokers: a new topic's."""
        path, data = znodes.config_path(entity), znodes.encode_config(config)
        try:
            await self.client.set(path, data)
        except NoNode:
            try:
                await self.client.create(path, data)
            except NodeExists:
                await self.client.set(path, data)

    async def write(self, entity: str, config: dict[str, str]) -> None:
        """Replace an entity's config and notify all brokers. Quota entities that become empty are deleted."""
        if config or entity.startswith(("topics/", "brokers/")) or not await self._remove_empty(entity):
            await self.create(entity, config)
        await self.client.create(znodes.CONFIG_CHANGE, znodes.encode_config_change(entity), sequential=True)

    async def _remove_empty(self, entity: str) -> bool:
        """Remove the entity's znode, and with the last client of a user the user's, unless that has a config."""
        path = znodes.config_path(entity)
        try:
            await self.client.delete(path)
        except NoNode:
            return True
        except NotEmpty:
            return False
        user, clients, _ = entity.rpartition("/clients/")
        if clients:
            try:
                await self.client.delete(znodes.config_path(f"{user}/clients"))
                if not await self.read(user):
                    await self.client.delete(znodes.config_path(user))
            except (NoNode, NotEmpty):
                pass
        return True

    async def changes(self, watch: Watcher) -> list[str]:
        """Paths of the change notifications, oldest first; `watch` is called for the next."""
        names = await self.client.children(znodes.CONFIG_CHANGES, watch)
        return [f"{znodes.CONFIG_CHANGES}/{name}" for name in sorted(names)]

    async def changed_entity(self, note: str, now_ms: Timestamp) -> tuple[str | None, bool]:
        """The entity that a notification names (None if it was deleted), and whether it is old enough to be deleted."""
        try:
            data, stat = await self.client.get(note)
        except NoNode:
            return None, False
        try:
            return znodes.decode_config_change(note, data), now_ms - stat.ctime > KEPT_MS
        except BadZnode as bad:
            _log.error("%s", bad)
            return None, False

    async def forget_change(self, note: str) -> None:
        """Delete a notification; another broker may have done so already."""
        with contextlib.suppress(NoNode):
            await self.client.delete(note)
