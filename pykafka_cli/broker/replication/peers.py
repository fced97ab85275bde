"""Connections to other brokers: to the leaders that this one follows, and to the current controller."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from pykafka_cli.broker.errors import BrokerNotAvailable
from pykafka_cli.broker.network.peer_security import PeerSecurity
from pykafka_cli.model import BrokerId, Seconds
from pykafka_cli.security.errors import BadClientSetting
from pykafka_cli.transport.connection import Connection
from pykafka_cli.transport.errors import AuthenticationFailed
from pykafka_cli.transport.sasl import SaslExchange

if TYPE_CHECKING:
    from pykafka_cli.broker.metadata.cache import MetadataCache


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
    """What opens connections with the current TLS settings and login, which wait up to `timeout` seconds for an
    answer."""

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


class BrokerEndpoints:
    """Where other brokers are reached, as far as this one knows: on the listener between brokers."""

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
    """The connection to the current controller, opened when it is needed."""

    def __init__(self, controller: Callable[[], BrokerEndpoint | None], connect: Connect, client_id: str) -> None:
        self._controller = controller
        self._connect = connect
        self._client_id = client_id
        self._endpoint: BrokerEndpoint | None = None
        self._connection: PeerConnection | None = None

    async def ask(self, request: Any) -> Any:
        """raises   BrokerNotAvailable while no controller is known, ConnectionFailed"""
        endpoint = self._controller()
        if endpoint is None:
            raise BrokerNotAvailable("no controller is known at the moment")
        connection = self._connection
        if connection is None or not connection.is_open or endpoint != self._endpoint:
            self.close()
            connection = self._connection = await self._connect(endpoint, self._client_id)
            self._endpoint = endpoint
        return await connection.request(request)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
