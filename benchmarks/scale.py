"""How costs grow: with connections that do nothing, groups that commit, consumers that do not read, and topics.

Each measurement goes up in steps on one pair of servers, gives a point of its curves at each step, and the last step to
the table. The client is this program, over pk's own connections and with requests that are encoded once, the same for
both brokers; where the load is heavy, it is kcat.
"""

import asyncio
import io
import socket
import statistics
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from datetime import timedelta
from typing import Any, NamedTuple

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from kio.schema.create_topics.v7 import request as create_topics
from kio.schema.errors import ErrorCode
from kio.schema.fetch.v4 import request as fetch
from kio.schema.find_coordinator.v4 import request as find_coordinator
from kio.schema.metadata.v12 import request as metadata
from kio.schema.offset_commit.v8 import request as offset_commit
from kio.schema.produce.v9 import request as produce
from kio.schema.produce.v9.response import ProduceResponse
from kio.schema.types import BrokerId, GroupId, TopicName
from kio.serial import entity_reader, entity_writer
from kio.static.primitive import Records, i8, i16, i32, i32Timedelta, i64

from benchmarks.measurements import KCAT_QUEUE
from benchmarks.servers import STOP_TIMEOUT_S, Servers
from benchmarks.single import Note, SingleMeasurement
from benchmarks.table import Curve, Row
from benchmarks.tools import LINE_BYTES, MESSAGES, TIMEOUT_S, Bench, new_topic, produce_lines
from pykafka_cli.model import Seconds
from pykafka_cli.transport.connection import Connection

CONNECTIONS = (0, 1, 10, 100, 1000)
GROUPS = (1, 10, 100)
NEVER_READING = (0, 1, 10, 100)
TOPICS = (1, 10, 100, 1000)
PARTITIONS = 10

ANSWERS = 300
COMMITTING_S = 3.0
READERS = 4
READ_MESSAGES = MESSAGES * 2 // 5
FETCHES_NEVER_READ = 20
FETCH_BYTES = 1 << 20
FILLING_S = 2.0  # until the buffers of those that never read are full
TOPICS_AT_A_TIME = 50
MANY_ANSWERS = 5  # of one with every topic

PRODUCE_LATENCY = Curve("a Produce request beside idle connections", "idle connections", "ms")
CONNECTION_MEMORY = Curve("memory with idle connections", "idle connections", "MB")
COMMITS = Curve("commits by groups at the same time", "groups", "commits/s")
COMMIT_P99 = Curve("p99 of a commit", "groups", "ms")
READING_RATE = Curve(f"{READERS} consumers beside some that never read", "consumers that never read", "records/s")
UNREAD_MEMORY = Curve("memory with consumers that never read", "consumers that never read", "MB")
CREATION = Curve(f"creating topics of {PARTITIONS} partitions", "topics", "s")
METADATA_ANSWER = Curve("the first Metadata answer for all topics", "topics", "ms")
TOPIC_MEMORY = Curve("memory with topics", "topics", "MB")


class Encoded(NamedTuple):
    """A request that can be sent any number of times."""

    api_key: int
    version: int
    header_version: int
    body: bytes


def encoded(request: Any) -> Encoded:
    buffer, kind = io.BytesIO(), type(request)
    entity_writer(kind)(buffer, request)
    return Encoded(kind.__api_key__, kind.__version__, kind.__header_schema__.__version__, buffer.getvalue())


async def connect(servers: Servers) -> Connection:
    host, port = servers.address
    return await Connection.open(host, port, client_id="bench", timeout=Seconds(TIMEOUT_S))


async def answer_ms(connection: Connection, request: Encoded, *, times: int) -> float:
    """Median time from the request to its whole response, which is not decoded."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        await connection.request_raw(*request)
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


# ---- connections


def idle_connections(_bench: Bench, servers: Servers, note: Note) -> Sequence[float]:
    with servers.running():
        return asyncio.run(_idle_connections(servers, note))


async def _idle_connections(servers: Servers, note: Note) -> Sequence[float]:
    request = one_record(new_topic(servers))
    async with AsyncExitStack() as stack:
        probe = await connect(servers)
        stack.callback(probe.close)
        answer = entity_reader(ProduceResponse)(await probe.request_raw(*request), 0)[0]
        if (code := answer.responses[0].partition_responses[0].error_code) is not ErrorCode.none:
            raise RuntimeError(f"Produce was answered {code.name}")
        await answer_ms(probe, request, times=ANSWERS * 10)  # until both brokers are warm
        opened, latency, memory = 0, 0.0, 0.0
        for number in CONNECTIONS:
            for _ in range(number - opened):
                stack.callback((await connect(servers)).close)
            opened = number
            latency = await answer_ms(probe, request, times=ANSWERS)
            memory = servers.resident_mb()
            note(PRODUCE_LATENCY, number, latency)
            note(CONNECTION_MEMORY, number, memory)
    return memory, latency


def one_record(topic: str) -> Encoded:
    """Produce one record of 100 bytes, acks=all."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1000)
    builder.append(0, int(time.time() * 1000), None, b"x" * LINE_BYTES, [])
    partition = produce.PartitionProduceData(index=i32(0), records=Records(bytes(builder.build())))
    return encoded(
        produce.ProduceRequest(
            acks=i16(-1),
            timeout=i32Timedelta.parse(timedelta(seconds=30)),
            topic_data=(produce.TopicProduceData(name=TopicName(topic), partition_data=(partition,)),),
        )
    )


# ---- groups


def committing_groups(_bench: Bench, servers: Servers, note: Note) -> Sequence[float]:
    with servers.running():
        return asyncio.run(_committing_groups(servers, note))


async def _committing_groups(servers: Servers, note: Note) -> Sequence[float]:
    """Each group is one connection that commits one offset after the other, outside of any membership."""
    topic = new_topic(servers)
    rate = p99 = 0.0
    async with AsyncExitStack() as stack:
        groups: list[Callable[[float], Any]] = []
        for number in GROUPS:
            for each in range(len(groups), number):
                connection = await connect(servers)
                stack.callback(connection.close)
                groups.append(await committing(connection, f"group-{each}", topic))
            await asyncio.gather(*(commit_until(time.monotonic() + 1) for commit_until in groups))  # to warm up
            end = time.monotonic() + COMMITTING_S
            took = await asyncio.gather(*(commit_until(end) for commit_until in groups))
            times = sorted(each for of_group in took for each in of_group)
            rate, p99 = len(times) / COMMITTING_S, times[int(len(times) * 0.99)] * 1000
            note(COMMITS, number, rate)
            note(COMMIT_P99, number, p99)
    return rate, p99


async def committing(connection: Connection, group: str, topic: str) -> Callable[[float], Any]:
    """Commit once, however long the coordinator takes to be there; a function that runs until a time."""
    where = find_coordinator.FindCoordinatorRequest(key_type=i8(0), coordinator_keys=(group,))
    await asked_until(connection, where, lambda answer: answer.coordinators[0].error_code)
    partition = offset_commit.OffsetCommitRequestPartition(
        partition_index=i32(0), committed_offset=i64(1), committed_metadata=""
    )
    request = offset_commit.OffsetCommitRequest(
        group_id=GroupId(group),
        member_id="",
        topics=(offset_commit.OffsetCommitRequestTopic(name=TopicName(topic), partitions=(partition,)),),
    )
    await asked_until(connection, request, lambda answer: answer.topics[0].partitions[0].error_code)
    again = encoded(request)
    expected = await connection.request_raw(*again)

    async def commit_until(end: float) -> list[float]:
        took = []
        while (began := time.monotonic()) < end:
            if await connection.request_raw(*again) != expected:
                raise RuntimeError(f"a commit of {group} was answered otherwise than the one before")
            took.append(time.monotonic() - began)
        return took

    return commit_until


async def asked_until(connection: Connection, request: Any, error_of: Callable[[Any], ErrorCode]) -> None:
    """Ask again and again until there is no error."""
    deadline = time.monotonic() + TIMEOUT_S
    while (code := error_of(await connection.request(request))) is not ErrorCode.none:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{type(request).__name__} is still answered {code.name}")
        await asyncio.sleep(0.05)


# ---- consumers that never read


def slow_consumers(bench: Bench, servers: Servers, note: Note) -> Sequence[float]:
    """Some kcats read a topic, beside connections on which Fetch is asked again and again, and nothing is read."""
    with servers.running(), ExitStack() as stack:
        topic = new_topic(servers)
        produce_lines(servers, topic, bench.lines(count=READ_MESSAGES))
        read_at_once(servers, topic)  # to warm up
        beside_one, memory, stuck = 0.0, 0.0, 0
        for number in NEVER_READING:
            for _ in range(number - stuck):
                stack.enter_context(never_reading(servers, topic))
            stuck = number
            time.sleep(FILLING_S)
            rate = read_at_once(servers, topic)
            memory = servers.resident_mb()
            note(READING_RATE, number, rate)
            note(UNREAD_MEMORY, number, memory)
            beside_one = rate if number == 1 else beside_one
        return beside_one, memory


def never_reading(servers: Servers, topic: str) -> socket.socket:
    """A connection with Fetch requests for a megabyte each, whose answers are more than its buffers take."""
    partition = fetch.FetchPartition(partition=i32(0), fetch_offset=i64(0), partition_max_bytes=i32(FETCH_BYTES))
    request = encoded(
        fetch.FetchRequest(
            replica_id=BrokerId(-1),
            max_wait=i32Timedelta.parse(timedelta(0)),
            min_bytes=i32(1),
            isolation_level=i8(0),
            topics=(fetch.FetchTopic(topic=TopicName(topic), partitions=(partition,)),),
        )
    )
    frame = struct.pack(">hhih", request.api_key, request.version, 1, -1) + request.body  # no client id
    connection = socket.socket()
    connection.settimeout(TIMEOUT_S)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    connection.connect(servers.address)
    connection.sendall((struct.pack(">i", len(frame)) + frame) * FETCHES_NEVER_READ)
    return connection


def read_at_once(servers: Servers, topic: str) -> float:
    """Records a second of all readers together."""
    command = ["kcat", "-b", servers.bootstrap, "-C", "-t", topic, "-e", "-q", "-o", "beginning"]
    command += KCAT_QUEUE
    began = time.monotonic()
    readers = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(READERS)]
    try:
        statuses = [reader.wait(TIMEOUT_S) for reader in readers]
        if any(statuses):
            raise RuntimeError(f"readers ended with {statuses}")
        return READERS * READ_MESSAGES / (time.monotonic() - began)
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()


# ---- topics


def many_topics(_bench: Bench, servers: Servers, note: Note) -> Iterator[float]:
    """Make them, stop cleanly, and start again with all their logs."""
    with servers.running():
        yield from asyncio.run(_many_topics(servers, note))
    if not (servers.logs / ".kafka_cleanshutdown").exists():
        raise RuntimeError(f"the broker did not stop cleanly within {STOP_TIMEOUT_S:.0f} s")
    with servers.running() as start:
        yield start


async def _many_topics(servers: Servers, note: Note) -> Sequence[float]:
    all_topics = encoded(metadata.MetadataRequest(topics=None, include_topic_authorized_operations=False))
    connection = await connect(servers)
    created, seconds, first, again, memory = 0, 0.0, 0.0, 0.0, 0.0
    for number in TOPICS:
        began = time.monotonic()
        while created < number:
            count = min(TOPICS_AT_A_TIME, number - created)
            await create(connection, [f"scale-{each}" for each in range(created, created + count)])
            created += count
        seconds += time.monotonic() - began
        first = await answer_ms(connection, all_topics, times=1)
        again = await answer_ms(connection, all_topics, times=MANY_ANSWERS)
        memory = servers.resident_mb()
        note(CREATION, number, seconds)
        note(METADATA_ANSWER, number, first)
        note(TOPIC_MEMORY, number, memory)
    connection.close()
    return seconds, first, again, memory


async def create(connection: Connection, names: list[str]) -> None:
    request = create_topics.CreateTopicsRequest(
        topics=tuple(
            create_topics.CreatableTopic(
                name=TopicName(name),
                num_partitions=i32(PARTITIONS),
                replication_factor=i16(1),
                assignments=(),
                configs=(),
            )
            for name in names
        )
    )
    failed = {topic.error_code for topic in (await connection.request(request)).topics} - {ErrorCode.none}
    if failed:
        raise RuntimeError(f"topics were not created: {', '.join(code.name for code in failed)}")


SCALE = (
    SingleMeasurement(
        [
            Row(f"{CONNECTIONS[-1]:,} idle connections: resident memory", "MB"),
            Row(f"{CONNECTIONS[-1]:,} idle connections: a Produce request of one record", "ms"),
        ],
        idle_connections,
    ),
    SingleMeasurement(
        [
            Row(f"{GROUPS[-1]} groups committing", "commits/s", higher_is_better=True),
            Row(f"{GROUPS[-1]} groups committing: p99", "ms"),
        ],
        committing_groups,
    ),
    SingleMeasurement(
        [
            Row(f"{READERS} consumers beside one that never reads", "records/s", higher_is_better=True),
            Row(f"{NEVER_READING[-1]} consumers that never read: resident memory", "MB"),
        ],
        slow_consumers,
        needs=("kcat",),
    ),
    SingleMeasurement(
        [
            Row(f"{TOPICS[-1]:,} topics of {PARTITIONS} partitions: creating them", "s"),
            Row(f"{TOPICS[-1]:,} topics of {PARTITIONS} partitions: first Metadata answer for all", "ms"),
            Row(f"{TOPICS[-1]:,} topics of {PARTITIONS} partitions: the same answer again", "ms"),
            Row(f"{TOPICS[-1]:,} topics of {PARTITIONS} partitions: resident memory", "MB"),
            Row(f"start with {TOPICS[-1] * PARTITIONS:,} partitions of clean logs", "s"),
        ],
        many_topics,
        limit_s=900,
    ),
)
