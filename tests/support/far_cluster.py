"""A cluster that is far away: all that clients send and get goes through a proxy, which is slow or cuts connections."""

import asyncio
import random
import struct
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.broker_processes import PkBroker, running
from tests.support.golden.runs import Addresses
from tests.support.polling import PATIENCE_S
from tests.support.ports import free_port
from tests.support.zookeeper.servers import pk_zookeeper

CHUNK = 64 * 1024


class Road(NamedTuple):
    """Seconds that bytes take each way, at least and how much more at most, and that a connection lasts on average."""

    delay: float = 0.0
    jitter: float = 0.0
    lifetime: float | None = None


FAR = Road(delay=0.1, jitter=0.05)
"""Another continent."""
FLAKY = Road(delay=0.001, lifetime=1.5)
"""Connections end, in the middle of whatever they carry, after one or two seconds."""


class Traffic:
    """What was sent and answered: how many requests, and how many of them had to wait for one another.

    A request comes after all answers that its client had when it sent it, a connection likewise; so the longest chain
    of them is how often the client waited for the way there and back. Long enough a way makes it exact: what is sent
    side by side is under way before the first answer arrives. Processes are told apart by `begin`.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.requests: Counter[int] = Counter()
        """By API key."""
        self.connections = 0
        self.round_trips = 0

    def opened(self) -> "ConnectionTraffic":
        self.connections += 1
        return ConnectionTraffic(self)


class ConnectionTraffic:
    """One connection's part of it. Answers come in the order of the requests, as Kafka's brokers send them."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._made_after = traffic.round_trips + 1
        self._waiting: deque[int] = deque()  # for each request, the round trip in which it is
        self._requests, self._answers = _Frames(), _Frames()

    def sent(self, data: bytes) -> None:
        for frame in self._requests.read(data):
            api_key, _version = struct.unpack_from(">hh", frame)
            self._traffic.requests[api_key] += 1
            self._waiting.append(max(self._traffic.round_trips, self._made_after) + 1)

    def received(self, data: bytes) -> None:
        for _ in self._answers.read(data):
            if self._waiting:
                self._traffic.round_trips = max(self._traffic.round_trips, self._waiting.popleft())


class _Frames:
    """Frames out of a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b""

    def read(self, data: bytes) -> Iterator[bytes]:
        self._rest += data
        while len(self._rest) >= 4 and len(self._rest) >= (end := 4 + int.from_bytes(self._rest[:4])):
            yield self._rest[4:end]
            self._rest = self._rest[end:]


class Proxy:
    """Connects who comes to `port` with another port of this machine, by `road`; runs on a loop in a thread of its own.

    traffic    what it has carried
    """

    def __init__(self, target: int, road: Road, chance: random.Random | None = None) -> None:
        self.traffic = Traffic()
        self._target = target
        self._road = road
        self._chance = chance or random.Random(0)
        self._tasks: list[asyncio.Task[None]] = []
        self._under_way: list[tuple[float, bytes, asyncio.StreamWriter, Callable[[bytes], None]]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    def close(self) -> None:
        async def end() -> None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(self._loop.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        traffic = self.traffic.opened()
        try:
            to_us, to_target = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        ways = [
            asyncio.ensure_future(way)
            for way in (
                self._depart(reader, to_target, traffic.sent, lambda _: None),
                self._depart(to_us, writer, lambda _: None, traffic.received),
            )
        ]
        lifetime = None if self._road.lifetime is None else self._chance.expovariate(1 / self._road.lifetime)
        try:
            await asyncio.wait(ways, timeout=lifetime)
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, to_target):
                end.transport.abort()

    async def _depart(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        at_departure: Callable[[bytes], None],
        at_arrival: Callable[[bytes], None],
    ) -> None:
        """One way: bytes are read at once, and written when they have arrived."""
        arrival, data = 0.0, b"."
        while data:
            try:
                data = await reader.read(CHUNK)
            except OSError:
                return
            at_departure(data)
            arrival = max(arrival, self._loop.time() + self._road.delay + self._chance.random() * self._road.jitter)
            self._under_way.append((arrival, data, writer, at_arrival))
            self._loop.call_at(arrival, self._arrive, writer)
        arrived = self._loop.create_future()
        self._loop.call_at(arrival, lambda: arrived.done() or arrived.set_result(None))
        await arrived

    def _arrive(self, writer: asyncio.StreamWriter) -> None:
        """Write what is due; calls for the same moment come in no particular order."""
        sent = next(each for each in self._under_way if each[2] is writer)
        self._under_way.remove(sent)
        _, data, _, at_arrival = sent
        at_arrival(data)
        if data:
            writer.write(data)
        else:
            writer.close()


@contextmanager
def far_cluster(folder: Path, road: Road) -> Iterator[Addresses]:
    """Where a far broker and its ZooKeeper are; ZooKeeper is near."""
    with watched_far_cluster(folder, road) as (addresses, _):
        yield addresses


@contextmanager
def watched_far_cluster(folder: Path, road: Road) -> Iterator[tuple[Addresses, Traffic]]:
    """The same, with what goes to and fro. The broker says of itself that it is where the proxy is."""
    folder.mkdir(parents=True, exist_ok=True)
    own, inner = free_port(), free_port()
    proxy = Proxy(own, road)
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{own},INNER://127.0.0.1:{inner}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{proxy.port},INNER://127.0.0.1:{inner}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,INNER:PLAINTEXT",
        "inter.broker.listener.name": "INNER",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
    }
    try:
        with pk_zookeeper(folder) as zookeeper:
            broker = PkBroker(0, folder, zookeeper.address, port=own, settings=settings)
            with running(broker):
                yield Addresses(f"127.0.0.1:{proxy.port}", zookeeper.address, str(broker.logs)), proxy.traffic
    finally:
        proxy.close()
