"""Produce, Fetch and OffsetCommit read bytes from strangers: a value or a ProtocolError, and never slowly."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.hot_path import fetch, offset_commit, produce
from tests.support.vectors import body_of, frames

DECODERS = [
    pytest.param(decode, version, id=f"{decode.__module__.rpartition('.')[2]}.{decode.__name__}-v{version}")
    for decode, versions in (
        (produce.decode_request, range(produce.MIN_VERSION, produce.MAX_VERSION + 1)),
        (fetch.decode_request, range(fetch.MIN_VERSION, fetch.MAX_VERSION + 1)),
        (fetch.decode_response, range(fetch.MIN_VERSION, fetch.MAX_VERSION + 1)),
        (offset_commit.decode_request, range(offset_commit.API_KEY.newest + 1)),
    )
    for version in versions
]


def decodes_or_refuses(decode: Any, data: bytes, version: int) -> bool:
    try:
        decode(memoryview(data), 0, version)
    except ProtocolError:
        return False
    return True


@pytest.mark.parametrize(("decode", "version"), DECODERS)
@given(data=st.binary(max_size=120))
def test_any_bytes_are_a_value_or_a_protocol_error(decode: Any, version: int, data: bytes) -> None:
    assert decodes_or_refuses(decode, data, version) in (True, False)


def recorded(api: str, direction: str) -> list[dict[str, Any]]:
    return [f for f in frames("console") + frames("cluster") if (f["api"], f["d"]) == (api, direction)][::97]


@pytest.mark.parametrize(
    ("decode", "api", "direction"),
    [
        (produce.decode_request, "Produce", "request"),
        (fetch.decode_request, "Fetch", "request"),
        (fetch.decode_response, "Fetch", "response"),
        (offset_commit.decode_request, "OffsetCommit", "request"),
    ],
)
def test_damaged_frames_are_a_value_or_a_protocol_error(decode: Any, api: str, direction: str) -> None:
    chance = random.Random(api + direction)
    refused = 0
    for frame in recorded(api, direction):
        data = bytearray(body_of(frame))
        for _ in range(50):
            damaged = data[: chance.randrange(len(data) + 1)]
            for _ in range(chance.randrange(4)):
                if damaged:
                    damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            refused += not decodes_or_refuses(decode, bytes(damaged), frame["v"])
    assert refused > 0
