"""pk against an Apache Kafka 3.9.1 that wants TLS and passwords, as real clusters do."""

import datetime
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from tests.broker_processes import KafkaBroker
from tests.running import pk
from tests.zookeeper_servers import free_port, pk_zookeeper

PASSWORD = "changeit"
MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


@dataclass
class SecuredKafka:
    """A broker with three listeners, and the stores that clients of its TLS listeners need."""

    plaintext: str
    ssl: str
    sasl_ssl: str
    folder: Path


def write_stores(folder: Path) -> None:
    """broker.p12 (key and certificate), trust.pem and trust.p12 (the certificate alone)."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encryption = BestAvailableEncryption(PASSWORD.encode())
    (folder / "broker.p12").write_bytes(pkcs12.serialize_key_and_certificates(b"b", key, certificate, None, encryption))
    (folder / "trust.p12").write_bytes(
        pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(certificate, b"b")], encryption)
    )
    (folder / "trust.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "client.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    folder = tmp_path_factory.mktemp("secured")
    write_stores(folder)
    ports = [free_port() for _ in range(3)]
    plaintext, ssl, sasl_ssl = (f"127.0.0.1:{port}" for port in ports)
    settings = {
        "listeners": f"PLAINTEXT://{plaintext},SSL://{ssl},SASL_SSL://{sasl_ssl}",
        "ssl.keystore.location": str(folder / "broker.p12"),
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.password": PASSWORD,
        "ssl.key.password": PASSWORD,
        "ssl.truststore.location": str(folder / "trust.p12"),
        "ssl.truststore.type": "PKCS12",
        "ssl.truststore.password": PASSWORD,
        "listener.name.ssl.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": ",".join(MODULES),
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{MODULES["PLAIN"]} required user_alice="a;ice";',
        **{
            f"listener.name.sasl_ssl.{mechanism.lower()}.sasl.jaas.config": f"{module} required;"
            for mechanism, module in MODULES.items()
            if mechanism != "PLAIN"
        },
    }
    with pk_zookeeper(folder) as zookeeper:
        broker = KafkaBroker(0, folder, zookeeper.address, port=ports[0], settings=settings)
        broker.start()
        try:
            yield SecuredKafka(plaintext, ssl, sasl_ssl, folder)
        finally:
            broker.stop()


def produce_and_read_back(kafka: SecuredKafka, bootstrap: str, properties: str, topic: str) -> None:
    """Create a topic, send two lines, read them in a group, see the group's lag: all with these client properties."""
    config = kafka.folder / f"{topic}.properties"
    config.write_text(properties)
    server = ("--bootstrap-server", bootstrap)

    created = pk("topics", *server, "--command-config", str(config), "--create", "--topic", topic)
    produced = pk("console-producer", *server, "--producer.config", str(config), "--topic", topic, stdin="a\nb\n")
    read = pk(
        "console-consumer", *server, "--consumer.config", str(config), "--topic", topic, "--group", topic,
        "--from-beginning", "--max-messages", "2",
    )  # fmt: skip
    described = pk("consumer-groups", *server, "--command-config", str(config), "--describe", "--group", topic)

    assert created.stdout == f"Created topic {topic}.\n", created.stderr
    assert produced.returncode == 0, produced.stderr
    assert read.stdout == "a\nb\n", read.stderr
    assert described.stdout.split()[-7:-3] == ["0", "2", "2", "0"], described


@pytest.mark.parametrize("mechanism", MODULES)
def test_pk_logs_in_over_tls(kafka: SecuredKafka, mechanism: str) -> None:
    if mechanism != "PLAIN":
        altered = pk(
            "configs", "--bootstrap-server", kafka.plaintext, "--alter", "--entity-type", "users", "--entity-name",
            "alice", "--add-config", f"{mechanism}=[password=a;ice]",
        )  # fmt: skip
        assert altered.returncode == 0, altered.stderr
    properties = (
        "security.protocol=SASL_SSL\n"
        f"sasl.mechanism={mechanism}\n"
        f'sasl.jaas.config={MODULES[mechanism]} required username="alice" password="a;ice";\n'
        f"ssl.truststore.type=PEM\nssl.truststore.location={kafka.folder}/trust.pem\n"
    )

    produce_and_read_back(kafka, kafka.sasl_ssl, properties, f"sasl-{mechanism.lower()}")


def test_pk_shows_a_certificate_of_its_own(kafka: SecuredKafka) -> None:
    properties = (
        "security.protocol=SSL\n"
        f"ssl.truststore.type=PKCS12\nssl.truststore.location={kafka.folder}/trust.p12\n"
        f"ssl.truststore.password={PASSWORD}\n"
        f"ssl.keystore.type=PEM\nssl.keystore.location={kafka.folder}/client.pem\n"
    )

    produce_and_read_back(kafka, kafka.ssl, properties, "mutual-tls")


def test_a_wrong_password_is_told_as_such(kafka: SecuredKafka) -> None:
    config = kafka.folder / "wrong.properties"
    config.write_text(
        "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
        f'sasl.jaas.config={MODULES["PLAIN"]} required username="alice" password="guess";\n'
        f"ssl.truststore.type=PEM\nssl.truststore.location={kafka.folder}/trust.pem\n"
    )

    listed = pk("topics", "--bootstrap-server", kafka.sasl_ssl, "--command-config", str(config), "--list")

    assert listed.returncode == 1
    assert "Authentication failed: Invalid username or password" in listed.stdout + listed.stderr


def test_a_certificate_that_nobody_vouches_for_is_refused(kafka: SecuredKafka) -> None:
    config = kafka.folder / "untrusting.properties"
    config.write_text("security.protocol=SSL\n")

    listed = pk("topics", "--bootstrap-server", kafka.ssl, "--command-config", str(config), "--list")

    assert listed.returncode == 1
    assert "certificate" in listed.stdout + listed.stderr
