"""Our broker and Apache's in one cluster on a secured ZooKeeper, ours or Apache's: TLS, logins, znodes of their own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError
from kazoo.security import ACL, make_acl

from tests.support.broker_processes import BrokerProcess, KafkaBroker, PkBroker
from tests.support.confluent import patiently, value_of
from tests.support.polling import PATIENCE_S, until
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.zookeeper.secured import USERS, Stores, client_login_file, login_file
from tests.support.zookeeper.servers import KafkaZooKeeper, PkZooKeeper, ZooKeeperProcess

OURS, KAFKAS = 0, 1
LOGIN = "-Djava.security.auth.login.config="
KAFKA = make_acl("sasl", "kafka", all=True)
READERS = make_acl("world", "anyone", read=True)


class Secured:
    """A server that serves only who has logged in, with a port for TLS alone; its stores and login files."""

    def __init__(self, kind: type[ZooKeeperProcess], folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.stores = Stores(folder)
        self.port = free_port()
        self._patch = patch
        keys = [
            f"secureClientPort={self.port}", "secureClientPortAddress=127.0.0.1",
            f"ssl.keyStore.location={self.stores.server}", f"ssl.trustStore.location={self.stores.trust}",
            "authProvider.sasl=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
            "sessionRequireClientSASLAuth=true", "superUser=super",
            "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory",
        ]  # fmt: skip
        self.server = kind(folder, keys="\n".join(keys))
        self.address = f"localhost:{self.port}"
        self._as(login_file(folder))
        self.server.start()
        self._as(client_login_file(folder, "kafka", USERS["kafka"]))

    def _as(self, login: Path) -> None:
        """Let servers that are started from now on use a login file: ours read KAFKA_OPTS, as Kafka's scripts do."""
        self._patch.setenv("KAFKA_OPTS", f"{LOGIN}{login}")
        self._patch.setenv("JAVA_TOOL_OPTIONS", f"{LOGIN}{login}")

    def client_keys(self) -> dict[str, str]:
        return {
            "zookeeper.ssl.client.enable": "true",
            "zookeeper.clientCnxnSocket": "org.apache.zookeeper.ClientCnxnSocketNetty",
            "zookeeper.ssl.keystore.location": str(self.stores.alice),
            "zookeeper.ssl.truststore.location": str(self.stores.trust),
        }

    def broker(self, kind: type[BrokerProcess], number: int, folder: Path) -> BrokerProcess:
        settings = {
            **self.client_keys(),
            "zookeeper.set.acl": "true",
            "zookeeper.session.timeout.ms": "10000",  # Java takes its time with the first handshake
            "zookeeper.connection.timeout.ms": "60000",
        }
        return kind(number, folder, self.address, settings=settings)

    @contextlib.contextmanager
    def visitor(self, user: str) -> Iterator[KazooClient]:
        """kazoo, logged in as a user."""
        login = {"mechanism": "DIGEST-MD5", "username": user, "password": USERS[user]}
        client = KazooClient(
            self.address, timeout=10, use_ssl=True, ca=str(self.stores.trust), certfile=str(self.stores.admin),
            keyfile=str(self.stores.admin), sasl_options=login,
        )  # fmt: skip
        client.start(PATIENCE_S)
        try:
            yield client
        finally:
            client.stop()
            client.close()


@pytest.fixture(params=[PkZooKeeper, KafkaZooKeeper])
def zookeeper(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Secured]:
    secured = Secured(request.param, tmp_path, monkeypatch)
    try:
        yield secured
    finally:
        secured.server.kill()


def produced_and_read(bootstrap: str, topic: str, values: list[bytes]) -> list[bytes]:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(PATIENCE_S) == 0
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": "g", "auto.offset.reset": "earliest", "log_level": 0,
    })  # fmt: skip
    consumer.subscribe([topic])
    found: list[bytes] = []
    while len(found) < len(values):
        message = consumer.poll(PATIENCE_S)
        assert message is not None
        found.append(value_of(message))
    consumer.close()
    return found


def create(admin: AdminClient, topic: NewTopic) -> None:
    """Although the controller may be another since the client asked."""
    patiently(lambda: admin.create_topics([topic])[topic.topic].result(PATIENCE_S))


def in_sync(admin: AdminClient, topic: str) -> list[int]:
    """The ISR of the first partition; empty while nobody knows of it."""
    partition = admin.list_topics(topic, timeout=10).topics[topic].partitions.get(0)
    return [] if partition is None else list(partition.isrs)


def acls(client: KazooClient, path: str) -> list[ACL]:
    """Without the entries of certificates, of which each broker could have its own."""
    found: list[ACL] = client.get_acls(path)[0]
    return sorted(each for each in found if each.id.scheme != "x509")


def test_both_makes_of_brokers_share_znodes_that_are_theirs_alone(zookeeper: Secured, tmp_path: Path) -> None:
    ours, kafkas = zookeeper.broker(PkBroker, OURS, tmp_path), zookeeper.broker(KafkaBroker, KAFKAS, tmp_path)
    try:
        ours.start()
        kafkas.start()
        admin = AdminClient({"bootstrap.servers": f"{ours.bootstrap},{kafkas.bootstrap}", "log_level": 0})
        until(lambda: len(admin.list_topics(timeout=10).brokers) == 2, "a cluster of two")
        topic = NewTopic("shared", 1, replica_assignment=[[KAFKAS, OURS]])
        create(admin, topic)
        until(lambda: len(in_sync(admin, "shared")) == 2, "a full ISR")
        assert produced_and_read(ours.bootstrap, "shared", [b"1", b"2"]) == [b"1", b"2"]
        scram = ["--entity-type", "users", "--entity-name", "alice", "--add-config", "SCRAM-SHA-512=[password=s]"]
        done = pk("configs", "--bootstrap-server", ours.bootstrap, "--alter", *scram)
        assert done.returncode == 0, done.stderr

        # The controller, which wrote it, goes; what the other finds is its own as well.
        ours.stop()
        until(lambda: admin.list_topics(timeout=10).controller_id == KAFKAS, "another controller")
        create(admin, NewTopic("later", 1, 1))
        ours.start()
        kafkas.stop()
        admin = AdminClient({"bootstrap.servers": ours.bootstrap, "log_level": 0})
        until(lambda: admin.list_topics(timeout=10).controller_id == OURS, "the first controller")
        patiently(lambda: admin.delete_topics(["shared"])["shared"].result(PATIENCE_S))

        with zookeeper.visitor("super") as visitor:
            for path in ("/brokers/topics", "/brokers/ids/0", "/controller", "/config/topics/later", "/cluster/id"):
                assert acls(visitor, path) == sorted([KAFKA, READERS]), path
            for path in ("/config/users", "/config/users/alice", "/config/brokers"):
                assert acls(visitor, path) == [KAFKA], path
            assert acls(visitor, "/consumers") == [make_acl("world", "anyone", all=True)]
    finally:
        kafkas.kill()
        ours.kill()


@pytest.mark.parametrize("zookeeper", [PkZooKeeper], indirect=True)
def test_a_broker_that_zookeeper_does_not_let_in_says_why(
    zookeeper: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = zookeeper.client_keys()
    for number, (login, changed, words) in enumerate((
        ("guess", {}, "has rejected the login of kafka"),
        (USERS["kafka"], {"zookeeper.ssl.truststore.location": str(zookeeper.stores.stranger)}, "is not trusted"),
        (USERS["kafka"], {"zookeeper.ssl.keystore.location": str(zookeeper.stores.expired)}, "ZooKeeper"),
    )):  # fmt: skip
        monkeypatch.setenv("KAFKA_OPTS", f"{LOGIN}{client_login_file(tmp_path, 'kafka', login)}")
        broker = PkBroker(number, tmp_path, zookeeper.address, settings={**keys, **changed})

        with pytest.raises(RuntimeError, match=words):
            broker.start()

        assert "Traceback" not in broker.said()
    with zookeeper.visitor("kafka") as visitor:
        assert not visitor.exists("/brokers")


@pytest.mark.parametrize("zookeeper", [PkZooKeeper], indirect=True)
def test_a_broker_outlives_a_restart_of_a_secured_zookeeper(
    zookeeper: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = zookeeper.broker(PkBroker, OURS, tmp_path)
    try:
        broker.start()
        zookeeper.server.kill()
        monkeypatch.setenv("KAFKA_OPTS", f"{LOGIN}{login_file(tmp_path)}")
        zookeeper.server.start()

        admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
        create(admin, NewTopic("after", 1, 1))
        assert produced_and_read(broker.bootstrap, "after", [b"x"]) == [b"x"]
    finally:
        broker.kill()


@pytest.mark.parametrize("zookeeper", [PkZooKeeper], indirect=True)
def test_who_has_not_the_brokers_login_cannot_change_their_znodes(zookeeper: Secured, tmp_path: Path) -> None:
    broker = zookeeper.broker(PkBroker, OURS, tmp_path)
    try:
        broker.start()
        with zookeeper.visitor("visitor") as visitor:
            assert visitor.get("/cluster/id")[0]
            with pytest.raises(NoAuthError):
                visitor.set("/cluster/id", b"another")
            with pytest.raises(NoAuthError):
                visitor.create("/brokers/topics/theirs", b"")
            with pytest.raises(NoAuthError):
                visitor.get_children("/config/users")
    finally:
        broker.kill()
