"""A command's session with a cluster: connections, opened when first needed and closed together at the end.

    async with Session("localhost:9092", settings) as session:
        answer = await session.ask(MetadataRequest(...))                  # of the broker that responds first
        answer = await session.ask(request, broker=2)
        answer = await session.ask_controller(request)

Requests are kio's newest; see message_versions.py for older brokers. A session can also be with the controllers of a
KRaft cluster in place of its brokers; then requests for any broker go to
the active controller.
"""

import asyncio
import datetime
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12.request import MetadataRequest, MetadataRequestTopic
from kio.schema.metadata.v12.response import MetadataResponse
from kio.schema.types import TopicName
from kio.static.primitive import i8, i32Timedelta

from pykafka_cli.clients.message_versions import as_type, in_version
from pykafka_cli.clients.settings import Address, ClientSettings, parse_addresses
from pykafka_cli.model import BrokerId, Seconds
from pykafka_cli.transport.connection import API_VERSIONS, Connection, VersionRange
from pykafka_cli.transport.errors import (
    AnswerUnreadable,
    BrokerUnreachable,
    ConnectionFailed,
    ConnectionLost,
    NoAnswerInTime,
    NotKafka,
    TlsFailed,
)
from pykafka_cli.transport.messages import response_type_of

if TYPE_CHECKING:
    from pykafka_cli.security.sasl import Logins
    from pykafka_cli.transport.sasl import SaslExchange

_log = logging.getLogger(__name__)

T = TypeVar("T")

ANSWER_MARGIN_S = 1.0
_CONTROLLERS = i8(2)
"""In DescribeCluster: the nodes that are controllers (KIP-919)."""
_DESCRIBE_CLUSTER = 60
_ANY_CONTROLLER_KNOWS = frozenset({API_VERSIONS, _DESCRIBE_CLUSTER})

MOST_LOSSES = 5
"""Number of lost connections after which a request fails."""

SILENCE_S = 3.0
"""Seconds without a response to the first request after which to check what is listening."""

LEAST_CONNECT_TIMEOUT = 1.0
"""Seconds; several bootstrap servers share the time of one, but each gets at least this."""


Connect = Callable[[Address, Seconds], Awaitable[Connection]]
"""Opens a connection to an address within some seconds; raises ConnectionFailed, BadClientSetting."""


class Session:
    """Connections to the brokers of one cluster.

    connect        opens a connection; by default over TCP, with the TLS and SASL of `settings`
    controllers    the bootstrap servers, and all nodes of this session, are KRaft controllers
    warn           called with a line if the first response takes long
    raises         ConnectionFailed from all requests; BadClientSetting on entering
    """

    def __init__(
        self,
        bootstrap: str,
        settings: ClientSettings,
        connect: Connect | None = None,
        *,
        controllers: bool = False,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self._connect = connect or over_tcp(settings)
        self._is_over_tcp = connect is None
        self.warn = warn
        self._has_responded = False
        self.is_with_controllers = controllers
        self.bootstrap = parse_addresses(bootstrap)
        self._contacted = self.bootstrap[0]
        self._silent: dict[Address, None] = {}
        """Servers that accept connections, and did not respond to a request: the last to be tried, in their order."""
        self._connections: dict[Address, Connection] = {}
        self._locks: dict[Address, asyncio.Lock] = {}  # of two connections to one address, one would be lost
        self._private: list[Connection] = []
        self.is_closed = False
        self._on_open: Callable[[Address, Connection], None] | None = None
        self._any: Connection | None = None
        self._brokers: Mapping[BrokerId, Address] = {}
        self._controller: BrokerId | None = None
        self.lost_answers = 0
        """Requests whose response was lost, and which may have been carried out."""

    async def __aenter__(self) -> Self:
        try:
            if self.settings.wants_full_names:
                from pykafka_cli.clients.first_contact import full_names

                self.bootstrap = await full_names(self.bootstrap)
            self._any = await self._first_that_answers()
        except (TlsFailed, NotKafka) as failure:
            self.close()
            raise await self._explained(failure) from None
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.is_closed = True
        for connection in (*self._connections.values(), *self._private):
            connection.close()

    # ---- requests

    async def ask(
        self,
        request: Any,
        *,
        broker: BrokerId | None = None,
        oldest: int = 0,
        timeout: Seconds | None = None,
        response_type: type[Any] | None = None,
    ) -> Any:
        """The response of one broker, in the version of `request`, whatever version the broker speaks.

        If its connection is lost, a request is retried several times, as by Kafka's clients.

        broker          its id; any broker if not given
        oldest          the first version of the API that can express the request
        timeout         seconds for the response, request.timeout.ms if not given
        response_type   the response's type if it is not kio's, for an API of one version
        raises          VersionUnsupported and other ConnectionFailed
        """
        if broker is None and self.is_with_controllers and request.__api_key__ not in _ANY_CONTROLLER_KNOWS:
            broker = await self._active_controller()
        ours = VersionRange(oldest, request.__version__)

        async def once() -> Any:
            connection = await self._chosen(broker)
            try:
                version = await connection.newest(request.__api_key__, ours)
                answer = await connection.request(in_version(request, version), response_type, timeout=timeout)
            except ConnectionLost:
                self.lost_answers += 1
                raise
            except NoAnswerInTime:
                if self._any is connection:
                    self._note_silence()
                    self._any = None  # the next request that any broker may serve goes to another one
                raise
            return answer if version == ours.max else as_type(answer, response_type_of(type(request)))

        answer = await self._despite_losses(once)
        self._has_responded = True  # before any login, a listener responds only to ApiVersions
        return answer

    async def _despite_losses(self, once: Callable[[], Awaitable[T]]) -> T:
        """The result of `once`, which is retried if its connection is lost."""
        if self._has_responded or not self._is_over_tcp:
            return await self._retrying(once)
        known_silent = len(self._silent)
        asked = asyncio.ensure_future(self._retrying(once))
        try:
            done, _ = await asyncio.wait((asked,), timeout=SILENCE_S)
            while not done and self._leave_the_silent():
                done, _ = await asyncio.wait((asked,), timeout=SILENCE_S)
            if not done:
                await self._look_who_is_silent()
            return await asked
        except ConnectionFailed as failure:
            others_are_left = known_silent < len(self._silent) and not self._silent.keys() >= set(self.bootstrap)
            if not (isinstance(failure, NoAnswerInTime) and others_are_left):
                raise await self._explained(failure) from None
        finally:
            asked.cancel()
        return await self._despite_losses(once)

    def _leave_the_silent(self) -> bool:
        """Let the request be sent to another bootstrap server; False if none is left to try."""
        if self._any is None or self._contacted not in self._connections:
            return False
        self._note_silence()
        if self._silent.keys() >= set(self.bootstrap):
            return False
        self._any.close()
        return True

    def _note_silence(self) -> None:
        """The server in use is the last to be tried again."""
        self._silent.pop(self._contacted, None)
        self._silent[self._contacted] = None

    async def _look_who_is_silent(self) -> None:
        """raises    UnsuitableListener if no response can be expected"""
        from pykafka_cli.clients.first_contact import stranger

        if problem := await stranger(*self._contacted, self.settings):
            raise problem
        host, port = self._contacted
        self.warn(f"{host}:{port} accepts connections, but has not responded for {SILENCE_S:g} s. Still waiting.")

    async def _explained(self, failure: ConnectionFailed) -> ConnectionFailed:
        """The failure of a first request, explained if the listener is not a broker."""
        from pykafka_cli.clients.first_contact import explained

        return await explained(failure, *self._contacted, self.settings)

    async def _retrying(self, once: Callable[[], Awaitable[T]]) -> T:
        losses = 0
        while True:
            try:
                return await once()
            except AnswerUnreadable:
                raise
            except ConnectionLost:
                losses += 1
                if losses == MOST_LOSSES or self.is_closed:
                    raise
                _log.debug("The connection ended before the response: attempt %d of %d", losses + 1, MOST_LOSSES)
                await asyncio.sleep(self.settings.retry_pause)

    async def ask_controller(self, request: Any, *, oldest: int = 0, timeout: Seconds | None = None) -> Any:
        """The controller's response; a broker that is no longer the controller is not trusted.

        Of several brokers, one that has died is named as the controller until the cluster notices it: the others are
        asked again until default.api.timeout.ms is over.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.settings.api_timeout
        is_first = True
        while True:
            controller = await self._active_controller()
            try:
                answer = await self.ask(request, broker=controller, oldest=oldest, timeout=timeout)
            except BrokerUnreachable as failure:
                if controller is None or len(self._brokers) < 2 or loop.time() > deadline:
                    raise
                if is_first:
                    self.warn(f"The controller, broker {controller}, cannot be reached: {failure}. Trying again.")
                    is_first = False
            else:
                if not _mentions(answer, ErrorCode.not_controller) or loop.time() > deadline:
                    return answer
            _log.debug("Broker %s is not the controller any more: looking for it again", controller)
            self._controller = None
            await asyncio.sleep(self.settings.retry_pause)

    async def _active_controller(self) -> BrokerId | None:
        """The active controller; None if there is none at the moment."""
        if self._controller is None:
            await self._look_at_nodes()
        return self._controller

    async def _look_at_nodes(self) -> None:
        """Look up the nodes and the controller."""
        if self.is_with_controllers:
            from kio.schema.describe_cluster.v1.request import DescribeClusterRequest

            request = DescribeClusterRequest(include_cluster_authorized_operations=False, endpoint_type=_CONTROLLERS)
            answer = await self.ask(request, oldest=1)
            self._brokers = {node.broker_id: Address(node.host, node.port) for node in answer.brokers}
            self._controller = None if answer.controller_id < 0 else answer.controller_id
        else:
            await self.metadata(topics=())

    async def metadata(
        self, topics: Iterable[str] | None, *, ids: Iterable[uuid.UUID] = (), create: bool = False
    ) -> MetadataResponse:
        """Brokers, controller and the given topics (None: all); `create` lets the broker create missing ones."""
        wanted = None
        if topics is not None:
            wanted = (
                *(MetadataRequestTopic(topic_id=None, name=TopicName(name)) for name in topics),
                *(MetadataRequestTopic(topic_id=topic_id, name=None) for topic_id in ids),
            )
        request = MetadataRequest(
            topics=wanted, allow_auto_topic_creation=create, include_topic_authorized_operations=False
        )
        answer: MetadataResponse = await self.ask(request, oldest=1)
        self._brokers = {broker.node_id: Address(broker.host, broker.port) for broker in answer.brokers}
        self._controller = None if answer.controller_id < 0 else answer.controller_id
        if _log.isEnabledFor(logging.DEBUG):
            from pykafka_cli.clients.metadata_summary import summary

            _log.debug("Metadata: %s", summary(answer))
        return answer

    async def api_versions(self, broker: BrokerId | None = None) -> Mapping[int, VersionRange]:
        """The APIs of a broker, by default the one that responded first."""

        async def once() -> Mapping[int, VersionRange]:
            return await (await self._chosen(broker)).api_versions()

        return await self._despite_losses(once)

    async def is_kafka_4(self) -> bool:
        """Whether the cluster runs Kafka 4.0 or later."""
        from pykafka_cli.rules.generation import is_kafka_4

        return is_kafka_4(await self.api_versions())

    # ---- connections

    async def _chosen(self, broker: BrokerId | None) -> Connection:
        """The connection to a broker, by default to the one that responded first."""
        if broker is not None:
            return await self.connection(broker)
        if self._any is None or not self._any.is_open:
            self._any = await self._first_that_answers()
        return self._any

    async def connection(self, broker: BrokerId) -> Connection:
        """The session's connection to one broker, for many requests."""
        return await self._shared(await self._address_of(broker))

    async def private_connection(self, broker: BrokerId) -> Connection:
        """A separate connection to one broker, for requests that must not delay others; closed with the session."""
        connection = await self._open(await self._address_of(broker), self.settings.connect_timeout)
        self._private = [other for other in self._private if other.is_open] + [connection]
        return connection

    async def reach(self, address: Address) -> None:
        """See that the broker at an address responds, over the connection that all share.

        raises    ConnectionFailed
        """
        await (await self._shared(address)).api_versions()

    def watch_connections(self, on_open: Callable[[Address, Connection], None] | None) -> None:
        """Have a function called with each connection that all share: those that are open, and those to come."""
        self._on_open = on_open
        for address, connection in self._connections.items():
            if on_open and connection.is_open:
                on_open(address, connection)

    async def _address_of(self, broker: BrokerId) -> Address:
        if broker not in self._brokers:
            await self._look_at_nodes()
        if (address := self._brokers.get(broker)) is None:
            raise BrokerUnreachable(f"broker {broker} does not exist or is not running")
        return address

    async def _shared(self, address: Address, timeout: Seconds | None = None) -> Connection:
        """The shared connection to an address."""
        async with self._locks.setdefault(address, asyncio.Lock()):
            connection = self._connections.get(address)
            if connection is None or not connection.is_open:
                connection = await self._open(address, timeout or self.settings.connect_timeout)
                self._connections[address] = connection
                if self._on_open:
                    self._on_open(address, connection)
            return connection

    async def _open(self, address: Address, timeout: Seconds) -> Connection:
        _log.debug("Connecting to %s:%d (%s), within %g s", *address, self.settings.protocol, timeout)
        try:
            connection = await self._connect(address, timeout)
        except ConnectionFailed as failure:
            _log.debug("Not connected: %s", failure)
            raise
        _log.debug("Connected to %s:%d", *address)
        if self.is_closed:  # meanwhile, and what closes a session has not seen this connection
            connection.close()
            raise ConnectionLost(f"the connection to {address.host}:{address.port} was closed")
        return connection

    async def _first_that_answers(self) -> Connection:
        """Try the bootstrap servers in turn, within the time for one; the error is that of the first.

        Brokers found later are tried as well: in a long session, the bootstrap servers may be gone.
        """
        problems: list[BrokerUnreachable] = []
        share = max(self.settings.connect_timeout / len(self.bootstrap), LEAST_CONNECT_TIMEOUT)
        addresses = dict.fromkeys((*self.bootstrap, *self._brokers.values()))
        for address in [*(each for each in addresses if each not in self._silent), *self._silent]:
            try:
                connection = await self._shared(address, Seconds(min(share, self.settings.connect_timeout)))
                self._contacted = address
                return connection
            except BrokerUnreachable as error:
                problems.append(error)
        raise problems[0]


def over_tcp(settings: ClientSettings) -> Connect:
    """Opens connections with the TLS and SASL of a client's properties."""
    logins: Logins | None = None

    async def connect(address: Address, timeout: Seconds) -> Connection:
        nonlocal logins
        tls, sasl = None, None
        login: Callable[[], SaslExchange | None] | None = None
        if settings.protocol != "PLAINTEXT":
            from pykafka_cli.security.sasl import Logins
            from pykafka_cli.security.settings import security_settings
            from pykafka_cli.security.tls import tls_context

            security = security_settings(settings.properties)
            logins = logins or Logins(security)
            login = partial(logins.to, address.host)
            tls, sasl = tls_context(security), login()
        return await Connection.open(
            *address,
            client_id=settings.client_id,
            tls=tls,
            sasl=sasl,
            next_login=login,
            timeout=timeout,
            request_timeout=settings.request_timeout,
        )

    return connect


def _mentions(answer: Any, code: ErrorCode) -> bool:
    """Whether a response, or one of the entries in it, has this error."""
    if getattr(answer, "error_code", None) == code:
        return True
    entries = (getattr(answer, name) for name in answer.__dataclass_fields__)
    return any(
        getattr(entry, "error_code", None) == code for group in entries if isinstance(group, tuple) for entry in group
    )


def broker_timeout(session: Session) -> i32Timedelta:
    """A timeout for the broker's work: less than that for its response, which could otherwise come too late."""
    seconds = max(session.settings.request_timeout - ANSWER_MARGIN_S, ANSWER_MARGIN_S)
    return i32Timedelta.parse(datetime.timedelta(seconds=seconds))
