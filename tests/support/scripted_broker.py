"""Kafka brokers that respond what a test has written, in a simulated network whose time passes when all wait."""

import asyncio
import io
import random
import struct
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar

from kio.schema.api_versions.v0.response import ApiVersion, ApiVersionsResponse
from kio.schema.errors import ErrorCode
from kio.serial import entity_writer
from kio.static.primitive import i16

from pykafka_cli.protocol.api_keys import APIS, ApiKey
from pykafka_cli.protocol.codec import read_request_header
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import SimulatedNetwork

Responses = Mapping[ApiKey, Callable[[str, int], Any]]
"""Responses of kio's by API, given the host and port where the broker listens; None never comes."""

SILENT: Responses = {ApiKey.API_VERSIONS: lambda *_: None}
"""Of one that accepts connections and sends nothing."""

_LENGTH = struct.Struct(">i")

Result = TypeVar("Result")


class ScriptedBroker(asyncio.Protocol):
    """One connection; offers only the APIs that are scripted, in the version of their responses."""

    def __init__(self, responses: Responses, host: str, port: int) -> None:
        self._responses, self._host, self._port = responses, host, port
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._received)[0]
            if len(self._received) < end:
                return
            frame = bytes(self._received[_LENGTH.size : end])
            del self._received[:end]
            header = read_request_header(memoryview(frame))
            response = self._response_of(APIS[header.api_key])
            if response is None:
                self._transport.pause_reading()
                return
            body = io.BytesIO()
            body.write(struct.pack(">i", header.correlation_id))
            is_tagged = response.__flexible__ and header.api_key != ApiKey.API_VERSIONS
            body.write(b"\0" if is_tagged else b"")
            entity_writer(type(response))(body, response)
            self._transport.write(_LENGTH.pack(body.tell()) + body.getvalue())

    def _response_of(self, api: ApiKey) -> Any:
        if api in self._responses:
            return self._responses[api](self._host, self._port)
        assert api == ApiKey.API_VERSIONS
        offered = {each: self._response_of(each) for each in self._responses}
        versions = {each: response.__version__ if response else each.newest for each, response in offered.items()}
        return ApiVersionsResponse(error_code=ErrorCode.none, api_keys=tuple(map(_offered, versions.items())))


def _offered(version: tuple[int, int]) -> ApiVersion:
    key, number = version
    return ApiVersion(api_key=i16(key), min_version=i16(number), max_version=i16(number))


class _WithoutTls(VirtualLoop):
    """Nobody in its network completes a TLS handshake, or rejects one."""

    async def create_connection(self, *given: Any, ssl: Any = None, **more: Any) -> Any:
        return await (self.create_future() if ssl else super().create_connection(*given, **more))


def among_scripted_brokers(brokers: Mapping[str, Responses], work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` gives, in a network with brokers at these addresses (HOST:PORT)."""
    loop = _WithoutTls()
    network = SimulatedNetwork(loop, random.Random(1))
    for address, responses in brokers.items():
        host, _, port = address.partition(":")
        network.listen(address, partial(ScriptedBroker, responses, host, int(port)))
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()
