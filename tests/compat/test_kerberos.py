"""pk against an Apache Kafka 3.9.1 that accepts Kerberos tickets, in its own realm."""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import peers
from tests.support.broker_processes import KafkaBroker
from tests.support.kerberos_realm import REALM, KerberosRealm, kerberos_realm
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.zookeeper.servers import pk_zookeeper

MODULE = "com.sun.security.auth.module.Krb5LoginModule"


class KerberosKafkaBroker(KafkaBroker):
    """One that finds its realm in `krb5_conf`."""

    krb5_conf: Path

    def command(self) -> Sequence[str]:
        java, *words = super().command()
        return [java, f"-Djava.security.krb5.conf={self.krb5_conf}", *words]


@dataclass
class Secured:
    """A broker whose second listener wants tickets, and alice, who has a key."""

    realm: KerberosRealm
    bootstrap: str
    keytab: Path
    folder: Path

    def properties(self, login: str, *, service: str = "kafka") -> str:
        """A file with a client's properties."""
        file = self.folder / "client.properties"
        file.write_text(
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=GSSAPI\n"
            f"sasl.kerberos.service.name={service}\nsasl.jaas.config={MODULE} required {login};\n"
        )
        return str(file)

    @property
    def with_key(self) -> str:
        return f'useKeyTab=true storeKey=true keyTab="{self.keytab}" principal="alice@{REALM}"'

    def pk(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return pk(*words, stdin=stdin, env=self.realm.environment)

    def list_topics(self, config: str) -> "subprocess.CompletedProcess[str]":
        return self.pk("topics", "--bootstrap-server", self.bootstrap, "--command-config", config, "--list")


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    peers.gssapi()
    peers.kafka_classpath()
    folder = tmp_path_factory.mktemp("kerberos")
    with kerberos_realm(folder) as realm, pk_zookeeper(folder) as zookeeper:
        broker_key, keytab = realm.keytab("kafka/localhost"), realm.keytab("alice")
        plaintext, secured = free_port(), free_port()
        jaas = f'{MODULE} required useKeyTab=true storeKey=true keyTab="{broker_key}" principal="kafka/localhost";'
        settings = {
            "listeners": f"PLAINTEXT://127.0.0.1:{plaintext},SASL_PLAINTEXT://localhost:{secured}",
            "sasl.enabled.mechanisms": "GSSAPI",
            "sasl.kerberos.service.name": "kafka",
            "listener.name.sasl_plaintext.gssapi.sasl.jaas.config": jaas,
        }
        broker = KerberosKafkaBroker(0, folder, zookeeper.address, port=plaintext, settings=settings)
        broker.krb5_conf = realm.krb5_conf
        broker.start()
        try:
            yield Secured(realm, f"localhost:{secured}", keytab, folder)
        finally:
            broker.stop()


def test_commands_and_consoles_log_in_with_a_key(kafka: Secured) -> None:
    config = kafka.properties(kafka.with_key)
    server = ("--bootstrap-server", kafka.bootstrap)

    created = kafka.pk("topics", *server, "--command-config", config, "--create", "--topic", "t")
    produced = kafka.pk("console-producer", *server, "--producer.config", config, "--topic", "t", stdin="a\nb\n")
    read = kafka.pk(
        "console-consumer", *server, "--consumer.config", config, "--topic", "t", "--group", "g",
        "--from-beginning", "--max-messages", "2",
    )  # fmt: skip
    described = kafka.pk("consumer-groups", *server, "--command-config", config, "--describe", "--group", "g")

    assert created.stdout == "Created topic t.\n", created.stderr
    assert produced.returncode == 0, produced.stderr
    assert read.stdout == "a\nb\n", read.stderr
    assert described.stdout.split()[-7:-3] == ["0", "2", "2", "0"], described


def test_an_address_stands_for_the_name_of_its_host(kafka: Secured) -> None:
    port = kafka.bootstrap.rpartition(":")[2]

    listed = kafka.pk(
        "broker-api-versions", "--bootstrap-server", f"127.0.0.1:{port}", "--command-config",
        kafka.properties(kafka.with_key),
    )  # fmt: skip

    assert listed.returncode == 0, listed.stderr


def test_tickets_that_kinit_got_are_used(kafka: Secured) -> None:
    kafka.realm.log_in("alice", kafka.keytab)

    listed = kafka.list_topics(kafka.properties("useTicketCache=true"))

    assert listed.returncode == 0, listed.stderr


def test_the_keytab_is_used_where_the_ticket_cache_has_nothing(kafka: Secured) -> None:
    login = f'useTicketCache=true ticketCache="{kafka.folder}/none" {kafka.with_key}'

    listed = kafka.list_topics(kafka.properties(login))

    assert listed.returncode == 0, listed.stderr


def test_the_login_may_be_in_the_file_that_java_is_given(kafka: Secured) -> None:
    jaas = kafka.folder / "jaas.conf"
    jaas.write_text(f'KafkaClient {{\n  {MODULE} required\n  {kafka.with_key}\n  serviceName="kafka";\n}};\n')
    config = kafka.folder / "no-login.properties"
    config.write_text("security.protocol=SASL_PLAINTEXT\n")
    options = f"-Xmx64m -Djava.security.auth.login.config={jaas}"

    listed = pk(
        "topics", "--bootstrap-server", kafka.bootstrap, "--command-config", str(config), "--list",
        env={**kafka.realm.environment, "KAFKA_OPTS": options},
    )  # fmt: skip

    assert listed.returncode == 0, listed.stderr


KEY = 'useKeyTab=true keyTab="{folder}/alice.keytab" principal="{name}@PK.TEST"'


@pytest.mark.parametrize(
    ("login", "service", "complaint"),
    [
        (KEY.format(folder="{folder}", name="mallory"), "kafka", "no credentials for mallory@PK.TEST in "),
        (KEY.format(folder="{folder}", name="alice"), "zoo", "Server zoo/localhost@PK.TEST not found in Kerberos"),
        ('useKeyTab=true keyTab="{folder}/none"', "kafka", "none: no such file or directory"),
        ('useTicketCache=true ticketCache="{folder}/none"', "kafka", "no credentials in "),
        ("debug=true", "kafka", "needs useTicketCache=true, or useKeyTab=true"),
    ],
)
def test_what_kerberos_rejects_is_reported_in_one_line(
    kafka: Secured, login: str, service: str, complaint: str
) -> None:
    listed = kafka.list_topics(kafka.properties(login.format(folder=kafka.folder), service=service))

    assert listed.returncode == 1
    assert complaint in listed.stdout + listed.stderr
    assert len((listed.stdout + listed.stderr).splitlines()) <= 2  # and a hint


def test_a_realm_that_does_not_answer_is_reported_as_such(kafka: Secured, tmp_path: Path) -> None:
    elsewhere = tmp_path / "krb5.conf"
    elsewhere.write_text(kafka.realm.krb5_conf.read_text().replace(str(kafka.realm.port), str(free_port())))

    listed = pk(
        "topics", "--bootstrap-server", kafka.bootstrap, "--command-config", kafka.properties(kafka.with_key),
        "--list", env={**kafka.realm.environment, "KRB5_CONFIG": str(elsewhere)},
    )  # fmt: skip

    assert listed.returncode == 1
    assert "Cannot contact any KDC for realm 'PK.TEST'" in listed.stdout + listed.stderr
