"""Requests of any API and version, from strangers: a value or a ProtocolError, never anything else."""

import json
import random
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykafka_cli.protocol import first_versions
from pykafka_cli.protocol.codec import message_codec, read_request_header
from pykafka_cli.protocol.errors import ProtocolError
from tests.support.vectors import FILES, VECTORS, frames

APIS = [api for api in json.loads((VECTORS / "api-versions.json").read_text())["apis"] if api["overlap"]]
LOWEST = {api["key"]: 0 if api["key"] in first_versions.KIO_BEGINS else api["overlap"][0] for api in APIS} | {
    0: 0,
    1: 0,
}
NEWEST = {api["key"]: api["overlap"][1] for api in APIS} | {4: 7, 5: 4, 6: 8, 7: 3}


def decodes_or_refuses(data: bytes) -> bool:
    """Read a request as dispatch does; False: it was rejected."""
    try:
        header = read_request_header(memoryview(data))
        if header.api_key not in NEWEST or not 0 <= header.api_version <= NEWEST[header.api_key]:
            return False
        message_codec(header.api_key, header.api_version, NEWEST[header.api_key]).decode_request(
            memoryview(data), header.position
        )
    except (ProtocolError, LookupError):
        return False
    return True


@pytest.mark.parametrize("api", APIS, ids=lambda api: api["name"])
@settings(max_examples=30)
@given(data=st.data())
def test_any_bytes_behind_a_header_are_a_request_or_a_protocol_error(api: dict[str, Any], data: st.DataObject) -> None:
    version = data.draw(st.integers(LOWEST[api["key"]], api["overlap"][1]))
    header = struct.pack(">hhih", api["key"], version, 1, -1)
    assert decodes_or_refuses(header + data.draw(st.binary(max_size=100))) in (True, False)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_request_or_a_protocol_error(data: bytes) -> None:
    assert decodes_or_refuses(data) in (True, False)


@pytest.mark.parametrize("api", APIS, ids=lambda api: api["name"])
def test_a_count_that_promises_too_much_costs_nothing(api: dict[str, Any]) -> None:
    lowest, newest = LOWEST[api["key"]], api["overlap"][1]
    for version in {lowest, newest}:
        header = struct.pack(">hhih", api["key"], version, 1, -1)
        for body in (b"\x7f\xff\xff\xff" * 8, b"\0" + b"\xfe\xff\xff\xff\x07" * 8):
            assert decodes_or_refuses(header + body) in (True, False)


@pytest.mark.parametrize("name", FILES)
def test_damaged_requests_are_a_value_or_a_protocol_error(name: str) -> None:
    chance = random.Random(name)
    outcomes = set()
    for frame in [frame for frame in frames(name) if frame["d"] == "request"][::11]:
        whole = bytes.fromhex(frame["hex"])[4:]
        for _ in range(10):
            damaged = bytearray(whole[: chance.randrange(10, len(whole) + 1)])
            for _ in range(chance.randrange(4)):
                damaged[chance.randrange(4, len(damaged))] = chance.randrange(256)
            outcomes.add(decodes_or_refuses(bytes(damaged)))
    assert outcomes == {True, False}
