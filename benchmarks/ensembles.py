"""Reads and writes of an ensemble of three ZooKeeper servers, a client at each.

The rates are of clients that keep requests in flight, encoded once; the latencies those of kazoo, one request at a
time. A write counts once it is acknowledged, and each must be on all servers in the end.
"""

import contextlib
import itertools
import socket
import statistics
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from kazoo.client import KazooClient

from benchmarks.clusters import NUMBERS, Ensemble
from benchmarks.servers import Servers
from benchmarks.single import Note, SingleMeasurement
from benchmarks.table import Row
from benchmarks.tools import Bench

REQUESTS = 10_000  # of each client, after as many to warm up
IN_FLIGHT = 100  # of each client
ONE_AT_A_TIME = 1_000
VALUE = b"x" * 100
TIMEOUT_S = 60.0
SESSION_TIMEOUT_MS = 10_000

_GET_DATA, _SET_DATA = 4, 5

ROWS = [
    Row("three ZooKeepers: writes by 3 clients", "writes/s", higher_is_better=True, times_kafka=1),
    Row("three ZooKeepers: reads by 3 clients", "reads/s", higher_is_better=True, times_kafka=1),
    Row("three ZooKeepers: writes by kazoo one at a time, median", "ms", times_kafka=1),
    Row("three ZooKeepers: writes by kazoo one at a time, p99", "ms", times_kafka=1),
    Row("three ZooKeepers: reads by kazoo one at a time, p99", "ms", times_kafka=1),
]


def reads_and_writes(_bench: Bench, servers: Servers, _note: Note) -> Iterator[float]:
    ensemble = Ensemble(servers)
    with ensemble.running():
        ports = [ensemble.ports[number] for number in NUMBERS]
        with _kazoo(ports[0]) as client:
            for port in ports:
                client.create(_path(port), b"")
        for kind, frame in ((_SET_DATA, _set_data), (_GET_DATA, _get_data)):
            _at_all(ports, frame, REQUESTS)  # to warm up
            began = time.monotonic()
            _at_all(ports, frame, REQUESTS)
            rate = len(ports) * REQUESTS / (time.monotonic() - began)
            if kind == _SET_DATA:
                _check(ports, 2 * REQUESTS)
            yield rate
        follower = next(ensemble.ports[number] for number in NUMBERS if ensemble.mode(number) == "follower")
        with _kazoo(follower) as client:
            writes = _one_at_a_time(lambda: client.set(_path(follower), VALUE))
            reads = _one_at_a_time(lambda: client.get(_path(follower)))
        yield statistics.median(writes)
        yield statistics.quantiles(writes, n=100)[-1]
        yield statistics.quantiles(reads, n=100)[-1]


def _path(port: int) -> str:
    return f"/bench-{port}"


@contextlib.contextmanager
def _kazoo(port: int) -> Iterator[KazooClient]:
    client = KazooClient(f"127.0.0.1:{port}", timeout=SESSION_TIMEOUT_MS / 1000)
    client.start(TIMEOUT_S)
    try:
        yield client
    finally:
        client.stop()
        client.close()


def _one_at_a_time(ask: Callable[[], object]) -> Sequence[float]:
    """Milliseconds of each."""
    took = []
    for _ in range(ONE_AT_A_TIME):
        began = time.monotonic()
        ask()
        took.append((time.monotonic() - began) * 1000)
    return took


def _check(ports: Sequence[int], writes: int) -> None:
    """Raise RuntimeError unless each server has every write: the version of a znode is their number."""
    for port in ports:
        with _kazoo(port) as client:
            client.sync("/")
            for path in map(_path, ports):
                value, stat = client.get(path)
                if (value, stat.version) != (VALUE, writes):
                    raise RuntimeError(f"the server at port {port} has {stat.version} of {writes} writes of {path}")


def _at_all(ports: Sequence[int], frame: Callable[[int, str], bytes], count: int) -> None:
    """That many requests at each server at the same time; raises RuntimeError when one fails."""
    failures: list[Exception] = []

    def ask(port: int) -> None:
        try:
            _pipelined(port, frame, count)
        except (OSError, RuntimeError) as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=[port], daemon=True) for port in ports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(f"a client failed: {failures[0]}")


def _pipelined(port: int, frame: Callable[[int, str], bytes], count: int) -> None:
    """Requests on a session, half of `IN_FLIGHT` at a time as soon as the half before is answered."""
    half = IN_FLIGHT // 2
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection, connection.makefile("rb") as answers:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(_sized(struct.pack(">iqiqi16s?", 0, 0, SESSION_TIMEOUT_MS, 0, 16, bytes(16), False)))
        _answer(answers.read)
        chunks = [range(first, min(first + half, count)) for first in range(0, count, half)]
        for sent, awaited in itertools.zip_longest(chunks, [range(0), *chunks]):
            connection.sendall(b"".join(frame(xid, _path(port)) for xid in sent or ()))
            for xid in awaited:
                found, _, error = struct.unpack_from(">iqi", _answer(answers.read))
                if (found, error) != (xid, 0):
                    raise RuntimeError(f"request {xid} was answered as {found} with error {error}")
        connection.sendall(_sized(struct.pack(">ii", count, -11)))  # closeSession


def _answer(read: Callable[[int], bytes]) -> bytes:
    size = read(4)
    if len(size) < 4:
        raise RuntimeError("the server has closed the connection")
    return read(int.from_bytes(size, "big"))


def _sized(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def _set_data(xid: int, path: str) -> bytes:
    head = struct.pack(f">iii{len(path)}si", xid, _SET_DATA, len(path), path.encode(), len(VALUE))
    return _sized(head + VALUE + struct.pack(">i", -1))


def _get_data(xid: int, path: str) -> bytes:
    return _sized(struct.pack(f">iii{len(path)}s?", xid, _GET_DATA, len(path), path.encode(), False))


ENSEMBLE = SingleMeasurement(ROWS, reads_and_writes)
