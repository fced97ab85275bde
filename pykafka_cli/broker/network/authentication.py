"""Authentication of clients on listeners with TLS or SASL.

    sasl.enabled.mechanisms                           of each listener, or of all
    listener.name.NAME.plain.sasl.jaas.config         PlainLoginModule: user_NAME="password" for each user
    plain.sasl.jaas.config, KafkaServer in the file   the same for all listeners
      that KAFKA_OPTS names
    /config/users in ZooKeeper                        SCRAM credentials, as `pk configs --entity-type users` sets them

A client says which mechanism it wants (SaslHandshake), then tokens go to and fro: in SaslAuthenticate, or, after
SaslHandshake 0, in frames that hold nothing else. Until it has a name it may ask for nothing but ApiVersions.

A login with a delegation token lasts until the token expires, unless the client logs in again before, by the same
mechanism and as the same user.

source  SaslServerAuthenticator, JaasContext (KIP-43, KIP-103, KIP-152, KIP-368)
"""

import secrets
from collections.abc import Callable, Mapping
from functools import partial

from pykafka_cli.broker.errors import IllegalSaslState, SaslAuthenticationFailed, UnsupportedSaslMechanism
from pykafka_cli.broker.network.jaas import server_login
from pykafka_cli.broker.network.sasl import (
    CredentialOf,
    Exchange,
    PlainServer,
    Refusal,
    ScramServer,
)
from pykafka_cli.model import Timestamp
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.rules.scram_credentials import DIGESTS, TokenLogin

ANONYMOUS = "User:ANONYMOUS"
PLAIN = "PLAIN"
_USER = "user_"

CredentialsOf = Callable[[str], Mapping[str, str]]
"""A user's config: SCRAM credentials by mechanism, and whatever else is there."""
TokenOf = Callable[[str, str], TokenLogin | None]
"""A delegation token, by the mechanism of the login and the token's id."""


class Authentication:
    """One connection's way to a name."""

    def __init__(self, mechanisms: Mapping[str, Callable[[], Exchange]]) -> None:
        self.mechanisms = tuple(mechanisms)
        self.takes_bare_tokens = False
        self.is_refused = False
        """Whether the connection is to be closed once that is said."""
        self._new_exchange = mechanisms
        self._mechanism = ""
        self._exchange: Exchange | None = None
        self._earlier: tuple[str, str] | None = None
        """Mechanism and principal before the client began to log in again."""

    @property
    def principal(self) -> str:
        return ANONYMOUS if self._exchange is None or self._exchange.user is None else f"User:{self._exchange.user}"

    @property
    def is_complete(self) -> bool:
        return self._exchange is not None and self._exchange.user is not None

    @property
    def expiry_ms(self) -> Timestamp | None:
        """When the login ends, in ms since the epoch; None if it lasts as long as the connection, or is under way."""
        return self._exchange.token_expiry_ms if self._exchange is not None and self.is_complete else None

    @property
    def is_by_token(self) -> bool:
        """Whether the client has logged in with a delegation token."""
        return self.expiry_ms is not None

    def choose(self, mechanism: str, *, bare: bool) -> None:
        """SaslHandshake; `bare` if tokens will come without SaslAuthenticate around them.

        raises    UnsupportedSaslMechanism, IllegalSaslState
        """
        if self._exchange is not None and self.expiry_ms is None:
            self.is_refused = not self.is_complete
            raise IllegalSaslState("SaslHandshake request received after a mechanism was chosen")
        if mechanism not in self._new_exchange:
            self.is_refused = True
            raise UnsupportedSaslMechanism(None)
        if self.is_complete:
            self._earlier = self._mechanism, self.principal
        self._mechanism = mechanism
        self._exchange = self._new_exchange[mechanism]()
        self.takes_bare_tokens = bare

    def respond(self, token: bytes) -> bytes:
        """The response to a client's token.

        raises    SaslAuthenticationFailed, IllegalSaslState
        """
        if self._exchange is None or self.is_complete:
            self.is_refused = self._exchange is None
            raise IllegalSaslState("SaslAuthenticate request received out of turn")
        try:
            self._ensure_same_mechanism()
            answer = self._exchange.respond(token)
        except Refusal as refusal:
            self.is_refused = True
            if self._mechanism == PLAIN:
                raise SaslAuthenticationFailed(str(refusal)) from None
            raise SaslAuthenticationFailed(
                "Authentication failed during authentication due to invalid credentials with SASL mechanism "
                + self._mechanism
            ) from None
        if self.is_complete:
            self._ensure_same_principal()
            self.takes_bare_tokens = False
        return answer

    def _ensure_same_mechanism(self) -> None:
        if self._earlier is not None and self._earlier[0] != self._mechanism:
            self.is_refused = True
            raise SaslAuthenticationFailed(
                f"SASL mechanism '{self._mechanism}' requested by client is not supported for re-authentication of "
                f"mechanism '{self._earlier[0]}'"
            )

    def _ensure_same_principal(self) -> None:
        if self._earlier is not None and self._earlier[1] != self.principal:
            before, now = (each.replace(":", ".", 1) for each in (self._earlier[1], self.principal))
            self._exchange, self.is_refused = None, True
            raise SaslAuthenticationFailed(f"Cannot change principals during re-authentication from {before}: {now}")


class Authenticator:
    """What a listener's connections begin with.

    raises    ValueError where a mechanism is unknown, or has no users
    """

    def __init__(self, settings: BrokerSettings, listener: str) -> None:
        self._passwords: Mapping[str, str] = {}
        self._names: tuple[str, ...] = settings.for_listener(listener, "sasl.enabled.mechanisms")
        if unknown := [name for name in self._names if name != PLAIN and name not in DIGESTS]:
            others = ", ".join(DIGESTS)
            raise ValueError(f"sasl.enabled.mechanisms has {', '.join(unknown)}; there are {PLAIN}, {others}")
        if not self._names:
            raise ValueError("sasl.enabled.mechanisms is empty, and nobody could log in")
        if PLAIN in self._names:
            options = server_login(settings, listener, PLAIN).options
            self._passwords = {
                name.removeprefix(_USER): password for name, password in options.items() if name.startswith(_USER)
            }

    def begin(self, credentials_of: CredentialsOf, token_of: TokenOf = lambda *_: None) -> Authentication:
        """For a new connection."""
        mechanisms: dict[str, Callable[[], Exchange]] = {}
        for name in self._names:
            if name == PLAIN:
                mechanisms[name] = lambda: PlainServer(self._passwords)
            else:
                mechanisms[name] = lambda name=name: ScramServer(  # type: ignore[misc]
                    name, _credential_of(credentials_of, name), secrets.token_hex(16), partial(token_of, name)
                )
        return Authentication(mechanisms)


def _credential_of(credentials_of: CredentialsOf, mechanism: str) -> CredentialOf:
    return lambda user: credentials_of(user).get(mechanism)
