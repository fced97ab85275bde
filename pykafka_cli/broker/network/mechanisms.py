"""The SASL mechanisms of a listener: for each, a factory of the broker's side of one authentication.

    PLAIN          users and passwords in the login: user_NAME="password"
    SCRAM-...      credentials in /config/users, delegation tokens
    OAUTHBEARER    oauth_tokens.py, with the keys of issuer_keys.py
    GSSAPI         kerberos_server.py, if the extra `kerberos` is installed

source  SaslChannelBuilder.createServerCallbackHandlers
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.network.jaas import server_login
from pykafka_cli.broker.network.sasl import CredentialOf, Exchange, OAuthBearerServer, PlainServer, ScramServer
from pykafka_cli.model import Milliseconds
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.jaas import Login
from pykafka_cli.rules.principal_names import KerberosNames
from pykafka_cli.rules.scram_credentials import DIGESTS, TokenLogin
from pykafka_cli.security.errors import BadClientSetting
from pykafka_cli.security.settings import security_settings
from pykafka_cli.security.tls import tls_context

if TYPE_CHECKING:
    from pykafka_cli.broker.network.issuer_keys import IssuerKeys, KeySource

_log = logging.getLogger(__name__)

PLAIN, OAUTHBEARER, GSSAPI = "PLAIN", "OAUTHBEARER", "GSSAPI"
MECHANISMS = (PLAIN, *DIGESTS, OAUTHBEARER, GSSAPI)
_USER = "user_"
_HANDLER = "sasl.server.callback.handler.class"
_SIGNED, _UNSIGNED = "OAuthBearerValidatorCallbackHandler", "OAuthBearerUnsecuredValidatorCallbackHandler"

CredentialsOf = Callable[[str], Mapping[str, str]]
"""A user's config: SCRAM credentials by mechanism, and other keys."""
TokenOf = Callable[[str, str], TokenLogin | None]
"""A delegation token, by the mechanism of the login and the token's id."""
NewExchange = Callable[[CredentialsOf, TokenOf], Exchange]


class Issuers:
    """The keys of all token issuers; those of an issuer are read once for all listeners that accept its tokens."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[KeySource, tuple[tuple[str, str], ...]], IssuerKeys] = {}

    def keys_of(self, settings: BrokerSettings, listener: str, its: Login) -> "IssuerKeys":
        """The keys of the issuer that a listener names; raises ValueError."""
        from pykafka_cli.broker.network.issuer_keys import IssuerKeys, KeySource

        of = partial(settings.for_mechanism, listener, OAUTHBEARER)
        url = of("sasl.oauthbearer.jwks.endpoint.url")
        if not url:
            raise ValueError(f"{_SIGNED} needs sasl.oauthbearer.jwks.endpoint.url, where the issuer's keys are")
        prefix = "sasl.oauthbearer.jwks.endpoint."
        source = KeySource(
            url,
            Milliseconds(of(f"{prefix}refresh.ms")),
            Milliseconds(of(f"{prefix}retry.backoff.ms")),
            Milliseconds(of(f"{prefix}retry.backoff.max.ms")),
        )
        about_tls = {name: value for name, value in its.options.items() if name.startswith("ssl.")}
        key = source, tuple(sorted(about_tls.items()))
        if key not in self._known:
            try:
                tls = tls_context(security_settings({"security.protocol": "SSL", **about_tls}))
            except BadClientSetting as error:
                raise ValueError(str(error)) from None
            self._known[key] = IssuerKeys(source, tls, self._clock)
        return self._known[key]

    def close(self) -> None:
        for keys in self._known.values():
            keys.stop()


class Mechanisms:
    """The mechanisms that a listener offers.

    names     in the order of sasl.enabled.mechanisms
    raises    ValueError if a mechanism is unknown, or has no users
    """

    def __init__(self, settings: BrokerSettings, listener: str, clock: Clock, issuers: Issuers) -> None:
        self._settings, self._listener, self._clock, self._issuers = settings, listener, clock, issuers
        self._keys: list[IssuerKeys] = []
        self.names: tuple[str, ...] = settings.for_listener(listener, "sasl.enabled.mechanisms")
        if unknown := [name for name in self.names if name not in MECHANISMS]:
            raise ValueError(f"sasl.enabled.mechanisms has {', '.join(unknown)}; there are {', '.join(MECHANISMS)}")
        if not self.names:
            raise ValueError("sasl.enabled.mechanisms is empty, and nobody could log in")
        self.new: dict[str, NewExchange] = {name: self._maker(name) for name in self.names}

    def start(self) -> None:
        """Start to follow changes outside the broker."""
        for keys in self._keys:
            keys.start()

    def max_reauth_ms(self, mechanism: str) -> int:
        """connections.max.reauth.ms."""
        limit: int = self._settings.for_mechanism(self._listener, mechanism, "connections.max.reauth.ms")
        return limit

    def _maker(self, mechanism: str) -> NewExchange:
        if mechanism == PLAIN:
            options = server_login(self._settings, self._listener, PLAIN).options
            passwords = {name.removeprefix(_USER): text for name, text in options.items() if name.startswith(_USER)}
            return lambda _credentials, _tokens: PlainServer(passwords)
        if mechanism == OAUTHBEARER:
            return self._tokens(server_login(self._settings, self._listener, OAUTHBEARER))
        if mechanism == GSSAPI:
            return self._tickets(server_login(self._settings, self._listener, GSSAPI))
        return lambda credentials, tokens: ScramServer(
            mechanism, _credential_of(credentials, mechanism), secrets.token_hex(16), partial(tokens, mechanism)
        )

    def _tokens(self, its: Login) -> NewExchange:
        from pykafka_cli.broker.network.oauth_tokens import SignedTokens, UnsignedTokens

        judge = (self._settings.for_mechanism(self._listener, OAUTHBEARER, _HANDLER) or _UNSIGNED).rpartition(".")[2]
        if judge not in (_SIGNED, _UNSIGNED):
            raise ValueError(f"{_HANDLER} must be Kafka's {_SIGNED} or {_UNSIGNED}, not {judge}")
        if judge == _UNSIGNED:
            unsigned = UnsignedTokens(its.options, self._clock.now_ms)
            _log.warning(
                "listener %s accepts unsigned tokens, which anybody can make; %s=...%s requires signed ones",
                self._listener,
                _HANDLER,
                _SIGNED,
            )
            return lambda _credentials, _tokens: OAuthBearerServer(unsigned.check)
        of = partial(self._settings.for_mechanism, self._listener, OAUTHBEARER)
        keys = self._issuers.keys_of(self._settings, self._listener, its)
        self._keys.append(keys)
        signed = SignedTokens(
            lambda: keys.keys,
            keys.miss,
            now_ms=self._clock.now_ms,
            skew_s=of("sasl.oauthbearer.clock.skew.seconds"),
            issuer=of("sasl.oauthbearer.expected.issuer"),
            audiences=of("sasl.oauthbearer.expected.audience") or (),
            user_claim=of("sasl.oauthbearer.sub.claim.name"),
        )
        return lambda _credentials, _tokens: OAuthBearerServer(signed.check)

    def _tickets(self, its: Login) -> NewExchange:
        if find_spec("gssapi") is None:
            raise ValueError(
                "GSSAPI in sasl.enabled.mechanisms needs the Python package gssapi: pip install 'pk-kafka[kerberos]'"
            )
        from pykafka_cli.broker.network.kerberos_server import KerberosServer, acceptor, default_realm

        rules = self._settings.for_mechanism(self._listener, GSSAPI, "sasl.kerberos.principal.to.local.rules")
        names, credentials = KerberosNames(rules, default_realm()), acceptor(its)
        return lambda _credentials, _tokens: KerberosServer(credentials, names.user)


def _credential_of(credentials_of: CredentialsOf, mechanism: str) -> CredentialOf:
    return lambda user: credentials_of(user).get(mechanism)
