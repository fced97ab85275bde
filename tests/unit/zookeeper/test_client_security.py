"""TLS and logins of clients out of keys, files and KAFKA_OPTS."""

import ssl
from pathlib import Path

import pytest

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.keys import BadProperty, ConfigError
from pykafka_cli.zookeeper.client_security import ZooKeeperLogin, broker_security, tool_security
from tests.support.zookeeper.secured import Stores, client_login_file

LOGIN_FILE = "-Djava.security.auth.login.config="


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stores:
    monkeypatch.delenv("KAFKA_OPTS", raising=False)
    return Stores(tmp_path)


def lines(**keys: object) -> list[Property]:
    return [Property("zookeeper." + name.replace("_", "."), str(value), 1) for name, value in keys.items()]


def broker(**keys: object) -> BrokerSettings:
    return BrokerSettings([Property("zookeeper.connect", "localhost:2181", 1), *lines(**keys)])


def test_without_keys_a_connection_is_plain_and_nobodys(stores: Stores) -> None:
    security = broker_security(broker())

    assert (security.tls, security.login, security.secures_znodes) == (None, None, False)


def test_a_broker_with_a_certificate_may_have_znodes_of_its_own(stores: Stores) -> None:
    security = broker_security(
        broker(
            set_acl="true", ssl_client_enable="true", ssl_keystore_location=stores.alice,
            ssl_truststore_location=stores.trust,
        )
    )  # fmt: skip

    assert security.secures_znodes
    assert security.tls
    assert security.tls.check_hostname
    assert security.tls.maximum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("algorithm", ["", "HTTPS", "https"])
def test_an_empty_algorithm_accepts_any_host(stores: Stores, algorithm: str) -> None:
    security = broker_security(broker(ssl_client_enable="true", ssl_endpoint_identification_algorithm=algorithm))

    assert security.tls
    assert security.tls.check_hostname is bool(algorithm)


def test_a_login_is_the_entry_client_of_the_login_file(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_OPTS", f"{LOGIN_FILE}{client_login_file(tmp_path, 'kafka', 's3cret')}")

    security = broker_security(broker(set_acl="true"))

    assert security.login == ZooKeeperLogin("kafka", "s3cret")
    assert "s3cret" not in repr(security)


def test_keys_are_read_from_system_properties_and_the_file_is_stronger(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "KAFKA_OPTS",
        f"-Dzookeeper.client.secure=true -Dzookeeper.ssl.keyStore.location={stores.alice} "
        f"-Dzookeeper.ssl.trustStore.location={stores.trust} -Dzookeeper.ssl.hostnameVerification=false",
    )

    of_java = tool_security()
    of_file = tool_security(lines(ssl_endpoint_identification_algorithm="HTTPS"))

    assert of_java.shows_certificate
    assert of_java.tls
    assert not of_java.tls.check_hostname
    assert of_file.tls
    assert of_file.tls.check_hostname


def test_a_tool_that_is_somebody_makes_znodes_of_its_own(stores: Stores) -> None:
    keys = lines(ssl_client_enable="true", ssl_keystore_location=stores.alice, ssl_truststore_location=stores.trust)

    assert tool_security(keys).secures_znodes
    assert not tool_security(keys, trusts_certificates=False).secures_znodes
    assert tool_security([*keys, *lines(set_acl="true")], trusts_certificates=False).secures_znodes
    assert not tool_security([*keys, *lines(set_acl="false")]).secures_znodes


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"set_acl": "true"}, "zookeeper.set.acl is true, but nothing says who this broker is"),
        (
            {"ssl_client_enable": "true", "ssl_truststore_location": "/nowhere"},
            "TLS to ZooKeeper cannot be used: zookeeper.ssl.truststore.location=/nowhere: no such file or directory",
        ),
        (
            {"ssl_client_enable": "true", "ssl_keystore_location": __file__, "ssl_keystore_type": "PEM"},
            "TLS to ZooKeeper cannot be used: Failed to load the SSL keystore",
        ),
        ({"ssl_client_enable": "true", "ssl_cipher_suites": "NONE"}, "Unsupported CipherSuite: NONE"),
    ],
)
def test_security_that_cannot_be_refuses_to_start(stores: Stores, keys: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        broker_security(broker(**keys))

    assert words in str(refused.value)


@pytest.mark.parametrize("key", ["ssl_crl_enable", "ssl_ocsp_enable"])
def test_revocation_is_not_counted_on_in_vain(stores: Stores, key: str) -> None:
    with pytest.raises(BadProperty, match="revoked certificate"):
        broker(**{key: "true"})
    with pytest.raises(BadProperty, match="revoked certificate"):
        tool_security(lines(**{key: "true"}))


@pytest.mark.parametrize(
    ("entry", "options", "words"),
    [
        ("Client { com.sun.security.auth.module.Krb5LoginModule required; };", "", "are those of"),
        ("Client { a.DigestLoginModule required username=a; };", "", "the entry Client has no password"),
        ("Client { a.DigestLoginModule required username=a password=b;};", " -Dzookeeper.sasl.client=false", "forbids"),
        ("Client {", "", "is not available|expected|not specified|not terminated"),
    ],
)  # fmt: skip
def test_a_login_that_cannot_be_made_refuses_to_start(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, options: str, words: str
) -> None:
    file = tmp_path / "login.conf"
    file.write_text(entry)
    monkeypatch.setenv("KAFKA_OPTS", f"{LOGIN_FILE}{file}{options}")

    with pytest.raises(ConfigError, match=words):
        broker_security(broker())


def test_another_entry_may_be_named(stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "login.conf"
    file.write_text("Other { a.DigestLoginModule required username=a password=b; };")
    monkeypatch.setenv("KAFKA_OPTS", f"{LOGIN_FILE}{file} -Dzookeeper.sasl.clientconfig=Other")

    assert broker_security(broker()).login == ZooKeeperLogin("a", "b")
