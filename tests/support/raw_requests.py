"""Requests of any API, sent over a socket as they are, by a user who has logged in."""

import io
import socket
import struct
from types import TracebackType
from typing import Any, Self

from kio.index import load_request_schema, load_response_schema
from kio.serial import entity_reader, entity_writer

from pykafka_cli.protocol import first_versions, inter_broker
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.describe_transactions import DescribeTransactionsResponse
from tests.support.polling import PATIENCE_S


def schema_of(api_key: int, version: int, kind: first_versions.Kind) -> Any:
    """The class of a request or response."""
    if ApiKey.LEADER_AND_ISR <= api_key <= ApiKey.CONTROLLED_SHUTDOWN:
        return inter_broker.load(api_key, version, kind)
    if first_versions.is_missing_in_kio(api_key, version):
        return first_versions.load(api_key, version, kind)
    if api_key == ApiKey.DESCRIBE_TRANSACTIONS and kind == "response":
        return DescribeTransactionsResponse
    return (load_request_schema if kind == "request" else load_response_schema)(api_key, version)


class RawClient:
    """One connection; with a user, it logs in by PLAIN as tests/support/acl_brokers.py sets that up."""

    def __init__(self, address: str, user: str | None = None) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        if user is not None:
            self._log_in(user)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, api_key: int, version: int, request: Any) -> bytes:
        """The response, from its correlation id on. raises    ConnectionError if the broker hangs up"""
        body = io.BytesIO()
        entity_writer(type(request))(body, request)
        tags = b"\0" if type(request).__flexible__ else b""
        has_client_id = (api_key, version) != (ApiKey.CONTROLLED_SHUTDOWN, 0)
        header = struct.pack(">hhi", api_key, version, 7) + (struct.pack(">h", -1) if has_client_id else b"")
        return self._exchange(header + tags + body.getvalue())

    def answer(self, api_key: int, version: int, request: Any) -> Any:
        """The same, read."""
        schema = schema_of(api_key, version, "response")
        flexible = schema.__flexible__ and api_key != ApiKey.API_VERSIONS
        response, _ = entity_reader(schema)(self.ask(api_key, version, request), 5 if flexible else 4)
        return response

    def _log_in(self, user: str) -> None:
        handshake = struct.pack(">hhih", ApiKey.SASL_HANDSHAKE, 1, 1, -1) + struct.pack(">h", 5) + b"PLAIN"
        assert self._exchange(handshake)[4:6] == b"\0\0"
        token = f"\0{user}\0{user}-secret".encode()
        authenticate = struct.pack(">hhih", ApiKey.SASL_AUTHENTICATE, 0, 2, -1) + struct.pack(">i", len(token)) + token
        assert self._exchange(authenticate)[4:6] == b"\0\0"

    def _exchange(self, frame: bytes) -> bytes:
        self._socket.sendall(struct.pack(">i", len(frame)) + frame)
        (size,) = struct.unpack(">i", self._read(4))
        return self._read(size)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = self._socket.recv(size - len(data))
            if not chunk:
                raise ConnectionError("the broker closed the connection")
            data += chunk
        return data
