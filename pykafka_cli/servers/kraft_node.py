"""One KRaft node, broker and controller: a broker, and the ZooKeeper server in which it keeps the cluster's metadata.

    METADATA_DIRECTORY/__cluster_metadata-0/       ZooKeeper's data; storage/cluster_metadata.py

Kafka's own KRaft keeps metadata in a Raft log. Here a ZooKeeper server inside the process does, on a loopback port that
changes with each start, so that to clients and tools the node behaves as a KRaft node does.
Source: kafka.server.KafkaRaftServer.
"""

import asyncio
import logging
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pykafka_cli.broker.clock import SystemClock
from pykafka_cli.broker.metadata.config_store import ConfigStore, user_entity
from pykafka_cli.broker.metadata.quorum import Quorum
from pykafka_cli.broker.metadata.zk_store import ZkStore
from pykafka_cli.broker.server import BrokerServer, BrokerUnusable
from pykafka_cli.model import in_seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.kraft import ensure_single_node
from pykafka_cli.properties.listeners import Listener
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.rules.storage_format import decoded_uuid, random_uuid
from pykafka_cli.storage.checkpoints import (
    KRAFT_VERSION,
    META_PROPERTIES,
    MalformedFile,
    MetaProperties,
    read_meta_properties,
    write_meta_properties,
)
from pykafka_cli.storage.cluster_metadata import (
    forget_bootstrap_credentials,
    has_raft_log,
    metadata_folder,
    read_bootstrap_credentials,
)
from pykafka_cli.storage.files import DiskFiles
from pykafka_cli.zookeeper.client import ZooKeeperClient
from pykafka_cli.zookeeper.server.server import ServerUnusable, ZooKeeperServer

_log = logging.getLogger(__name__)

NOT_FORMATTED = "No `meta.properties` found in {} (have you run `kafka-storage.sh` to format the directory?)"

_HOST = "127.0.0.1"


class KRaftNode:
    """A node with the settings of a file that has process.roles. `start` and `stop` run once each, on one loop."""

    def __init__(self, settings: BrokerSettings) -> None:
        """raises ConfigError for settings that require more than one node"""
        ensure_single_node(settings)
        self._settings = settings
        self._clock = SystemClock()
        self._zookeeper = ZooKeeperServer(
            ZooKeeperSettings.on_loopback(metadata_folder(settings.metadata_directory), 0), self._clock
        )
        self._broker: BrokerServer | None = None

    @property
    def endpoints(self) -> tuple[Listener, ...]:
        """Its listeners, with the ports that are bound; known after `start`."""
        return self._broker.endpoints if self._broker else ()

    @property
    def failure(self) -> "asyncio.Future[None]":
        """Raises ServerUnusable once metadata can no longer be stored; known after `start`."""
        return self._zookeeper.failure

    async def start(self) -> None:
        """raises BrokerUnusable, after stopping everything that was started"""
        meta = formatted_metadata_directory(self._settings)
        ensure_formatted(self._settings)
        try:
            await self._zookeeper.start()
        except ServerUnusable as error:
            raise BrokerUnusable(
                f"the metadata in {self._settings.metadata_directory} cannot be used: {error}. "
                "If another node runs on this directory, stop it, or format another one in log.dirs"
            ) from error
        try:
            self._settings.connect_to_zookeeper(f"{_HOST}:{self._zookeeper.port}")
            await self._create_what_was_formatted(meta)
            broker = BrokerServer(self._settings, self._clock, takes_over=True, quorum=self._quorum(meta))
            await broker.start()
        except BaseException:
            await self._zookeeper.stop()
            raise
        self._broker = broker

    async def stop(self) -> None:
        """Stop cleanly, so that files need no recovery."""
        if self._broker:
            await self._broker.stop()
        await self._zookeeper.stop()

    def _quorum(self, meta: MetaProperties) -> Quorum:
        return Quorum(
            self._settings.node_id,
            _directory_id(meta),
            lambda: self._zookeeper.pipeline.database.tree.last_zxid,
        )

    async def _create_what_was_formatted(self, meta: MetaProperties) -> None:
        """Create the cluster's id, and the users of `kafka-storage format --add-scram`."""
        directory = self._settings.metadata_directory
        async with self._session() as client:
            store, configs = ZkStore(client, self._clock), ConfigStore(client)
            await store.ensure_persistent_paths()
            await store.cluster_id(meta.cluster_id)
            for user, mechanism, credential in read_bootstrap_credentials(directory):
                entity = user_entity(user)
                await configs.write(entity, await configs.read(entity) | {mechanism: credential})
        forget_bootstrap_credentials(directory)

    @asynccontextmanager
    async def _session(self) -> "AsyncIterator[ZooKeeperClient]":
        client = ZooKeeperClient(
            self._settings.zookeeper_connect or "",
            session_timeout=in_seconds(self._settings.zookeeper_session_timeout_ms),
            connection_timeout=in_seconds(self._settings.zookeeper_connect_timeout_ms),
        )
        await client.start()
        try:
            yield client
        finally:
            await client.close()


def formatted_metadata_directory(settings: BrokerSettings) -> MetaProperties:
    """The meta.properties of the metadata directory; with a new directory id if it was formatted before Kafka 3.7.

    raises    BrokerUnusable if it is not formatted, or belongs to another node
    """
    files, directory = DiskFiles(), settings.metadata_directory
    try:
        meta = read_meta_properties(files, directory)
        raft_log = has_raft_log(files, directory)
    except (MalformedFile, OSError) as error:
        raise BrokerUnusable(str(error)) from error
    if meta is None:
        raise BrokerUnusable(NOT_FORMATTED.format(directory))
    if meta.version != KRAFT_VERSION:
        raise BrokerUnusable(
            f"{directory} was used in ZooKeeper mode; to keep using it, set zookeeper.connect instead of process.roles"
        )
    if raft_log:
        raise BrokerUnusable(
            f"{metadata_folder(directory)} holds a Raft log of Apache Kafka, which cannot be read here; "
            "start Apache Kafka on this directory, or format another one in log.dirs"
        )
    try:
        if meta.directory_id is None:
            meta = meta._replace(directory_id=random_uuid())
            _log.info("%s was formatted before directories had ids; it gets %s", directory, meta.directory_id)
            write_meta_properties(files, directory, meta)
        _directory_id(meta)
    except OSError as error:
        raise BrokerUnusable(str(error)) from error
    except ValueError:
        raise BrokerUnusable(
            f"{os.path.join(directory, META_PROPERTIES)}: directory.id {meta.directory_id} is not an id, "
            "which is 16 bytes in base64"
        ) from None
    return meta


def ensure_formatted(settings: BrokerSettings) -> None:
    """Check that all directories of log.dirs are formatted, before any is touched. raises BrokerUnusable."""
    for directory in settings.log_directories:
        try:
            if read_meta_properties(DiskFiles(), directory) is None:
                raise BrokerUnusable(NOT_FORMATTED.format(directory))
        except (MalformedFile, OSError) as error:
            raise BrokerUnusable(str(error)) from error


def _directory_id(meta: MetaProperties) -> uuid.UUID:
    """raises ValueError"""
    return decoded_uuid(meta.directory_id or "")
