"""One cluster of our broker and Apache Kafka's: ACLs that are altered by way of either are obeyed by both, and
delegation tokens of either are logins to both."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acl_brokers import AUTHORIZER, SCRAM, login, sasl_settings
from tests.support.broker_processes import BrokerProcess, KafkaBroker, PkBroker, running
from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.zookeeper.servers import pk_zookeeper


class Doors:
    """A broker's two listeners, and the broker."""

    def __init__(self, kind: type[BrokerProcess], number: int, folder: Path, zookeeper: str) -> None:
        port, sasl = free_port(), free_port()
        self.plaintext, self.sasl = f"127.0.0.1:{port}", f"127.0.0.1:{sasl}"
        settings = {**sasl_settings(self.plaintext, self.sasl), **AUTHORIZER, "delegation.token.secret.key": "a-secret"}
        self.broker = kind(number, folder, zookeeper, port=port, settings=settings)


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Doors, Doors]]:
    folder = tmp_path_factory.mktemp("mixed")
    with pk_zookeeper(folder) as zookeeper:
        ours = Doors(PkBroker, 0, folder, zookeeper.address)
        with running(ours.broker):
            theirs = Doors(KafkaBroker, 1, folder, zookeeper.address)
            with running(theirs.broker):
                yield ours, theirs


@pytest.mark.parametrize("altered_by", [0, 1], ids=["ours", "Kafka's"])
def test_both_brokers_obey_what_either_was_told(altered_by: int, doors: tuple[Doors, Doors], tmp_path: Path) -> None:
    topic = f"altered-by-{altered_by}"
    config = tmp_path / "alice.properties"
    config.write_text(login("alice"))
    server = ("--bootstrap-server", doors[altered_by].plaintext)
    created = pk("topics", *server, "--create", "--topic", topic, "--partitions", "1", "--replication-factor", "2")
    assert created.returncode == 0, created.stdout

    def seen() -> list[str]:
        words = ("--command-config", str(config), "--list")
        return [pk("topics", "--bootstrap-server", door.sasl, *words).stdout.strip() for door in doors]

    def listed() -> list[str]:
        return [pk("acls", "--bootstrap-server", door.plaintext, "--list", "--topic", topic).stdout for door in doors]

    assert seen() == ["", ""]

    pattern = ("--topic", topic[:-1], "--resource-pattern-type", "prefixed")
    granted = pk("acls", *server, "--add", *pattern, "--allow-principal", "User:alice", "--operation", "Read")
    assert granted.returncode == 0, granted.stdout
    until(lambda: all(topic in each.split() for each in seen()), "alice may not see the topic by way of both brokers")
    assert pk("acls", *server, "--add", "--topic", topic, "--deny-principal", "User:alice").returncode == 0
    until(lambda: not any(topic in each.split() for each in seen()), "alice is not denied the topic by both brokers")
    one, other = listed()
    assert one == other
    assert "permissionType=DENY" in one

    for words in (pattern, ("--topic", topic)):
        assert pk("acls", *server, "--remove", *words, "--force").returncode == 0
    until(lambda: listed() == ["", ""], "the ACLs are not gone for both brokers")


@pytest.mark.parametrize("made_by", [0, 1], ids=["ours", "Kafka's"])
def test_a_token_of_either_broker_is_a_login_to_both_until_it_ends(
    made_by: int, doors: tuple[Doors, Doors], tmp_path: Path
) -> None:
    alice, by_token = tmp_path / "alice.properties", tmp_path / "token.properties"
    alice.write_text(login("alice"))

    def manage(door: Doors, *words: str) -> str:
        done = pk("delegation-tokens", "--bootstrap-server", door.sasl, "--command-config", str(alice), *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def let_in() -> list[bool]:
        words = ("--command-config", str(by_token), "--list")
        return [pk("topics", "--bootstrap-server", door.sasl, *words).returncode == 0 for door in doors]

    made = manage(doors[made_by], "--create", "--max-life-time-period", "-1", "--renewer-principal", "User:bob")
    found = re.search(r"\n(\S{22}) +(\S{88}) ", made)
    assert found, made
    token, hmac = found.groups()
    by_token.write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\n"
        f'sasl.jaas.config={SCRAM} username="{token}" password="{hmac}" tokenauth="true";\n'
    )
    until(lambda: all(let_in()), "the token is not known to both brokers")

    other = doors[1 - made_by]
    manage(other, "--renew", "--renew-time-period", "600000", "--hmac", hmac)
    described = ("--describe", "--owner-principal", "User:alice")
    until(
        lambda: rows(manage(doors[0], *described)) == rows(manage(doors[1], *described)) != [],
        "the brokers do not agree on the token",
    )
    manage(other, "--expire", "--expiry-time-period", "-1", "--hmac", hmac)
    until(lambda: not any(let_in()), "the token is still known")


def rows(table: str) -> list[str]:
    return [line for line in table.splitlines() if re.match(r"\S{22} ", line)]
