"""What a Produce and a Fetch request cost the broker: the same for one record as for nine thousand, and not more; and
what it costs to commit an offset.

The bounds are what the code needed when they were set, so that whoever adds to the path of every request sees it here,
and by how much. A bound may be raised on purpose; docs/performance.md says what it is worth.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pykafka_cli.acls import AclEntry, AclOperation, AclPermission, ResourcePattern, ResourceType
from pykafka_cli.broker.dispatch import Dispatcher
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.connection import Connection, Peer, Service
from pykafka_cli.broker.network.connection_rates import ConnectionRates
from pykafka_cli.broker.network.limits import ConnectionLimits, Intake
from pykafka_cli.broker.network.memory import Memory
from pykafka_cli.broker.security.authorizer import Authorizer
from pykafka_cli.broker.security.rules import AclRules
from pykafka_cli.model import Milliseconds, Offset
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.hot_path import fetch, produce
from pykafka_cli.protocol.hot_path.wire import compact_count, compact_string
from pykafka_cli.repeated_lines import RepeatedLines
from pykafka_cli.storage import files
from tests.fakes.controlled_cluster import ControlledCluster
from tests.fakes.replica_cluster import Node, ReplicaCluster
from tests.support.costs import Calls, at_once, counted_calls, counted_system_calls, excess, peak_memory
from tests.support.event_loop import settle, until
from tests.support.group_broker import GroupBroker
from tests.support.logs import broker_settings, sequenced

PRODUCE = Calls(python=132, compiled=88)
FETCH = Calls(python=117, compiled=61)
CONNECTION = Calls(python=17, compiled=19)
TEN_COMMITS = Calls(python=475, compiled=446)
METADATA = Calls(python=25, compiled=17)
ACLS = Calls(python=4, compiled=6)
"""What a Produce or a Fetch request of one topic costs more with an authorizer."""

PEER = Peer("127.0.0.1", 1, "PLAINTEXT")
MANY = [b"x" * 100] * 9_000


@dataclass
class Served:
    """A broker with the topic `t`, its log on the disk, and the dispatcher in front of it."""

    node: Node
    dispatcher: Dispatcher
    next_sequence: int = 0

    def produce_request(self, *values: bytes) -> bytearray:
        """acks=all, the newest version, one idempotent batch, as the Java producer sends it."""
        batch = sequenced(*values, sequence=self.next_sequence, timestamp=self.node.cluster.clock.now_ms())
        self.next_sequence += len(values)
        header = struct.pack(">hhih", produce.API_KEY, produce.MAX_VERSION, 7, 2) + b"me\0"
        limits = compact_string(None) + struct.pack(">hi", -1, 30_000)
        topic = compact_count(1) + compact_string("t") + compact_count(1) + struct.pack(">i", 0)
        return bytearray(header + limits + topic + compact_count(len(batch)) + batch + b"\0\0\0")

    def fetch_request(self, offset: int, *, max_wait_ms: int = 0) -> bytearray:
        """All of partition 0 from `offset` on, outside of a session."""
        topic_id = self.node.metadata.topic_id("t")
        wanted = fetch.FetchTopic(None, topic_id, [fetch.FetchPartition(0, Offset(offset), 1 << 30)])
        body = fetch.encode_request(fetch.FetchRequest(Milliseconds(max_wait_ms), 1, [wanted]), fetch.MAX_VERSION)
        return bytearray(struct.pack(">hhih", fetch.API_KEY, fetch.MAX_VERSION, 7, 2) + b"me\0" + body)

    def answer(self, request: bytearray, peer: Peer = PEER) -> list[Buffer]:
        buffers: list[Buffer] = at_once(self.dispatcher.answer(request, peer))
        return buffers

    def fill(self, *batches: list[bytes]) -> None:
        for values in batches:
            self.answer(self.produce_request(*values))


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    cluster = ReplicaCluster()
    node = cluster.nodes[0] = Node(cluster, 0, log_dirs=tmp_path)
    node.files = files.DiskFiles()  # type: ignore[assignment]
    await node.start()
    await cluster.controller.create("t", (0,))
    served = Served(node, Dispatcher(node.broker, Metrics()))
    served.fill([b"first"])  # what is made once is made
    served.answer(served.fetch_request(0))
    yield served
    await node.replicas.stop()
    await node.logs.shutdown()


@pytest.mark.parametrize("values", [MANY[:1], MANY], ids=["one record", "nine thousand"])
async def test_producing_takes_so_many_calls_and_no_more(served: Served, values: list[bytes]) -> None:
    request = served.produce_request(*values)

    with counted_calls() as calls:
        answer = served.answer(request)

    assert _error_code(answer) == 0
    assert not excess(calls, PRODUCE)


@pytest.mark.parametrize("batches", [[MANY[:1]], [MANY], [MANY[:10]] * 50], ids=["small", "large", "many"])
async def test_fetching_takes_so_many_calls_and_no_more(served: Served, batches: list[list[bytes]]) -> None:
    served.fill(*batches)
    request = served.fetch_request(1)

    with counted_calls() as calls:
        answer = served.answer(request)

    assert sum(map(len, answer)) > 100 * sum(map(len, batches))
    assert not excess(calls, FETCH)


@pytest.mark.parametrize("others", [0, 1000], ids=["one ACL", "a thousand more"])
async def test_acls_take_so_many_calls_more_however_many_there_are(served: Served, others: int) -> None:
    """The decision about a topic is made once for a connection, until ACLs change."""
    rules, allow = AclRules(), AclEntry("User:alice", "*", AclOperation.ALL, AclPermission.ALLOW)
    for name in ("t", *(f"other-{number}" for number in range(others))):
        rules.replace(ResourcePattern(ResourceType.TOPIC, name), [allow])
    dispatcher = Dispatcher(served.node.broker, Metrics(), authorizer=Authorizer(rules, ()))
    secured, peer = Served(served.node, dispatcher, served.next_sequence), Peer("127.0.0.1", 1, "SASL", "User:alice")
    secured.answer(secured.produce_request(b"x"), peer)
    secured.answer(secured.fetch_request(1), peer)

    for request, bound in ((secured.produce_request(b"x"), PRODUCE), (secured.fetch_request(1), FETCH)):
        with counted_calls() as calls:
            answer = secured.answer(request, peer)

        assert len(b"".join(answer)) > 30
        assert not excess(calls, Calls(bound.python + ACLS.python, bound.compiled + ACLS.compiled))


async def test_committing_offsets_takes_so_many_calls_and_no_more() -> None:
    """Of ten groups in one turn of the event loop: a batch for each of their two partitions."""
    groups = await GroupBroker.started()
    dispatcher = Dispatcher(groups.broker, Metrics())
    requests = [commit_request(f"g-{number}") for number in range(10)]
    await asyncio.gather(*(dispatcher.answer(each, PEER) for each in requests))  # what is made once is made

    with counted_calls("/pykafka_cli/") as calls:
        answers = await asyncio.gather(*(dispatcher.answer(each, PEER) for each in requests))

    assert [b"".join(answer or [])[-5:] for answer in answers] == [b"\0\0" + b"\0\0\0"] * 10  # no error, no tags
    assert not excess(calls, TEN_COMMITS)


def commit_request(group: str) -> bytearray:
    """From somebody who is no member, as any consumer with its own assignment sends it."""
    partition = struct.pack(">iqi", 0, 5, -1) + compact_string("") + b"\0"
    topic = compact_string("t") + compact_count(1) + partition + b"\0"
    committer = struct.pack(">i", -1) + compact_string("") + compact_string(None)
    body = compact_string(group) + committer + compact_count(1) + topic + b"\0"
    return bytearray(struct.pack(">hhih", 8, 8, 7, 2) + b"me\0" + body)


@pytest.mark.parametrize("partitions", [1, 500])
async def test_describing_all_topics_again_takes_so_many_calls_and_no_more(partitions: int) -> None:
    cluster = ControlledCluster()
    await cluster.start(0)
    await cluster.create_topic("t", *[[0]] * partitions)
    request = bytearray(struct.pack(">hhih", 3, 12, 7, 2) + b"me\0" + compact_count(-1) + b"\0\0\0")
    dispatcher = cluster.brokers[0].dispatcher
    first = at_once(dispatcher.answer(request, PEER))

    with counted_calls() as calls:
        again = at_once(dispatcher.answer(request, PEER))

    assert again == first
    assert sum(map(len, again)) > 25 * partitions
    assert not excess(calls, METADATA)
    await cluster.close()


async def test_producing_is_one_system_call_of_the_log(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [served.produce_request(*MANY[:count]) for count in (1, 1, 1)]

    with counted_system_calls(monkeypatch, files) as calls:
        for request in requests:
            served.answer(request)

    assert calls.names == {"pwrite": 3}


async def test_an_index_entry_costs_two_more_each_4096_bytes_at_the_most(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [served.produce_request(b"x" * 500, b"x" * 500) for _ in range(40)]

    with counted_system_calls(monkeypatch, files) as calls:
        for request in requests:
            served.answer(request)

    entries = calls.names["pwrite"] - 40
    assert 0 < entries <= 2 * 40 * 1100 // 4096
    assert set(calls.names) <= {"pwrite", "open"}


@pytest.mark.parametrize("count", [1, 100])
async def test_fetching_what_is_newest_is_one_system_call(
    served: Served, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    served.fill(*[MANY[:1]] * count)
    served.answer(served.fetch_request(count))  # where the consumer has got to is known from its last fetch
    served.fill(MANY)

    with counted_system_calls(monkeypatch, files) as calls:
        answer = served.answer(served.fetch_request(count + 1))

    assert calls.names == {"pread": 1}
    assert 0 < calls.sizes[0] < sum(map(len, answer))


async def test_records_are_not_copied_on_their_way_into_the_log(served: Served) -> None:
    request = served.produce_request(*MANY)
    assert peak_memory(lambda: served.answer(request)) < len(request) // 50


async def test_records_are_copied_once_from_the_log_into_the_answer(served: Served) -> None:
    served.fill(MANY, MANY)
    request = served.fetch_request(1)
    size = sum(map(len, served.answer(request)))
    assert size < peak_memory(lambda: served.answer(request)) < size * 1.02


def _error_code(answer: list[Buffer]) -> int:
    """Of the one partition in a response to Produce: after header, counts, name and partition index."""
    code: int
    (code,) = struct.unpack_from(">h", b"".join(answer), 5 + 1 + 2 + 1 + 4)
    return code


class Wire:
    """A transport that keeps what is written, each call by itself."""

    def __init__(self) -> None:
        self.writes: list[list[Buffer]] = []

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return "127.0.0.1", 1

    def is_closing(self) -> bool:
        return False

    def write(self, data: Buffer) -> None:
        self.writes.append([data])

    def writelines(self, buffers: list[Buffer]) -> None:
        self.writes.append(buffers)


def connected(answer: Any) -> tuple[Connection, Wire]:
    clock: Any = SimpleNamespace(monotonic=lambda: 0.0)
    settings = broker_settings()
    limits, intake = ConnectionLimits(settings), Intake(settings)
    service = Service(
        "PLAINTEXT",
        answer,
        clock,
        Metrics(),
        limits,
        ConnectionRates(settings, clock),
        intake,
        Memory(settings, clock),
        RepeatedLines(clock),
        settings.socket_request_max_bytes,
    )
    connection, wire = Connection(service), Wire()
    connection.connection_made(wire)  # type: ignore[arg-type]
    return connection, wire


def receive(connection: Connection, data: bytes) -> None:
    """Hand over all of `data`, as a loop does with what a socket has."""
    rest = memoryview(data)
    while rest:
        with connection.get_buffer(-1) as buffer:
            count = min(len(buffer), len(rest))
            buffer[:count] = rest[:count]
        connection.buffer_updated(count)
        rest = rest[count:]


async def served_all(connection: Connection) -> None:
    """Return once everything that was received is served."""
    await until(lambda: connection.worker is None)


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


async def test_answers_to_requests_that_came_together_are_one_write() -> None:
    async def echo(request: bytearray, _peer: Peer) -> list[Buffer]:
        return [bytes(request)]

    connection, wire = connected(echo)
    receive(connection, framed(b"one") + framed(b"two") + framed(b"three"))
    await served_all(connection)

    assert wire.writes == [[framed(b"one") + framed(b"two") + framed(b"three")]]


async def test_a_large_answer_is_sent_from_where_it_is() -> None:
    records = bytes(1 << 20)

    async def large(_request: bytearray, _peer: Peer) -> list[Buffer]:
        return [b"header", records]

    connection, wire = connected(large)
    receive(connection, framed(b"?"))
    await served_all(connection)

    ((*_, sent),) = wire.writes
    assert sent is records


async def test_a_large_request_is_received_into_the_memory_that_is_served() -> None:
    async def nothing(_request: bytearray, _peer: Peer) -> None:
        return None

    connection, _ = connected(nothing)
    data = framed(bytes(1 << 20))
    assert peak_memory(lambda: receive(connection, data)) < len(data) * 1.1
    await served_all(connection)


async def test_a_request_takes_so_many_calls_of_the_network_and_no_more() -> None:
    async def echo(request: bytearray, _peer: Peer) -> list[Buffer]:
        return [bytes(request)]

    connection, wire = connected(echo)
    receive(connection, framed(b"first"))
    await served_all(connection)
    data = framed(b"next")

    with counted_calls(within="/pykafka_cli/") as calls:
        receive(connection, data)
        await settle()

    assert wire.writes[-1] == [data]
    assert not excess(calls, CONNECTION)
