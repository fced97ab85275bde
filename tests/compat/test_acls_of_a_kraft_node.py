"""Our KRaft node with the authorizer of Kafka 4: the ACLs of Kafka 4's script are obeyed, also after another start."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.acl_brokers import PLAIN, login
from tests.support.kafka_scripts import run_kafka_4
from tests.support.ports import free_port
from tests.support.running import PK, pk
from tests.support.server_processes import ServerProcess

STANDARD = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
ACLS, TOPICS = "org.apache.kafka.tools.AclCommand", "org.apache.kafka.tools.TopicCommand"


class KRaftNode(ServerProcess):
    """A formatted node whose clients log in by PLAIN; admin is a super user."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "node.log")
        self.folder = folder
        self.bootstrap, controller = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self._file = folder / "server.properties"
        users = " ".join(f'user_{name}="{name}-secret"' for name in ("admin", "alice"))
        self._file.write_text(
            "process.roles=broker,controller\nnode.id=1\n"
            f"controller.quorum.bootstrap.servers={controller}\ncontroller.listener.names=CONTROLLER\n"
            f"listeners=SASL_PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}\n"
            "inter.broker.listener.name=SASL_PLAINTEXT\nsasl.mechanism.inter.broker.protocol=PLAIN\n"
            "listener.security.protocol.map=SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT\n"
            "sasl.enabled.mechanisms=PLAIN\nsasl.mechanism.controller.protocol=PLAIN\n"
            f'plain.sasl.jaas.config={PLAIN} username="admin" password="admin-secret" {users};\n'
            f"authorizer.class.name={STANDARD}\nsuper.users=User:admin\nlog.dirs={folder}/data\n"
        )
        formatted = pk("storage", "format", "--standalone", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", str(self._file))
        assert formatted.returncode == 0, formatted.stderr

    def command(self) -> Sequence[str]:
        return [PK, "server-start", str(self._file)]

    def serves(self) -> bool:
        return "started (kafka.server" in self.said()

    def client(self, user: str) -> tuple[str, str, str, str]:
        """The options of a tool that connects as this user."""
        file = self.folder / f"{user}.properties"
        file.write_text(login(user))
        return ("--bootstrap-server", self.bootstrap, "--command-config", str(file))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[KRaftNode]:
    node = KRaftNode(tmp_path)
    node.start()
    yield node
    node.stop()


@pytest.mark.timeout(180)
def test_a_node_obeys_the_acls_of_kafka_4s_script(node: KRaftNode) -> None:
    admin, alice = node.client("admin"), node.client("alice")
    read_it = ("--add", "--allow-principal", "User:alice", "--operation", "Read", "--topic", "orders")

    created = pk("topics", *admin, "--create", "--topic", "orders")
    denied = run_kafka_4(TOPICS, *alice, "--list")
    grants_herself = run_kafka_4(ACLS, *alice, *read_it)
    granted = run_kafka_4(ACLS, *admin, *read_it)
    node.stop()
    node.start()
    seen = run_kafka_4(TOPICS, *alice, "--list")
    deletes = run_kafka_4(TOPICS, *alice, "--delete", "--topic", "orders")

    assert created.returncode == 0, created.stdout + created.stderr
    assert (denied.returncode, denied.stdout.strip()) == (0, ""), denied.stderr
    assert "ClusterAuthorizationException" in grants_herself.stdout + grants_herself.stderr
    assert granted.returncode == 0, granted.stdout + granted.stderr
    assert seen.stdout.split() == ["orders"], seen.stderr
    assert "TopicAuthorizationException" in deletes.stdout + deletes.stderr
