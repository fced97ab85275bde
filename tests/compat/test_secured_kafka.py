"""pk against an Apache Kafka 3.9.1 that wants TLS and passwords, as real clusters do."""

import datetime
import ipaddress
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

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

from pykafka_cli.clients.first_contact import LOGIN_ADVICE
from pykafka_cli.transport.identification import Kind, Peer
from tests.support import peers
from tests.support.broker_processes import KafkaBroker
from tests.support.kafka_scripts import run_kafka
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.zookeeper.servers import pk_zookeeper

PASSWORD = "changeit"
MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}
AS_WRITTEN = r'a;\\"i\\\\c\\145'
"""A password with a quote, a backslash and an octal e, escaped as JAAS wants it and once more for properties files."""
OAUTH_MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"


@dataclass
class SecuredKafka:
    """A broker with a listener for each way to be secured, and the stores that clients of its TLS listeners need."""

    plaintext: str
    ssl: str
    """Wants a certificate of the client."""
    sasl_ssl: str
    sasl_plaintext: str
    expired: str
    """TLS with a certificate whose time is over."""
    elsewhere: str
    """TLS with the certificate of another host."""
    folder: Path

    def properties(self, *lines: str) -> str:
        """A file with these lines."""
        file = self.folder / "client.properties"
        file.write_text("\n".join(lines) + "\n")
        return str(file)

    def list_topics(self, bootstrap: str, *lines: str) -> "subprocess.CompletedProcess[str]":
        return pk("topics", "--bootstrap-server", bootstrap, "--command-config", self.properties(*lines), "--list")

    @property
    def trust(self) -> str:
        return f"ssl.truststore.type=PEM\nssl.truststore.location={self.folder}/trust.pem"


def write_stores(folder: Path) -> None:
    """For each certificate NAME.p12 (with its key) and NAME.pem (the other way round); trust.pem and trust.p12."""
    now = datetime.datetime.now(datetime.UTC)
    encryption = BestAvailableEncryption(PASSWORD.encode())
    certificates = []
    for name, host, days in (("broker", "localhost", 2), ("expired", "localhost", -1), ("elsewhere", "elsewhere", 2)):
        key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        addresses: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == "localhost":
            addresses.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=3))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        certificates.append(certificate)
        (folder / f"{name}.p12").write_bytes(
            pkcs12.serialize_key_and_certificates(name.encode(), key, certificate, None, encryption)
        )
        (folder / f"{name}.pem").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.public_bytes(Encoding.PEM)
        )
    (folder / "trust.p12").write_bytes(
        pkcs12.serialize_java_truststore(
            [pkcs12.PKCS12Certificate(each, b"%d" % n) for n, each in enumerate(certificates)], encryption
        )
    )
    (folder / "trust.pem").write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in certificates))


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    folder = tmp_path_factory.mktemp("secured")
    write_stores(folder)
    names = ("PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT", "EXPIRED", "ELSEWHERE")
    ports = [free_port() for _ in names]
    addresses = [f"127.0.0.1:{port}" for port in ports]
    settings = {
        "listeners": ",".join(f"{name}://{address}" for name, address in zip(names, addresses, strict=True)),
        "listener.security.protocol.map": ",".join(f"{name}:{name}" for name in names[:4])
        + ",EXPIRED:SSL,ELSEWHERE:SSL",
        "ssl.keystore.location": str(folder / "broker.p12"),
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.password": PASSWORD,
        "ssl.key.password": PASSWORD,
        "ssl.truststore.location": str(folder / "trust.p12"),
        "ssl.truststore.type": "PKCS12",
        "ssl.truststore.password": PASSWORD,
        "listener.name.ssl.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": ",".join(MODULES),
        "listener.name.sasl_plaintext.sasl.enabled.mechanisms": "PLAIN,OAUTHBEARER",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": (
            f'{MODULES["PLAIN"]} required user_alice="{AS_WRITTEN}";'
        ),
        "listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config": (
            f'{OAUTH_MODULE} required unsecuredLoginStringClaim_sub="broker";'
        ),
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{MODULES["PLAIN"]} required user_alice="a;ice";',
        **{
            f"listener.name.sasl_ssl.{mechanism.lower()}.sasl.jaas.config": f"{module} required;"
            for mechanism, module in MODULES.items()
            if mechanism != "PLAIN"
        },
    }
    for name in ("expired", "elsewhere"):
        settings |= {
            f"listener.name.{name}.ssl.keystore.location": str(folder / f"{name}.p12"),
            f"listener.name.{name}.ssl.keystore.type": "PKCS12",
            f"listener.name.{name}.ssl.keystore.password": PASSWORD,
            f"listener.name.{name}.ssl.key.password": PASSWORD,
        }
    with pk_zookeeper(folder) as zookeeper:
        broker = KafkaBroker(0, folder, zookeeper.address, port=ports[0], settings=settings)
        broker.start()
        try:
            plaintext, ssl, sasl_ssl, sasl_plaintext, expired, elsewhere = addresses
            yield SecuredKafka(plaintext, ssl, sasl_ssl, sasl_plaintext, expired, elsewhere, folder)
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
        f"ssl.keystore.type=PEM\nssl.keystore.location={kafka.folder}/broker.pem\n"
    )

    produce_and_read_back(kafka, kafka.ssl, properties, "mutual-tls")


def test_pk_reads_java_stores_as_keytool_writes_them(kafka: SecuredKafka) -> None:
    """A JKS keystore whose key has its own password, and a truststore of the older kind."""
    keytool = peers.program("keytool", "a JDK has it")
    stores = ("-srcstoretype", "PKCS12", "-srcstorepass", PASSWORD, "-deststoretype", "JKS", "-deststorepass", PASSWORD)
    for words in (
        ("-srckeystore", "broker.p12", "-destkeystore", "client.jks", "-alias", "broker", "-destkeypass", "of-its-own"),
        ("-srckeystore", "trust.p12", "-destkeystore", "trust.jks"),
    ):
        command = [keytool, "-importkeystore", "-noprompt", *stores, *words]
        subprocess.run(command, cwd=kafka.folder, check=True, capture_output=True)
    properties = (
        "security.protocol=SSL\n"
        f"ssl.truststore.location={kafka.folder}/trust.jks\nssl.truststore.password={PASSWORD}\n"
        f"ssl.keystore.type=JKS\nssl.keystore.location={kafka.folder}/client.jks\n"
        f"ssl.keystore.password={PASSWORD}\nssl.key.password=of-its-own\n"
    )

    produce_and_read_back(kafka, kafka.ssl, properties, "java-stores")


def test_pk_logs_in_with_a_token(kafka: SecuredKafka) -> None:
    properties = (
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n"
        f'sasl.jaas.config={OAUTH_MODULE} required unsecuredLoginStringClaim_sub="alice" '
        'unsecuredLoginListClaim_scope="|a|b" unsecuredLoginLifetimeSeconds="60";\n'
    )

    produce_and_read_back(kafka, kafka.sasl_plaintext, properties, "token")


def test_pk_reads_quotes_in_a_login_as_java_does(kafka: SecuredKafka) -> None:
    listed = kafka.list_topics(kafka.sasl_plaintext, *login("SASL_PLAINTEXT", AS_WRITTEN))

    assert listed.returncode == 0, listed.stdout + listed.stderr


def test_a_host_that_the_certificate_does_not_name_may_be_let_pass(kafka: SecuredKafka) -> None:
    listed = kafka.list_topics(
        kafka.elsewhere, "security.protocol=SSL", kafka.trust, "ssl.endpoint.identification.algorithm="
    )

    assert listed.returncode == 0, listed.stdout + listed.stderr


def test_the_versions_that_are_enabled_are_those_used(kafka: SecuredKafka) -> None:
    for version, suite in (("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), ("TLSv1.3", "TLS_AES_256_GCM_SHA384")):
        listed = kafka.list_topics(
            kafka.elsewhere, "security.protocol=SSL", kafka.trust, "ssl.endpoint.identification.algorithm=",
            f"ssl.enabled.protocols={version}", f"ssl.cipher.suites={suite}",
        )  # fmt: skip

        assert listed.returncode == 0, listed.stdout + listed.stderr


# ---- refusals: one line, a hint, status 1, and nobody waits


class Mistake(NamedTuple):
    """Properties that do not fit a listener, what is said of it and what is suggested."""

    listener: str
    properties: Sequence[str]
    complaint: str
    hint: str


def login(protocol: str, password: str, mechanism: str = "PLAIN") -> list[str]:
    return [
        f"security.protocol={protocol}",
        f"sasl.mechanism={mechanism}",
        f'sasl.jaas.config={MODULES[mechanism]} required username="alice" password="{password}";',
    ]


TRUST = "ssl.truststore.location={folder}/trust.pem"
FIT = "Check that security.protocol, sasl.mechanism and sasl.jaas.config match this listener."
MISTAKES = {
    "a wrong password": Mistake(
        "sasl_plaintext", login("SASL_PLAINTEXT", "guess"), "Authentication failed: Invalid username or password", FIT
    ),
    "a wrong password, salted": Mistake(
        "sasl_ssl",
        [*login("SASL_SSL", "guess", "SCRAM-SHA-512"), TRUST],
        "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512",
        FIT,
    ),
    "a mechanism that is not offered": Mistake(
        "sasl_plaintext",
        login("SASL_PLAINTEXT", "x", "SCRAM-SHA-256"),
        "{address} does not support SASL mechanism SCRAM-SHA-256; it offers PLAIN, OAUTHBEARER",
        FIT,
    ),
    "a login where none is wanted": Mistake(
        "plaintext",
        login("SASL_PLAINTEXT", "x"),
        "{address} does not support SASL mechanism PLAIN; it offers none",
        FIT,
    ),
    "no login where one is wanted": Mistake(
        "sasl_plaintext",
        ["security.protocol=PLAINTEXT"],
        "{address} requires a login; its SASL mechanisms are PLAIN, OAUTHBEARER",
        LOGIN_ADVICE.format(protocol="SASL_PLAINTEXT"),
    ),
    "no TLS where it is wanted": Mistake(
        "elsewhere",
        ["security.protocol=PLAINTEXT"],
        "{address} is a TLS listener",
        Peer(Kind.TLS).advice,
    ),
    "a login without TLS where it is wanted": Mistake(
        "sasl_ssl",
        login("SASL_PLAINTEXT", "x"),
        "{address} is a TLS listener",
        Peer(Kind.TLS).advice,
    ),
    "TLS where there is none": Mistake(
        "plaintext",
        ["security.protocol=SSL", TRUST],
        "{address} is a Kafka listener without TLS",
        "Set security.protocol to PLAINTEXT or SASL_PLAINTEXT.",
    ),
    "a certificate that nobody vouches for": Mistake(
        "elsewhere",
        ["security.protocol=SSL"],
        "the certificate of {address} is not trusted: self-signed certificate",
        "Set ssl.truststore.* to the authorities that sign the brokers' certificates.",
    ),
    "a certificate that has expired": Mistake(
        "expired",
        ["security.protocol=SSL", TRUST],
        "the certificate of {address} is not trusted: certificate has expired",
        "The broker needs a new certificate, unless this machine's clock is wrong.",
    ),
    "the certificate of another host": Mistake(
        "elsewhere",
        ["security.protocol=SSL", TRUST],
        "the certificate of {address} is not trusted: IP address mismatch, certificate is not valid for '127.0.0.1'",
        "Use the host name in the certificate, or an empty ssl.endpoint.identification.algorithm.",
    ),
    "no certificate of the client": Mistake(
        "ssl",
        ["security.protocol=SSL", TRUST],
        "{address} rejected this client's certificate, or requires one",
        "Set ssl.keystore.* to the client's certificate.",
    ),
    "no certificate of the client, before TLS 1.3": Mistake(
        "ssl",
        ["security.protocol=SSL", TRUST, "ssl.enabled.protocols=TLSv1.2"],
        "{address} rejected this client's certificate, or requires one",
        "Set ssl.keystore.* to the client's certificate.",
    ),
}


SASL_FAILED = "org.apache.kafka.common.errors.SaslAuthenticationException"
FAILED = {
    "console-producer": "ERROR Error when sending message to topic t with key: null, value: 1 bytes with error: line 1",
    "console-consumer": "ERROR Error processing message, terminating consumer process:",
}
COUNTED = {"console-producer": [], "console-consumer": ["Processed a total of 0 messages"]}
TRIED_AGAIN_IF_MISJUDGED = (
    "a wrong password",
    "no login where one is wanted",
    "no TLS where it is wanted",
    "TLS where there is none",
    "a certificate that has expired",
    "no certificate of the client",
)


@pytest.mark.parametrize(
    ("command", "what"),
    [
        *(("topics", what) for what in MISTAKES),
        *(("console-producer", what) for what in TRIED_AGAIN_IF_MISJUDGED),
        *(("console-consumer", what) for what in TRIED_AGAIN_IF_MISJUDGED),
    ],
)
def test_what_the_two_sides_do_not_agree_on_is_reported_at_once(kafka: SecuredKafka, command: str, what: str) -> None:
    listener, properties, complaint, hint = MISTAKES[what]
    address = getattr(kafka, listener)
    config = kafka.properties(*(line.format(folder=kafka.folder) for line in properties))
    words = {
        "topics": ("--command-config", config, "--list"),
        "console-producer": ("--producer.config", config, "--topic", "t"),
        "console-consumer": ("--consumer.config", config, "--topic", "t"),
    }[command]

    done = pk(command, "--bootstrap-server", address, *words, stdin="a\n", timeout=20)

    told = [line for line in (done.stdout + done.stderr).splitlines() if " WARN " not in line]
    assert done.returncode == 1
    if what == "a wrong password" and command != "topics":
        # Kafka's consoles report a login that fails as what they were about to do.
        assert told[1:] == [f"{SASL_FAILED}: {complaint}", *COUNTED[command], hint]
        assert FAILED[command] in told[0]
        return
    assert told[0].removeprefix("Error while executing topic command : ") == complaint.format(address=address)
    assert told[1:] == [hint]


def test_properties_that_mean_nothing_here_are_named_in_one_warning(kafka: SecuredKafka) -> None:
    listed = kafka.list_topics(kafka.plaintext, "interceptor.classes=a.B", "metric.reporters=a.B", "client.id=mine")

    assert listed.returncode == 0
    assert [line.partition(" WARN ")[2] for line in listed.stderr.splitlines()] == [
        "These properties have no effect here: interceptor.classes, metric.reporters"
    ]


INVALID, ONE_OF = "Invalid value", "String must be one of"
PROTOCOLS = ("SASL_SSL", "PLAINTEXT", "SSL", "SASL_PLAINTEXT")
LOOKUPS = ("use_all_dns_ips", "resolve_canonical_bootstrap_servers_only")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (
            "security.protocol=TLS",
            f"{INVALID} TLS for configuration security.protocol: {ONE_OF} (case insensitive): {', '.join(PROTOCOLS)}",
        ),
        (
            "request.timeout.ms=soon",
            "Invalid value soon for configuration request.timeout.ms: Not a number of type INT",
        ),
        (
            "default.api.timeout.ms=1000",
            "The specified value of default.api.timeout.ms must be no smaller than the value of request.timeout.ms.",
        ),
        (
            "client.dns.lookup=default",
            f"{INVALID} default for configuration client.dns.lookup: {ONE_OF}: {', '.join(LOOKUPS)}",
        ),
        (
            "security.protocol=SSL\nssl.keystore.password=x",
            "SSL key store is not specified, but key store password is specified.",
        ),
    ],
)
def test_a_value_that_cannot_be_is_rejected_in_javas_words(kafka: SecuredKafka, line: str, complaint: str) -> None:
    """The words are compared with those of Kafka's own script."""
    listed = kafka.list_topics(kafka.plaintext, line)
    script = run_kafka(
        "topics", "--bootstrap-server", kafka.plaintext, "--command-config", kafka.properties(line), "--list"
    )

    assert listed.returncode == script.returncode == 1
    assert listed.stderr.splitlines()[0] == complaint
    assert complaint in script.stdout + script.stderr
