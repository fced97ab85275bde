"""Decoders of records and of the log's files, fed with anything: they give values or the error that they promise."""

import contextlib
import zlib
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.log import message_conversion
from pykafka_cli.broker.log.validation import UnexpectedAppendOffset
from pykafka_cli.clients.consuming.fetched_records import decode
from pykafka_cli.model import LeaderEpoch, Offset, Timestamp, TopicPartition
from pykafka_cli.properties.grammar import read_properties
from pykafka_cli.protocol.records import (
    Compression,
    CorruptRecords,
    Record,
    build_batch,
    read_header,
    read_marker,
    read_records,
    walk,
    whole_batches_end,
)
from pykafka_cli.protocol.records.batch import HEADER_SIZE, crc_is_valid, seal, with_payload
from pykafka_cli.protocol.records.compiled import compiled_records
from pykafka_cli.protocol.records.compression import compress, decompress, with_lz4_checksum
from pykafka_cli.protocol.records.legacy import build_message_set
from pykafka_cli.rules.dumped_records import records_in
from pykafka_cli.storage import checkpoints, offset_index, time_index, transaction_index
from pykafka_cli.storage.checkpoints import MalformedFile
from pykafka_cli.storage.index_file import CorruptIndex
from pykafka_cli.storage.offset_index import OffsetIndex
from pykafka_cli.storage.producer_snapshots import CorruptSnapshot, decode_snapshot
from pykafka_cli.storage.scan import scan_as_stored
from pykafka_cli.storage.time_index import TimeIndex
from pykafka_cli.storage.transaction_index import TransactionIndex
from tests.fakes.files import MemoryFiles
from tests.support.logs import FOLDER, NOW_MS, append, open_log, read_all

PATH = "/file"


@st.composite
def nearly_batches(draw: st.DrawFn) -> bytearray:
    """Batches with some bytes changed, and perhaps cut or with a tail."""
    records = [
        Record(Offset(index), NOW_MS, b"key", b"value", (("h", b"x"),)) for index in range(draw(st.integers(1, 4)))
    ]
    data = bytearray()
    for _ in range(draw(st.integers(1, 3))):
        data += build_batch(records, compression=draw(st.sampled_from(Compression)), control=draw(st.booleans()))
    for position, value in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=4)):
        data[position] = value
    return data[: draw(st.integers(0, len(data)))] + draw(st.binary(max_size=20))


anything = st.one_of(st.binary(max_size=200).map(bytearray), nearly_batches())


def quietly(decode: Callable[[], object], *promised: type[Exception]) -> None:
    with contextlib.suppress(*promised):
        decode()


@settings(deadline=None)
@given(anything)
def test_headers_and_records(data: bytearray) -> None:
    quietly(lambda: read_header(data), CorruptRecords)
    quietly(lambda: read_records(data), CorruptRecords)
    quietly(lambda: read_marker(data), CorruptRecords)
    quietly(lambda: [crc_is_valid(data, position, header) for position, header in walk(data)], CorruptRecords)
    assert 0 <= whole_batches_end(data) <= len(data)


@st.composite
def nearly_messages(draw: st.DrawFn) -> bytes:
    """Messages of formats 0 and 1 with some bytes changed, sealed again or not, and perhaps cut."""
    codec = draw(st.sampled_from([Compression.NONE, Compression.GZIP, Compression.SNAPPY, Compression.LZ4]))
    messages = [(Offset(offset), NOW_MS, b"key", b"value") for offset in range(draw(st.integers(1, 4)))]
    data = bytearray(build_message_set(messages, magic=draw(st.integers(0, 1)), compression=codec))
    for position, value in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=4)):
        data[position] = value
    if draw(st.booleans()):
        with contextlib.suppress(CorruptRecords):
            for position, header in list(walk(data)):
                crc = zlib.crc32(data[position + 16 : position + header.size])
                data[position + 12 : position + 16] = crc.to_bytes(4, "big")
    return bytes(data[: draw(st.integers(0, len(data)))])


@settings(deadline=None)
@given(st.one_of(anything.map(bytes), nearly_messages()))
def test_messages_of_old_clients(data: bytes) -> None:
    quietly(lambda: message_conversion.batch_of(data, 1 << 20, "t-0"), BrokerError)
    quietly(lambda: with_lz4_checksum(data, over_magic=False))


@settings(deadline=None)
@given(st.one_of(anything.map(bytes), nearly_messages()))
def test_logs_as_they_stand(data: bytes) -> None:
    def read_all_records(compiled: bool) -> None:
        for batch in scan_as_stored(lambda position, size: data[position : position + size], len(data), PATH):
            with contextlib.suppress(CorruptRecords):
                assert all(len(each.key or b"") < len(data) for each in records_in(batch, compiled=compiled))

    quietly(lambda: read_all_records(compiled=False), CorruptRecords)
    quietly(lambda: read_all_records(compiled=True), CorruptRecords)


@settings(deadline=None)
@given(nearly_batches(), st.integers(0, 1))
def test_batches_for_old_clients(data: bytearray, magic: int) -> None:
    def convert() -> None:
        for position, header in walk(data):
            message_conversion.messages_of(data, position, header, magic, Offset(0))

    quietly(convert, CorruptRecords, BrokerError)


@settings(deadline=None)
@given(data=nearly_batches())
def test_records_under_a_valid_checksum(data: bytearray) -> None:
    try:
        header = read_header(data)
    except CorruptRecords:
        return
    if header.magic == 2 and header.size <= len(data):
        seal(data, 0, header.batch_length)
        quietly(lambda: read_records(data), CorruptRecords)


@settings(deadline=None)
@given(codec=st.sampled_from(Compression), data=st.binary(max_size=100), changed=st.integers(0, 255))
def test_compressed_bytes(codec: Compression, data: bytes, changed: int) -> None:
    quietly(lambda: decompress(codec, data, 1 << 16), CorruptRecords)
    framed = bytearray(build_batch([Record(Offset(0), Timestamp(1), None, data)], compression=codec)[61:])
    framed[changed % len(framed)] ^= changed
    quietly(lambda: decompress(codec, framed, 1 << 16), CorruptRecords)


@settings(deadline=None)
@given(anything)
def test_appends_of_anything_are_rejected_or_sound(data: bytearray) -> None:
    leader, follower = open_log(MemoryFiles(), cleanup_policy="compact"), open_log(MemoryFiles())

    quietly(lambda: leader.append_as_leader(data, leader_epoch=LeaderEpoch(0), now_ms=NOW_MS), BrokerError)
    quietly(lambda: follower.append_as_follower(data), BrokerError, UnexpectedAppendOffset)

    assert [record.offset for record in read_all(leader)] == list(range(leader.log_end))
    quietly(lambda: read_all(follower), CorruptRecords)
    assert append(leader, b"next") == leader.log_end - 1


@settings(deadline=None)
@given(log=anything, index=st.binary(max_size=64), times=st.binary(max_size=64), aborted=st.binary(max_size=80))
def test_any_folder_is_opened_after_a_crash_and_can_be_written(
    log: bytearray, index: bytes, times: bytes, aborted: bytes
) -> None:
    files = MemoryFiles()
    files.make_directory(str(FOLDER))
    contents = {"log": bytes(log), "index": index, "timeindex": times, "txnindex": aborted, "snapshot": aborted}
    for suffix, content in contents.items():
        files.replace(f"{FOLDER}/00000000000000000000.{suffix}", content)
    files.replace(f"{FOLDER}/leader-epoch-checkpoint", index)

    opened = open_log(files, had_clean_shutdown=False)

    start = opened.log_end
    assert append(opened, b"next") == start
    assert read_all(opened, start)[-1].value == b"next"


@settings(deadline=None)
@given(st.binary(max_size=120))
def test_small_files(data: bytes) -> None:
    files = MemoryFiles()
    files.replace(PATH, data)

    quietly(lambda: OffsetIndex(files, PATH, Offset(0), 1024).lookup(Offset(5)), CorruptIndex)
    quietly(lambda: TimeIndex(files, PATH, Offset(0), 1024).lookup(Timestamp(5)), CorruptIndex)
    quietly(lambda: TimeIndex(files, PATH, Offset(0), 1024).last(), CorruptIndex)
    quietly(lambda: TransactionIndex(files, PATH, Offset(0)).entries(), CorruptIndex)
    quietly(lambda: decode_snapshot(data), CorruptSnapshot)
    quietly(lambda: list(transaction_index.stored_entries(data, PATH)), CorruptIndex)
    assert len(offset_index.stored_entries(data, Offset(0))) == len(data) // 8
    assert len(time_index.stored_entries(data, Offset(0))) == len(data) // 12
    quietly(lambda: checkpoints.read_offsets(files, PATH), MalformedFile)
    quietly(lambda: checkpoints.read_leader_epochs(files, PATH), MalformedFile)
    quietly(lambda: checkpoints.read_topic_id(files, PATH), MalformedFile)


@settings(deadline=None)
@given(st.text(alphabet="0123456789 \n-xé", max_size=40))
def test_checkpoints_that_nearly_are(text: str) -> None:
    files = MemoryFiles()
    files.replace(PATH, text.encode())

    quietly(lambda: checkpoints.read_offsets(files, PATH), MalformedFile)
    quietly(lambda: checkpoints.read_leader_epochs(files, PATH), MalformedFile)


@settings(deadline=None)
@given(st.text(alphabet="version=0broke.idclust\n#:", max_size=60))
def test_meta_properties_that_nearly_are(text: str) -> None:
    files = MemoryFiles()
    files.make_directory("/logs")
    files.replace("/logs/meta.properties", text.encode())
    read_properties(text.encode())

    quietly(lambda: checkpoints.read_meta_properties(files, "/logs"), MalformedFile)


@st.composite
def false_batches(draw: st.DrawFn) -> bytearray:
    """A batch as a client sends it, with some bytes of its records changed before they were compressed and sealed."""
    headers = st.lists(st.tuples(st.text(max_size=3), st.none() | st.binary(max_size=9)), max_size=2).map(tuple)
    nullable = st.none() | st.binary(max_size=90)
    records = [
        Record(
            Offset(index), Timestamp(NOW_MS + draw(st.integers(-99, 99))), draw(nullable), draw(nullable), draw(headers)
        )
        for index in range(draw(st.integers(1, 5)))
    ]
    batch = build_batch(records)
    payload = batch[HEADER_SIZE:]
    for position, value in draw(st.lists(st.tuples(st.integers(0, len(payload) - 1), st.integers(0, 255)), max_size=3)):
        payload[position] = value
    codec = draw(st.sampled_from(Compression))
    stored = bytearray(compress(codec, payload))
    if draw(st.booleans()):
        stored[draw(st.integers(0, len(stored) - 1))] = draw(st.integers(0, 255))
    return with_payload(read_header(batch), stored, codec)


@settings(deadline=None, max_examples=300)
@given(false_batches())
def test_what_a_leader_accepts_can_be_read(data: bytearray) -> None:
    log = open_log(MemoryFiles())
    try:
        append(log, bytes(data))
    except BrokerError:
        assert log.log_end == 0
        return

    stored = log.read(Offset(0), max_bytes=1 << 20, up_to=log.log_end, min_one_batch=True).records
    header = read_header(stored)
    records = read_records(stored)
    consumed = decode(TopicPartition("t", 0), stored, Offset(0)).records
    by_aiokafka = compiled_records(header, decompress(header.compression, stored[HEADER_SIZE:]))
    assert [each.offset for each in records] == list(range(log.log_end))
    assert header.max_timestamp == max(each.timestamp for each in records)
    assert [(each.offset, each.key, each.value) for each in consumed] == [
        (each.offset, each.key, each.value) for each in records
    ]
    if by_aiokafka is None:  # it does not read header keys that are not UTF-8, which Kafka stores as well
        assert any("\ufffd" in key for each in records for key, _ in each.headers)
    else:
        assert [(each.offset, each.value) for each in by_aiokafka] == [(each.offset, each.value) for each in records]
