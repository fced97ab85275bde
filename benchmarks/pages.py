"""How long the lists of `pk ui` take for a large cluster: one that answers from memory, with so many groups and topics.

No server is measured: what is asked comes over a socket of this process, encoded once, as a broker would send it. The
page is asked for over a socket as well, by a reader that has never seen it, and it is read to its end.
"""

import asyncio
import io
import statistics
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from kio.schema.api_versions.v0.response import ApiVersion, ApiVersionsResponse
from kio.schema.errors import ErrorCode
from kio.schema.list_groups.v5 import response as list_groups
from kio.schema.metadata.v12 import response as metadata
from kio.schema.types import BrokerId, GroupId, TopicName
from kio.serial import entity_writer
from kio.static.primitive import i16, i32, i32Timedelta

from benchmarks.servers import PK, PkServers, Servers
from benchmarks.single import Note, SingleMeasurement
from benchmarks.table import Row
from benchmarks.tools import Bench

GROUPS = 15_000
TOPICS, PARTITIONS = 1_000, 10
LOOKS = 5
_STARTED_WITHIN_S = 30.0
_NO_TIME = i32Timedelta.parse(timedelta())
_API_VERSIONS, _METADATA, _LIST_GROUPS = 18, 3, 16


class LargeCluster:
    """A broker that knows of many groups and topics, on a port of the loopback interface."""

    def __init__(self) -> None:
        self.port = 0
        self._bodies: dict[int, bytes] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._start(), loop).result()
            yield
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    async def _start(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._bodies = {
            _API_VERSIONS: _encoded(
                ApiVersionsResponse(
                    error_code=ErrorCode.none,
                    api_keys=tuple(
                        ApiVersion(api_key=i16(key), min_version=i16(0), max_version=i16(newest))
                        for key, newest in ((_API_VERSIONS, 0), (_METADATA, 12), (_LIST_GROUPS, 5))
                    ),
                )
            ),
            _METADATA: b"\0" + _encoded(_all_topics(self.port)),
            _LIST_GROUPS: b"\0" + _encoded(_all_groups()),
        }

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                request = await reader.readexactly(size)
                (key,) = struct.unpack_from(">h", request)
                answer = request[4:8] + self._bodies[key]
                writer.write(len(answer).to_bytes(4) + answer)
        except asyncio.IncompleteReadError:
            writer.close()


def _encoded(message: Any) -> bytes:
    buffer = io.BytesIO()
    entity_writer(type(message))(buffer, message)
    return buffer.getvalue()


def _all_topics(port: int) -> metadata.MetadataResponse:
    broker = BrokerId(0)
    return metadata.MetadataResponse(
        throttle_time=_NO_TIME,
        brokers=(metadata.MetadataResponseBroker(node_id=broker, host="127.0.0.1", port=i32(port)),),
        cluster_id="large",
        controller_id=broker,
        topics=tuple(
            metadata.MetadataResponseTopic(
                error_code=ErrorCode.none,
                name=TopicName(f"topic-{number}"),
                topic_id=None,
                is_internal=False,
                partitions=tuple(
                    metadata.MetadataResponsePartition(
                        error_code=ErrorCode.none,
                        partition_index=i32(partition),
                        leader_id=broker,
                        leader_epoch=i32(0),
                        replica_nodes=(broker,),
                        isr_nodes=(broker,),
                        offline_replicas=(),
                    )
                    for partition in range(PARTITIONS)
                ),
            )
            for number in range(TOPICS)
        ),
    )


def _all_groups() -> list_groups.ListGroupsResponse:
    return list_groups.ListGroupsResponse(
        throttle_time=_NO_TIME,
        error_code=ErrorCode.none,
        groups=tuple(
            list_groups.ListedGroup(
                group_id=GroupId(f"group-{number}"), protocol_type="consumer", group_state="Empty", group_type="classic"
            )
            for number in range(GROUPS)
        ),
    )


@contextmanager
def page_of(port: int) -> Iterator[str]:
    """The address of `pk ui` for the cluster on a port."""
    with tempfile.TemporaryFile("w+") as said:
        words = [PK, "ui", f"127.0.0.1:{port}", "--port", "0"]
        process = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + _STARTED_WITHIN_S
            text = ""
            while "Ctrl-C" not in text:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise RuntimeError(f"pk ui has not started: {text}")
                time.sleep(0.02)
                said.seek(0)
                text = said.read()
            yield text.split("shown at ")[1].split()[0]
        finally:
            process.terminate()
            process.wait()


def looked_at(address: str) -> float:
    """Milliseconds until all of a page is there, the median of some looks."""
    took = []
    for _ in range(LOOKS):
        began = time.monotonic()
        with urllib.request.urlopen(address, timeout=_STARTED_WITHIN_S) as page:
            page.read()
        took.append((time.monotonic() - began) * 1000)
    return statistics.median(took)


def lists(_bench: Bench, servers: Servers, _note: Note) -> Sequence[float]:
    if not isinstance(servers, PkServers):
        return ()  # Kafka has no such page
    cluster = LargeCluster()
    with cluster.running(), page_of(cluster.port) as url:
        return looked_at(f"{url}groups"), looked_at(f"{url}topics"), looked_at(url)


PAGES = (
    SingleMeasurement(
        [
            Row(f"`pk ui`: the list of {GROUPS:,} groups", "ms"),
            Row(f"`pk ui`: the list of topics with {TOPICS * PARTITIONS:,} partitions", "ms"),
            Row(f"`pk ui`: the brokers of {TOPICS * PARTITIONS:,} partitions", "ms"),
        ],
        lists,
    ),
)
