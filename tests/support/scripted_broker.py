"""A Kafka broker that responds what a test has written, over real connections."""

import io
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kio.schema.api_versions.v0.response import ApiVersion, ApiVersionsResponse
from kio.schema.errors import ErrorCode
from kio.serial import entity_writer
from kio.static.primitive import i16

from pykafka_cli.protocol.api_keys import APIS, ApiKey
from pykafka_cli.protocol.codec import read_request_header

Responses = Mapping[ApiKey, Callable[[str, int], Any]]
"""Responses of kio's by API, given the host and port where the broker listens; None never comes."""


class ScriptedBroker(socketserver.ThreadingTCPServer):
    """Offers only the APIs that are scripted, in the version of their responses."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, responses: Responses) -> None:
        ended = self.ended = threading.Event()
        super().__init__(("127.0.0.1", 0), self._handler(responses, ended))
        self.host, self.port = "127.0.0.1", int(self.server_address[1])

    def _handler(self, responses: Responses, ended: threading.Event) -> type[socketserver.StreamRequestHandler]:
        def response_of(key: int) -> Any:
            if key == ApiKey.API_VERSIONS:
                offered = {each: response_of(each) for each in responses}
                versions = {key: each.__version__ if each else key.newest for key, each in offered.items()}
                return ApiVersionsResponse(error_code=ErrorCode.none, api_keys=tuple(map(_offered, versions.items())))
            return responses[APIS[key]](self.host, self.port)

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while len(size := self.rfile.read(4)) == 4:
                    frame = self.rfile.read(struct.unpack(">i", size)[0])
                    header = read_request_header(memoryview(frame))
                    response = response_of(header.api_key)
                    if response is None:
                        ended.wait()
                        return
                    body = io.BytesIO()
                    body.write(struct.pack(">i", header.correlation_id))
                    is_tagged = response.__flexible__ and header.api_key != ApiKey.API_VERSIONS
                    body.write(b"\0" if is_tagged else b"")
                    entity_writer(type(response))(body, response)
                    self.wfile.write(struct.pack(">i", body.tell()) + body.getvalue())

        return Handler


def _offered(version: tuple[int, int]) -> ApiVersion:
    key, number = version
    return ApiVersion(api_key=i16(key), min_version=i16(number), max_version=i16(number))


@contextmanager
def scripted_broker(responses: Responses) -> Iterator[str]:
    """HOST:PORT of one."""
    with ScriptedBroker(responses) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"{server.host}:{server.port}"
        server.ended.set()
        server.shutdown()
        serving.join()
