"""ApiVersions against the frames that Apache Kafka 3.9.1 answered."""

import json
import struct
from typing import Any

import pytest

from pykafka_cli.broker.context import Api
from pykafka_cli.broker.dispatch import Dispatcher
from pykafka_cli.broker.handlers import HANDLERS, api_versions
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.connection import Peer
from pykafka_cli.protocol.codec import message_codec
from tests.support.vectors import VECTORS

RECORDED = json.loads((VECTORS / "api-versions.json").read_text())
APIS = {api["key"]: api for api in RECORDED["apis"]}
PEER = Peer("127.0.0.1", 1, "PLAINTEXT")


async def nobody(_ctx: Any, _request: Any) -> Any:
    raise AssertionError("only ApiVersions is asked")


def dispatcher(apis: dict[int, Api]) -> Dispatcher:
    return Dispatcher(None, Metrics(), apis)


AS_KAFKA = {
    key: Api(api["name"], key, api["min"], api["max"], api_versions.handle if key == 18 else nobody)
    for key, api in APIS.items()
}


@pytest.mark.parametrize("version", ["v0", "v1", "v2", "v3", "v4", "v99"])
async def test_with_kafkas_table_the_answer_is_kafkas_to_the_byte(version: str) -> None:
    frames = RECORDED["frames"][version]

    buffers = await dispatcher(AS_KAFKA).answer(bytearray(bytes.fromhex(frames["request"])[4:]), PEER)

    assert b"".join(buffers or ()) == bytes.fromhex(frames["response"])[4:]


@pytest.mark.parametrize("api", HANDLERS.values(), ids=lambda api: api.name)
def test_what_is_offered_is_what_kafka_offers(api: Api) -> None:
    recorded = APIS[api.key]
    assert api.name == recorded["name"]
    assert (api.min_version, api.max_version) == (recorded["min"], recorded["max"])


async def test_every_handler_is_offered() -> None:
    answer = b"".join(await dispatcher(dict(HANDLERS)).answer(bytearray(b"\0\x12\0\0\0\0\0\1\xff\xff"), PEER) or ())
    (count,) = struct.unpack_from(">i", answer, 6)
    offered = [struct.unpack_from(">hhh", answer, 10 + 6 * number) for number in range(count)]
    assert offered == [(api.key, api.min_version, api.max_version) for _, api in sorted(HANDLERS.items())]


@pytest.mark.parametrize("name", ["", "-x", "a b", "x\n"])
async def test_a_client_must_name_its_software_decently(name: str) -> None:
    body = bytes([len(name) + 1]) + name.encode() + b"\x021\0"
    request = bytearray(b"\0\x12\0\3\0\0\0\1\xff\xff\0" + body)
    answer = b"".join(await dispatcher(AS_KAFKA).answer(request, PEER) or ())
    assert struct.unpack_from(">h", answer, 4) == (42,)


async def test_a_client_is_known_by_what_it_says_of_itself() -> None:
    peer = Peer("127.0.0.1", 1, "PLAINTEXT")
    paces = []
    for name in (b"librdkafka", b"franz-go"):
        body = bytes([len(name) + 1]) + name + b"\x062.0.2\0"
        await dispatcher(AS_KAFKA).answer(bytearray(b"\0\x12\0\3\0\0\0\1\xff\xff\0" + body), peer)
        paces.append(peer.pace is not None)
    assert paces == [True, False]


@pytest.mark.parametrize("api", HANDLERS.values(), ids=lambda api: api.name)
def test_every_version_on_offer_can_be_read_and_answered(api: Api) -> None:
    for version in range(api.min_version, api.max_version + 1):
        assert message_codec(api.key, version, api.max_version)
