"""Logins in a broker's configuration: its users, and its own login to other brokers.

    listener.name.NAME.MECHANISM.sasl.jaas.config     of one listener
    MECHANISM.sasl.jaas.config                        of all listeners
    NAME.KafkaServer, otherwise KafkaServer           in the file that KAFKA_OPTS names

source  JaasContext.loadServerContext (KIP-103, KIP-226)
"""

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.jaas import Login, login_file, read_login_file, read_logins

_ENTRY = "KafkaServer"
_MODULES = {
    "PLAIN": "PlainLoginModule",
    "SCRAM-SHA-256": "ScramLoginModule",
    "SCRAM-SHA-512": "ScramLoginModule",
    "OAUTHBEARER": "OAuthBearerLoginModule",
    "GSSAPI": "Krb5LoginModule",
}


def server_login(settings: BrokerSettings, listener: str, mechanism: str) -> Login:
    """The login module of a mechanism on a listener.

    raises    ValueError, naming the key that is missing or wrong
    """
    key = f"listener.name.{listener.lower()}.{mechanism.lower()}.sasl.jaas.config"
    text = settings.text_for_listener(listener, "sasl.jaas.config", mechanism)
    if text is not None:
        logins = read_logins(text)
    elif file := login_file():
        entries = read_login_file(file)
        logins = entries.get(f"{listener.lower()}.{_ENTRY}", entries.get(_ENTRY, []))
    else:
        raise ValueError(f"{key} is not set; it has the login for {mechanism}")
    for login in logins:
        if login.name == _MODULES[mechanism]:
            return login
    raise ValueError(f"{key} has no {_MODULES[mechanism]}")
