"""`pk zookeeper-security-migration` and the tools of older scripts on a secured ZooKeeper, beside Kafka's script."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.security import make_acl

from tests.support import peers
from tests.support.polling import PATIENCE_S
from tests.support.ports import free_port
from tests.support.running import pk
from tests.support.zookeeper.secured import USERS, Stores, client_login_file, login_file
from tests.support.zookeeper.servers import PkZooKeeper

LOGIN = "-Djava.security.auth.login.config="
OPEN = make_acl("world", "anyone", all=True)
KAFKAS = [make_acl("sasl", "kafka", all=True), make_acl("world", "anyone", read=True)]


class Secured(PkZooKeeper):
    """A server with TLS and logins, which serves everybody; `tls` is the file of the tools for it."""

    def __init__(self, folder: Path) -> None:
        self.stores = Stores(folder)
        self.secure_port = free_port()
        super().__init__(
            folder,
            keys=f"secureClientPort={self.secure_port}\nsecureClientPortAddress=127.0.0.1\nsuperUser=super\n"
            f"ssl.keyStore.location={self.stores.server}\nssl.trustStore.location={self.stores.trust}",
        )
        self.tls = folder / "tls.properties"
        self.tls.write_text(
            "zookeeper.ssl.client.enable=true\nzookeeper.clientCnxnSocket=org.apache.zookeeper.ClientCnxnSocketNetty\n"
            f"zookeeper.ssl.keystore.location={self.stores.alice}\n"
            f"zookeeper.ssl.truststore.location={self.stores.trust}\n"
        )
        self.secure_address = f"localhost:{self.secure_port}"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Secured]:
    monkeypatch.setenv("KAFKA_OPTS", f"{LOGIN}{login_file(tmp_path)}")
    running = Secured(tmp_path)
    try:
        running.start()
        monkeypatch.delenv("KAFKA_OPTS")
        yield running
    finally:
        running.kill()


@pytest.fixture
def admin(server: Secured) -> Iterator[KazooClient]:
    login = {"mechanism": "DIGEST-MD5", "username": "super", "password": USERS["super"]}
    client = KazooClient(server.address, timeout=10, sasl_options=login)
    client.start(PATIENCE_S)
    try:
        yield client
    finally:
        client.stop()
        client.close()


def script(login: Path | None, *words: str) -> subprocess.CompletedProcess[str]:
    """Kafka's."""
    options = [] if login is None else [f"{LOGIN}{login}"]
    command = [*peers.small_java(128), *options, "-cp", peers.kafka_classpath(), "kafka.admin.ZkSecurityMigrator"]
    return subprocess.run([*command, *words], capture_output=True, text=True, timeout=120, check=False)


def tree(client: KazooClient, path: str = "/kafka") -> dict[str, object]:
    """The ACL of every znode."""
    found = {path: client.get_acls(path)[0]}
    for child in client.get_children(path):
        found |= tree(client, f"{path}/{child}")
    return found


def filled(client: KazooClient) -> None:
    """Some of Kafka's znodes in a chroot, open to everybody, and one that is not Kafka's."""
    for path in ("/kafka/brokers/topics/orders/partitions/0/state", "/kafka/config/users/alice", "/kafka/consumers/g",
                 "/kafka/config/brokers/0", "/kafka/delegation_token/tokens/t", "/kafka/others"):  # fmt: skip
        client.create(path, b"", makepath=True)


@pytest.fixture
def logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = client_login_file(tmp_path, "kafka", USERS["kafka"])
    monkeypatch.setenv("KAFKA_OPTS", f"{LOGIN}{file}")
    return file


def test_znodes_become_the_brokers_as_by_the_script(server: Secured, admin: KazooClient, logged_in: Path) -> None:
    filled(admin)
    words = ["--zookeeper.acl", "secure", "--zookeeper.connect", f"{server.address}/kafka"]
    theirs = script(logged_in, *words)
    by_the_script = tree(admin)
    admin.delete("/kafka", recursive=True)
    filled(admin)

    ours = pk("zookeeper-security-migration", *words)

    assert tree(admin) == by_the_script
    assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr)
    assert admin.get_acls("/kafka/config/users/alice")[0] == KAFKAS[:1]
    assert admin.get_acls("/kafka/brokers/topics/orders")[0] == KAFKAS
    assert admin.get_acls("/kafka/others")[0] == [OPEN]
    again = pk("zookeeper-security-migration", "--zookeeper.acl", "unsecure", *words[2:])
    assert again.returncode == 0
    assert "do not exist in ZooKeeper: /controller\n" in again.stdout
    assert {str(acl) for acl in tree(admin).values()} == {str([OPEN])}


def test_missing_paths_are_a_reason_to_stop_as_by_the_script(
    server: Secured, admin: KazooClient, logged_in: Path
) -> None:
    admin.create("/kafka")
    words = ["--zookeeper.acl", "secure", "--zookeeper.connect", f"{server.address}/kafka", "--enable.path.check"]

    ours, theirs = pk("zookeeper-security-migration", *words), script(logged_in, *words)

    assert ours.stdout == theirs.stdout
    assert ours.returncode == theirs.returncode == 1
    assert ours.stdout.endswith("Exit the command.\n")
    assert admin.get_children("/kafka") == []


@pytest.mark.parametrize(
    "words",
    [("--zookeeper.acl", "secure"), ("--version",), ("--zookeeper.acl", "secure", "--zookeeper.connect", "localhost:1",
     "--zookeeper.connection.timeout", "300")],
)  # fmt: skip
@pytest.mark.parametrize("entry", ["Client", "Server", None])
def test_what_cannot_be_is_said_in_the_scripts_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], entry: str | None
) -> None:
    file = None
    if entry is not None:
        file = client_login_file(tmp_path, "a", "b") if entry == "Client" else login_file(tmp_path)
        monkeypatch.setenv("KAFKA_OPTS", f"{LOGIN}{file}")
    if entry == "Client" and words == ("--zookeeper.acl", "secure"):
        words = (*words, "--zookeeper.connect", f"localhost:{free_port()}", "--zookeeper.connection.timeout", "300")

    ours, theirs = pk("zookeeper-security-migration", *words), script(file, *words)

    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
    logged = "java.net.ConnectException", "\tat "  # by ZooKeeper's client, whenever it tries to connect
    said = [line for line in theirs.stderr.splitlines() if " WARN " not in line and not line.startswith(logged)]
    if said:  # a Java exception, after words if there are any
        first = said[0]
        assert ours.stderr.splitlines()[0] == first.partition("Exception: ")[2] or ours.stderr.startswith(first)


def test_a_certificate_is_enough(server: Secured, admin: KazooClient) -> None:
    filled(admin)
    words = ["--zookeeper.acl", "secure", "--zk-tls-config-file", str(server.tls)]

    done = pk("zookeeper-security-migration", *words, "--zookeeper.connect", f"{server.secure_address}/kafka")

    assert (done.returncode, done.stderr) == (0, "")
    assert admin.get_acls("/kafka/config/users")[0] == [make_acl("x509", "CN=alice,O=Example", all=True)]


def test_whose_znodes_they_are_not_is_told(server: Secured, admin: KazooClient, logged_in: Path) -> None:
    admin.create("/kafka", acl=[make_acl("sasl", "super", all=True)])

    done = pk("zookeeper-security-migration", "--zookeeper.acl", "secure", "--zookeeper.connect",
              f"{server.address}/kafka")  # fmt: skip

    assert (done.returncode, done.stdout) == (1, "Unexpected return code: -102\n")


def test_older_tools_reach_zookeeper_by_tls(server: Secured, admin: KazooClient) -> None:
    tls, connect = ["--zk-tls-config-file", str(server.tls)], server.secure_address
    user = ["--entity-type", "users", "--entity-name", "alice"]

    changed = pk("configs", "--zookeeper", connect, *tls, "--alter", *user, "--add-config", "consumer_byte_rate=1024")
    shown = pk("configs", "--zookeeper", connect, *tls, "--describe", *user)
    added = pk("acls", "--authorizer-properties", f"zookeeper.connect={connect}", *tls, "--add",
               "--allow-principal", "User:alice", "--operation", "Read", "--topic", "t")  # fmt: skip
    listed = pk("zookeeper-shell", connect, "-zk-tls-config-file", str(server.tls), "getAcl", "/config/users/alice")

    assert (changed.returncode, changed.stderr) == (0, "")
    assert "consumer_byte_rate=1024" in shown.stdout
    assert added.returncode == 0, added.stderr
    assert listed.stdout.endswith("'x509,'CN=alice%2CO=Example\n: cdrwa\n")
    assert admin.get_acls("/kafka-acl/Topic/t")[0] == [OPEN]


@pytest.mark.parametrize("wrong", ["expired", "stranger"])
def test_a_certificate_that_is_not_trusted_opens_no_shell(server: Secured, wrong: str) -> None:
    text = server.tls.read_text().replace(str(server.stores.alice), str(getattr(server.stores, wrong)))
    server.tls.write_text(text)

    done = pk("zookeeper-shell", server.secure_address, "-zk-tls-config-file", str(server.tls), "ls", "/")

    assert done.returncode == 1
    assert done.stdout == f"Connecting to {server.secure_address}\n"


def test_a_server_that_is_not_trusted_is_named(server: Secured) -> None:
    server.tls.write_text(f"zookeeper.ssl.truststore.location={server.stores.stranger}\n")

    done = pk("zookeeper-shell", server.secure_address, "-zk-tls-config-file", str(server.tls), "ls", "/")

    assert done.returncode == 1
    assert "its certificate is not trusted" in done.stderr
