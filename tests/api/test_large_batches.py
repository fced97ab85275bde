"""Batches that take long to check: others are served meanwhile, and what is stored is the same."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from pykafka_cli.broker.log import batch_checks, validation
from pykafka_cli.broker.log.validation import CheckedBatch
from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.protocol.hot_path import produce
from pykafka_cli.protocol.records import Compression, Record, build_batch, records_in
from tests.fakes.replica_cluster import ReplicaCluster
from tests.support.logs import NOW_MS, batch, sequenced
from tests.support.polling import PATIENCE_S
from tests.support.replicas import TOPIC, cluster_with_topic

VALUE = b"v" * (100 << 10)
LONG_AGO = Timestamp(5)
LARGE: dict[str, Callable[[], bytearray]] = {
    codec.name.lower(): lambda codec=codec: batch(VALUE * 30, compression=codec)
    for codec in Compression
    if codec is not Compression.NONE
} | {
    "gaps between offsets": lambda: build_batch(
        [Record(Offset(each), NOW_MS, b"k", VALUE) for each in (0, 2)],
        last_offset=Offset(1),
        compression=Compression.SNAPPY,
    )
}


@pytest.fixture
async def cluster() -> AsyncIterator[ReplicaCluster]:
    cluster = await cluster_with_topic(1, partitions=3, message_timestamp_before_max_ms="1000")
    yield cluster
    await cluster.close()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """What checks that take long wait for, wherever they run."""
    event = threading.Event()

    def waiting(*args: Any, **keys: Any) -> CheckedBatch:
        assert keys or event.wait(PATIENCE_S), "nobody was served"
        return validation.checked_batch(*args, **keys)

    monkeypatch.setattr(batch_checks, "checked_batch", waiting)
    return event


async def sent(cluster: ReplicaCluster, *batches: bytearray, first: int = 0) -> list[tuple[ErrorCode, int]]:
    """The codes and offsets for one request with a batch for each partition from `first` on."""
    partitions = [produce.ProducePartition(index, memoryview(each)) for index, each in enumerate(batches, first)]
    request = produce.ProduceRequest(None, 1, 1000, [produce.ProduceTopic(TOPIC, partitions)])
    response = await cluster.nodes[1].ask(produce.API_KEY, request)
    return [(each.error_code, each.base_offset) for each in response.topics[0].partitions]


def stored(cluster: ReplicaCluster, partition: int = 0) -> list[bytes | None]:
    log = cluster.nodes[1].log(TOPIC, partition)
    found = log.read(Offset(0), max_bytes=1 << 30, up_to=log.log_end, min_one_batch=True).records
    return [each.value for each in records_in(found)]


@pytest.mark.parametrize("kind", LARGE)
async def test_others_are_served_while_a_batch_is_checked(
    cluster: ReplicaCluster, served: threading.Event, kind: str
) -> None:
    large = asyncio.ensure_future(sent(cluster, LARGE[kind]()))

    assert await sent(cluster, batch(b"small"), first=1) == [(ErrorCode.none, 0)]
    assert not large.done()
    served.set()

    assert await large == [(ErrorCode.none, 0)]
    assert b"".join(each or b"" for each in stored(cluster)) in (VALUE * 30, VALUE * 2)


async def test_others_are_served_while_a_batch_gets_another_codec(served: threading.Event) -> None:
    cluster = await cluster_with_topic(1, partitions=2, compression_type="zstd")
    large = asyncio.ensure_future(sent(cluster, batch(VALUE, compression=Compression.GZIP)))

    assert await sent(cluster, batch(b"small"), first=1) == [(ErrorCode.none, 0)]
    served.set()

    assert (await large, stored(cluster)) == ([(ErrorCode.none, 0)], [VALUE])
    await cluster.close()


async def test_others_are_served_while_wrong_records_are_looked_for(
    cluster: ReplicaCluster, served: threading.Event
) -> None:
    large = asyncio.ensure_future(sent(cluster, batch(VALUE, timestamp=LONG_AGO, compression=Compression.ZSTD)))

    assert await sent(cluster, batch(b"small"), first=1) == [(ErrorCode.none, 0)]
    served.set()

    assert await large == [(ErrorCode.invalid_timestamp, -1)]
    assert stored(cluster) == []


async def test_each_batch_of_a_request_gets_its_own_result(cluster: ReplicaCluster, served: threading.Event) -> None:
    served.set()
    damaged = batch(VALUE)
    damaged[-1] ^= 1

    results = await sent(cluster, damaged, LARGE["zstd"](), batch(b"a", compression=Compression.GZIP))

    assert results == [(ErrorCode.corrupt_message, -1), (ErrorCode.none, 0), (ErrorCode.none, 0)]
    assert [len(stored(cluster, each)) for each in range(3)] == [0, 1, 1]


async def test_a_repeated_large_batch_is_stored_once(cluster: ReplicaCluster, served: threading.Event) -> None:
    served.set()

    for _ in range(2):
        assert await sent(cluster, sequenced(VALUE * 30, sequence=0, compression=Compression.LZ4)) == [
            (ErrorCode.none, 0)
        ]

    assert len(stored(cluster)) == 1


async def test_small_batches_need_no_thread(cluster: ReplicaCluster, served: threading.Event) -> None:
    for codec in Compression:
        ((code, _),) = await sent(cluster, batch(b"a", b"b", compression=codec))
        assert code == ErrorCode.none

    assert not served.is_set()
