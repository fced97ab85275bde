"""Logins at brokers that are far away, and peers on either side that stop in the middle of a handshake or a login."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.far_cluster import FAR, Proxy
from tests.support.polling import until
from tests.support.running import pk
from tests.support.talkative_broker import PLAIN, WRONG, Talkative, talkative_broker

STALLED = 60
LIMIT_S = 60
"""No command may wait for a silent broker for longer; without options, it gives up after three seconds."""


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talkative]:
    with talkative_broker(tmp_path_factory.mktemp("stalled")) as running:
        yield running


@pytest.mark.parametrize(("password", "status"), [(PLAIN, 0), (WRONG, 1)], ids=["right", "wrong"])
def test_a_login_at_a_broker_on_another_continent_is_answered(password: str, status: int, talkative: Talkative) -> None:
    config = talkative.login("alice", password)
    with contextlib.closing(Proxy(int(talkative.secured.split(":")[1]), FAR)) as proxy:
        done = pk("topics", "--bootstrap-server", f"localhost:{proxy.port}", "--command-config", config, "--list")

    assert done.returncode == status, done.stdout + done.stderr
    assert ("Authentication failed" in done.stdout) == (status == 1)


def test_peers_that_stop_in_a_handshake_or_a_login_keep_nobody_out(talkative: Talkative) -> None:
    host, port = talkative.secured.split(":")
    trusting = ssl.create_default_context(cafile=str(talkative.folder / "trust.pem"))
    trusting.check_hostname = False
    each_line = ("--broker-logger", "0", "--alter", "--add-config", "pykafka_cli.broker.network=DEBUG")
    altered = talkative.run("configs", talkative.login("alice", PLAIN), *each_line)
    assert altered.returncode == 0, altered.stderr
    with contextlib.ExitStack() as stalled:
        for number in range(STALLED):
            peer = stalled.enter_context(socket.create_connection((host, int(port))))
            if number % 3 == 1:
                peer.sendall(b"\x16\x03\x01\x02\x00")  # the beginning of a handshake
            elif number % 3 == 2:
                secured = stalled.enter_context(trusting.wrap_socket(peer))
                secured.sendall(b"\0\0\0\x40\0\x24")  # the beginning of SaslAuthenticate

        served = talkative.run("topics", talkative.login("alice", PLAIN), "--list")

        assert served.returncode == 0, served.stderr
        half_open = STALLED * 2 // 3
        until(lambda: talkative.broker.said().count("has not begun: ") >= half_open, "the end of their handshakes")


@contextlib.contextmanager
def silent_server(folder: Path, *, after_tls: bool) -> Iterator[str]:
    """Accepts, and at most begins TLS; says nothing more. Its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    accepted: list[socket.socket] = []
    if after_tls:
        context.load_cert_chain(folder / "silent.pem")

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted.append(listening.accept()[0])
                if after_tls:
                    accepted[-1] = context.wrap_socket(accepted[-1], server_side=True)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"localhost:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(LIMIT_S)
        for each in accepted:
            each.close()


@pytest.mark.parametrize("after_tls", [False, True], ids=["in the handshake", "in the login"])
def test_a_broker_that_stops_in_the_middle_is_given_up(after_tls: bool, talkative: Talkative) -> None:
    config = talkative.login("alice", PLAIN)
    with silent_server(talkative.folder, after_tls=after_tls) as address:
        done = pk("topics", "--bootstrap-server", address, "--command-config", config, "--list", timeout=LIMIT_S)

    assert done.returncode == 1
    assert f"{address} did not answer within " in done.stdout
