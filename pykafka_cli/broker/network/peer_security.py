"""How this broker connects to the other brokers and to itself: as a client of the inter-broker listener.

    security.inter.broker.protocol, or inter.broker.listener.name with the map of protocols
    ssl.*                                   those of the listener; a broker shows the certificate in its key store
    sasl.mechanism.inter.broker.protocol    with username and password, tickets or a token in the mechanism's login

source  ChannelBuilders.clientChannelBuilder, NodeToControllerChannelManager, BrokerBlockingSender
"""

import asyncio
import ssl

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.network.jaas import server_login
from pykafka_cli.broker.network.tls import listener_tls, security_of_listener
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.jaas import Login
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.errors import BadClientSetting
from pykafka_cli.security.sasl import Logins
from pykafka_cli.security.tls import tls_context
from pykafka_cli.transport.sasl import SaslExchange

_MOST_FLIGHTS = 10  # of messages in a handshake


class PeerSecurity:
    """TLS and the login of a broker toward the other brokers.

    A token of OAuth is requested at the start, and another one before it expires, whether or not a connection needs it.
    Without a token, connections fail.

    tls       None if the listener does not use TLS
    raises    ValueError, from `__init__` and `reload`
    """

    def __init__(self, settings: BrokerSettings, clock: Clock) -> None:
        self._broker, self._clock = settings, clock
        self._basis: object = None
        self._renewal: asyncio.Task[None] | None = None
        self.reload()

    async def stop(self) -> None:
        """Request no more tokens."""
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None

    def reload(self) -> None:
        """Read the stores and the login again, for new connections."""
        broker, login = self._broker, _login(self._broker)
        mechanism = broker.sasl_mechanism_inter_broker_protocol
        settings = security_of_listener(broker, broker.inter_broker_listener, mechanism)
        try:
            tls = tls_context(settings)
            basis = {name: settings[name] for name in SecuritySettings.KEYS}, login
            if is_new := basis != self._basis:
                logins = Logins(settings, login, self._clock.now_ms)
                logins.to("localhost")
            if tls is not None:
                _ensure_trusts_itself(broker, settings)
        except BadClientSetting as error:
            raise ValueError(str(error)) from None
        self.tls: ssl.SSLContext | None = tls
        if is_new:
            self._basis, self._logins = basis, logins
            self._renew_tokens()

    def login(self, host: str) -> SaslExchange | None:
        """A new login to the broker at `host`; None if the listener requires none."""
        return self._logins.to(host)

    def _renew_tokens(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None
        if self._logins.token is None:
            return
        from pykafka_cli.security.shared_token import SharedToken, keep_fresh

        if isinstance(self._logins.token, SharedToken):
            work = keep_fresh(self._logins.token, self._clock.now_ms, self._clock.sleep)
            self._renewal = asyncio.get_running_loop().create_task(work, name="token of this broker")


def _ensure_trusts_itself(broker: BrokerSettings, settings: SecuritySettings) -> None:
    """Check that this broker accepts its own certificate, apart from host names; raises ValueError.

    source    SslFactory, SslEngineValidator
    """
    listener = broker.inter_broker_listener
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = tls_context(settings)
    assert trusting
    trusting.check_hostname = False
    sides = [
        trusting.wrap_bio(to_client, to_server),
        listener_tls(broker, listener).context.wrap_bio(to_server, to_client, server_side=True),
    ]
    try:
        for _ in range(_MOST_FLIGHTS):
            sides = [side for side in sides if not _is_done(side)]
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", None) or error.reason or error
        raise ValueError(
            f"brokers would not accept each other on listener {listener}, as this one does not accept its own "
            f"certificate: {reason}"
        ) from None


def _is_done(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _login(broker: BrokerSettings) -> Login | None:
    listener, mechanism = broker.inter_broker_listener, broker.sasl_mechanism_inter_broker_protocol
    if not broker.protocol_map[listener].authenticates:
        return None
    if mechanism not in broker.for_listener(listener, "sasl.enabled.mechanisms"):
        raise ValueError(
            "sasl.mechanism.inter.broker.protocol must be included in sasl.enabled.mechanisms when SASL is used for "
            "inter-broker communication"
        )
    return server_login(broker, listener, mechanism)
