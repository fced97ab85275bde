"""One broker: builds every part, starts and stops them in order. The only module that knows them all.

    server = BrokerServer(settings, SystemClock())
    await server.start()          # registered in ZooKeeper, and clients are answered
    print(server.endpoints)
    await server.stop()

The start begins with what can fail without a trace: the ports, ZooKeeper, the log directories.
Source: kafka.server.KafkaServer.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from pykafka_cli.broker import advertised
from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.context import Broker
from pykafka_cli.broker.controller.controller import Controller
from pykafka_cli.broker.coordinator.group.coordinator import OFFSETS_TOPIC, GroupCoordinator
from pykafka_cli.broker.coordinator.transaction.coordinator import TransactionCoordinator
from pykafka_cli.broker.coordinator.transaction.markers import MarkerWriter
from pykafka_cli.broker.coordinator.transaction.verification import TransactionVerification
from pykafka_cli.broker.dispatch import Dispatcher
from pykafka_cli.broker.errors import KafkaStorageError
from pykafka_cli.broker.faults import Faults
from pykafka_cli.broker.handlers import CONTROLLER_HANDLERS, HANDLERS, KRAFT_HANDLERS
from pykafka_cli.broker.log.log_directory import DirectoryInUse
from pykafka_cli.broker.log.log_manager import LogManager
from pykafka_cli.broker.metadata.admission import wait_for_metadata
from pykafka_cli.broker.metadata.cache import MetadataCache
from pykafka_cli.broker.metadata.config_store import ConfigStore
from pykafka_cli.broker.metadata.dynamic_configs import DynamicConfigs
from pykafka_cli.broker.metadata.producer_ids import ProducerIds, request_block
from pykafka_cli.broker.metadata.quorum import Quorum
from pykafka_cli.broker.metadata.topic_admin import TopicAdmin
from pykafka_cli.broker.metadata.zk_store import BrokerIdTaken, ZkStore
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.connection import Answer, Peer
from pykafka_cli.broker.network.listener import CannotListen, SocketServer
from pykafka_cli.broker.network.peer_security import PeerSecurity
from pykafka_cli.broker.outside import Outside
from pykafka_cli.broker.quotas.allowances import ClientQuotas
from pykafka_cli.broker.replication.leadership_transfer import LeadershipTransfer
from pykafka_cli.broker.replication.peers import ControllerChannel, connector
from pykafka_cli.broker.replication.replica_manager import ReplicaManager
from pykafka_cli.broker.security.acl_manager import AclManager
from pykafka_cli.broker.security.authorizer import Authorizer
from pykafka_cli.broker.security.delegation_tokens import DelegationTokenManager
from pykafka_cli.broker.security.rules import AclRules
from pykafka_cli.broker.waiting import WaitingRoom
from pykafka_cli.metrics_endpoint import MetricsEndpoint
from pykafka_cli.model import BrokerId, Milliseconds, Seconds, TopicPartition, in_seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.listeners import Listener
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.storage.checkpoints import MalformedFile, WrongDirectory, read_meta_properties
from pykafka_cli.topic_names import TRANSACTION_STATE
from pykafka_cli.zookeeper.errors import ConnectionClosed, SessionExpired, ZooKeeperError, ZooKeeperUnreachable
from pykafka_cli.zookeeper.kafka_znodes import ProducerIdBlock
from pykafka_cli.zookeeper.znode_data import BadZnode

_log = logging.getLogger(__name__)

UNCLEAN_ELECTION = "unclean.leader.election.enable"
GRACE = Seconds(1.0)  # seconds for responses in progress when the broker stops
RESIGNATION = 3.0  # seconds to notify ZooKeeper, which may be unreachable: then the session expires


class BrokerUnusable(Exception):
    """The broker cannot start; the message says why. No shared state was modified."""


class BrokerServer:
    """A broker. `start` and `stop` are for one loop, once each."""

    def __init__(
        self,
        settings: BrokerSettings,
        clock: Clock,
        *,
        takes_over: bool = False,
        quorum: Quorum | None = None,
        faults: Faults | None = None,
        outside: Outside | None = None,
    ) -> None:
        """One broker with these settings.

        takes_over    a broker still registered under this broker's id is known to be dead, so do not wait for the
                      session to end; only `pk up` can know that, which starts ZooKeeper and sees brokers end
        quorum        of a KRaft node
        faults        what happens to clients' requests, if that is to be changed while it runs
        outside       disk, sockets and ZooKeeper, unless they are this machine's
        """
        self.settings = settings
        self._takes_over = takes_over
        self._quorum = quorum
        self._faults = faults
        self._outside = outside or Outside()
        self.metrics = Metrics()
        self.endpoints: tuple[Listener, ...] = ()
        """Where it listens, with the ports that it really has; known after `start`."""
        self._clock = clock
        self._broker: Broker
        self._acls: AclManager | None = None
        self._tokens: DelegationTokenManager | None = None
        self._dispatcher: Dispatcher
        self._tasks: set[asyncio.Task[None]] = set()
        self._all_stop = asyncio.Event()
        self._peer_security: PeerSecurity
        self._connect = connector(in_seconds(settings.replica_socket_timeout_ms), lambda: self._peer_security)
        self._stops: list[tuple[str, Callable[[], Awaitable[object]]]] = []
        """The parts to stop, in the order of starting; each is added once it needs stopping."""

    @property
    def zookeeper_session(self) -> int:
        """The id of its session; for a broker that is started."""
        return self._broker.store.client.session_id

    async def start(self) -> None:
        """Start everything; then the broker is registered, and has the cluster's metadata if there is a controller.

        raises    BrokerUnusable; then everything that was started is stopped again
        """
        try:
            await self._start()
        except (
            BadZnode, CannotListen, ZooKeeperUnreachable, ZooKeeperError, DirectoryInUse, WrongDirectory, MalformedFile,
            KafkaStorageError, BrokerIdTaken,
        ) as error:  # fmt: skip
            await self._stop_parts()
            raise BrokerUnusable(str(error)) from error
        except BaseException:
            await self._stop_parts()
            raise

    def transfer_nothing(self) -> None:
        """Let `stop`, even if it has begun, transfer no leadership: the other servers of the cluster stop as well."""
        self._all_stop.set()

    async def stop(self) -> None:
        """Transfer leadership, respond to requests in progress, and leave files that need no recovery."""
        if not self._all_stop.is_set():
            broker = self._broker
            transfer = LeadershipTransfer(self.settings, self._clock, broker.metadata, self._ask_controller)
            await transfer.try_to_move(
                lambda: broker.controller.broker_epoch,
                lambda: broker.store.client.is_connected,
                unless=self._all_stop,
            )
        await self._stop_parts()

    async def _stop_parts(self) -> None:
        while self._stops:
            name, stop = self._stops.pop()
            try:
                await stop()
            except Exception:
                _log.exception("%s could not be stopped properly", name)

    # ---- starting, in order

    async def _start(self) -> None:
        sockets = SocketServer(self.settings, self._clock.of_peers, self.metrics, self._outside.listening_sockets)
        self.endpoints = await sockets.bind()
        close_listeners = ("listeners", partial(sockets.stop, GRACE))
        self._stops.append(close_listeners)
        self._peer_security = self._log_in_to_peers()
        self._stops.append(("logins to other brokers", self._peer_security.stop))
        store, cluster_id = await self._connect_to_zookeeper()
        configs = DynamicConfigs(ConfigStore(store.client), self.settings, self._clock)
        quotas = ClientQuotas(self.settings, self._clock.of_peers)
        configs.subscribe_clients(quotas.configure)
        configs.subscribe_clients(sockets.rates.configure)
        await configs.start()
        self._stops.append(("dynamic configs", configs.stop))
        await self._reload_security(sockets)
        configs.add_check(sockets.ensure_usable)
        configs.subscribe_broker(lambda: self._in_background(self._reload_security(sockets)))
        logs = LogManager(
            self.settings,
            self._clock,
            configs.topic_config,
            broker_id=self.settings.broker_id,
            cluster_id=cluster_id,
            files=self._outside.files,
        )
        await logs.start()
        self._stops.append(("logs", logs.shutdown))
        authorizer = await self._load_acls(store)
        await self._load_delegation_tokens(store)
        self._broker = self._build(store, cluster_id, configs, logs)
        apis = HANDLERS if self._quorum is None else {**HANDLERS, **KRAFT_HANDLERS}
        self._dispatcher = Dispatcher(self._broker, self.metrics, apis, self._faults, authorizer, quotas)
        await self._broker.replicas.start()
        self._stops.append(("replicas", self._broker.replicas.stop))
        self._broker.groups.start()
        self._stops.append(("group coordinator", self._close_groups))
        self._broker.transactions.start()
        self._stops.append(("transaction coordinator", self._close_transactions))
        # From here on, the listeners close first: no request comes in while what it needs is being stopped.
        self._stops.remove(close_listeners)
        self._stops.append(close_listeners)
        self._stops.append(("controller", self._resign))
        if self._takes_over:
            await store.forget_dead_broker(self.settings.broker_id)
        # Requests are not served before the registration, which may take a while: a client would take this broker for
        # an empty cluster. The controller, which connects immediately, retries until it gets a response.
        await self._broker.controller.start(advertised.registration(self.settings, self.endpoints))
        dispatchers = [self._dispatcher]
        answer: Answer = self._dispatcher.answer
        if self._quorum is not None:
            dispatchers.append(Dispatcher(self._broker, self.metrics, CONTROLLER_HANDLERS, authorizer=authorizer))
            answer = _by_listener(self.settings.controller_listeners, dispatchers[1].answer, answer)
        for dispatcher in dispatchers:
            dispatcher.hold_clients()
        token_of = self._tokens.login if self._tokens else lambda *_: None
        await sockets.serve(answer, self._broker.configs.user_config, token_of)
        await self._wait_for_controller()
        for dispatcher in dispatchers:
            dispatcher.admit_clients()
        self._expose_metrics()

    def _expose_metrics(self) -> None:
        """Show metrics to Prometheus, if that is configured; raises BrokerUnusable."""
        address = self.settings.metrics_address
        if address is None:
            return
        from pykafka_cli.broker.exposition import look, named  # most brokers show none

        endpoint = MetricsEndpoint(address, lambda: look(self._broker), named)
        try:
            endpoint.start()
        except OSError as error:
            raise BrokerUnusable(f"metrics cannot be shown at {address}: {error.strerror or error}") from error
        self.metrics.are_timed = True
        self._stops.append(("metrics", endpoint.stop))

    def _log_in_to_peers(self) -> PeerSecurity:
        try:
            return PeerSecurity(self.settings, self._clock)
        except ValueError as error:
            raise BrokerUnusable(f"cannot connect to other brokers: {error}") from error

    async def _reload_security(self, sockets: SocketServer) -> None:
        """Take over key stores, trust stores and logins that have changed, toward clients and other brokers."""
        await sockets.reload()
        try:
            self._peer_security.reload()
        except ValueError as error:
            _log.error("connections to other brokers keep the security that they have: %s", error)

    async def _load_acls(self, store: ZkStore) -> Authorizer | None:
        """The authorizer with all ACLs, which are followed from now on; None if there is to be none."""
        wanted = self.settings.authorization
        if wanted is None:
            return None
        rules = AclRules(allows_everyone=wanted.allows_everyone)
        self._acls = AclManager(store.client, rules, self._clock)
        await self._acls.start()
        self._stops.append(("ACLs", self._acls.stop))
        return Authorizer(rules, wanted.super_users)

    async def _load_delegation_tokens(self, store: ZkStore) -> None:
        secret = self.settings.delegation_token_secret
        if secret:
            self._tokens = DelegationTokenManager(store.client, secret, self.settings, self._clock)
            await self._tokens.start()
            self._stops.append(("delegation tokens", self._tokens.stop))

    async def _wait_for_controller(self) -> None:
        """Wait for the cluster's metadata, so that the first client gets them; not forever, if there is no
        controller."""
        broker, settings = self._broker, self.settings
        patience = in_seconds(settings.zookeeper_connect_timeout_ms)
        if not await wait_for_metadata(
            broker.metadata, broker.store, broker.waiting, self._clock, settings.broker_id, patience
        ):
            _log.warning("no controller has sent this broker all of the cluster's metadata yet; continuing without")

    async def _connect_to_zookeeper(self) -> tuple[ZkStore, str]:
        """A session, Kafka's permanent znodes, the cluster's id, and a broker id if none was configured."""
        settings = self.settings
        client = self._outside.zookeeper(settings)
        self._stops.append(("ZooKeeper session", client.close))  # also if the start is canceled
        await client.start()
        store = ZkStore(client, self._clock)
        await store.ensure_persistent_paths()
        if settings.broker_id < 0:
            stored = self._stored_broker_id()
            settings.assign_broker_id(
                await store.generate_broker_id(settings.reserved_broker_max_id) if stored is None else stored
            )
        return store, await store.cluster_id()

    def _stored_broker_id(self) -> BrokerId | None:
        """The id that the log directories were used under before; None when they are new."""
        files = self._outside.files
        found = [read_meta_properties(files, directory) for directory in self.settings.log_directories]
        return next((meta.broker_id for meta in found if meta is not None), None)

    def _build(self, store: ZkStore, cluster_id: str, configs: DynamicConfigs, logs: LogManager) -> Broker:
        settings, clock = self.settings, self._clock
        waiting = WaitingRoom(clock)
        metadata = MetadataCache(waiting, cluster_id)
        controller = Controller(
            settings=settings,
            store=store,
            clock=clock,
            connect=self._connect,
            unclean_election_allowed=configs.unclean_election_allowed,
        )
        replicas = ReplicaManager(
            settings,
            clock,
            logs,
            metadata,
            waiting,
            broker_epoch=lambda: controller.broker_epoch,
            connect=self._connect,
        )
        groups = GroupCoordinator(
            settings,
            clock,
            replicas,
            lambda: metadata.partition_count(OFFSETS_TOPIC) or settings.offsets_topic_num_partitions,
        )
        producer_ids = ProducerIds(self._next_producer_id_block)
        transactions = TransactionCoordinator(
            settings,
            clock,
            replicas,
            lambda: metadata.partition_count(TRANSACTION_STATE) or settings.transaction_state_log_num_partitions,
            producer_ids.next,
            MarkerWriter(
                metadata,
                settings.inter_broker_listener,
                self._connect,
                lambda request: self._dispatcher.answer_own(request),
                clock,
                settings.broker_id,
            ),
            write_timeout_ms=Milliseconds(settings.request_timeout_ms),
        )
        verification = TransactionVerification(
            transactions,
            metadata,
            clock,
            self._connect,
            lambda partition, producer: replicas.partition(partition).leader_log().has_ongoing_transaction(producer),
            broker_id=settings.broker_id,
            listener=settings.inter_broker_listener,
            forget_s=in_seconds(settings.producer_id_expiration_ms),
        )
        replicas.on_leadership.extend((groups.on_leadership, transactions.on_leadership, verification.on_leadership))
        logs.on_directory_failure.append(self._directory_failed)
        configs.subscribe(partial(_topic_configured, configs, logs, controller))
        configs.subscribe_broker(partial(_broker_configured, settings, controller))
        if self._tokens is not None:
            controller.on_controllership.append(self._tokens.controllership_changed)
        topics = TopicAdmin(
            settings=settings,
            store=store,
            configs=configs.store,
            cache=metadata,
            waiting=waiting,
            clock=clock,
            all_answered=controller.all_answered,
        )
        if self._quorum is not None:
            self._quorum.endpoints = advertised.reachable(settings.advertised_controller_listener_list, self.endpoints)
        return Broker(
            settings=settings,
            clock=clock,
            logs=logs,
            replicas=replicas,
            metadata=metadata,
            store=store,
            topics=topics,
            configs=configs,
            controller=controller,
            groups=groups,
            transactions=transactions,
            verification=verification,
            producer_ids=producer_ids,
            waiting=waiting,
            quorum=self._quorum,
            acls=self._acls,
            delegation_tokens=self._tokens,
            metrics=self.metrics,
        )

    # ---- requests to other brokers

    async def _ask_controller(self, request: Any) -> Any:
        """Send a request on a new connection; raises BrokerNotAvailable, ConnectionFailed."""
        broker = self._broker
        channel = ControllerChannel(
            self.settings, broker.metadata, self._connect, waiting=broker.waiting, clock=self._clock
        )
        try:
            return await channel.ask(request)
        finally:
            channel.close()

    async def _next_producer_id_block(self) -> ProducerIdBlock:
        return await request_block(self._ask_controller, self.settings.broker_id, self._broker.controller.broker_epoch)

    # ---- trouble

    def _directory_failed(self, _directory: Path, _lost: list[TopicPartition]) -> None:
        """Notify the controller, which elects leaders elsewhere for the partitions in there."""
        self._in_background(self._announce_failure())

    async def _announce_failure(self) -> None:
        while True:
            try:
                return await self._broker.store.announce_log_dir_failure(self.settings.broker_id)
            except SessionExpired:  # it begins again
                continue
            except ConnectionClosed:
                return None  # the broker stops

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- stopping

    async def _resign(self) -> None:
        try:
            async with asyncio.timeout(RESIGNATION):
                await self._broker.controller.stop()
        except TimeoutError:
            _log.warning("this broker could not close its ZooKeeper session, which will expire")

    async def _close_groups(self) -> None:
        self._broker.groups.close()

    async def _close_transactions(self) -> None:
        self._broker.transactions.close()
        self._broker.verification.close()


def _topic_configured(configs: DynamicConfigs, logs: LogManager, controller: Controller, topic: str) -> None:
    config = configs.topic_config(topic)
    logs.topic_config_changed(topic, config)
    # Only for a topic's own config: a broker's config holds for all topics, and one election is enough for those.
    if UNCLEAN_ELECTION in configs.topic_overrides(topic) and config.unclean_leader_election_enable:
        controller.unclean_election_enabled(topic)


def _broker_configured(settings: BrokerSettings, controller: Controller) -> None:
    if settings.unclean_leader_election_enable:
        controller.unclean_election_enabled()


def _by_listener(listeners: Collection[str], theirs: Answer, others: Answer) -> Answer:
    """Serves requests to the controller's listeners with `theirs`, and all others with `others`."""

    def answer(frame: bytearray, peer: Peer) -> Awaitable[list[Buffer] | None]:
        return (theirs if peer.listener_name in listeners else others)(frame, peer)

    return answer
