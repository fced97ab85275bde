"""pk doctor, and how every command names the layer on which a connection fails."""

import json
import os
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.broker_processes import PkBroker
from tests.support.broker_processes import running as running_broker
from tests.support.certificates import identity
from tests.support.connecting import CONNECTING, connecting
from tests.support.ports import free_port
from tests.support.running import PK, RunningCluster, pk

LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"


class Listeners:
    """Ports of one broker's listeners, and the trust store for its certificate."""

    def __init__(self, folder: Path) -> None:
        self.plain, self.tls, self.login = free_port(), free_port(), free_port()
        own = identity("localhost")
        self.store, self.trusted = folder / "broker.pem", folder / "trusted.pem"
        self.store.write_text(own.key + own.certificate)
        self.trusted.write_text(own.certificate)
        self.settings = {
            "listeners": f"PLAINTEXT://localhost:{self.plain},SSL://localhost:{self.tls},"
            f"SASL_PLAINTEXT://localhost:{self.login}",
            "ssl.keystore.location": str(self.store),
            "ssl.keystore.type": "PEM",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": f"{LOGIN} user_alice='wonder';",
        }


@pytest.fixture(scope="module")
def listeners(cluster: RunningCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listeners]:
    """A second broker, with a listener of each kind."""
    folder = tmp_path_factory.mktemp("listeners")
    found = Listeners(folder)
    zookeeper = f"{cluster.zookeeper}/doctor"
    with running_broker(PkBroker(7, folder, zookeeper, port=found.plain, settings=found.settings)):
        yield found


def properties(folder: Path, **given: str) -> str:
    file = folder / "client.properties"
    file.write_text("".join(f"{key.replace('_', '.')}={value}\n" for key, value in given.items()))
    return str(file)


def pid_of(cluster: RunningCluster) -> int:
    assert cluster.process
    return cluster.process.pid


def checks(done: "subprocess.CompletedProcess[str]") -> dict[str, tuple[str, str]]:
    """State and text by layer, the last of a layer."""
    return {each["layer"]: (each["state"], each["text"]) for each in json.loads(done.stdout)}


def doctor(*words: str) -> "subprocess.CompletedProcess[str]":
    return pk("doctor", "--output", "json", *words)


def test_a_healthy_cluster(cluster: RunningCluster) -> None:
    done = doctor(cluster.bootstrap, "--timeout", "30s")

    assert (done.returncode, done.stderr) == (0, "")
    found = checks(done)
    assert {state for state, _ in found.values()} <= {"ok", "unknown"}
    assert set(found) == {
        "name resolution", "TCP", "protocol", "API versions", "metadata", "controller", "advertised listeners",
        "partitions", "internal topics", "disks", "clock", "ZooKeeper",
    }  # fmt: skip
    assert f"(process {pid_of(cluster)})" in found["TCP"][1]
    assert found["ZooKeeper"][1].startswith(f"{cluster.zookeeper} is standalone, version 3.")
    assert f"broker 0 advertises {cluster.bootstrap}, which is reachable from here" == found["advertised listeners"][1]


def test_in_a_pipe_a_check_is_a_line_and_advice_goes_to_stderr() -> None:
    done = pk("doctor", f"127.0.0.1:{free_port()}")

    assert done.returncode == 1
    state, layer, took, text = done.stdout.splitlines()[-1].split("\t")
    assert (state, layer) == ("failed", "TCP")
    assert took.endswith(" ms")
    assert text.endswith("127.0.0.1: connection refused")
    assert "TCP: pk up" in done.stderr or "TCP: pk doctor" in done.stderr


def test_a_name_that_does_not_exist() -> None:
    done = doctor("pk.invalid:9092", "--timeout", "30s")

    assert done.returncode == 1
    assert list(checks(done)) == ["name resolution"]


def test_tls_and_login(listeners: Listeners, tmp_path: Path) -> None:
    trusting = {"ssl_truststore_location": str(listeners.trusted), "ssl_truststore_type": "PEM"}
    with_tls = properties(tmp_path, security_protocol="SSL", **trusting)
    secured = doctor(f"localhost:{listeners.tls}", "--command-config", with_tls, "--timeout", "30s")
    assert checks(secured)["TLS"][0] == "ok"
    assert "certificate of CN=localhost, signed by CN=localhost" in checks(secured)["TLS"][1]
    assert secured.returncode == 0

    needless = doctor(f"localhost:{listeners.plain}", "--command-config", with_tls, "--timeout", "30s")
    assert checks(needless)["TLS"] == (
        "failed",
        f"localhost:{listeners.plain}: localhost:{listeners.plain} is a Kafka listener without TLS",
    )

    untrusting = properties(tmp_path, security_protocol="SSL")
    refused = doctor(f"localhost:{listeners.tls}", "--command-config", untrusting, "--timeout", "30s")
    assert "is not trusted" in checks(refused)["TLS"][1]

    user = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"}
    known = properties(tmp_path, **user, sasl_jaas_config=f"{LOGIN} username='alice' password='wonder';")
    logged_in = doctor(f"localhost:{listeners.login}", "--command-config", known, "--timeout", "30s")
    assert checks(logged_in)["SASL"] == ("ok", f"localhost:{listeners.login}: logged in with PLAIN")

    wrong = properties(tmp_path, **user, sasl_jaas_config=f"{LOGIN} username='alice' password='blunder';")
    rejected = doctor(f"localhost:{listeners.login}", "--command-config", wrong, "--timeout", "30s")
    assert checks(rejected)["SASL"][0] == "failed"
    assert "blunder" not in rejected.stdout + rejected.stderr


def test_a_login_that_is_missing(listeners: Listeners) -> None:
    done = doctor(f"localhost:{listeners.login}", "--timeout", "30s")

    assert checks(done)["SASL"] == (
        "failed",
        f"localhost:{listeners.login} requires a login; its SASL mechanisms are PLAIN",
    )


class Answering(socketserver.ThreadingTCPServer):
    """Sends the same to everybody; with nothing to send, keeps connections open until it is closed."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answer: bytes) -> None:
        ended = self.ended = threading.Event()

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                if not answer:
                    ended.wait()
                self.request.recv(64)
                self.request.sendall(answer)

        super().__init__(("127.0.0.1", 0), Handler)


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """HOST:PORT of one."""
    with Answering(answer) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.ended.set()
        server.shutdown()
        serving.join()


@pytest.mark.parametrize("command", CONNECTING)
def test_every_command_says_who_is_there_instead(command: str, tmp_path: Path) -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as http:
        done = pk(*connecting(command, http, tmp_path), stdin="a\n")

    assert done.returncode == 1
    assert f"{http} is an HTTP server, not a Kafka broker" in done.stderr + done.stdout


@pytest.mark.parametrize("command", ["topics", "console-consumer", "console-producer"])
def test_zookeepers_port_is_no_brokers(command: str, cluster: RunningCluster, tmp_path: Path) -> None:
    done = pk(*connecting(command, cluster.zookeeper, tmp_path), stdin="a\n")

    assert done.returncode == 1
    assert f"{cluster.zookeeper} is a ZooKeeper server, not a Kafka broker" in done.stderr + done.stdout


def test_every_command_names_tls_and_login(listeners: Listeners) -> None:
    encrypted = pk("topics", "--list", "--bootstrap-server", f"localhost:{listeners.tls}")
    guarded = pk("topics", "--list", "--bootstrap-server", f"localhost:{listeners.login}")

    assert f"localhost:{listeners.tls} is a TLS listener" in encrypted.stdout + encrypted.stderr
    assert "requires a login; its SASL mechanisms are PLAIN" in guarded.stdout + guarded.stderr


def test_who_is_silent_is_mentioned_while_a_command_waits(tmp_path: Path) -> None:
    patience = properties(tmp_path, request_timeout_ms="6000", default_api_timeout_ms="6000")
    with answering(b"") as silent:
        done = pk("topics", "--list", "--bootstrap-server", silent, "--command-config", patience)

    assert done.returncode == 1
    assert f"WARN {silent} accepts connections, but has not responded for 3 s. Still waiting." in done.stderr
    assert f"{silent} accepts connections, but does not respond" in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["up", "zookeeper-server-start", "server-start"])
def test_whoever_has_the_port_is_named(command: str, cluster: RunningCluster, tmp_path: Path) -> None:
    if command == "up":
        words = ["up", "--data-dir", str(tmp_path / "data"), "--port", str(cluster.port)]
        words += ["--zookeeper-port", str(cluster.zookeeper_port)]
        expected = [cluster.port, cluster.zookeeper_port]
    elif command == "server-start":
        file = tmp_path / "server.properties"
        file.write_text(
            f"listeners=PLAINTEXT://127.0.0.1:{cluster.port}\nlog.dirs={tmp_path / 'logs'}\n"
            f"zookeeper.connect={cluster.zookeeper}/other\n"
        )
        words, expected = [command, str(file)], [cluster.port]
    else:
        file = tmp_path / "zookeeper.properties"
        file.write_text(f"dataDir={tmp_path / 'zookeeper'}\nclientPort={cluster.zookeeper_port}\n")
        words, expected = [command, str(file)], [cluster.zookeeper_port]

    refused = subprocess.run([PK, *words], capture_output=True, text=True, timeout=120, check=False, env=os.environ)

    assert refused.returncode == 1
    for port in expected:
        assert f"Port {port} belongs to pk up (process {pid_of(cluster)}). `pk down` stops it." in refused.stderr


def test_an_advertised_listener_that_cannot_be_reached(cluster: RunningCluster, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        lost = nobody.getsockname()[1]
        port, brokers = free_port(), free_port()
        settings = {
            "listeners": f"PLAINTEXT://127.0.0.1:{port},BROKERS://127.0.0.1:{brokers}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,BROKERS:PLAINTEXT",
            "inter.broker.listener.name": "BROKERS",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{lost},BROKERS://127.0.0.1:{brokers}",
        }
        broker = PkBroker(3, tmp_path, f"{cluster.zookeeper}/lost", port=port, settings=settings)
        with running_broker(broker):
            done = doctor(f"127.0.0.1:{port}", "--timeout", "30s")

    found = checks(done)
    assert done.returncode == 1
    assert found["advertised listeners"][0] == "failed"
    assert found["advertised listeners"][1].startswith(f"broker 3 advertises 127.0.0.1:{lost}: cannot connect")
