"""A broker that reads what producers send and keeps nothing: what the machine and the client allow at most."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from kio.schema.api_versions.v4.response import ApiVersion, ApiVersionsResponse
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12 import response as metadata
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i16, i32, i32Timedelta

from pykafka_cli.model import Offset
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.codec import message_codec, read_request_header
from pykafka_cli.protocol.hot_path import produce

TOPIC = "sink"
LARGEST_REQUEST = 4 << 20
_NO_TIME = i32Timedelta.parse(timedelta())
_OFFERED = (ApiKey.PRODUCE, ApiKey.FETCH, ApiKey.METADATA, ApiKey.API_VERSIONS)
"""Clients tell the format of batches by the versions of Fetch."""


class Sink:
    """One topic of one partition, on a port of the loopback interface; each connection has a thread."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def _port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @contextmanager
    def running(self) -> Iterator[None]:
        accepting = threading.Thread(target=self._accept)
        accepting.start()
        try:
            yield
        finally:
            self._listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            self._listener.close()
            for connection in self._connections:
                connection.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        room = memoryview(bytearray(LARGEST_REQUEST))
        with suppress(OSError, EOFError):
            while True:
                _fill(connection, room[:4])
                request = room[: struct.unpack(">i", room[:4])[0]]
                _fill(connection, request)
                self._answer(connection, request)

    def _answer(self, connection: socket.socket, data: memoryview) -> None:
        header = read_request_header(data)
        api = next(each for each in _OFFERED if each == header.api_key)
        codec = message_codec(api, header.api_version, api.newest)
        request = codec.decode_request(data, header.position)
        answer = b"".join(codec.encode_response(header.correlation_id, self._answer_to(api, request), request))
        connection.sendall(len(answer).to_bytes(4) + answer)

    def _answer_to(self, api: ApiKey, request: Any) -> Any:
        if api is ApiKey.PRODUCE:
            return _acknowledged(request)
        return _topic(self._port) if api is ApiKey.METADATA else _versions()


def _fill(connection: socket.socket, room: memoryview) -> None:
    position = 0
    while position < len(room):
        count = connection.recv_into(room[position:])
        if not count:
            raise EOFError
        position += count


def _acknowledged(request: produce.ProduceRequest) -> produce.ProduceResponse:
    def answer(topic: produce.ProduceTopic) -> produce.ProduceTopicResponse:
        stored = [produce.ProducePartitionResponse(each.index, base_offset=Offset(0)) for each in topic.partitions]
        return produce.ProduceTopicResponse(topic.name, stored)

    return produce.ProduceResponse([answer(topic) for topic in request.topics])


def _versions() -> ApiVersionsResponse:
    return ApiVersionsResponse(
        error_code=ErrorCode.none,
        api_keys=tuple(
            ApiVersion(api_key=i16(each), min_version=i16(0), max_version=i16(each.newest)) for each in _OFFERED
        ),
        throttle_time=_NO_TIME,
    )


def _topic(port: int) -> metadata.MetadataResponse:
    broker = BrokerId(0)
    partition = metadata.MetadataResponsePartition(
        error_code=ErrorCode.none,
        partition_index=i32(0),
        leader_id=broker,
        leader_epoch=i32(0),
        replica_nodes=(broker,),
        isr_nodes=(broker,),
    )
    topic = metadata.MetadataResponseTopic(
        error_code=ErrorCode.none, name=TopicName(TOPIC), topic_id=None, partitions=(partition,)
    )
    return metadata.MetadataResponse(
        throttle_time=_NO_TIME,
        brokers=(metadata.MetadataResponseBroker(node_id=broker, host="127.0.0.1", port=i32(port)),),
        cluster_id=TOPIC,
        controller_id=broker,
        topics=(topic,),
    )
