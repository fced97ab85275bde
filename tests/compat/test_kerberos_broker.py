"""Clients log in to our broker by tickets of Kerberos, in a realm of the test's own."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import kafka_scripts, peers
from tests.support.kerberos_realm import REALM, KerberosPkBroker, KerberosRealm, kerberos_realm
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.zookeeper.servers import pk_zookeeper

MODULE = "com.sun.security.auth.module.Krb5LoginModule required"


@dataclass
class Secured:
    """A broker whose only listener wants tickets, also of the broker itself, and two users with keys."""

    realm: KerberosRealm
    bootstrap: str
    folder: Path

    def properties(self, user: str, *, service: str = "kafka") -> str:
        """A file with a client's properties."""
        file = self.folder / f"{user}.properties"
        keytab = self.folder / f"{user.replace('/', '-')}.keytab"
        file.write_text(
            f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=GSSAPI\nsasl.kerberos.service.name={service}\n"
            f'sasl.jaas.config={MODULE} useKeyTab=true storeKey=true keyTab="{keytab}" '
            f'principal="{user}@{REALM}";\n'
        )
        return str(file)

    def list_topics(self, config: str) -> "subprocess.CompletedProcess[str]":
        words = ("topics", "--bootstrap-server", self.bootstrap, "--command-config", config, "--list")
        return pk(*words, env=self.realm.environment)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    peers.gssapi()
    folder = tmp_path_factory.mktemp("kerberos")
    with kerberos_realm(folder) as realm, pk_zookeeper(folder) as zookeeper:
        for principal in ("kafka/localhost", "alice", "Bob"):
            realm.keytab(principal)
        port = free_port()
        settings = {
            "listeners": f"SASL_PLAINTEXT://localhost:{port}",
            "security.inter.broker.protocol": "SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "GSSAPI",
            "sasl.kerberos.service.name": "kafka",
            "sasl.kerberos.principal.to.local.rules": "RULE:[1:$1](B.*)s/B/b/,DEFAULT",
            "listener.name.sasl_plaintext.gssapi.sasl.jaas.config": (
                f'{MODULE} useKeyTab=true storeKey=true keyTab="{folder}/kafka-localhost.keytab" '
                f'principal="kafka/localhost@{REALM}";'
            ),
            "authorizer.class.name": "kafka.security.authorizer.AclAuthorizer",
            "super.users": "User:kafka;User:bob",
        }
        broker = KerberosPkBroker(0, folder, zookeeper.address, port=port, settings=settings)
        broker.krb5_conf = realm.krb5_conf
        broker.start()
        try:
            yield Secured(realm, f"localhost:{port}", folder)
        finally:
            broker.stop()


def test_users_are_who_their_tickets_and_the_rules_say(secured: Secured) -> None:
    created = pk(
        "topics", "--bootstrap-server", secured.bootstrap, "--command-config", secured.properties("Bob"), "--create",
        "--topic", "seen", env=secured.realm.environment,
    )  # fmt: skip

    assert created.returncode == 0, created.stdout + created.stderr
    assert secured.list_topics(secured.properties("Bob")).stdout.split() == ["seen"]
    denied = secured.list_topics(secured.properties("alice"))
    assert (denied.returncode, denied.stdout.strip()) == (0, ""), denied.stderr


def test_kafkas_own_tools_log_in(secured: Secured) -> None:
    java, *words = kafka_scripts.command(
        "topics", "--bootstrap-server", secured.bootstrap, "--command-config", secured.properties("Bob"), "--list"
    )
    option = f"-Djava.security.krb5.conf={secured.realm.krb5_conf}"

    listed = subprocess.run([java, option, *words], capture_output=True, text=True, timeout=120, check=False)

    assert (listed.returncode, listed.stdout.split()) == (0, ["seen"]), listed.stderr


def test_a_ticket_for_another_service_lets_nobody_in(secured: Secured) -> None:
    secured.realm.keytab("other/localhost")

    listed = secured.list_topics(secured.properties("alice", service="other"))

    assert listed.returncode == 1
    assert "GSSAPI: The ticket isn't for us" in listed.stdout


def test_who_has_no_ticket_stays_out(secured: Secured) -> None:
    listed = pk("topics", "--bootstrap-server", secured.bootstrap, "--list")

    assert listed.returncode == 1
    assert "requires a login; its SASL mechanisms are GSSAPI" in listed.stdout
