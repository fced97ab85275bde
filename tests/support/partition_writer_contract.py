"""What every PartitionWriter must do; subclasses give the fixtures of the implementation under test."""

import asyncio
from typing import Any

import pytest

from pykafka_cli.broker.coordinator.runtime import PartitionWriter
from pykafka_cli.broker.errors import NotLeaderOrFollower, RequestTimedOut
from pykafka_cli.model import Milliseconds, Offset, ProducerEpoch, ProducerId, Timestamp, TopicPartition
from pykafka_cli.protocol.records.batch import read_header
from pykafka_cli.protocol.records.record import Record, build_batch, records_in
from tests.support.polling import PATIENCE_S

LED = TopicPartition("__consumer_offsets", 0)
NOT_LED = TopicPartition("__consumer_offsets", 1)
ALONE = TopicPartition("__consumer_offsets", 2)


def batch_of(*values: bytes) -> bytearray:
    return build_batch(
        [Record(Offset(i), Timestamp(1_700_000_000_000), b"k%d" % i, value) for i, value in enumerate(values)]
    )


class PartitionWriterContract:
    """Fixtures: `writer` leads LED and ALONE, both empty, the second without other replicas, and not NOT_LED.
    `replicas.hold()` keeps what is appended to LED from being replicated, `go_on()` lets it be, `lose()` moves its
    leadership elsewhere, `time_out()` lets 60 ms go by; all are awaited."""

    async def test_appended_records_get_the_next_offsets(self, writer: PartitionWriter) -> None:
        assert writer.append_records(LED, batch_of(b"a", b"b")) == 1
        assert writer.append_records(LED, batch_of(b"c")) == 2

        assert (writer.log_start(LED), writer.log_end(LED)) == (0, 3)

    async def test_what_was_appended_is_read_back_from_any_offset(self, writer: PartitionWriter) -> None:
        writer.append_records(LED, batch_of(b"a", b"b"))
        writer.append_records(LED, batch_of(b"c"))

        assert [(r.offset, r.value) for r in records_in(writer.read(LED, Offset(2)))] == [(2, b"c")]
        assert next(iter(records_in(writer.read(LED, Offset(1))))).value == b"a"  # whole batches
        assert writer.read(LED, Offset(3)) == b""

    async def test_reading_on_and_on_reaches_the_log_end(self, writer: PartitionWriter) -> None:
        for number in range(7):
            writer.append_records(LED, batch_of(b"%d" % number))

        position, seen = 0, []
        while data := writer.read(LED, Offset(position)):
            records = list(records_in(data))
            seen += [record.value for record in records]
            position = records[-1].offset + 1

        assert seen == [b"%d" % number for number in range(7)]

    async def test_a_sole_replica_has_replicated_at_once(self, writer: PartitionWriter) -> None:
        last = writer.append_records(ALONE, batch_of(b"a"))

        assert writer.high_watermark(ALONE) == last + 1
        await writer.replicated(ALONE, last, timeout_ms=Milliseconds(1000))

    async def test_replication_is_waited_for(self, writer: PartitionWriter, replicas: Any) -> None:
        await replicas.hold()
        last = writer.append_records(LED, batch_of(b"a"))
        waiting = asyncio.ensure_future(writer.replicated(LED, last, timeout_ms=Milliseconds(60_000)))
        await asyncio.sleep(0)
        assert not waiting.done()
        assert writer.high_watermark(LED) <= last

        await replicas.go_on()

        await asyncio.wait_for(waiting, PATIENCE_S)
        assert writer.high_watermark(LED) > last

    async def test_waiting_for_replication_ends_with_the_timeout(self, writer: PartitionWriter, replicas: Any) -> None:
        await replicas.hold()
        last = writer.append_records(LED, batch_of(b"a"))
        waiting = asyncio.ensure_future(writer.replicated(LED, last, timeout_ms=Milliseconds(50)))
        await asyncio.sleep(0)

        await replicas.time_out()

        with pytest.raises(RequestTimedOut):
            await asyncio.wait_for(waiting, PATIENCE_S)

    async def test_waiting_for_replication_ends_with_leadership(self, writer: PartitionWriter, replicas: Any) -> None:
        await replicas.hold()
        last = writer.append_records(LED, batch_of(b"a"))
        waiting = asyncio.ensure_future(writer.replicated(LED, last, timeout_ms=Milliseconds(60_000)))
        await asyncio.sleep(0)

        await replicas.lose()

        with pytest.raises(NotLeaderOrFollower):
            await asyncio.wait_for(waiting, PATIENCE_S)

    async def test_a_partition_that_is_not_led_is_rejected(self, writer: PartitionWriter) -> None:
        with pytest.raises(NotLeaderOrFollower):
            writer.append_records(NOT_LED, batch_of(b"a"))
        with pytest.raises(NotLeaderOrFollower):
            writer.read(NOT_LED, Offset(0))
        with pytest.raises(NotLeaderOrFollower):
            writer.log_end(NOT_LED)

    async def test_a_batch_keeps_its_producer(self, writer: PartitionWriter) -> None:
        batch = build_batch(
            [Record(Offset(0), Timestamp(1), b"k", b"v")],
            producer_id=ProducerId(9),
            producer_epoch=ProducerEpoch(2),
            base_sequence=0,
            transactional=True,
        )

        writer.append_records(LED, batch)

        header = read_header(writer.read(LED, Offset(0)))
        assert (header.producer_id, header.producer_epoch, header.is_transactional) == (9, 2, True)
