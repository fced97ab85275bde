"""Whatever bytes a client sends or a file holds: the right record or a refusal that names the problem, nothing else."""

import string
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.framing import FrameReader, FrameTooLarge, frame
from pykafka_cli.zookeeper.protocol.jute import Int, Long, decode, encode
from pykafka_cli.zookeeper.protocol.records import Acl, StatPersisted
from pykafka_cli.zookeeper.protocol.requests import (
    REQUESTS,
    RESPONSES,
    MultiRequest,
    MultiResponse,
    OpCode,
    read_connect_request,
    read_request,
    read_request_header,
    read_response,
    request_frame,
)
from pykafka_cli.zookeeper.protocol.txn_records import RECORDS, TxnHeader, decode_entry, encode_entry
from pykafka_cli.zookeeper.server.database import Snapshot
from pykafka_cli.zookeeper.server.snapshot import SnapshotInvalid, read_snapshot, write_snapshot
from pykafka_cli.zookeeper.server.tree import NodeImage
from pykafka_cli.zookeeper.server.txn_log import LogDamaged, frame_entry, read_entries

INTS, LONGS = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(string.ascii_letters + "/äß日", max_size=8)
PLAIN = sorted({*REQUESTS.values(), *RESPONSES.values(), *RECORDS.values()} - {MultiRequest, MultiResponse}, key=str)


def values_of(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type."""
    if annotation == Int:
        return INTS
    if annotation == Long:
        return LONGS
    if annotation is bool:
        return st.booleans()
    if annotation is str:
        return TEXTS
    if annotation == str | None:
        return st.none() | TEXTS
    if annotation == bytes | None:
        return st.none() | st.binary(max_size=8)
    if get_origin(annotation) is tuple:
        return st.lists(values_of(get_args(annotation)[0]), max_size=3).map(tuple)
    return records(annotation)


def records(record: Any) -> st.SearchStrategy[Any]:
    return st.builds(lambda *fields: record(*fields), *map(values_of, record.__annotations__.values()))


def taken(reader: FrameReader, pieces: list[bytes]) -> tuple[list[bytes], bool]:
    """All frames, and whether the stream was rejected."""
    frames = []
    try:
        for piece in pieces:
            reader.feed(piece)
            while (whole := reader.take()) is not None:
                frames.append(whole)
    except FrameTooLarge:
        return frames, True
    return frames, False


@given(st.lists(st.binary(max_size=20), max_size=5), st.binary(max_size=12))
def test_frames_do_not_depend_on_how_bytes_are_cut(bodies: list[bytes], tail: bytes) -> None:
    stream = b"".join(map(frame, bodies)) + tail

    at_once = taken(FrameReader(64), [stream])
    bytewise = taken(FrameReader(64), [bytes([byte]) for byte in stream])

    assert at_once == bytewise
    assert at_once[0][: len(bodies)] == bodies


@pytest.mark.parametrize("record", PLAIN, ids=lambda record: record.__name__)
def test_every_record_survives_encoding_and_decoding(record: Any) -> None:
    @given(records(record))
    @settings(max_examples=20)
    def survives(value: Any) -> None:
        assert decode(record, encode(value)) == value

    survives()


@pytest.mark.parametrize("kind", REQUESTS)
def test_any_bytes_are_a_request_or_rejected(kind: OpCode) -> None:
    @given(st.binary(max_size=64))
    @settings(max_examples=50)
    def read(data: bytes) -> None:
        try:
            read_request(kind, bytes(8) + data)
        except MarshallingError:
            return

    read()


@pytest.mark.parametrize("kind", [OpCode.MULTI, OpCode.MULTI_READ, OpCode.GET_ACL])
def test_any_bytes_are_an_answer_or_rejected(kind: OpCode) -> None:
    @given(st.binary(max_size=64))
    def read(data: bytes) -> None:
        try:
            read_response(kind, bytes(16) + data)
        except MarshallingError:
            return

    read()


@given(st.binary(max_size=64))
def test_any_bytes_are_a_header_and_a_connect_request_or_rejected(data: bytes) -> None:
    for reading in (read_request_header, read_connect_request, decode_entry):
        try:
            reading(data)
        except MarshallingError:
            continue


@given(st.sampled_from(sorted(REQUESTS)), st.data())
def test_a_request_with_bytes_changed_is_a_request_or_rejected(kind: OpCode, data: st.DataObject) -> None:
    if REQUESTS[kind] is MultiRequest:
        return
    whole = bytearray(request_frame(1, kind, data.draw(records(REQUESTS[kind])))[4:])
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_request(kind, bytes(whole))
    except MarshallingError:
        return


@given(st.sampled_from([OpCode.CREATE, OpCode.DELETE, OpCode.SET_ACL, OpCode.MULTI, OpCode.CREATE_SESSION]), st.data())
def test_a_log_with_a_byte_changed_is_read_or_rejected(
    tmp_path_factory: pytest.TempPathFactory, kind: OpCode, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "log.1"
    record = data.draw(records(RECORDS[kind]))
    entry = frame_entry(encode_entry(TxnHeader(1, 1, 1, 1, kind), record, 0))
    log = bytearray(b"ZKLG\0\0\0\2" + bytes(8) + entry + bytes(64))
    assert [each.record for each in read_or_none(path, log) or []] == [record]

    log[data.draw(st.integers(0, len(log) - 1))] ^= data.draw(st.integers(1, 255))

    assert read_or_none(path, log) in (None, []) or log[8:16] != bytes(8) or len(list(read_entries(path))) == 1


def read_or_none(path: Path, log: bytearray) -> list[Any] | None:
    path.write_bytes(log)
    try:
        return list(read_entries(path))
    except LogDamaged:
        return None


NODES = st.builds(
    NodeImage, st.just("/"), st.none() | st.binary(max_size=8), values_of(tuple[Acl, ...]), records(StatPersisted)
)


@given(st.lists(NODES, max_size=4), st.dictionaries(LONGS, INTS, max_size=3), st.data())
def test_a_snapshot_is_read_as_written_and_rejected_once_it_is_changed(
    tmp_path_factory: pytest.TempPathFactory, nodes: list[NodeImage], timeouts: dict[int, int], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "snapshot.1"
    snapshot = Snapshot(timeouts, nodes, 7, -7)
    write_snapshot(path, snapshot)
    assert read_snapshot(path) == snapshot

    whole = bytearray(path.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)

    with pytest.raises(SnapshotInvalid):
        read_snapshot(path)
