"""Requests from bytes and responses to bytes, each in the form of the newest version that is offered.

    header of a request   api key int16, version int16, correlation id int32, client id nullable string [, tags]
    header of a response   correlation id int32 [, tags]

Tags (tagged fields) are there in flexible versions; the response to ApiVersions never has them, so that a client can
read it whatever it knows (KIP-511), and the client id is never in the compact form. Bodies are kio's, but for Produce,
Fetch, requests of OffsetCommit and responses of Metadata (hot_path), the four requests among brokers (inter_broker),
versions before kio's (first_versions) and the response of DescribeTransactions.

An older request is copied into the newest class, fields that came later at their defaults. A response needs no copy: a
writer of kio takes attributes by name, and an older answer has no field that the newest lacks. What does not fit this
is in adapters.py. Both are looked at once per API and version, when a `MessageCodec` is made.
"""

import io
import struct
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any, NamedTuple, Protocol

from kio.index import load_request_schema, load_response_schema
from kio.schema.errors import ErrorCode
from kio.serial import entity_writer

from pykafka_cli.protocol import adapters, first_versions, inter_broker
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.array_counts import count_checker
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.describe_transactions import DescribeTransactionsResponse
from pykafka_cli.protocol.error_answers import error_answer
from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.hot_path import fetch, metadata, offset_commit, produce
from pykafka_cli.protocol.hot_path.wire import Cursor
from pykafka_cli.protocol.message_fields import copier, is_nullable, structure_of
from pykafka_cli.protocol.message_reading import UNREADABLE, message_reader

_HEADER = struct.Struct(">hhih")
_CORRELATION = struct.Struct(">i")


class RequestHeader(NamedTuple):
    """position: where the tagged fields of a flexible request begin, or the body of any other."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None
    position: int


def read_request_header(data: memoryview) -> RequestHeader:
    """The part of the header that all versions have; raises ProtocolError."""
    if len(data) < _HEADER.size:
        raise ProtocolError(f"a request of {len(data)} bytes, too short for a header")
    api_key, version, correlation_id, size = _HEADER.unpack_from(data)
    if version == 0 and api_key == ApiKey.CONTROLLED_SHUTDOWN:
        return RequestHeader(api_key, 0, correlation_id, None, _HEADER.size - 2)  # it alone has no client id
    position = _HEADER.size + max(size, 0)
    try:
        client_id = None if size < 0 else str(data[_HEADER.size : position], "utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolError(f"a client id that is not UTF-8: {error}") from error
    if position > len(data):
        raise ProtocolError(f"a client id of {size} bytes in a request of {len(data)}")
    return RequestHeader(api_key, version, correlation_id, client_id, position)


class KeptAnswer:
    """A response that many requests of one version get, and that is encoded once.

    response    as it was before; None once it is encoded, unless it `stays`, to be combined with rejections
    """

    def __init__(self, response: Any, *, stays: bool = False) -> None:
        self.response = response
        self._stays = stays
        self._body: bytes | None = None

    def __repr__(self) -> str:
        """For the request log."""
        if self.response is not None or self._body is None:
            return repr(self.response)
        return f"<a kept response of {len(self._body)} bytes>"

    def body(self, write: Callable[[Any], bytes]) -> bytes:
        if self._body is None:
            self._body = write(self.response)
            if not self._stays:
                self.response = None
        return self._body


class MessageCodec(Protocol):
    """Requests and answers of one API in one version."""

    def decode_request(self, data: memoryview, position: int) -> Any:
        """The request whose header says it begins at `position`; raises ProtocolError."""

    def encode_response(self, correlation_id: int, response: Any, request: Any) -> list[Buffer]:
        """Header and body of the response to `request`, in buffers to be sent in order."""

    def error_response(self, request: Any, error_code: ErrorCode, message: str | None) -> Any:
        """A response, in the newest shape, that rejects all of `request`."""


@cache
def message_codec(api_key: int, version: int, newest: int) -> MessageCodec:
    """The codec of one API in `version`, for handlers that speak `newest`."""
    if api_key == ApiKey.PRODUCE:
        return _ProduceCodec(version)
    if api_key == ApiKey.OFFSET_COMMIT:
        return _OffsetCommitCodec(api_key, version, newest)
    if api_key == ApiKey.METADATA:
        return _MetadataCodec(api_key, version, newest)
    return _FetchCodec(version) if api_key == ApiKey.FETCH else _KioCodec(api_key, version, newest)


class _ProduceCodec:
    def __init__(self, version: int) -> None:
        self._version, self._flexible = version, version >= produce.FLEXIBLE_FROM

    def decode_request(self, data: memoryview, position: int) -> produce.ProduceRequest:
        return produce.decode_request(data, _skip_tags(data, position) if self._flexible else position, self._version)

    def encode_response(
        self, correlation_id: int, response: produce.ProduceResponse, _request: produce.ProduceRequest
    ) -> list[Buffer]:
        return [_answer_header(correlation_id, self._flexible), *produce.encode_response(response, self._version)]

    def error_response(
        self, request: produce.ProduceRequest, error_code: ErrorCode, message: str | None
    ) -> produce.ProduceResponse:
        return produce.error_response(request, error_code, message)


class _FetchCodec:
    def __init__(self, version: int) -> None:
        self._version, self._flexible = version, version >= fetch.FLEXIBLE_FROM

    def decode_request(self, data: memoryview, position: int) -> fetch.FetchRequest:
        return fetch.decode_request(data, _skip_tags(data, position) if self._flexible else position, self._version)

    def encode_response(
        self, correlation_id: int, response: fetch.FetchResponse, _request: fetch.FetchRequest
    ) -> list[Buffer]:
        return [_answer_header(correlation_id, self._flexible), *fetch.encode_response(response, self._version)]

    def error_response(
        self, request: fetch.FetchRequest, error_code: ErrorCode, _message: str | None
    ) -> fetch.FetchResponse:
        return fetch.error_response(request, error_code, self._version)


class _KioAnswers:
    """Responses of any API whose messages kio describes."""

    def __init__(self, api_key: int, version: int, newest: int) -> None:
        response = schema_of(api_key, version, "response")
        self._version = version
        self._flexible_answer = response.__flexible__ and api_key != ApiKey.API_VERSIONS
        self._write = entity_writer(response)
        self._newest_response = schema_of(api_key, newest, "response")
        self._adapt_response = _needed(adapters.LOWER, api_key, version)
        if self._adapt_response is None:
            ensure_attributes(response, self._newest_response)

    def encode_response(self, correlation_id: int, response: Any, request: Any) -> list[Buffer]:
        header = _answer_header(correlation_id, self._flexible_answer)
        if isinstance(response, KeptAnswer):
            return [header, response.body(lambda kept: self._written(kept, request))]
        return [header + self._written(response, request)]

    def _written(self, response: Any, request: Any) -> bytes:
        if self._adapt_response is not None:
            response = self._adapt_response(response, self._version, request)
        buffer = io.BytesIO()
        self._write(buffer, response)
        return buffer.getvalue()

    def error_response(self, request: Any, error_code: ErrorCode, message: str | None) -> Any:
        return error_answer(self._newest_response, request, error_code, message)


class _OffsetCommitCodec(_KioAnswers):
    """Requests by hand: every consumer commits, over and over."""

    def decode_request(self, data: memoryview, position: int) -> offset_commit.OffsetCommitRequest:
        if self._version >= offset_commit.FLEXIBLE_FROM:
            position = _skip_tags(data, position)
        return offset_commit.decode_request(data, position, self._version)


class _KioCodec(_KioAnswers):
    """Any API whose messages kio describes."""

    def __init__(self, api_key: int, version: int, newest: int) -> None:
        super().__init__(api_key, version, newest)
        request = schema_of(api_key, version, "request")
        self._flexible = request.__flexible__
        self._read = message_reader(request)
        self._check_counts = count_checker(request)
        self._raise = copier(request, schema_of(api_key, newest, "request"))
        self._adapt_request = _needed(adapters.RAISE, api_key, version)
        if self._adapt_request is None:
            ensure_kept(request, schema_of(api_key, newest, "request"))

    def decode_request(self, data: memoryview, position: int) -> Any:
        if self._flexible:
            position = _skip_tags(data, position)
        if self._check_counts is not None:
            self._check_counts(data, position)
        request = self._read(data.toreadonly(), position)  # kio takes no other
        try:
            if self._raise is None:
                return request
            newest = self._raise(request)
            return self._adapt_request(request, newest, self._version) if self._adapt_request else newest
        except UNREADABLE as error:  # a value out of range, or null at the wrong place
            raise ProtocolError(f"{type(error).__name__}: {error}") from error


class _MetadataCodec(_KioCodec):
    """Responses by hand: they may describe all partitions of a cluster."""

    def _written(self, response: Any, request: Any) -> bytes:
        if self._adapt_response is not None:
            response = self._adapt_response(response, self._version, request)
        return metadata.encode_response(response, self._version)


def schema_of(api_key: int, version: int, kind: Any) -> Any:
    """The class of an API's request or response (`kind`) in a version; raises kio's errors where there is none."""
    if ApiKey.LEADER_AND_ISR <= api_key <= ApiKey.CONTROLLED_SHUTDOWN:
        return inter_broker.load(api_key, version, kind)
    if first_versions.is_missing_in_kio(api_key, version):
        return first_versions.load(api_key, version, kind)
    if api_key == ApiKey.DESCRIBE_TRANSACTIONS and kind == "response":
        return DescribeTransactionsResponse
    return (load_request_schema if kind == "request" else load_response_schema)(api_key, version)


def _needed(table: Any, api_key: int, version: int) -> Any:
    last, adapt = table.get(api_key, (-1, None))
    return adapt if version <= last else None


def _answer_header(correlation_id: int, flexible: bool) -> bytes:
    return _CORRELATION.pack(correlation_id) + b"\0" if flexible else _CORRELATION.pack(correlation_id)


def _skip_tags(data: memoryview, position: int) -> int:
    if position < len(data) and data[position] == 0:
        return position + 1
    cursor = Cursor(data, position)
    cursor.tags()
    return cursor.position


def ensure_kept(old: type, new: type) -> None:
    """Raise TypeError if a copy of an `old` into a `new` loses anything that matters."""
    kept = {each.name: each for each in fields(new)}
    for each in fields(old):
        if each.name in kept:
            structure, target = structure_of(each)[0], structure_of(kept[each.name])[0]
            if structure is not None and target is not None:
                ensure_kept(structure, target)
        elif each.name not in adapters.LEFT_BEHIND:
            raise TypeError(f"{old.__module__}.{old.__name__}.{each.name} would be lost: adapters.py")


def ensure_attributes(old: type, new: type) -> None:
    """Raise TypeError unless a writer of `old` finds all it needs in a `new`: the reason why answers are not copied."""
    offered = {each.name: each for each in fields(new)}
    for each in fields(old):
        if each.name not in offered:
            raise TypeError(f"{old.__module__}.{old.__name__}.{each.name} is not in the newest version: adapters.py")
        if is_nullable(offered[each.name]) and not is_nullable(each):
            raise TypeError(f"{old.__module__}.{old.__name__}.{each.name} cannot be null, as it can now: adapters.py")
        structure, _ = structure_of(each)
        target, _ = structure_of(offered[each.name])
        if structure is not None and target is not None:
            ensure_attributes(structure, target)
