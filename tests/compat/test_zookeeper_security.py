"""kazoo and ZooKeeper's own shell on our server over TLS and by logins, with right credentials and wrong ones."""

import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError, SessionClosedRequireSaslError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.states import KeeperState
from kazoo.security import make_acl

from tests.support import peers
from tests.support.certificates import PASSWORD
from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.zookeeper.secured import ADMIN, ALICE, SERVER, USERS, Stores, client_login_file, login_file
from tests.support.zookeeper.servers import PkZooKeeper

TIMEOUT_S = 100
JAAS = "-Djava.security.auth.login.config="


class SecuredZooKeeper(PkZooKeeper):
    """A server of ours with TLS and logins."""

    def __init__(self, stores: Stores, keys: str = "") -> None:
        self.stores = stores
        self.secure_port = free_port()
        super().__init__(
            stores.folder,
            keys=f"secureClientPort={self.secure_port}\nsecureClientPortAddress=127.0.0.1\n"
            f"ssl.keyStore.location={self.stores.server}\nssl.trustStore.location={self.stores.trust}\n{keys}",
        )
        self.secure_address = f"localhost:{self.secure_port}"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecuredZooKeeper]:
    monkeypatch.setenv("KAFKA_OPTS", f"{JAAS}{login_file(tmp_path)}")
    running = SecuredZooKeeper(Stores(tmp_path), f"superUser=super\nX509AuthenticationProvider.superUser={ADMIN}")
    try:
        running.start()
        monkeypatch.delenv("KAFKA_OPTS")
        yield running
    finally:
        running.kill()


def digest_md5(user: str, password: str) -> dict[str, str]:
    return {"mechanism": "DIGEST-MD5", "username": user, "password": password}


def over_tls(server: SecuredZooKeeper, own: Path | None) -> dict[str, Any]:
    return {
        "hosts": server.secure_address, "use_ssl": True, "ca": str(server.stores.trust), "check_hostname": True,
        "certfile": own and str(own), "keyfile": own and str(own),
    }  # fmt: skip


def started(**options: Any) -> KazooClient:
    client = KazooClient(timeout=10, **options)
    client.start(TIMEOUT_S)
    return client


def ended(client: KazooClient) -> None:
    client.stop()
    client.close()


def test_kazoo_over_tls_is_the_subject_of_its_certificate(server: SecuredZooKeeper) -> None:
    alice = started(**over_tls(server, server.stores.alice))
    admin = started(**over_tls(server, server.stores.admin))
    plain = started(hosts=server.address)
    acl = [make_acl("x509", ALICE, all=True)]

    alice.create("/hers", b"x" * 100_000, acl=acl)

    assert alice.get("/hers")[0] == b"x" * 100_000
    assert alice.get_acls("/hers")[0] == acl
    assert admin.set("/hers", b"").version == 1
    with pytest.raises(NoAuthError):
        plain.get("/hers")
    for client in (alice, admin, plain):
        ended(client)


@pytest.mark.parametrize("own", ["expired", "stranger", None])
def test_kazoo_gets_no_session_without_a_certificate_that_is_trusted(server: SecuredZooKeeper, own: str | None) -> None:
    client = KazooClient(timeout=4, **over_tls(server, getattr(server.stores, own) if own else None))

    with pytest.raises((KazooTimeoutError, ssl.SSLError)):
        client.start(2)

    ended(client)


def test_kazoo_logs_in_and_is_its_user(server: SecuredZooKeeper) -> None:
    kafka = started(hosts=server.address, sasl_options=digest_md5("kafka", USERS["kafka"]))
    both = started(sasl_options=digest_md5("super", USERS["super"]), **over_tls(server, server.stores.alice))
    nobody = started(hosts=server.address)

    kafka.create("/private", b"", acl=[make_acl("auth", "", all=True)])

    assert kafka.get_acls("/private")[0] == [make_acl("sasl", "kafka", all=True)]
    assert both.set("/private", b"by the super user").version == 1
    with pytest.raises(NoAuthError):
        nobody.get("/private")
    for client in (kafka, both, nobody):
        ended(client)


@pytest.mark.parametrize(("user", "password"), [("kafka", "guess"), ("mallory", "guess")])
def test_kazoo_cannot_log_in_with_a_wrong_password(server: SecuredZooKeeper, user: str, password: str) -> None:
    client = KazooClient(server.address, timeout=4, sasl_options=digest_md5(user, password))
    states: list[str] = []
    client.add_listener(lambda _: states.append(client.client_state))

    client.start_async()
    until(lambda: KeeperState.AUTH_FAILED in states)

    ended(client)


def shell(options: list[str], address: str, commands: str) -> str:
    """What ZooKeeper's own shell prints."""
    done = subprocess.run(
        [*peers.small_java(128), *options, "-cp", peers.kafka_classpath(), "org.apache.zookeeper.ZooKeeperMain",
         "-server", address],
        input=commands, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "KAFKA_OPTS": ""},
    )  # fmt: skip
    return done.stdout + done.stderr


def java_stores(folder: Path, stores: Stores, kind: str) -> list[str]:
    """The options that give Java a key and what it trusts, in stores of a kind."""
    password, files = PASSWORD.replace(" ", ""), {}
    for name in ("alice", "trust"):
        files[name] = folder / f"{name}.{kind.lower()}"
    source = stores.pkcs12("java", stores.authority.identity(ALICE))
    keytool = peers.program("keytool", "a JDK has it")
    imported = ["-srckeystore", str(source), "-srcstoretype", "PKCS12", "-srcstorepass", PASSWORD]
    made = ["-storetype", kind, "-storepass", password, "-noprompt"]
    subprocess.run(
        [keytool, "-importkeystore", *imported, "-destkeystore", str(files["alice"]), "-deststoretype", kind,
         "-deststorepass", password, "-destkeypass", password],
        check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run(
        [keytool, "-importcert", "-alias", "ca", "-file", str(stores.trust), "-keystore", str(files["trust"]), *made],
        check=True, capture_output=True,
    )  # fmt: skip
    return [
        "-Dzookeeper.client.secure=true",
        "-Dzookeeper.clientCnxnSocket=org.apache.zookeeper.ClientCnxnSocketNetty",
        f"-Dzookeeper.ssl.keyStore.location={files['alice']}", f"-Dzookeeper.ssl.keyStore.password={password}",
        f"-Dzookeeper.ssl.trustStore.location={files['trust']}", f"-Dzookeeper.ssl.trustStore.password={password}",
    ]  # fmt: skip


def test_zookeepers_shell_over_tls_and_with_a_login(server: SecuredZooKeeper, tmp_path: Path) -> None:
    tls = java_stores(tmp_path, server.stores, "JKS")
    login = f"{JAAS}{client_login_file(tmp_path, 'kafka', USERS['kafka'])}"
    commands = "create /a first auth::cdrwa\ngetAcl /a\nwhoami\nget /a\n"

    printed = shell([*tls, login], server.secure_address, commands)

    assert [
        line for line in ("Created /a", "first", "'x509,'CN=alice%2CO=Example", "'sasl,'kafka") if line not in printed
    ] == []
    assert "x509: " + ALICE in printed
    assert "sasl: kafka" in printed
    refused = shell([], server.address, "get /a\n")
    assert "Insufficient permission : /a" in refused


def test_zookeepers_shell_with_a_wrong_password_is_rejected(server: SecuredZooKeeper, tmp_path: Path) -> None:
    login = f"{JAAS}{client_login_file(tmp_path, 'kafka', 'guess')}"

    printed = shell([login], server.address, "create /b second\nls /\n")

    assert "AuthFailed" in printed
    assert "/b" not in {f"/{name}" for name in _children(server)}


def _children(server: SecuredZooKeeper) -> list[str]:
    client = started(hosts=server.address)
    names = client.get_children("/")
    ended(client)
    return [str(name) for name in names]


@pytest.mark.parametrize(
    "key", ["requireClientAuthScheme=sasl", "sessionRequireClientSASLAuth=true",
            "enforce.auth.enabled=true\nenforce.auth.schemes=sasl"],
)  # fmt: skip
def test_who_does_not_log_in_is_not_served_where_all_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("KAFKA_OPTS", f"{JAAS}{login_file(tmp_path)}")
    server = SecuredZooKeeper(Stores(tmp_path), key)
    try:
        server.start()
        monkeypatch.delenv("KAFKA_OPTS")
        kafka = started(hosts=server.address, sasl_options=digest_md5("kafka", USERS["kafka"]))
        nobody = started(hosts=server.address, connection_retry={"max_tries": 1})

        kafka.create("/a", b"")
        with pytest.raises(SessionClosedRequireSaslError):
            nobody.get("/a")

        assert "Session closed because client failed to authenticate for /a" in shell([], server.address, "get /a\n")
        for client in (kafka, nobody):
            ended(client)
    finally:
        server.kill()


def test_our_server_reads_a_jks_store_that_keytool_made(tmp_path: Path) -> None:
    stores = Stores(tmp_path)
    source = stores.pkcs12("server", stores.authority.identity(SERVER))
    store, keytool = tmp_path / "server.jks", peers.program("keytool", "a JDK has it")
    subprocess.run(
        [keytool, "-importkeystore", "-srckeystore", str(source), "-srcstoretype", "PKCS12", "-srcstorepass", PASSWORD,
         "-destkeystore", str(store), "-deststoretype", "JKS", "-deststorepass", "changeit",
         "-destkeypass", "changeit"],
        check=True, capture_output=True,
    )  # fmt: skip
    server = SecuredZooKeeper(
        stores, f"ssl.keyStore.location={store}\nssl.keyStore.type=JKS\nssl.keyStore.password=changeit"
    )
    try:
        server.start()
        ended(started(**over_tls(server, stores.alice)))
    finally:
        server.kill()
