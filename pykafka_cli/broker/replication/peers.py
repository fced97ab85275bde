"""Connections to other brokers: to the leaders that this one follows, and to the current controller."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from pykafka_cli.broker.errors import BrokerNotAvailable
from pykafka_cli.broker.metadata.cache import BROKERS_CHANGED
from pykafka_cli.broker.network.peer_security import PeerSecurity
from pykafka_cli.model import BrokerId, Seconds, in_seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.security.errors import BadClientSetting
from pykafka_cli.transport.connection import Connection
from pykafka_cli.transport.errors import AuthenticationFailed
from pykafka_cli.transport.sasl import SaslExchange

if TYPE_CHECKING:
    from pykafka_cli.broker.clock import Clock
    from pykafka_cli.broker.metadata.cache import MetadataCache
    from pykafka_cli.broker.waiting import WaitingRoom


class BrokerEndpoint(NamedTuple):
    """Where a broker is reached by other brokers."""

    broker_id: BrokerId
    host: str
    port: int

    def __str__(self) -> str:
        return f"broker {self.broker_id} ({self.host}:{self.port})"


class PeerConnection(Protocol):
    """What replication needs of transport.connection.Connection. Failures are ConnectionFailed."""

    @property
    def is_open(self) -> bool: ...

    async def request(self, request: Any) -> Any: ...

    async def request_raw(self, api_key: int, api_version: int, header_version: int, body: bytes) -> memoryview: ...

    def close(self) -> None: ...


Connect: TypeAlias = Callable[[BrokerEndpoint, str], Awaitable[PeerConnection]]
"""Opens a connection to a broker under a client id; raises ConnectionFailed."""


def connector(timeout: Seconds, security: Callable[[], PeerSecurity]) -> Connect:
    """Returns a function that opens connections with the current TLS settings and login.

    timeout    seconds that these connections wait for a response
    """

    async def connect(endpoint: BrokerEndpoint, client_id: str) -> PeerConnection:
        its = security()

        def login() -> SaslExchange | None:
            try:
                return its.login(endpoint.host)
            except BadClientSetting as error:
                raise AuthenticationFailed(f"cannot log in to {endpoint}: {error}") from None

        return await Connection.open(
            endpoint.host,
            endpoint.port,
            client_id=client_id,
            tls=its.tls,
            sasl=login(),
            next_login=login,
            timeout=timeout,
        )

    return connect


class KeptConnection:
    """A connection that is opened when it is needed, and again once it has ended, or is needed to somewhere else."""

    def __init__(self, connect: Connect, client_id: str) -> None:
        self._connect = connect
        self._client_id = client_id
        self._connection: PeerConnection | None = None
        self._endpoint: BrokerEndpoint | None = None
        self._opening = asyncio.Lock()

    async def to(self, endpoint: BrokerEndpoint) -> PeerConnection:
        """The connection to this broker.

        raises   ConnectionFailed
        """
        async with self._opening:  # several requests may find the connection gone
            if self._connection is None or not self._connection.is_open or self._endpoint != endpoint:
                self.close()
                self._connection, self._endpoint = await self._connect(endpoint, self._client_id), endpoint
            return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class BrokerEndpoints:
    """Where other brokers are reached, as far as this one knows: on the inter-broker listener."""

    def __init__(self, metadata: "MetadataCache", listener: str) -> None:
        self._metadata = metadata
        self._listener = listener

    def of(self, broker_id: BrokerId) -> BrokerEndpoint | None:
        endpoint = self._metadata.endpoint(broker_id, self._listener)
        return None if endpoint is None else BrokerEndpoint(broker_id, endpoint.host, endpoint.port)

    def of_controller(self) -> BrokerEndpoint | None:
        controller_id = self._metadata.controller_id
        return None if controller_id is None else self.of(controller_id)


class ControllerChannel:
    """The connection of one broker to the current controller, opened when it is needed."""

    def __init__(
        self,
        settings: BrokerSettings,
        metadata: "MetadataCache",
        connect: Connect,
        *,
        waiting: "WaitingRoom",
        clock: "Clock",
    ) -> None:
        self._controller = BrokerEndpoints(metadata, settings.inter_broker_listener).of_controller
        self._connection = KeptConnection(connect, str(settings.broker_id))
        self._waiting = waiting
        self._clock = clock
        self._timeout = in_seconds(settings.replica_socket_timeout_ms)
        """How long connections wait for a response."""

    async def ask(self, request: Any) -> Any:
        """The controller's response; nobody waits for one that stands still once another is elected.

        raises   BrokerNotAvailable while no controller is known, or when another one was elected; ConnectionFailed
        """
        endpoint = self._controller()
        if endpoint is None:
            raise BrokerNotAvailable("no controller is known at the moment")
        asking = asyncio.create_task(self._ask(endpoint, request))
        replaced = asyncio.create_task(self._is_replaced(endpoint))
        try:
            await asyncio.wait((asking, replaced), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done() and replaced.result():
                self.close()
                raise BrokerNotAvailable("another controller was elected before this one responded")
            return await asking
        finally:
            for task in (asking, replaced):
                task.cancel()

    async def _ask(self, endpoint: BrokerEndpoint, request: Any) -> Any:
        return await (await self._connection.to(endpoint)).request(request)

    async def _is_replaced(self, endpoint: BrokerEndpoint) -> bool:
        """Wait until another controller is known, or for as long as a response may take."""
        return await self._waiting.wait_until(
            [BROKERS_CHANGED],
            lambda: self._controller() not in (None, endpoint),
            self._clock.monotonic() + self._timeout,
        )

    def close(self) -> None:
        self._connection.close()
