"""SASL as a client's properties describe it: sasl.mechanism selects one, sasl.jaas.config has the login.

PLAIN, SCRAM-SHA-256, SCRAM-SHA-512    transport/sasl.py
OAUTHBEARER                            oauth.py
GSSAPI                                 kerberos.py
"""

from pykafka_cli.properties.jaas import Login
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.errors import BadClientSetting
from pykafka_cli.security.jaas import login, required_option
from pykafka_cli.transport.sasl import SCRAM_MECHANISMS, OAuthBearer, Plain, SaslExchange, Scram


def sasl_exchange(settings: SecuritySettings, host: str, own: Login | None = None) -> SaslExchange | None:
    """A new exchange for one connection to the broker at `host`; None for a protocol without SASL.

    own       the login, if it is not in the client's properties: brokers have a login for each listener
    raises    BadClientSetting
    """
    if not settings.has_login:
        return None
    mechanism = settings.sasl_mechanism
    if mechanism == "GSSAPI":
        from pykafka_cli.security.kerberos import kerberos_exchange

        return kerberos_exchange(settings, host, own or login(settings))
    if mechanism == "OAUTHBEARER":
        from pykafka_cli.security.oauth import bearer_token, extensions

        its = own or login(settings)
        return OAuthBearer(lambda: bearer_token(settings, its), extensions(its))
    if mechanism == "PLAIN":
        return Plain(*_user_and_password(own or login(settings)))
    if mechanism in SCRAM_MECHANISMS:
        its = own or login(settings)
        by_token = its.options.get("tokenauth", "").lower() == "true"
        return Scram(mechanism, *_user_and_password(its), by_token=by_token)
    others = ", ".join(SCRAM_MECHANISMS)
    raise BadClientSetting(f"sasl.mechanism {mechanism} is not supported; use PLAIN, {others}, OAUTHBEARER or GSSAPI")


def _user_and_password(its: Login) -> tuple[str, str]:
    return required_option(its, "username"), required_option(its, "password")
