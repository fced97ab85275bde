"""The walk that finds arrays which promise too much."""

from typing import Any

import pytest
from kio.index import load_request_schema

from pykafka_cli.protocol import inter_broker
from pykafka_cli.protocol.array_counts import count_checker
from pykafka_cli.protocol.codec import message_codec, read_request_header
from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.hot_path.wire import Cursor
from tests.support.vectors import FILES, frames

PRODUCE, FETCH, METADATA, HEARTBEAT = 0, 1, 3, 12


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_request_is_walked_to_its_end(name: str) -> None:
    walked = 0
    for frame in frames(name):
        if frame["d"] != "request" or frame["key"] in (PRODUCE, FETCH):
            continue
        key, version = frame["key"], frame["v"]
        is_ours = 4 <= key <= 7
        schema: Any = inter_broker.load(key, version, "request") if is_ours else load_request_schema(key, version)
        check = count_checker(schema)
        if check is None:
            continue
        data = memoryview(bytes.fromhex(frame["hex"])[4:])
        body = Cursor(data, read_request_header(data).position)
        if schema.__flexible__:
            body.tags()
        assert check(data, body.position) == len(data), f"{frame['api']} {frame['v']}"
        walked += 1
    assert walked


@pytest.mark.parametrize(
    ("version", "body"),
    [
        pytest.param(12, b"\0" + b"\xff\xff\xff\xff\x0f" + bytes(10), id="compact"),
        pytest.param(12, b"\0" + b"\x0d" + bytes(10), id="compact, more than the rest can hold"),
        pytest.param(1, b"\x7f\xff\xff\xff" + bytes(10), id="legacy"),
        pytest.param(1, b"\xff\xff\xff\xfe" + bytes(10), id="legacy, negative"),
    ],
)
def test_an_array_that_promises_too_much_is_rejected(version: int, body: bytes) -> None:
    with pytest.raises(ProtocolError, match="an array of"):
        message_codec(METADATA, version, 12).decode_request(memoryview(body), 0)


def test_an_array_within_an_array_is_checked_too() -> None:
    leave_group_3 = b"\0\1g" + b"\0\0\0\1" + b"\0\1m" + b"\xff\xff"
    check = count_checker(load_request_schema(13, 3))
    assert check
    assert check(memoryview(leave_group_3), 0) == len(leave_group_3)
    create_topics_2 = b"\0\0\0\1" + b"\0\1t" + bytes(6) + b"\0\0\0\1" + bytes(4) + b"\x7f\0\0\0" + bytes(20)

    with pytest.raises(ProtocolError, match="an array of 2130706432 elements, with 20 bytes left"):
        message_codec(19, 2, 7).decode_request(memoryview(create_topics_2), 0)


def test_null_and_empty_arrays_are_none_of_its_business() -> None:
    check = count_checker(load_request_schema(METADATA, 12))
    assert check is not None
    assert check(memoryview(b"\0\0\0\0"), 0) == check(memoryview(b"\1\0\0\0"), 0) == 4


def test_a_message_without_arrays_is_not_walked() -> None:
    assert count_checker(load_request_schema(HEARTBEAT, 4)) is None
