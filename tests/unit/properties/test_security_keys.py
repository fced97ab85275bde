"""No key of Kafka's or ZooKeeper's that is about security is accepted and ignored: it is carried out, or the server
refuses to start with it, or it only changes when something happens."""

import json
from pathlib import Path
from typing import Any

import pytest

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.keys import BOOLEAN, BadProperty, ConfigError, InertKey, Key, UnsupportedProtection
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.properties.zookeeper import ZooKeeperSettings

LISTS = json.loads(Path(__file__).with_name("security_keys_of_kafka.json").read_text())
KAFKAS = sorted({key for keys in LISTS["kafka"].values() for key in keys})
OF_CLIENTS = sorted({*LISTS["kafka"]["SslConfigs"], *LISTS["kafka"]["SaslConfigs"], "security.providers"})

OF_CLIENTS_ALONE = {"sasl.mechanism", "sasl.oauthbearer.header.urlencode"}
"""In these classes for clients; Kafka's broker does not know them."""
TUNING = {
    # When tickets are renewed, which the Kerberos library does.
    "sasl.kerberos.kinit.cmd", "sasl.kerberos.min.time.before.relogin", "sasl.kerberos.ticket.renew.jitter",
    "sasl.kerberos.ticket.renew.window.factor",
    # Of the encryption of passwords in ZooKeeper, where none are put; nobody's rights depend on a token's scope.
    "password.encoder.cipher.algorithm", "password.encoder.iterations", "password.encoder.key.length",
    "password.encoder.keyfactory.algorithm", "password.encoder.old.secret", "password.encoder.secret",
    "sasl.oauthbearer.scope.claim.name",
    # On which of the listeners, all with their own security, brokers talk to each other, and when one is opened.
    "control.plane.listener.name", "early.start.listeners",
}  # fmt: skip
"""Keys without effect, whose value changes nothing about who gets in, and what they may do."""
FOR_BROKERS = {
    "sasl.oauthbearer.clock.skew.seconds", "sasl.oauthbearer.expected.audience", "sasl.oauthbearer.expected.issuer",
    "sasl.oauthbearer.jwks.endpoint.refresh.ms", "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms",
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", "sasl.oauthbearer.jwks.endpoint.url",
    "sasl.oauthbearer.sub.claim.name",
}  # fmt: skip
"""What clients know and do not use, in Kafka as well: they do not inspect tokens."""
STRICTER = {
    "allowSaslFailedClients",  # clients whose login fails are disconnected
    "ssl.hostnameVerification",  # of the servers that this one connects to
    "ssl.handshakeDetectionTimeoutMillis",  # where TLS is optional, which it is not
    "sslQuorumReloadCertFiles",  # of sslQuorum, which is rejected
}
FOREIGN = "com.example.Foreign"


def kind_of(key: Key[Any] | None) -> str:
    match key:
        case None:
            return "unknown"
        case UnsupportedProtection():
            return "rejected"
        case InertKey():
            return "ignored"
    return "carried out"


def kinds(names: list[str], table: Any) -> dict[str, str]:
    return {name: kind_of(table.get(name)) for name in names}


def test_a_broker_ignores_no_security_setting() -> None:
    found = kinds([name for name in KAFKAS if name not in OF_CLIENTS_ALONE], BrokerSettings.KEYS)

    assert len(found) > 80
    assert {name for name, kind in found.items() if kind == "unknown"} == set()
    assert {name for name, kind in found.items() if kind == "ignored"} == TUNING


def test_zookeeper_ignores_no_security_setting() -> None:
    found = kinds(LISTS["zookeeper"], ZooKeeperSettings.KEYS)

    assert len(found) > 40
    assert {name for name, kind in found.items() if kind == "unknown"} == set()
    assert {name for name, kind in found.items() if kind == "ignored"} == STRICTER


def foreign_value(key: Key[Any]) -> str:
    """A value that nobody here carries out."""
    return str(not key.default).lower() if key.type is BOOLEAN else FOREIGN


@pytest.mark.parametrize("name", [name for name in KAFKAS if kind_of(BrokerSettings.KEYS.get(name)) == "rejected"])
def test_a_broker_does_not_start_with_a_protection_that_it_lacks(name: str) -> None:
    given = {"zookeeper.connect": "z", name: foreign_value(BrokerSettings.KEYS[name])}
    with pytest.raises(ConfigError, match="remove it to start without"):
        BrokerSettings(Property(key, text, 0) for key, text in given.items())


@pytest.mark.parametrize(
    "name", [name for name in LISTS["zookeeper"] if kind_of(ZooKeeperSettings.KEYS[name]) == "rejected"]
)
def test_zookeeper_does_not_start_with_a_protection_that_it_lacks(name: str) -> None:
    given = {
        "dataDir": "/nowhere", "clientPort": "0", "server.1": "a:1:2", "server.2": "b:1:2", "server.3": "c:1:2",
        name: foreign_value(ZooKeeperSettings.KEYS[name]),
    }  # fmt: skip
    with pytest.raises(ConfigError, match="remove it to start without"):
        ZooKeeperSettings([Property(key, text, 0) for key, text in given.items()])


@pytest.mark.parametrize("name", [name for name in OF_CLIENTS if kind_of(SecuritySettings.KEYS.get(name)) == "ignored"])
def test_a_client_rejects_what_it_cannot_carry_out_unless_it_is_tuning(name: str) -> None:
    if name in TUNING | FOR_BROKERS:
        SecuritySettings({name: str(SecuritySettings.KEYS[name].default or "x")})
        return
    with pytest.raises(BadProperty, match="OpenSSL is used here"):
        SecuritySettings({name: FOREIGN})


@pytest.mark.parametrize(
    "name", ["ssl.engine.factory.class", "sasl.client.callback.handler.class", "sasl.login.class",
             "sasl.login.callback.handler.class"],
)  # fmt: skip
def test_a_client_rejects_java_classes(name: str) -> None:
    with pytest.raises(BadProperty, match=f"Class {FOREIGN} could not be found"):
        SecuritySettings({name: FOREIGN})


def test_a_client_knows_every_security_setting() -> None:
    assert {name for name, kind in kinds(OF_CLIENTS, SecuritySettings.KEYS).items() if kind == "unknown"} == set()
