"""What a stranger sends costs the broker little memory, and others are answered meanwhile."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.support.polling import PATIENCE_S
from tests.support.running import RunningCluster, pk

GROWTH_KB = 50 * 1024
SLOWEST_ANSWER_S = 10.0
UNDER_ATTACK_S = 3.0  # longer than the broker waits for a client that does not read
MIB = 1 << 20


def request(api_key: int, version: int, body: bytes) -> bytes:
    header = struct.pack(">hhih", api_key, version, 1, -1)
    return struct.pack(">i", len(header) + len(body)) + header + body


METADATA_OF_EVERY_LETTER = request(3, 1, struct.pack(">i", 3 * MIB) + b"\0\1x" * 3 * MIB)
FETCH_ALL = request(
    1,
    4,
    struct.pack(">iiiib", -1, 100, 1, 50 * MIB, 0) + b"\0\0\0\1\0\1t\0\0\0\1" + struct.pack(">iqi", 0, 0, 10 * MIB),
)
CREATE_MANY = request(
    19, 2, b"\0\0\0\1\0\3big" + struct.pack(">ih", 2**31 - 1, 1) + bytes(8) + struct.pack(">i?", 5000, False)
)
EXTEND_MUCH = request(37, 0, b"\0\0\0\1\0\1t" + struct.pack(">ii", 2**31 - 1, -1) + struct.pack(">i?", 5000, False))
PROMISE = struct.pack(">i", 95 * MIB) + b"\0\3\0\0"
API_VERSIONS = request(18, 0, b"")


def connected(cluster: RunningCluster, stack: ExitStack) -> socket.socket:
    client = stack.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(PATIENCE_S)
    client.connect(("127.0.0.1", cluster.port))
    return client


def promise_much(cluster: RunningCluster, stack: ExitStack) -> None:
    """Three hundred lengths of 95 MiB, and little more."""
    for _ in range(300):
        connected(cluster, stack).sendall(PROMISE)


def send_much(cluster: RunningCluster, stack: ExitStack) -> None:
    """95 MiB of a Metadata request, from several at once."""

    def send() -> None:
        client = connected(cluster, stack)
        with suppress(OSError):
            client.sendall(PROMISE)
            for _ in range(95):
                client.sendall(bytes(MIB))

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


def name_every_letter(cluster: RunningCluster, stack: ExitStack) -> None:
    """Nine megabytes that would be three million topics."""
    client = connected(cluster, stack)
    with suppress(OSError):
        client.sendall(METADATA_OF_EVERY_LETTER)
        client.recv(1)


def fetch_and_never_read(cluster: RunningCluster, stack: ExitStack) -> None:
    for _ in range(200):
        connected(cluster, stack).sendall(FETCH_ALL * 5)


def create_two_billion_partitions(cluster: RunningCluster, stack: ExitStack) -> None:
    client = connected(cluster, stack)
    client.sendall(CREATE_MANY)
    assert b"Excessively large number of partitions per request." in client.recv(1000)


def extend_to_two_billion_partitions(cluster: RunningCluster, stack: ExitStack) -> None:
    client = connected(cluster, stack)
    client.sendall(EXTEND_MUCH)
    assert b"Excessively large number of partitions per request." in client.recv(1000)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    """A broker with 20 MB in a topic."""
    running = RunningCluster(tmp_path_factory.mktemp("strangers") / "data")
    produced = pk(
        "producer-perf-test", "--topic", "t", "--num-records", "20000", "--record-size", "1000", "--throughput", "-1",
        "--producer-props", f"bootstrap.servers={running.bootstrap}",
    )  # fmt: skip
    assert produced.returncode == 0, produced.stderr
    yield running
    running.stop()


def memory_kb(cluster: RunningCluster, name: str) -> int:
    assert cluster.process is not None
    with open(f"/proc/{cluster.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name))


def seconds_to_answer(cluster: RunningCluster) -> float:
    with ExitStack() as stack:
        begun = time.monotonic()
        client = connected(cluster, stack)
        client.sendall(API_VERSIONS)
        assert client.recv(10)
        return time.monotonic() - begun


@contextmanager
def others_asking(cluster: RunningCluster) -> Iterator[list[float]]:
    """Somebody who asks again and again; how long each answer took."""
    taken = [seconds_to_answer(cluster)]
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.wait(0.05):
            taken.append(seconds_to_answer(cluster))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield taken
    finally:
        is_over.set()
        asking.join()


@pytest.mark.parametrize(
    "attack",
    [
        promise_much,
        send_much,
        name_every_letter,
        fetch_and_never_read,
        create_two_billion_partitions,
        extend_to_two_billion_partitions,
    ],
)
def test_a_stranger_costs_little_memory_and_keeps_nobody_waiting(
    cluster: RunningCluster, attack: Callable[[RunningCluster, ExitStack], None]
) -> None:
    assert cluster.process is not None
    before = memory_kb(cluster, "VmRSS")
    with open(f"/proc/{cluster.process.pid}/clear_refs", "w") as clear:
        clear.write("5")  # VmHWM counts from here on

    with others_asking(cluster) as taken, ExitStack() as stack:
        attack(cluster, stack)
        asked_until = time.monotonic() + UNDER_ATTACK_S
        while time.monotonic() < asked_until:
            taken.append(seconds_to_answer(cluster))

    assert memory_kb(cluster, "VmHWM") - before < GROWTH_KB
    assert max(taken) < SLOWEST_ANSWER_S
