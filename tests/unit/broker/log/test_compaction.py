"""What compaction keeps, on logs in memory; against a log that Kafka cleaned in test_cleaner."""

from typing import Any

import pytest

from pykafka_cli.broker.errors import OutOfOrderSequenceNumber
from pykafka_cli.broker.log import compaction
from pykafka_cli.broker.log.cleaner import LogCleaner
from pykafka_cli.broker.log.partition_log import PartitionLog
from pykafka_cli.broker.log.producer_state import AppendOrigin
from pykafka_cli.model import LeaderEpoch, Offset
from pykafka_cli.protocol.records import Compression, ControlType, Record, build_batch, read_header, read_records, walk
from tests.fakes.clock import FakeClock
from tests.fakes.files import MemoryFiles
from tests.support.costs import counted_calls
from tests.support.logs import NOW_MS, ORDERS, broker_settings, marker, open_log, read_all, sequenced

DAY_S = 86_400


@pytest.fixture(autouse=True, params=["compiled", "not compiled"])
def _reader_of_keys(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to read keys keep the same records."""
    monkeypatch.setattr(compaction, "IS_COMPILED", request.param == "compiled")


class Compacted:
    """A compacted log with a cleaner that works at once."""

    def __init__(self, *, dedupe_buffer_bytes: int = 1 << 20, **keys: Any) -> None:
        self.files, self.clock = MemoryFiles(), FakeClock(NOW_MS)
        keys = {"cleanup_policy": "compact", "min_cleanable_dirty_ratio": 0, "index_interval_bytes": 0, **keys}
        self.keys = keys
        self.log: PartitionLog = open_log(self.files, clock=self.clock, **keys)

        async def at_once(action: Any) -> Any:
            return action()

        settings = broker_settings(log_cleaner_dedupe_buffer_size=dedupe_buffer_bytes)
        self.cleaner = LogCleaner(settings, self.clock, self.files, at_once)

    def write(self, *pairs: tuple[str, str | None], **header: Any) -> None:
        records = [
            Record(Offset(index), self.clock.now_ms(), key.encode(), None if value is None else value.encode())
            for index, (key, value) in enumerate(pairs)
        ]
        self.log.append_as_leader(
            build_batch(records, **header), leader_epoch=LeaderEpoch(0), now_ms=self.clock.now_ms()
        )

    def end(self, kind: ControlType, producer: int = 7) -> None:
        self.log.append_as_leader(
            marker(kind, producer=producer),
            leader_epoch=LeaderEpoch(0),
            now_ms=self.clock.now_ms(),
            origin=AppendOrigin.COORDINATOR,
        )

    async def clean(self) -> bool:
        """Roll, so that all there is can be cleaned, and clean."""
        self.log.roll()
        self.log.advance_high_watermark(self.log.log_end)
        return await self.cleaner.clean_dirtiest([self.log])

    @property
    def pairs(self) -> list[tuple[str, str | None]]:
        return [
            ((each.key or b"").decode(), each.value.decode() if each.value is not None else None)
            for each in read_all(self.log)
        ]

    @property
    def stored(self) -> bytes:
        """All batches of the log, one after the other."""
        offset, data = self.log.log_start, b""
        while offset < self.log.log_end:
            found = self.log.read(offset, max_bytes=1 << 20, up_to=self.log.log_end, min_one_batch=True)
            data, offset = data + found.records, found.next_offset
        return data


@pytest.fixture
def compacted() -> Compacted:
    return Compacted()


async def test_the_last_record_of_each_key_stays_at_its_offset(compacted: Compacted) -> None:
    compacted.write(("a", "1"), ("b", "1"))
    compacted.write(("a", "2"))
    compacted.write(("c", "1"), ("a", "3"))

    assert await compacted.clean()

    assert [(each.offset, each.key, each.value) for each in read_all(compacted.log)] == [
        (1, b"b", b"1"),
        (3, b"c", b"1"),
        (4, b"a", b"3"),
    ]
    assert compacted.log.log_end == 5


async def test_the_active_segment_is_left_alone(compacted: Compacted) -> None:
    compacted.write(("a", "1"), ("a", "2"))
    compacted.log.roll()
    compacted.write(("a", "3"), ("a", "4"))
    compacted.log.advance_high_watermark(Offset(4))

    await compacted.cleaner.clean_dirtiest([compacted.log])

    assert compacted.pairs == [("a", "2"), ("a", "3"), ("a", "4")]


async def test_a_second_cleaning_begins_where_the_first_one_ended(compacted: Compacted) -> None:
    compacted.write(("a", "1"), ("b", "1"))
    await compacted.clean()
    assert compacted.cleaner.clean_up_to == {ORDERS: 2}
    assert not await compacted.clean(), "nothing is dirty"

    compacted.write(("a", "2"))
    await compacted.clean()

    assert compacted.pairs == [("b", "1"), ("a", "2")]


async def test_small_segments_become_one(compacted: Compacted) -> None:
    for number in range(5):
        compacted.write((f"key {number}", "v"))
        compacted.log.roll()

    await compacted.clean()

    assert [segment.base_offset for segment in compacted.log.segments] == [0, 5]
    assert len(compacted.pairs) == 5


async def test_a_batch_that_keeps_everything_keeps_its_bytes(compacted: Compacted) -> None:
    compacted.write(("a", "1"), ("b", "1"), compression=Compression.ZSTD)
    before = compacted.stored

    await compacted.clean()

    assert compacted.stored == before


@pytest.mark.parametrize("codec", Compression)
async def test_a_batch_that_loses_records_keeps_its_codec_offsets_and_times(codec: Compression) -> None:
    compacted = Compacted()
    compacted.write(("a", "1"), ("b", "1"), ("a", "2"), compression=codec)

    await compacted.clean()

    header = read_header(compacted.stored)
    assert (header.base_offset, header.last_offset, header.record_count) == (0, 2, 2)
    assert (header.compression, header.max_timestamp) == (codec, NOW_MS)
    assert compacted.pairs == [("b", "1"), ("a", "2")]


async def test_log_append_time_stays(compacted: Compacted) -> None:
    compacted = Compacted(message_timestamp_type="LogAppendTime")
    compacted.write(("a", "1"), ("b", "1"), ("a", "2"))

    await compacted.clean()

    assert read_header(compacted.stored).is_log_append_time
    assert {each.timestamp for each in read_all(compacted.log)} == {NOW_MS}


# Tombstones.


async def test_a_tombstone_stays_for_delete_retention_and_then_goes(compacted: Compacted) -> None:
    compacted.write(("a", "1"), ("b", "1"))
    compacted.write(("a", None))
    await compacted.clean()
    assert compacted.pairs == [("b", "1"), ("a", None)]
    horizons = [header.delete_horizon_ms for _, header in walk(compacted.stored)]
    assert horizons == [None, NOW_MS + DAY_S * 1000]

    compacted.clock.advance(DAY_S - 1)
    compacted.write(("c", "1"))
    await compacted.clean()
    assert ("a", None) in compacted.pairs

    compacted.clock.advance(2)
    compacted.write(("d", "1"))
    await compacted.clean()
    assert compacted.pairs == [("b", "1"), ("c", "1"), ("d", "1")]


async def test_a_horizon_is_set_once(compacted: Compacted) -> None:
    compacted.write(("a", None), ("b", None))
    await compacted.clean()

    compacted.clock.advance(100)
    compacted.write(("b", "2"))
    await compacted.clean()

    assert read_header(compacted.stored).delete_horizon_ms == NOW_MS + DAY_S * 1000
    assert read_records(compacted.stored)[0].timestamp == NOW_MS


# Producers and transactions.


async def test_an_idempotent_producers_last_batch_stays_to_keep_its_sequence(compacted: Compacted) -> None:
    for sequence in range(3):
        data = sequenced(b"v%d" % sequence, sequence=sequence)
        compacted.log.append_as_leader(data, leader_epoch=LeaderEpoch(0), now_ms=NOW_MS)
    compacted.write(("k", "newest"))
    await compacted.clean()

    headers = [header for _, header in walk(compacted.stored)]
    assert [(header.last_offset, header.record_count, header.base_sequence) for header in headers] == [
        (2, 0, 2),
        (3, 1, -1),
    ]
    again = open_log(compacted.files.restarted(), had_clean_shutdown=False)
    assert again.append_as_leader(sequenced(b"v2", sequence=2), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS).is_duplicate
    with pytest.raises(OutOfOrderSequenceNumber):
        again.append_as_leader(sequenced(b"v9", sequence=9), leader_epoch=LeaderEpoch(0), now_ms=NOW_MS)


async def test_records_of_an_aborted_transaction_go_and_do_not_hide_older_ones(compacted: Compacted) -> None:
    compacted.write(("a", "kept"))
    compacted.write(("a", "aborted"), producer_id=7, producer_epoch=0, base_sequence=0, transactional=True)
    compacted.write(("b", "other"))
    compacted.end(ControlType.ABORT)
    await compacted.clean()

    assert compacted.pairs == [("a", "kept"), ("b", "other")]


async def test_an_abort_marker_waits_until_its_records_are_gone_and_then_a_retention(compacted: Compacted) -> None:
    compacted.write(("a", "aborted"), producer_id=7, producer_epoch=0, base_sequence=0, transactional=True)
    compacted.end(ControlType.ABORT)
    compacted.write(("a", "next"), producer_id=7, producer_epoch=0, base_sequence=1)  # its last batch is another one
    await compacted.clean()
    markers = [header for _, header in walk(compacted.stored) if header.is_control]
    assert [header.delete_horizon_ms for header in markers] == [None], "its data was met in this cleaning"
    assert len(compacted.log.segments.aborted_transactions(Offset(0), Offset(3))) == 1

    compacted.write(("b", "1"))
    await compacted.clean()
    markers = [header for _, header in walk(compacted.stored) if header.is_control]
    assert [header.delete_horizon_ms for header in markers] == [NOW_MS + DAY_S * 1000]
    assert compacted.log.segments.aborted_transactions(Offset(0), Offset(3)) == []

    compacted.clock.advance(DAY_S + 1)
    compacted.write(("b", "2"))
    await compacted.clean()
    assert not any(header.is_control for _, header in walk(compacted.stored))


async def test_a_committed_transaction_is_compacted_like_any_record(compacted: Compacted) -> None:
    compacted.write(("a", "1"), producer_id=7, producer_epoch=0, base_sequence=0, transactional=True)
    compacted.end(ControlType.COMMIT)
    compacted.write(("a", "2"))
    await compacted.clean()

    assert compacted.pairs == [("a", "2")]


async def test_nothing_from_an_open_transaction_on_is_cleaned(compacted: Compacted) -> None:
    compacted.write(("a", "1"), ("a", "2"))
    compacted.log.roll()
    compacted.write(("a", "open"), producer_id=7, producer_epoch=0, base_sequence=0, transactional=True)
    compacted.write(("a", "3"))

    await compacted.clean()

    assert compacted.pairs == [("a", "2"), ("a", "open"), ("a", "3")]


async def test_keys_longer_than_a_digest_are_distinguished(compacted: Compacted) -> None:
    long, other = "k" * 500, "k" * 499 + "x"
    compacted.write((long, "1"), (other, "1"), (long, "2"))

    await compacted.clean()

    assert compacted.pairs == [(other, "1"), (long, "2")]


async def test_a_map_that_is_full_leaves_the_rest_for_the_next_time() -> None:
    compacted = Compacted(dedupe_buffer_bytes=2 * 200 * 2)
    for number in range(8):
        compacted.write((f"{number % 4}", f"{number}"))

    assert await compacted.clean()
    assert 0 < compacted.cleaner.clean_up_to[ORDERS] < 8
    while await compacted.cleaner.clean_dirtiest([compacted.log]):
        pass

    assert compacted.pairs == [("0", "4"), ("1", "5"), ("2", "6"), ("3", "7")]


async def test_what_was_cleaned_is_found_after_a_crash(compacted: Compacted) -> None:
    compacted.write(("a", "1"), ("b", "1"))
    compacted.log.roll()
    compacted.write(("a", "2"))
    await compacted.clean()

    again = open_log(compacted.files.restarted(), had_clean_shutdown=False)

    assert read_all(again) == read_all(compacted.log)


async def test_a_record_costs_no_python_call_of_its_own() -> None:
    calls_by_size = []
    for count in (1_000, 4_000):
        compacted = Compacted()
        compacted.write(*((f"key {number % 10}", "v") for number in range(count)))
        await compacted.clean()
        compacted.write(*((f"key {number % 10}", "v") for number in range(count)))
        with counted_calls("pykafka_cli/") as calls:
            await compacted.clean()
        assert len(compacted.pairs) == 10
        calls_by_size.append(calls.python)
    assert calls_by_size[0] == calls_by_size[1]
