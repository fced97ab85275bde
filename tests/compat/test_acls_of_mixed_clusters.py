"""One cluster of our broker and Apache Kafka's: ACLs that are altered by way of either are obeyed by both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acl_brokers import AUTHORIZER, login, sasl_settings
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
        settings = {**sasl_settings(self.plaintext, self.sasl), **AUTHORIZER}
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
