"""Java's system properties in KAFKA_OPTS: those that our servers use, and those that they do not.

    KAFKA_OPTS="-Dzookeeper.4lw.commands.whitelist=* -Djava.security.auth.login.config=/etc/kafka/jaas.conf"

ZooKeeper's server reads several of its keys this way, with the prefix `zookeeper.`; its file takes precedence, as
QuorumPeerConfig turns its lines into such properties. jaas.py reads java.security.auth.login.config.
"""

import os
import shlex
from collections.abc import Mapping
from typing import NamedTuple

from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.keys import ConfigError

VARIABLE = "KAFKA_OPTS"
_PREFIX = "zookeeper."
LOGIN_FILE = "java.security.auth.login.config"

# Keys of ZooKeeperSettings that its server reads as system properties; `zookeeper.` comes before them.
_READ_BY_ZOOKEEPER = frozenset({
    "4lw.commands.whitelist", "snapCount", "preAllocSize", "fsync.warningthresholdms", "skipACL", "maxCnxns",
    "DigestAuthenticationProvider.superDigest", "DigestAuthenticationProvider.enabled",
    "DigestAuthenticationProvider.digestAlg", "X509AuthenticationProvider.superUser",
    "SASLAuthenticationProvider.superPassword", "superUser", "sasl.serverconfig", "allowSaslFailedClients",
    "requireClientAuthScheme", "sessionRequireClientSASLAuth", "enforce.auth.enabled", "enforce.auth.schemes",
    "client.portUnification", "client.certReload", "fips-mode", "ensembleAuthName", "serverCnxnFactory",
    "audit.enable",
    "globalOutstandingLimit", "extendedTypesEnabled", "enforceQuota", "snapSizeLimitInKb",
    "readonlymode.enabled", "leaderServes", "commitLogCount", "snapshotSizeFactor", "cnxTimeout",
    "electionPortBindRetry", "fastleader.minNotificationInterval", "fastleader.maxNotificationInterval",
})  # fmt: skip
_WITHOUT_PREFIX = frozenset({
    "jute.maxbuffer", "znode.container.checkIntervalMs", "znode.container.maxNeverUsedIntervalMs",
    "fsync.warningthresholdms",
})  # fmt: skip
_FAMILIES_OF_ZOOKEEPER = ("admin.", "authProvider.", "ssl.", "superUser.")

ZOOKEEPER_CLIENT_ENTRY = "zookeeper.sasl.clientconfig"
"""Names the JAAS entry of the login to ZooKeeper."""
ZOOKEEPER_CLIENT_LOGIN = "zookeeper.sasl.client"
"""Whether there is such a login."""
_HOSTNAME_VERIFICATION = "zookeeper.ssl.hostnameVerification"
_OF_ZOOKEEPER_CLIENT = {
    "zookeeper.ssl.client.enable": "zookeeper.client.secure",
    "zookeeper.clientCnxnSocket": "zookeeper.clientCnxnSocket",
    "zookeeper.ssl.keystore.location": "zookeeper.ssl.keyStore.location",
    "zookeeper.ssl.keystore.password": "zookeeper.ssl.keyStore.password",
    "zookeeper.ssl.keystore.type": "zookeeper.ssl.keyStore.type",
    "zookeeper.ssl.truststore.location": "zookeeper.ssl.trustStore.location",
    "zookeeper.ssl.truststore.password": "zookeeper.ssl.trustStore.password",
    "zookeeper.ssl.truststore.type": "zookeeper.ssl.trustStore.type",
    "zookeeper.ssl.protocol": "zookeeper.ssl.protocol",
    "zookeeper.ssl.enabled.protocols": "zookeeper.ssl.enabledProtocols",
    "zookeeper.ssl.cipher.suites": "zookeeper.ssl.ciphersuites",
    "zookeeper.ssl.endpoint.identification.algorithm": _HOSTNAME_VERIFICATION,
    "zookeeper.ssl.crl.enable": "zookeeper.ssl.crl",
    "zookeeper.ssl.ocsp.enable": "zookeeper.ssl.ocsp",
}
"""Keys of a broker by the system properties of ZooKeeper's client (ZkConfigs.ZK_SSL_CONFIG_TO_SYSTEM_PROPERTY_MAP)."""


class Meaning(NamedTuple):
    """System properties as lines of a server's file, and the names of those without meaning to it."""

    lines: list[Property]
    ignored: list[str]


def given() -> dict[str, str]:
    """The system properties in KAFKA_OPTS; the last one of a name counts."""
    try:
        words = shlex.split(os.environ.get(VARIABLE, ""))
    except ValueError as error:
        raise ConfigError(f"{VARIABLE} cannot be read: {error}") from None
    pairs = (word[2:].partition("=") for word in words if word.startswith("-D"))
    return {name: value for name, _, value in pairs}


def of_zookeeper(properties: Mapping[str, str]) -> Meaning:
    """Their meaning to a ZooKeeper server."""
    lines, ignored = [], []
    for name, value in properties.items():
        key = name.removeprefix(_PREFIX)
        is_read = key in _READ_BY_ZOOKEEPER or key.startswith(_FAMILIES_OF_ZOOKEEPER)
        if name == LOGIN_FILE:
            continue  # jaas.py reads it
        if (name.startswith(_PREFIX) and is_read) or name in _WITHOUT_PREFIX:
            lines.append(Property(key, value, 0))
        else:
            ignored.append(name)
    return Meaning(lines, ignored)


def of_broker(properties: Mapping[str, str]) -> Meaning:
    """To a broker: how it reaches ZooKeeper, in the terms of its own file."""
    lines = []
    for key, name in _OF_ZOOKEEPER_CLIENT.items():
        if name in properties:
            value = properties[name]
            if name == _HOSTNAME_VERIFICATION:
                value = "HTTPS" if value.lower() == "true" else ""
            lines.append(Property(key, value, 0))
    read = {LOGIN_FILE, ZOOKEEPER_CLIENT_ENTRY, ZOOKEEPER_CLIENT_LOGIN, *_OF_ZOOKEEPER_CLIENT.values()}
    return Meaning(lines, [name for name in properties if name not in read])
