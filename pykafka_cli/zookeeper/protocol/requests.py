"""Requests and responses, each a record, and the table of operations.

A connection opens with a ConnectRequest and a ConnectResponse. After that, a request frame is a RequestHeader and the
request's record, a response frame a ReplyHeader and the response's record (only the header if `err` is not 0):

    request   xid int32 | type int32 | record            xid, the client's number for it; -2 ping, -4 auth
    response  xid int32 | zxid int64 | err int32 | record
    event     xid -1 | zxid -1 | err 0 | WatcherEvent

A multi's record is a list of operations, each after a MultiHeader, closed by one whose `done` is true.
Source: zookeeper.jute, org.apache.zookeeper.{ZooDefs.OpCode, MultiOperationRecord, MultiResponse}.
"""

from collections.abc import Mapping
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from pykafka_cli.zookeeper.protocol.errors import MarshallingError
from pykafka_cli.zookeeper.protocol.jute import Int, JuteRecord, Long, Reader, encode, read
from pykafka_cli.zookeeper.protocol.records import Acl, ClientInfo, Stat


class OpCode(IntEnum):
    """The type of a request, and of a transaction in the log."""

    CREATE = 1
    DELETE = 2
    EXISTS = 3
    GET_DATA = 4
    SET_DATA = 5
    GET_ACL = 6
    SET_ACL = 7
    GET_CHILDREN = 8
    SYNC = 9
    PING = 11
    GET_CHILDREN2 = 12
    CHECK = 13
    MULTI = 14
    CREATE2 = 15
    RECONFIG = 16
    CHECK_WATCHES = 17
    REMOVE_WATCHES = 18
    CREATE_CONTAINER = 19
    DELETE_CONTAINER = 20
    CREATE_TTL = 21
    MULTI_READ = 22
    AUTH = 100
    SET_WATCHES = 101
    SASL = 102
    GET_EPHEMERALS = 103
    GET_ALL_CHILDREN_NUMBER = 104
    SET_WATCHES2 = 105
    ADD_WATCH = 106
    WHO_AM_I = 107
    CREATE_SESSION = -10
    CLOSE_SESSION = -11
    ERROR = -1


NOTIFICATION_XID = -1
AUTH_XID = -4


class ConnectRequest(NamedTuple):
    """Opens a session, or, with an id and its password, takes over an existing one.

    `read_only` (whether a server without a quorum may serve it) follows, in one byte, since 3.4; the frame's length
    tells
    whether it is there. `timeout_ms` is the requested one.
    """

    protocol_version: Int
    last_zxid_seen: Long
    timeout_ms: Int
    session_id: Long
    password: bytes | None


class ConnectResponse(NamedTuple):
    """The negotiated values. A timeout of 0 means an expired session. `read_only` follows if the request had it."""

    protocol_version: Int
    timeout_ms: Int
    session_id: Long
    password: bytes | None


class RequestHeader(NamedTuple):
    xid: Int
    type: Int


class ReplyHeader(NamedTuple):
    xid: Int
    zxid: Long
    err: Int


class WatcherEvent(NamedTuple):
    """The event of a watch; `state` is always 3, SyncConnected."""

    type: Int
    state: Int
    path: str


class AuthPacket(NamedTuple):
    """Adds an identity to the connection; `type` is 0."""

    type: Int
    scheme: str | None
    auth: bytes | None


class SaslToken(NamedTuple):
    """One step of a login by SASL: the request as well as the response, in which null is the end of a failed one."""

    token: bytes | None


class CreateRequest(NamedTuple):
    path: str
    data: bytes | None
    acl: tuple[Acl, ...]
    flags: Int


class CreateTtlRequest(NamedTuple):
    path: str
    data: bytes | None
    acl: tuple[Acl, ...]
    flags: Int
    ttl: Long


class CreateResponse(NamedTuple):
    path: str


class Create2Response(NamedTuple):
    path: str
    stat: Stat


class DeleteRequest(NamedTuple):
    path: str
    version: Int


class SetDataRequest(NamedTuple):
    path: str
    data: bytes | None
    version: Int


class SetAclRequest(NamedTuple):
    path: str
    acl: tuple[Acl, ...]
    version: Int


class CheckVersionRequest(NamedTuple):
    path: str
    version: Int


class ReconfigRequest(NamedTuple):
    joining_servers: str | None
    leaving_servers: str | None
    new_members: str | None
    current_config_id: Long


class PathRequest(NamedTuple):
    """getACL, sync, getAllChildrenNumber: requests with only a path."""

    path: str


class WatchableRequest(NamedTuple):
    """exists, getData, getChildren, getChildren2: a path, and whether to leave a watch."""

    path: str
    watch: bool


class GetEphemeralsRequest(NamedTuple):
    prefix: str | None


class WatchesRequest(NamedTuple):
    """checkWatches, removeWatches; `type` is a WatcherType."""

    path: str
    type: Int


class AddWatchRequest(NamedTuple):
    path: str
    mode: Int


class SetWatches(NamedTuple):
    """The watches that a client had when it lost its connection, and the last zxid that it saw."""

    relative_zxid: Long
    data_watches: tuple[str, ...]
    exist_watches: tuple[str, ...]
    child_watches: tuple[str, ...]


class SetWatches2(NamedTuple):
    relative_zxid: Long
    data_watches: tuple[str, ...]
    exist_watches: tuple[str, ...]
    child_watches: tuple[str, ...]
    persistent_watches: tuple[str, ...]
    persistent_recursive_watches: tuple[str, ...]


class Empty(NamedTuple):
    """No record: the request or response is only its header."""


class StatResponse(NamedTuple):
    """exists, setData, setACL."""

    stat: Stat


class GetDataResponse(NamedTuple):
    data: bytes | None
    stat: Stat


class GetChildrenResponse(NamedTuple):
    children: tuple[str, ...]


class GetChildren2Response(NamedTuple):
    children: tuple[str, ...]
    stat: Stat


class GetAclResponse(NamedTuple):
    acl: tuple[Acl, ...]
    stat: Stat


class GetEphemeralsResponse(NamedTuple):
    ephemerals: tuple[str, ...]


class GetAllChildrenNumberResponse(NamedTuple):
    total: Int


class WhoAmIResponse(NamedTuple):
    clients: tuple[ClientInfo, ...]


class ErrorResponse(NamedTuple):
    """A failed operation of a multi; with 0, also the response of addWatch."""

    err: Int


class MultiHeader(NamedTuple):
    type: Int
    done: bool
    err: Int


END_OF_MULTI = MultiHeader(-1, True, -1)


class Operation(NamedTuple):
    """One operation of a multi, or (as `record` a response) its result."""

    type: OpCode
    record: JuteRecord


class MultiRequest(NamedTuple):
    operations: tuple[Operation, ...]


class MultiResponse(NamedTuple):
    results: tuple[Operation, ...]


REQUESTS: Mapping[OpCode, type[JuteRecord]] = {
    OpCode.CREATE: CreateRequest,
    OpCode.CREATE2: CreateRequest,
    OpCode.CREATE_CONTAINER: CreateRequest,
    OpCode.CREATE_TTL: CreateTtlRequest,
    OpCode.DELETE: DeleteRequest,
    OpCode.SET_DATA: SetDataRequest,
    OpCode.SET_ACL: SetAclRequest,
    OpCode.CHECK: CheckVersionRequest,
    OpCode.RECONFIG: ReconfigRequest,
    OpCode.MULTI: MultiRequest,
    OpCode.MULTI_READ: MultiRequest,
    OpCode.EXISTS: WatchableRequest,
    OpCode.GET_DATA: WatchableRequest,
    OpCode.GET_CHILDREN: WatchableRequest,
    OpCode.GET_CHILDREN2: WatchableRequest,
    OpCode.GET_ACL: PathRequest,
    OpCode.SYNC: PathRequest,
    OpCode.GET_ALL_CHILDREN_NUMBER: PathRequest,
    OpCode.GET_EPHEMERALS: GetEphemeralsRequest,
    OpCode.CHECK_WATCHES: WatchesRequest,
    OpCode.REMOVE_WATCHES: WatchesRequest,
    OpCode.ADD_WATCH: AddWatchRequest,
    OpCode.SET_WATCHES: SetWatches,
    OpCode.SET_WATCHES2: SetWatches2,
    OpCode.AUTH: AuthPacket,
    OpCode.SASL: SaslToken,
    OpCode.WHO_AM_I: Empty,
    OpCode.PING: Empty,
    OpCode.CLOSE_SESSION: Empty,
}
"""What clients may send. What is not here is answered UNIMPLEMENTED."""

RESPONSES: Mapping[OpCode, type[JuteRecord]] = {
    OpCode.CREATE: CreateResponse,
    OpCode.CREATE2: Create2Response,
    OpCode.CREATE_CONTAINER: Create2Response,
    OpCode.CREATE_TTL: Create2Response,
    OpCode.SET_DATA: StatResponse,
    OpCode.SET_ACL: StatResponse,
    OpCode.EXISTS: StatResponse,
    OpCode.GET_DATA: GetDataResponse,
    OpCode.GET_CHILDREN: GetChildrenResponse,
    OpCode.GET_CHILDREN2: GetChildren2Response,
    OpCode.GET_ACL: GetAclResponse,
    OpCode.SYNC: PathRequest,
    OpCode.SASL: SaslToken,
    OpCode.GET_ALL_CHILDREN_NUMBER: GetAllChildrenNumberResponse,
    OpCode.GET_EPHEMERALS: GetEphemeralsResponse,
    OpCode.MULTI: MultiResponse,
    OpCode.MULTI_READ: MultiResponse,
    OpCode.ADD_WATCH: ErrorResponse,
    OpCode.WHO_AM_I: WhoAmIResponse,
    OpCode.RECONFIG: GetDataResponse,
}
"""The record after the response's header; responses of other operations have only a header."""

_IN_MULTI = frozenset(
    (
        OpCode.CREATE,
        OpCode.CREATE2,
        OpCode.CREATE_CONTAINER,
        OpCode.CREATE_TTL,
        OpCode.DELETE,
        OpCode.SET_DATA,
        OpCode.CHECK,
    )
)
_IN_MULTI_READ = frozenset((OpCode.GET_DATA, OpCode.GET_CHILDREN))
_RESULTS: Mapping[OpCode, type[JuteRecord]] = {
    OpCode.CREATE: CreateResponse,
    OpCode.CREATE2: Create2Response,
    OpCode.SET_DATA: StatResponse,
    OpCode.GET_DATA: GetDataResponse,
    OpCode.GET_CHILDREN: GetChildrenResponse,
    OpCode.DELETE: Empty,
    OpCode.CHECK: Empty,
    OpCode.ERROR: ErrorResponse,
}

_REQUEST_HEADER = Struct(">ii")
_REPLY = Struct(">iiqi")
_REPLY_HEADER_SIZE = 16


def read_request_header(data: bytes) -> tuple[int, int]:
    """(xid, type) at the start of a request frame; raises MarshallingError if it is too short."""
    if len(data) < _REQUEST_HEADER.size:
        raise MarshallingError(f"a request of {len(data)} bytes, its header alone has {_REQUEST_HEADER.size}")
    xid, kind = _REQUEST_HEADER.unpack_from(data)
    return xid, kind


def read_request(kind: OpCode, data: bytes) -> JuteRecord:
    """The record of a request frame of type `kind`, a key of REQUESTS."""
    reader = Reader(data, _REQUEST_HEADER.size)
    if kind is OpCode.MULTI:
        return MultiRequest(_read_operations(reader, _IN_MULTI, REQUESTS))
    if kind is OpCode.MULTI_READ:
        return MultiRequest(_read_operations(reader, _IN_MULTI_READ, REQUESTS))
    return read(REQUESTS[kind], reader)


def read_response(kind: OpCode, data: bytes) -> tuple[ReplyHeader, JuteRecord]:
    """Header and record of a response frame to a request of type `kind`."""
    reader = Reader(data)
    header = read(ReplyHeader, reader)
    if header.err:
        return header, Empty()
    if kind in (OpCode.MULTI, OpCode.MULTI_READ):
        return header, MultiResponse(_read_operations(reader, frozenset(_RESULTS), _RESULTS))
    return header, read(RESPONSES.get(kind, Empty), reader)


def request_frame(xid: int, kind: OpCode, record: JuteRecord) -> bytes:
    """Encode a request, with its length."""
    body = _encode_body(record)
    return Struct(">iii").pack(_REQUEST_HEADER.size + len(body), xid, kind) + body


def reply_frame(xid: int, zxid: int, err: int, record: JuteRecord | None = None) -> bytes:
    """Encode a response, with its length; without `record`, only the header."""
    if record is None:
        return _REPLY.pack(_REPLY_HEADER_SIZE, xid, zxid, err)
    body = _encode_body(record)
    return _REPLY.pack(_REPLY_HEADER_SIZE + len(body), xid, zxid, err) + body


def read_connect_request(data: bytes) -> tuple[ConnectRequest, bool | None]:
    """Decode the request and its read-only flag, None if the client is too old to send one."""
    reader = Reader(data)
    request = read(ConnectRequest, reader)
    return request, data[reader.position] != 0 if reader.remaining else None


def connect_response_frame(response: ConnectResponse, *, with_read_only: bool, is_read_only: bool = False) -> bytes:
    """Encode `response`; `with_read_only` adds the flag, for a client that sent one."""
    body = encode(response) + (bytes([is_read_only]) if with_read_only else b"")
    return Struct(">i").pack(len(body)) + body


def _encode_body(record: JuteRecord) -> bytes:
    if isinstance(record, MultiRequest):
        return _encode_operations(record.operations, no_error=-1)
    if isinstance(record, MultiResponse):
        return _encode_operations(record.results, no_error=0)
    return encode(record)


def _read_operations(
    reader: Reader, allowed: frozenset[OpCode], records: Mapping[OpCode, type[JuteRecord]]
) -> tuple[Operation, ...]:
    operations = []
    while not (header := read(MultiHeader, reader)).done:
        if header.type not in allowed:
            raise MarshallingError(f"operations of type {header.type} are not allowed in this multi")
        kind = OpCode(header.type)
        operations.append(Operation(kind, read(records[kind], reader)))
    return tuple(operations)


def _encode_operations(operations: tuple[Operation, ...], *, no_error: int) -> bytes:
    parts: list[bytes] = []
    for kind, record in operations:
        err = record.err if isinstance(record, ErrorResponse) else no_error
        parts += (encode(MultiHeader(kind, False, err)), encode(record))
    parts.append(encode(END_OF_MULTI))
    return b"".join(parts)
