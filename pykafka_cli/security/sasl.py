"""SASL as a client's properties describe it: sasl.mechanism selects one, sasl.jaas.config has the login.

PLAIN, SCRAM-SHA-256, SCRAM-SHA-512    transport/sasl.py
OAUTHBEARER                            oauth.py
GSSAPI                                 kerberos.py
"""

from collections.abc import Callable

from pykafka_cli.model import Timestamp
from pykafka_cli.properties.jaas import Login
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.errors import BadClientSetting
from pykafka_cli.security.jaas import login, required_option
from pykafka_cli.transport.sasl import SCRAM_MECHANISMS, OAuthBearer, Plain, SaslExchange, Scram
from pykafka_cli.wall_clock import now_ms

_MECHANISMS = ("PLAIN", *SCRAM_MECHANISMS, "OAUTHBEARER", "GSSAPI")


def sasl_exchange(settings: SecuritySettings, host: str) -> SaslExchange | None:
    """A new exchange for one connection to the broker at `host`; None for a protocol without SASL.

    raises    BadClientSetting
    """
    return Logins(settings).to(host)


class Logins:
    """A client's logins to its brokers, or a broker's to others: one for each connection.

    own       the login, if it is not in the client's properties: brokers have one for each listener
    now_ms    the time by which tokens expire
    token     of OAuth, if that is what it logs in with
    raises    BadClientSetting
    """

    def __init__(
        self, settings: SecuritySettings, own: Login | None = None, now_ms: Callable[[], Timestamp] = now_ms
    ) -> None:
        self._now_ms = now_ms
        self.token: Callable[[], str] | None = None
        self._new: Callable[[str], SaslExchange] | None = None
        if not settings.has_login:
            return
        if settings.sasl_mechanism not in _MECHANISMS:
            raise BadClientSetting(
                f"sasl.mechanism {settings.sasl_mechanism} is not supported; use {', '.join(_MECHANISMS[:-1])} or "
                f"{_MECHANISMS[-1]}"
            )
        self._new = self._exchanges(settings, own or login(settings))

    def to(self, host: str) -> SaslExchange | None:
        """A new exchange with the broker at `host`; None for a protocol without SASL.

        raises    BadClientSetting
        """
        return None if self._new is None else self._new(host)

    def _exchanges(self, settings: SecuritySettings, its: Login) -> Callable[[str], SaslExchange]:
        mechanism = settings.sasl_mechanism
        if mechanism == "GSSAPI":
            from pykafka_cli.security.kerberos import kerberos_exchange

            return lambda host: kerberos_exchange(settings, host, its)
        if mechanism == "OAUTHBEARER":
            from pykafka_cli.security.oauth import extensions, token_source

            token = self.token = token_source(settings, its, self._now_ms)
            return lambda _: OAuthBearer(token, extensions(its))
        if mechanism == "PLAIN":
            user, password = _user_and_password(its)
            return lambda _: Plain(user, password)
        user, password = _user_and_password(its)
        by_token = its.options.get("tokenauth", "").lower() == "true"
        return lambda _: Scram(mechanism, user, password, by_token=by_token)


def _user_and_password(its: Login) -> tuple[str, str]:
    return required_option(its, "username"), required_option(its, "password")
