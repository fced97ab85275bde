"""Authentication of clients on listeners with TLS or SASL.

    sasl.enabled.mechanisms                           of each listener, or of all
    listener.name.NAME.plain.sasl.jaas.config         PlainLoginModule: user_NAME="password" for each user
    plain.sasl.jaas.config, KafkaServer in the file   the same for all listeners
      that KAFKA_OPTS names
    /config/users in ZooKeeper                        SCRAM credentials, as `pk configs --entity-type users` sets them
    connections.max.reauth.ms                         how long a login lasts, of each mechanism or of all
    connection.failed.authentication.delay.ms         how long a rejection waits, to slow down guessing

A client says which mechanism it wants (SaslHandshake), then tokens are exchanged: in SaslAuthenticate, or, after
SaslHandshake 0, in frames that hold nothing else. Until it is authenticated it may request only ApiVersions.

A login lasts as long as connections.max.reauth.ms and its token allow; then the client may do nothing but log in again,
by the same mechanism and as the same user.

source  SaslServerAuthenticator, JaasContext (KIP-43, KIP-103, KIP-152, KIP-368)
"""

from collections.abc import Callable, Mapping
from functools import partial

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.errors import IllegalSaslState, SaslAuthenticationFailed, UnsupportedSaslMechanism
from pykafka_cli.broker.network.mechanisms import CredentialsOf, Issuers, Mechanisms, TokenOf
from pykafka_cli.broker.network.sasl import AnsweredRefusal, Exchange, ExplainedRefusal, Refusal
from pykafka_cli.model import NO_TIME, Seconds, Timestamp, in_seconds
from pykafka_cli.properties.broker import BrokerSettings

ANONYMOUS = "User:ANONYMOUS"
_SHOWN = 200
"""Characters of what a client may have sent, in the log."""


class Authentication:
    """The authentication of one connection."""

    def __init__(
        self,
        mechanisms: Mapping[str, Callable[[], Exchange]],
        now_ms: Callable[[], int] = lambda: 0,
        max_reauth_ms: Callable[[str], int] = lambda _: 0,
        delay_of_rejections: Seconds = NO_TIME,
    ) -> None:
        """max_reauth_ms    how long a login by a mechanism lasts at most; 0: there is no limit"""
        self._now_ms, self._max_reauth_ms = now_ms, max_reauth_ms
        self._delay_of_rejections = delay_of_rejections
        self.expiry_ms: Timestamp | None = None
        """When the login ends, in ms since the epoch; None if it lasts as long as the connection, or is under way."""
        self.mechanisms = tuple(mechanisms)
        self.takes_bare_tokens = False
        self.is_refused = False
        """Whether to close the connection after the response."""
        self.rejection = ""
        """Why the client is not logged in, for the log; empty unless it was rejected."""
        self.delay = NO_TIME
        """How long the response waits, and with it the end of the connection, as the login was rejected."""
        self._new_exchange = mechanisms
        self._mechanism = ""
        self._exchange: Exchange | None = None
        self._earlier: tuple[str, str] | None = None
        """Mechanism and principal before the re-authentication that is under way (KIP-368)."""

    @property
    def principal(self) -> str:
        return ANONYMOUS if self._exchange is None or self._exchange.user is None else f"User:{self._exchange.user}"

    @property
    def is_complete(self) -> bool:
        return self._exchange is not None and self._exchange.user is not None

    @property
    def is_by_token(self) -> bool:
        """Whether the client has logged in with a delegation token."""
        return self._exchange is not None and self.is_complete and self._exchange.has_delegation_token

    def choose(self, mechanism: str, *, bare: bool) -> None:
        """SaslHandshake; `bare` if tokens will come without SaslAuthenticate around them.

        raises    UnsupportedSaslMechanism, IllegalSaslState
        """
        if self._exchange is not None and self.expiry_ms is None:
            if not self.is_complete:
                self._refuse("it sent SaslHandshake after it chose a mechanism")
            raise IllegalSaslState("SaslHandshake request received after a mechanism was chosen")
        if mechanism not in self._new_exchange:
            self._refuse(f"it chose {mechanism[:_SHOWN]!r}; this listener offers {', '.join(self.mechanisms)}")
            raise UnsupportedSaslMechanism(None)
        if self.is_complete:
            self._earlier = self._mechanism, self.principal
        self._mechanism, self.expiry_ms = mechanism, None
        self._exchange = self._new_exchange[mechanism]()
        self.takes_bare_tokens = bare

    def respond(self, token: bytes) -> bytes:
        """The response to a client's token.

        raises    SaslAuthenticationFailed, IllegalSaslState
        """
        if self._exchange is None or self.is_complete:
            if self._exchange is None:
                self._refuse("it sent SaslAuthenticate before it chose a mechanism")
            raise IllegalSaslState("SaslAuthenticate request received out of turn")
        try:
            self._ensure_same_mechanism()
            answer = self._exchange.respond(token)
        except AnsweredRefusal as refusal:
            self.rejection = self._rejection(str(refusal))
            return refusal.answer
        except Refusal as refusal:
            self._reject(str(refusal))
            if isinstance(refusal, ExplainedRefusal):
                raise SaslAuthenticationFailed(str(refusal)) from None
            raise SaslAuthenticationFailed(
                f"Authentication failed during {'authentication' if self._earlier is None else 're-authentication'} "
                f"due to invalid credentials with SASL mechanism {self._mechanism}"
            ) from None
        if self.is_complete:
            self._ensure_same_principal()
            self.takes_bare_tokens = False
            self.expiry_ms = self._end_of_login(self._exchange.token_expiry_ms)
        return answer

    def _refuse(self, why: str) -> None:
        self.is_refused, self.rejection = True, self.rejection or why

    def _reject(self, why: str) -> None:
        self._refuse(self._rejection(why))
        self.delay = self._delay_of_rejections

    def _rejection(self, why: str) -> str:
        return f"its login by {self._mechanism} was rejected: {why[:_SHOWN]!r}"

    def _end_of_login(self, token_expiry_ms: Timestamp | None) -> Timestamp | None:
        limit = self._max_reauth_ms(self._mechanism)
        ends = [] if token_expiry_ms is None else [token_expiry_ms]
        return min(ends + ([Timestamp(self._now_ms() + limit)] if limit > 0 else []), default=None)

    def _ensure_same_mechanism(self) -> None:
        if self._earlier is not None and self._earlier[0] != self._mechanism:
            why = (
                f"SASL mechanism '{self._mechanism}' requested by client is not supported for re-authentication of "
                f"mechanism '{self._earlier[0]}'"
            )
            self._reject(why)
            raise SaslAuthenticationFailed(why)

    def _ensure_same_principal(self) -> None:
        if self._earlier is not None and self._earlier[1] != self.principal:
            before, now = (each.replace(":", ".", 1) for each in (self._earlier[1], self.principal))
            self._exchange = None
            why = f"Cannot change principals during re-authentication from {before}: {now}"
            self._reject(why)
            raise SaslAuthenticationFailed(why)


class Authenticator:
    """Begins the authentication of a listener's connections.

    raises    ValueError where a mechanism is unknown, or has no users
    """

    def __init__(self, settings: BrokerSettings, listener: str, clock: Clock, issuers: Issuers) -> None:
        self._settings, self._clock = settings, clock
        self._mechanisms = Mechanisms(settings, listener, clock, issuers)

    def start(self) -> None:
        """Follow what changes outside the broker."""
        self._mechanisms.start()

    def begin(self, credentials_of: CredentialsOf, token_of: TokenOf = lambda *_: None) -> Authentication:
        """For a new connection."""
        return Authentication(
            {name: partial(new, credentials_of, token_of) for name, new in self._mechanisms.new.items()},
            self._clock.now_ms,
            self._mechanisms.max_reauth_ms,
            in_seconds(self._settings.connection_failed_authentication_delay_ms),
        )
