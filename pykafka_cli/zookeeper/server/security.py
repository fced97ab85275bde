"""A server's security according to its settings: the TLS of its secure port, and how clients authenticate."""

import ssl
from pathlib import Path

from pykafka_cli.properties.jaas import BadLogin, login_file, read_login_file
from pykafka_cli.properties.keys import ConfigError, Password
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.properties.zookeeper_security import DIGEST_ALGORITHMS
from pykafka_cli.tls.contexts import BadTlsSetting
from pykafka_cli.tls.stores import BadStore
from pykafka_cli.zookeeper.server.authentication import Authentication
from pykafka_cli.zookeeper.tls import Store, Versions, server_context

_LOGIN_MODULE = "DigestLoginModule"
_USER = "user_"
_SUPER = "super"


def tls_of(settings: ZooKeeperSettings) -> ssl.SSLContext | None:
    """The SSL context of ports with TLS; None without such a port. Raises ConfigError."""
    if not settings.has_tls:
        return None
    versions = Versions(settings.tls_protocol, settings.ssl_enabled_protocols, settings.ssl_cipher_suites)
    try:
        return server_context(
            versions, _store(settings, "keyStore"), _store(settings, "trustStore"), settings.ssl_client_auth.upper()
        )
    except (BadStore, BadTlsSetting) as error:
        port = "clientPort with TLS" if settings.secure_client_port is None else "secureClientPort"
        raise ConfigError(f"{port} cannot be opened: {error}") from None


def admin_tls_of(settings: ZooKeeperSettings) -> ssl.SSLContext | None:
    """The SSL context of the admin server; None without TLS. Raises ConfigError.

    As in ZooKeeper, it has the stores for connections between servers.
    """
    if not settings.has_admin_tls:
        return None
    client_auth = "NEED" if settings.admin_need_client_auth else "NONE"
    try:
        return server_context(
            Versions("TLS"), _store(settings, "quorum.keyStore"), _store(settings, "quorum.trustStore"), client_auth
        )
    except (BadStore, BadTlsSetting) as error:
        raise ConfigError(f"the admin server cannot use TLS: {error}") from None


def authentication_of(settings: ZooKeeperSettings) -> Authentication:
    """How clients authenticate; reads the login file that KAFKA_OPTS names. Raises ConfigError."""
    passwords = _passwords(settings)
    required = settings.required_schemes
    if "sasl" in required and passwords is None:
        raise ConfigError(
            "clients must log in by SASL, but no login file with an entry "
            f"{settings.sasl_server_config} has their passwords; KAFKA_OPTS=-Djava.security.auth.login.config=FILE "
            "names one"
        )
    return Authentication(
        settings.schemes | (frozenset() if passwords is None else {"sasl"}),
        required,
        passwords,
        DIGEST_ALGORITHMS[settings.digest_algorithm],
        _value(settings.super_digest),
        settings.x509_super_user,
        settings.sasl_super_users,
    )


def _passwords(settings: ZooKeeperSettings) -> dict[str, str] | None:
    """Users and passwords of the JAAS entry; None if there is none."""
    name = settings.sasl_server_config
    try:
        file = login_file()
        entries = {} if file is None else read_login_file(file)
    except BadLogin as error:
        raise ConfigError(str(error)) from None
    if name not in entries:
        if "sasl.serverconfig" in settings.originals:
            raise ConfigError(f"sasl.serverconfig={name}: the login file has no such entry")
        return None
    passwords: dict[str, str] = {}
    for login in entries[name]:
        if login.name != _LOGIN_MODULE:
            raise ConfigError(
                f"{file}: the entry {name} names {login.module}, but this server supports only "
                f"org.apache.zookeeper.server.auth.{_LOGIN_MODULE}"
            )
        passwords |= {
            option.removeprefix(_USER): value for option, value in login.options.items() if option.startswith(_USER)
        }
    if settings.sasl_super_password is not None:
        passwords[_SUPER] = settings.sasl_super_password.value
    return passwords


def _store(settings: ZooKeeperSettings, kind: str) -> Store:
    password, path = _value(settings[f"ssl.{kind}.password"]), settings[f"ssl.{kind}.passwordPath"]
    if path is not None:
        try:
            password = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(f"ssl.{kind}.passwordPath={path} cannot be read: {reason.lower()}") from None
    return Store(f"ssl.{kind}.location", settings[f"ssl.{kind}.location"], password, settings[f"ssl.{kind}.type"])


def _value(password: Password | None) -> str | None:
    return None if password is None else password.value
