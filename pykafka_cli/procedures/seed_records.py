"""Sends the first records of a new topic: a batch for each partition that gets some."""

import random
from collections.abc import Iterator, Sequence
from itertools import cycle

from pykafka_cli.clients.producing.partitioning import KeyPartitioner
from pykafka_cli.clients.producing.producer import Producer
from pykafka_cli.clients.producing.sender import Result
from pykafka_cli.clients.producing.topic_leaders import ProducerRefused
from pykafka_cli.clients.session import Session
from pykafka_cli.console.log_lines import warn
from pykafka_cli.model import Offset, Timestamp
from pykafka_cli.procedures.apply import RecordsFailed
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.protocol.records.record import Record, build_batch
from pykafka_cli.rules.declarations.model import SeedRecord
from pykafka_cli.wall_clock import now_ms

_BATCH_BYTES = 256 << 10
_RECORD_OVERHEAD = 32
"""Estimated maximum bytes of a record besides its contents."""


async def send_records(session: Session, topic: str, records: Sequence[SeedRecord]) -> None:
    """Send records in order: to their partition if given, otherwise by their key, otherwise to the partitions in turn.

    raises    RecordsFailed, ConnectionFailed
    """
    batches: list[list[SeedRecord]] = []
    failed: dict[int, str] = {}  # errors by the number of the batch, which its records have as their tag

    def note(result: Result) -> None:
        if result.failure:
            failed[result.batch.tags[0]] = result.failure.message

    settings = ProducerSettings(session.settings.properties)
    now = now_ms()
    producer = Producer(session, topic, settings, choose=random.randrange, on_result=note, warn=warn)
    try:
        async with producer:
            await producer.prepare()
            for partition, its in _by_partition(records, producer.partitions).items():
                for some in _batches(its):
                    await producer.send_batch(partition, _batch(some, now), [len(batches)] * len(some))
                    batches.append(some)
    except ProducerRefused as problem:
        raise RecordsFailed(f"{_records(len(records))} of {topic} not sent: {problem.text.message}") from None
    if failed:
        number = min(failed)
        missing = sum(len(batches[each]) for each in failed)
        text = f"{_records(missing)} of {topic} not sent: {failed[number]}"
        if missing < len(records):
            text += (
                f" Of {len(records)}, {len(records) - missing} were sent. Delete {topic} before you apply again: "
                "records are sent only to topics to which nothing has ever been written"
            )
        raise RecordsFailed(text, batches[number][0].place)


def _by_partition(records: Sequence[SeedRecord], partitions: range) -> dict[int, list[SeedRecord]]:
    """raises    RecordsFailed"""
    keyed, turns = KeyPartitioner(len(partitions)), cycle(partitions)
    places: dict[int, list[SeedRecord]] = {}
    for record in records:
        if record.partition is not None:
            partition = record.partition
        elif record.key is not None:
            (partition,) = keyed.partitions([record.key])
        else:
            partition = next(turns)
        if partition not in partitions:
            raise RecordsFailed(
                f"{record.place}: there is no partition {partition} in the {len(partitions)} of the topic"
            )
        places.setdefault(partition, []).append(record)
    return places


def _batches(records: Sequence[SeedRecord]) -> Iterator[list[SeedRecord]]:
    """As many records at a time as fit into a batch; a single one may be larger."""
    batch: list[SeedRecord] = []
    size = 0
    for record in records:
        headers = sum(len(name) + len(value or b"") for name, value in record.headers)
        own = len(record.key or b"") + len(record.value or b"") + headers + _RECORD_OVERHEAD
        if batch and size + own > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += own
    if batch:
        yield batch


def _batch(records: Sequence[SeedRecord], now_ms: Timestamp) -> bytearray:
    return build_batch(
        [
            Record(
                Offset(number),
                now_ms if each.timestamp_ms is None else each.timestamp_ms,
                each.key,
                each.value,
                each.headers,
            )
            for number, each in enumerate(records)
        ]
    )


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"
