"""The broker's listeners: a socket each; idle clients are disconnected, and all are drained at the end.

server = SocketServer(settings, clock, metrics)
endpoints = await server.bind()         # ports are known, no connection is accepted yet
await server.serve(dispatcher.answer)
...
await server.stop(grace=1.0)
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from pykafka_cli.broker.clock import Clock, Timer
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.authentication import Authentication, Authenticator
from pykafka_cli.broker.network.connection import Answer, Connection, Service
from pykafka_cli.broker.network.connection_rates import ConnectionRates
from pykafka_cli.broker.network.exposure import exposures
from pykafka_cli.broker.network.limits import ConnectionLimits, Intake
from pykafka_cli.broker.network.listening import backlog, listening_sockets
from pykafka_cli.broker.network.mechanisms import CredentialsOf, Issuers, TokenOf
from pykafka_cli.broker.network.memory import Memory
from pykafka_cli.broker.network.principals import Principals
from pykafka_cli.broker.network.tls import ensure_may_follow, listener_tls
from pykafka_cli.broker.network.tls_door import TlsDoor
from pykafka_cli.model import Seconds, in_seconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.listeners import Listener
from pykafka_cli.repeated_lines import RepeatedLines
from pykafka_cli.tls.port import TlsPort

_log = logging.getLogger(__name__)

_MAX_SWEEP_INTERVAL = 30.0  # seconds
_HANDSHAKE_SECONDS = Seconds(10.0)
"""How long a client may take for its half of a TLS handshake."""
_OFFER_KEYS = ("ssl.enabled.protocols", "ssl.cipher.suites")


class CannotListen(Exception):
    """A listener cannot be opened: the port is in use, the host is not ours, or its certificate cannot be used."""


class _Security:
    """The security of a listener by its current settings: who may connect, and how.

    tls       None where the listener does not encrypt
    raises    ValueError
    """

    def __init__(self, settings: BrokerSettings, listener: Listener, clock: Clock, issuers: Issuers) -> None:
        self.authenticator: Authenticator | None = None
        if listener.protocol.authenticates:
            self.authenticator = Authenticator(settings, listener.name, clock, issuers)
        self.tls = listener_tls(settings, listener.name) if listener.protocol.encrypts else None
        self.principals = Principals(settings, listener)
        self._offer = tuple(settings.for_listener(listener.name, name) for name in _OFFER_KEYS)

    def differs_in_tls(self, other: "_Security") -> bool:
        if self.tls is None or other.tls is None:
            return False
        return (self.tls[1:], self.tls.context.verify_mode, self._offer) != (
            other.tls[1:],
            other.tls.context.verify_mode,
            other._offer,
        )


@dataclass
class _Bound:
    """A listener with its sockets, and what accepts on copies of them."""

    listener: Listener
    sockets: list[socket.socket]
    security: _Security
    service: Service | None = None
    servers: list[asyncio.Server] = field(default_factory=list)
    tls_ports: list[TlsPort[Connection]] = field(default_factory=list)

    def start(self) -> None:
        if self.security.authenticator is not None:
            self.security.authenticator.start()

    def close_sockets(self) -> None:
        for each in self.sockets:
            each.close()

    def begin_login(self, credentials_of: CredentialsOf, token_of: TokenOf) -> Authentication:
        assert self.security.authenticator
        return self.security.authenticator.begin(credentials_of, token_of)

    def principal_of(self, transport: asyncio.BaseTransport) -> str:
        return self.security.principals.of(transport)


class SocketServer:
    """All listeners of one broker."""

    def __init__(
        self,
        settings: BrokerSettings,
        clock: Clock,
        metrics: Metrics,
        listen: Callable[[Listener, BrokerSettings], list[socket.socket]] = listening_sockets,
    ) -> None:
        self._settings, self._clock, self._metrics = settings, clock, metrics
        self._listen = listen
        self._limits, self._intake = ConnectionLimits(settings), Intake(settings)
        self.rates = ConnectionRates(settings, clock)
        """How fast connections may be made; to be told of the quotas of addresses."""
        self._memory = Memory(settings, clock)
        self._lines = RepeatedLines(clock)
        self._bound: list[_Bound] = []
        self._services: list[Service] = []
        self._reloading = asyncio.Lock()
        self._issuers = Issuers(clock)
        self._sweep: Timer | None = None

    @property
    def endpoints(self) -> tuple[Listener, ...]:
        """Where it listens, with the ports that it really has."""
        return tuple(each.listener for each in self._bound)

    async def bind(self) -> tuple[Listener, ...]:
        """Bind all ports, without accepting connections; `endpoints` afterwards.

        raises    CannotListen; then no port is held
        """
        try:
            for listener in self._settings.listener_list:
                security = self._security(listener)
                sockets = self._listen(listener, self._settings)
                port = sockets[0].getsockname()[1]
                self._bound.append(_Bound(replace(listener, port=port), sockets, security))
                for line in exposures(self._settings, listener):
                    _log.warning("%s", line)
        except OSError as error:
            self._release()
            raise CannotListen(f"cannot listen on {listener}: {_reason(error)}") from error
        except ValueError as error:
            self._release()
            raise CannotListen(f"cannot listen on {listener}: {error}") from error
        if not self._settings.has_listeners:
            _log.info("listeners is not set, so only this machine can connect; PLAINTEXT://:9092 would let others in")
        return self.endpoints

    async def serve(
        self, answer: Answer, credentials_of: CredentialsOf = lambda _: {}, token_of: TokenOf = lambda *_: None
    ) -> None:
        """Accept connections on what `bind` bound, and let `answer` serve their requests.

        credentials_of    gives a user's config, for the listeners that want a login by SCRAM
        token_of          gives a delegation token, for the same
        """
        for bound in self._bound:
            service = Service(
                bound.listener.name,
                answer,
                self._clock,
                self._metrics,
                self._limits,
                self.rates,
                self._intake,
                self._memory,
                self._lines,
                self._settings.socket_request_max_bytes,
                partial(bound.begin_login, credentials_of, token_of) if bound.listener.protocol.authenticates else None,
                self._settings.sasl_server_max_receive_size,
                bound.principal_of,
            )
            self._services.append(service)
            bound.service = service
            bound.start()
            await self._accept(bound)
        self._sweep_later()

    def _security(self, listener: Listener) -> _Security:
        return _Security(self._settings, listener, self._clock, self._issuers)

    async def _accept(self, bound: "_Bound") -> None:
        """Accept connections on copies of a listener's sockets."""
        assert bound.service
        tls, waiting = bound.security.tls, backlog(self._settings)
        for each in bound.sockets:
            if tls is None:
                make = partial(Connection, bound.service)
                server = await asyncio.get_running_loop().create_server(make, sock=each.dup(), backlog=waiting)
                bound.servers.append(server)
            else:
                door = TlsDoor(bound.service)
                bound.tls_ports.append(TlsPort(door, each.dup(), tls.context, _HANDSHAKE_SECONDS))

    def ensure_usable(self) -> None:
        """Raise ConfigError unless all listeners can use the settings as they are by now."""
        for bound in self._bound:
            try:
                new = self._security(bound.listener)
            except ValueError as error:
                raise ConfigError(f"listener {bound.listener.name} cannot use this: {error}") from None
            if bound.security.tls and new.tls:
                ensure_may_follow(self._settings, bound.listener.name, bound.security.tls, new.tls)

    async def reload(self) -> None:
        """Take over certificates, users and rules that have changed; connections that are open stay."""
        async with self._reloading:
            for bound in self._bound:
                try:
                    new = self._security(bound.listener)
                except ValueError as error:
                    _log.error("listener %s keeps the security that it has: %s", bound.listener.name, error)
                    continue
                is_other = bound.security.differs_in_tls(new)
                bound.security = new
                if bound.service is not None:
                    bound.start()
                if is_other and new.tls is not None and bound.service is not None:
                    for port in bound.tls_ports:
                        port.context = new.tls.context
                    _log.info("listener %s has loaded its key store and trust store again", bound.listener.name)

    async def stop(self, grace: Seconds) -> None:
        """Stop accepting, wait up to `grace` seconds for responses under way, and close everything."""
        for bound in self._bound:
            for server in bound.servers:
                server.close()
            bound.servers.clear()
            for port in bound.tls_ports:
                await port.close()
            bound.tls_ports.clear()
            bound.close_sockets()
        self._issuers.close()
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in self._connections():
            connection.finish()
        await asyncio.sleep(0)
        under_way = {connection.worker for connection in self._connections()}
        workers = [worker for service in self._services for worker in service.workers]
        for worker in workers:
            if worker not in under_way:
                worker.cancel()  # its client is gone
        if workers:
            await asyncio.wait(workers, timeout=grace)
        await asyncio.sleep(0)  # closes those that have nothing left to send
        for connection in self._connections():
            connection.end("shutdown", "the broker stops", logging.DEBUG, at_once=True)
        for worker in workers:
            worker.cancel()
        if workers:
            await asyncio.wait(workers)
        self._lines.close()
        self._release()

    def _connections(self) -> list[Connection]:
        return [connection for service in self._services for connection in service.connections]

    def _release(self) -> None:
        for bound in self._bound:
            bound.close_sockets()
        self._bound.clear()

    def _sweep_later(self) -> None:
        limit = in_seconds(self._settings.connections_max_idle_ms)
        interval = _MAX_SWEEP_INTERVAL if limit < 0 else min(limit / 2, _MAX_SWEEP_INTERVAL)
        self._sweep = self._clock.call_later(Seconds(interval), self._close_idle)

    def _close_idle(self) -> None:
        limit = in_seconds(self._settings.connections_max_idle_ms)
        if limit >= 0:
            since = self._clock.monotonic() - limit
            for connection in (each for each in self._connections() if each.is_idle(since)):
                connection.end("idle", f"idle for connections.max.idle.ms={self._settings.connections_max_idle_ms}")
        self._sweep_later()


def _reason(error: OSError) -> str:
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]
