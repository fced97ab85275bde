"""Requests of OffsetCommit, by the reader of usual ones and by that of all."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.protocol.errors import MOST_ELEMENTS, ProtocolError
from pykafka_cli.protocol.hot_path.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
    decode_any,
    decode_request,
)
from pykafka_cli.protocol.hot_path.wire import compact_count, compact_string, uvarint

VERSION = 9


def partition(
    index: int = 0, offset: int = 5, epoch: int = -1, metadata: str | None = "", tags: bytes = b"\0"
) -> bytes:
    return struct.pack(">iqi", index, offset, epoch) + compact_string(metadata) + tags


def topic(*partitions: bytes, name: str | None = "t", tags: bytes = b"\0") -> bytes:
    return compact_string(name) + compact_count(len(partitions)) + b"".join(partitions) + tags


def commit(
    *topics: bytes,
    group: str | None = "g",
    generation: int = -1,
    member: str | None = "",
    instance: str | None = None,
    tags: bytes = b"\0",
) -> bytes:
    start = compact_string(group) + struct.pack(">i", generation) + compact_string(member) + compact_string(instance)
    return start + compact_count(len(topics)) + b"".join(topics) + tags


def outcome(read: Callable[[memoryview, int, int], Any], data: bytes, position: int = 0) -> Any:
    """The request, or what is wrong with it."""
    try:
        return read(memoryview(data), position, VERSION)
    except ProtocolError as error:
        return str(error)


def test_every_field_is_read() -> None:
    data = commit(
        topic(partition(3, 1 << 40, 7, "where I am"), partition(0x7FFFFFFF, -1, -1, None), name="tøpic"),
        topic(name="u"),
        group="group",
        generation=1 << 30,
        member="m-1",
        instance="i-1",
    )

    request = OffsetCommitRequest(
        "group",
        1 << 30,
        "m-1",
        "i-1",
        [
            OffsetCommitTopic(
                "tøpic",
                [OffsetCommitPartition(3, 1 << 40, 7, "where I am"), OffsetCommitPartition(0x7FFFFFFF, -1, -1, None)],
            ),
            OffsetCommitTopic("u", []),
        ],
    )
    assert decode_request(memoryview(b"??" + data), 2, VERSION) == request
    assert decode_any(memoryview(b"??" + data), 2, VERSION) == request


READABLE = {
    "no instance": commit(topic(partition()), instance=None),
    "tags": commit(tags=uvarint(1) + b"\0\1x"),
    "tags of a topic": commit(topic(tags=uvarint(1) + b"\0\1x")),
    "tags of a partition": commit(topic(partition(tags=uvarint(1) + b"\0\1x"))),
    "strings of any length": commit(topic(name="x" * 300), group="x" * 126, member="x" * 127),
    "a request that is large": commit(topic(partition(metadata="x" * 70_000))),
    "many topics": commit(*[topic()] * 127),
    "many partitions": commit(topic(*[partition()] * 300)),
}


@pytest.mark.parametrize("data", READABLE.values(), ids=READABLE)
def test_what_is_unusual_is_read_as_well(data: bytes) -> None:
    assert isinstance(outcome(decode_any, data), OffsetCommitRequest)
    assert outcome(decode_request, data) == outcome(decode_any, data)


WRONG = {
    "empty": b"",
    "no group": commit(group=None),
    "no member": commit(member=None),
    "no topic name": commit(topic(name=None)),
    "not UTF-8": commit(group="xx").replace(b"xx", b"\xff\xfe"),
    "too many topics": commit(*[topic()] * (MOST_ELEMENTS + 1)),
    "a count without elements": commit()[:-2] + b"\xff\x7f",
    "a count that is not one": commit()[:-2] + b"\xff\xff\xff\xff\x0f",
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_request_is_reported(data: bytes) -> None:
    assert isinstance(outcome(decode_any, data), str)
    assert outcome(decode_request, data) == outcome(decode_any, data)


def test_a_request_that_ends_early_is_not_read() -> None:
    data = commit(topic(partition(metadata="m"), partition()), topic(partition()))

    for size in range(len(data)):
        assert isinstance(outcome(decode_request, data[:size]), str)


texts = st.none() | st.text(max_size=5)
numbers = st.integers(-(1 << 31), (1 << 31) - 1)
offsets = st.integers(-(1 << 63), (1 << 63) - 1)
tags = st.sampled_from([b"\0"] * 9 + [b"\1\0\1x"])
partitions = st.builds(partition, numbers, offsets, numbers, texts, tags)
topics = st.lists(partitions, max_size=3).flatmap(
    lambda each: st.builds(topic, *map(st.just, each), name=texts, tags=tags)
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Requests, with some bytes changed or cut off or not."""
    of_request = draw(st.lists(topics, max_size=3))
    data = bytearray(
        commit(
            *of_request,
            group=draw(texts),
            generation=draw(numbers),
            member=draw(texts),
            instance=draw(texts),
            tags=draw(tags),
        )
    )
    for position, value in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=2)):
        data[position] = value
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@given(requests())
def test_whatever_comes_is_read_as_by_the_reader_of_all(data: bytes) -> None:
    assert outcome(decode_request, data) == outcome(decode_any, data)
