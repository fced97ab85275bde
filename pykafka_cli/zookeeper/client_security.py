"""The security of a ZooKeeper client: its TLS, its login, and whether anyone may change its znodes.

TLS is configured by zookeeper.ssl.* in a broker's file or in the tools' --zk-tls-config-file. The login, by DIGEST-MD5,
is the entry `Client` of the JAAS file that KAFKA_OPTS names.

source  kafka.server.KafkaServer.zkClientConfigFromKafkaConfig, JaasUtils.isZkSaslEnabled
"""

import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

from pykafka_cli.properties import system_properties
from pykafka_cli.properties.broker_keys.zookeeper import ZooKeeperClientKeys
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.jaas import BadLogin, Login, login_file, read_login_file
from pykafka_cli.properties.keys import ConfigError, Password, UnsupportedProtection
from pykafka_cli.tls.contexts import BadTlsSetting
from pykafka_cli.tls.stores import BadStore
from pykafka_cli.zookeeper.protocol.records import Acl
from pykafka_cli.zookeeper.tls import Store, Versions, client_context
from pykafka_cli.zookeeper.znode_acls import default_acl

_LOGIN_MODULE = "DigestLoginModule"


@dataclass(frozen=True)
class ZooKeeperLogin:
    """A user's login by DIGEST-MD5."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class ClientSecurity:
    """The security of a client's connections; without any, they are in plain text and anonymous.

    shows_certificate    whether TLS authenticates the client
    secures_znodes       whether only clients with the same identity may change the znodes that it creates
    """

    tls: ssl.SSLContext | None = None
    login: ZooKeeperLogin | None = None
    shows_certificate: bool = False
    secures_znodes: bool = False

    @property
    def is_somebody(self) -> bool:
        """Whether the client has an identity."""
        return self.login is not None or self.shows_certificate

    def acl_of(self, path: str) -> tuple[Acl, ...]:
        """The ACL of a znode that is created; `path` is without the chroot."""
        return default_acl(path, is_secure=self.secures_znodes)

    def securing(self, is_wanted: bool) -> Self:
        """The same, with znodes that only this client may change, or anyone."""
        return replace(self, secures_znodes=is_wanted)


PLAIN = ClientSecurity()


class ZooKeeperTlsSettings(ZooKeeperClientKeys):
    """The zookeeper.ssl.* keys of a file; those that are missing there come from KAFKA_OPTS."""

    def __init__(self, properties: Iterable[Property] = ()) -> None:
        """raises ConfigError"""
        lines = [*system_properties.of_broker(system_properties.given()).lines, *properties]
        super().__init__(line for line in lines if line.key in self.KEYS)
        for name, text, line in lines:
            if isinstance(key := self.KEYS.get(name), UnsupportedProtection):
                key.ensure_not_counted_on(name, text, line)


def tool_security(properties: Iterable[Property] = (), *, trusts_certificates: bool = True) -> ClientSecurity:
    """A tool's security. Its znodes are secured if it has an identity, unless zookeeper.set.acl says otherwise.

    trusts_certificates    whether a certificate counts as an identity; a login always does
    raises                 ConfigError
    """
    lines = list(properties)
    settings = ZooKeeperTlsSettings(lines)
    if any(line.key == "zookeeper.set.acl" for line in lines):
        return broker_security(settings)
    security = client_security(settings)
    return security.securing(security.login is not None or (trusts_certificates and security.shows_certificate))


def broker_security(settings: ZooKeeperClientKeys) -> ClientSecurity:
    """A broker's security; raises ConfigError, also if zookeeper.set.acl is true and it has no identity."""
    security = client_security(settings)
    if settings.zookeeper_set_acl and not security.is_somebody:
        raise ConfigError(
            "zookeeper.set.acl is true, but nothing says who this broker is: neither zookeeper.ssl.client.enable with "
            "zookeeper.ssl.keystore.location, nor an entry Client of the login file that KAFKA_OPTS names"
        )
    return security.securing(settings.zookeeper_set_acl)


def client_security(settings: ZooKeeperClientKeys) -> ClientSecurity:
    """TLS and login; raises ConfigError."""
    login = _login()
    if not settings.zookeeper_ssl_client_enable:
        return ClientSecurity(login=login)
    versions = Versions(
        settings.zookeeper_ssl_protocol,
        settings.zookeeper_ssl_enabled_protocols or (),
        settings.zookeeper_ssl_cipher_suites or (),
    )
    key_store = Store(
        "zookeeper.ssl.keystore.location",
        settings.zookeeper_ssl_keystore_location,
        _value(settings.zookeeper_ssl_keystore_password),
        settings.zookeeper_ssl_keystore_type,
    )
    trust_store = Store(
        "zookeeper.ssl.truststore.location",
        settings.zookeeper_ssl_truststore_location,
        _value(settings.zookeeper_ssl_truststore_password),
        settings.zookeeper_ssl_truststore_type,
    )
    checks_host = bool(settings.zookeeper_ssl_endpoint_identification_algorithm)
    try:
        context = client_context(versions, key_store, trust_store, checks_host=checks_host)
    except (BadStore, BadTlsSetting) as error:
        raise ConfigError(f"TLS to ZooKeeper cannot be used: {error}") from None
    return ClientSecurity(context, login, shows_certificate=key_store.location is not None)


def _value(password: Password | None) -> str | None:
    return None if password is None else password.value


def _login() -> ZooKeeperLogin | None:
    """The login in the JAAS entry; None without one."""
    given = system_properties.given()
    name = given.get(system_properties.ZOOKEEPER_CLIENT_ENTRY, "Client")
    try:
        file = login_file()
        logins = {} if file is None else read_login_file(file)
    except BadLogin as error:
        raise ConfigError(str(error)) from None
    if name not in logins:
        return None
    if given.get(system_properties.ZOOKEEPER_CLIENT_LOGIN, "true").lower() != "true":
        raise ConfigError(
            f"{file} has an entry {name}, but -D{system_properties.ZOOKEEPER_CLIENT_LOGIN}=false in KAFKA_OPTS "
            "forbids logins to ZooKeeper; remove one of them"
        )
    return _digest_login(logins[name], f"{file}: the entry {name}")


def _digest_login(logins: list[Login], where: str) -> ZooKeeperLogin:
    login = logins[0] if logins else Login("", {})
    if login.name != _LOGIN_MODULE:
        raise ConfigError(
            f"{where} names {login.module or 'no login module'}, but logins to ZooKeeper are those of "
            f"org.apache.zookeeper.server.auth.{_LOGIN_MODULE}"
        )
    if missing := [option for option in ("username", "password") if not login.options.get(option)]:
        raise ConfigError(f"{where} has no {missing[0]}")
    return ZooKeeperLogin(login.options["username"], login.options["password"])
