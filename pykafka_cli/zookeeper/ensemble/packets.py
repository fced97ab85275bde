"""What servers send each other on the quorum port: packets to bytes and back. No I/O.

    packet    type int32 | zxid int64 | data buffer (null: -1) | authinfo: vector of (scheme, id), null but in REQUEST

A packet has no length: only decoding finds its end. After SNAP, the tree follows as in a snapshot's file, but without
header and checksums, and then the string "BenWasHere". The data of each type of packet:

    FOLLOWERINFO, OBSERVERINFO    LearnerInfo                LEADERINFO    protocol int32
    ACKEPOCH                      currentEpoch int32         NEWLEADER     the configuration, as text
    PROPOSAL, INFORM              header, record and digest of the transaction, as in an entry of the log
    REQUEST                       session int64 | cxid int32 | operation int32 | the client's request
    PING, the answer              (session int64, timeout in ms int32), repeated
    REVALIDATE                    session int64 | timeout in ms int32; the answer: session int64 | valid, one byte
    COMMITANDACTIVATE             the suggested leader int64; INFORMANDACTIVATE: that, then as INFORM

Source: zookeeper.jute, module org.apache.zookeeper.server.quorum; org.apache.zookeeper.server.quorum.{Leader, Learner}.
"""

from collections.abc import Callable, Iterable
from enum import IntEnum
from struct import Struct
from typing import NamedTuple, TypeVar

from pykafka_cli.zookeeper.protocol.errors import MarshallingError, Truncated
from pykafka_cli.zookeeper.protocol.jute import Int, Long, Reader, decode, encode, read
from pykafka_cli.zookeeper.protocol.records import Id

PROTOCOL = 0x10000
"""The version of the protocol since ZooKeeper 3.4."""
NO_ZXID = -1
MOST_PACKET = 16 * 1024 * 1024
"""Bytes of a packet, or of one znode in a tree, above which they are rejected, unless jute.maxbuffer needs more."""
MOST_SESSIONS = 1 << 20
"""Sessions and different ACLs in a tree, above which it is rejected."""
_HEADER = Struct(">iqi")
_INT = Struct(">i")
_LONG = Struct(">q")
_TOUCH = Struct(">qi")
_REQUEST = Struct(">qii")
_VALIDITY = Struct(">q?")
_COUNTER_BITS = 32

T = TypeVar("T")


class PacketType(IntEnum):
    """Types of packets; org.apache.zookeeper.server.quorum.Leader."""

    REQUEST = 1
    PROPOSAL = 2
    ACK = 3
    COMMIT = 4
    PING = 5
    REVALIDATE = 6
    SYNC = 7
    INFORM = 8
    COMMIT_AND_ACTIVATE = 9
    NEW_LEADER = 10
    FOLLOWER_INFO = 11
    UP_TO_DATE = 12
    DIFF = 13
    TRUNC = 14
    SNAP = 15
    OBSERVER_INFO = 16
    LEADER_INFO = 17
    ACK_EPOCH = 18
    INFORM_AND_ACTIVATE = 19


_TYPES = {kind.value: kind for kind in PacketType}


class QuorumPacket(NamedTuple):
    type: PacketType
    zxid: int = NO_ZXID
    data: bytes | None = None
    authinfo: tuple[Id, ...] | None = None


class LearnerInfo(NamedTuple):
    """A server that connects to the leader: its id, its protocol, and the version of its configuration."""

    server_id: Long
    protocol: Int
    configuration_version: Long


class LearnerRequest(NamedTuple):
    """A client's request that a learner forwards; `body` is its record, `operation` any OpCode."""

    session_id: int
    cxid: int
    operation: int
    body: bytes


class SessionTimeout(NamedTuple):
    """A session that its client has touched, or that moves to another server."""

    session_id: Long
    timeout_ms: Int


class SessionValidity(NamedTuple):
    session_id: int
    is_valid: bool


def most_packet(jute_maxbuffer: int) -> int:
    """Bytes of a packet, or of one znode in a tree, above which they are rejected.

    A packet is larger than its transaction, and that may be larger than the request that it is from. ZooKeeper allows
    as much for that, unless jute.maxbuffer.extrasize is set. The end of a session with very many ephemerals, and a
    multi that uses the scheme `auth` very often for a client with many identities, may be larger nevertheless.
    """
    return max(MOST_PACKET, 2 * jute_maxbuffer)


def epoch_of(zxid: int) -> int:
    """The epoch in the upper half of a zxid."""
    return zxid >> _COUNTER_BITS


def first_zxid(epoch: int) -> int:
    """The zxid that stands for the beginning of an epoch; its transactions come after it."""
    return epoch << _COUNTER_BITS


def encode_packet(packet: QuorumPacket) -> bytes:
    """The bytes of a packet."""
    kind, zxid, data, authinfo = packet
    head = _HEADER.pack(kind, zxid, -1) if data is None else _HEADER.pack(kind, zxid, len(data)) + data
    if authinfo is None:
        return head + _INT.pack(-1)
    return head + _INT.pack(len(authinfo)) + b"".join(map(encode, authinfo))


def encode_request(request: LearnerRequest) -> bytes:
    return _REQUEST.pack(request.session_id, request.cxid, request.operation) + request.body


def decode_request(data: bytes) -> LearnerRequest:
    """Raises MarshallingError."""
    session_id, cxid, operation = Reader(data).fixed(_REQUEST)
    return LearnerRequest(session_id, cxid, operation, data[_REQUEST.size :])


def encode_touches(touches: Iterable[SessionTimeout]) -> bytes:
    return b"".join(_TOUCH.pack(*each) for each in touches)


def decode_touches(data: bytes) -> list[SessionTimeout]:
    """Raises MarshallingError."""
    if len(data) % _TOUCH.size:
        raise MarshallingError(f"sessions in {len(data)} bytes; each has {_TOUCH.size}")
    return [SessionTimeout(*each) for each in _TOUCH.iter_unpack(data)]


def encode_validity(validity: SessionValidity) -> bytes:
    return _VALIDITY.pack(*validity)


def decode_validity(data: bytes) -> SessionValidity:
    """Raises MarshallingError."""
    return SessionValidity(*Reader(data).fixed(_VALIDITY))


def decode_session_timeout(data: bytes) -> SessionTimeout:
    """Raises MarshallingError."""
    return decode(SessionTimeout, data)


def encode_integer(number: int) -> bytes:
    """What LEADERINFO and ACKEPOCH contain."""
    return _INT.pack(number)


def decode_integer(data: bytes | None) -> int:
    """Raises MarshallingError."""
    return Reader(data or b"").integer()


def encode_leader(server_id: int) -> bytes:
    """What COMMITANDACTIVATE contains, and INFORMANDACTIVATE begins with."""
    return _LONG.pack(server_id)


def split_activation(data: bytes) -> tuple[int, bytes]:
    """The suggested leader, and the bytes after it; raises MarshallingError."""
    (leader,) = Reader(data).fixed(_LONG)
    return leader, data[_LONG.size :]


class PacketReader:
    """The receiving half of a connection between servers.

    Holds at most one packet (or one part of a tree) of `most` bytes, and what was fed since; the caller bounds
    that by taking everything before it feeds again.
    """

    __slots__ = ("_pending", "_position", "most")

    def __init__(self, most: int = MOST_PACKET) -> None:
        self.most = most
        self._pending = b""
        self._position = 0

    def feed(self, data: bytes) -> None:
        """Add bytes that arrived."""
        self._pending = self._pending[self._position :] + data
        self._position = 0

    @property
    def buffered(self) -> int:
        """Bytes fed and not yet taken."""
        return len(self._pending) - self._position

    def take(self) -> QuorumPacket | None:
        """The next packet, None until more bytes are fed; raises MarshallingError."""
        return self.item(self._read_packet)

    def item(self, read_item: Callable[[Reader], T]) -> T | None:
        """What `read_item` reads, None until more bytes are fed; raises MarshallingError."""
        if self._position == len(self._pending):
            return None
        reader = Reader(self._pending, self._position)
        try:
            value = read_item(reader)
        except Truncated as error:
            if self.buffered > self.most:
                raise MarshallingError(f"more than {self.most} bytes are announced: {error}") from None
            return None
        self._position = reader.position
        return value

    def _read_packet(self, reader: Reader) -> QuorumPacket:
        kind, zxid, length = reader.fixed(_HEADER)
        if kind not in _TYPES:
            raise MarshallingError(f"{kind} is not a type of packet")
        self._check_size(length)
        reader.position -= _INT.size
        data = reader.buffer()
        count = reader.integer()
        if count < 0:
            return QuorumPacket(_TYPES[kind], zxid, data)
        self._check_size(count)
        return QuorumPacket(_TYPES[kind], zxid, data, tuple([read(Id, reader) for _ in range(count)]))

    def _check_size(self, announced: int) -> None:
        if not -1 <= announced <= self.most:
            raise MarshallingError(f"{announced} is announced, more than {self.most}")
