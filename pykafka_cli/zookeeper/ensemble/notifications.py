"""What servers send each other on their election ports.

    hello          protocol version (8): -65536, or -65535 with several addresses; server id (8);
                   length (4) and HOST:PORT[|HOST:PORT...], where the sender accepts such connections
                   before 3.5: only the server id, in place of a version
    notification   length (4), then
                   state (4), leader (8), zxid (8), electionEpoch (8)
                   peerEpoch (8)                            not in 28 bytes: before 3.4
                   version (4): 2                           not read in 40 bytes: before 3.4.6
                   length (4) and configuration as text     from version 2

All numbers are big-endian. Whoever opens a connection sends one hello, to which there is no response; then both send
notifications. Source: org.apache.zookeeper.server.quorum.QuorumCnxManager, FastLeaderElection.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

from pykafka_cli.zookeeper.ensemble.configuration import Address, InvalidConfiguration
from pykafka_cli.zookeeper.ensemble.vote import Vote

LONGEST_FRAME = 512 * 1024
"""Bytes of a notification, its length excluded (PACKETMAXSIZE)."""
LONGEST_ADDRESSES = 2048
"""Bytes of the addresses in a hello (maxBuffer)."""
LONGEST_HELLO = 20 + LONGEST_ADDRESSES
"""Bytes of a hello."""

_ONE_ADDRESS, _ADDRESSES = -65536, -65535
_HELLO = struct.Struct(">qqi")
_ID = struct.Struct(">q")
_LENGTH = struct.Struct(">i")
_VOTE = struct.Struct(">iqqq")
_EPOCH = struct.Struct(">q")
_BEFORE_EPOCHS, _BEFORE_VERSIONS = _VOTE.size, 40
_VERSION = 2
_WITH_CONFIGURATION = 2


class MalformedMessage(ValueError):
    """Bytes that are no message; `str()` says why."""


class ServerState(IntEnum):
    """What a server does (QuorumPeer.ServerState); the number is that of notifications."""

    LOOKING = 0
    FOLLOWING = 1
    LEADING = 2
    OBSERVING = 3


class Hello(NamedTuple):
    """The server that opened a connection, and where it accepts some; no address if it sent none."""

    server_id: int
    addresses: tuple[Address, ...] = ()

    def encode(self) -> bytes:
        text = "|".join(map(str, self.addresses)).encode()
        version = _ONE_ADDRESS if len(self.addresses) == 1 else _ADDRESSES
        return _HELLO.pack(version, self.server_id, len(text)) + text


class Notification(NamedTuple):
    """The state and the vote of a server.

    version          of the sender's format
    configuration    of the sender, as text; None: the format has none
    """

    state: ServerState
    vote: Vote
    configuration: str | None
    version: int = _VERSION

    def encode(self) -> bytes:
        """As a frame, in the newest format."""
        leader, zxid, election_epoch, peer_epoch = self.vote
        text = (self.configuration or "").encode()
        body = _VOTE.pack(self.state, leader, zxid, election_epoch) + _EPOCH.pack(peer_epoch)
        body += _LENGTH.pack(_VERSION) + _LENGTH.pack(len(text)) + text
        return _LENGTH.pack(len(body)) + body

    @classmethod
    def decode(cls, body: bytes) -> "Notification":
        """A notification in any format, without its length; raises MalformedMessage."""
        if len(body) < _BEFORE_EPOCHS:
            raise MalformedMessage(f"a notification has at least {_BEFORE_EPOCHS} bytes, not {len(body)}")
        number, leader, zxid, election_epoch = _VOTE.unpack_from(body)
        try:
            state = ServerState(number)
            if len(body) == _BEFORE_EPOCHS:
                return cls(state, Vote(leader, zxid, election_epoch, zxid >> 32), None, 0)
            (peer_epoch,) = _EPOCH.unpack_from(body, _VOTE.size)
            vote = Vote(leader, zxid, election_epoch, peer_epoch)
            if len(body) == _BEFORE_VERSIONS:
                return cls(state, vote, None, 0)
            (version,) = _LENGTH.unpack_from(body, _VOTE.size + _EPOCH.size)
            return cls(state, vote, _configuration(body) if version >= _WITH_CONFIGURATION else None, version)
        except (struct.error, ValueError) as error:
            raise MalformedMessage(str(error)) from None


def _configuration(body: bytes) -> str:
    start = _VOTE.size + _EPOCH.size + _LENGTH.size
    (length,) = _LENGTH.unpack_from(body, start)
    text = body[start + _LENGTH.size :]
    if not 0 <= length <= len(text):
        raise MalformedMessage(f"a configuration of {length} bytes in {len(text)}")
    return text[:length].decode()


def read_hello(data: bytes) -> tuple[Hello, int] | None:
    """The hello at the beginning of `data`, and its length; None if more bytes are needed.

    raises    MalformedMessage
    """
    if len(data) < _ID.size:
        return None
    (version,) = _ID.unpack_from(data)
    if version >= 0:
        return Hello(version), _ID.size
    if version not in (_ONE_ADDRESS, _ADDRESSES):
        raise MalformedMessage(f"protocol version {version} is unknown")
    if len(data) < _HELLO.size:
        return None
    _, server_id, length = _HELLO.unpack_from(data)
    if server_id < 0:
        raise MalformedMessage(f"{server_id} is not the id of a server")
    if not 0 < length <= LONGEST_ADDRESSES:
        raise MalformedMessage(f"addresses of {length} bytes")
    if len(data) < _HELLO.size + length:
        return None
    end = _HELLO.size + length
    try:
        addresses = tuple(Address.parse(each) for each in data[_HELLO.size : end].decode().split("|"))
    except (InvalidConfiguration, UnicodeDecodeError) as error:
        raise MalformedMessage(f"an address is malformed: {error}") from None
    return Hello(server_id, addresses), end


class Frames:
    """Splits a stream into the bodies of notifications; buffers no more than one of the longest."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies that are complete now; raises MalformedMessage for a length that no notification has."""
        self._buffer += data
        bodies = []
        at = 0
        while len(self._buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, at)
            if not 0 < length <= LONGEST_FRAME:
                raise MalformedMessage(f"a notification of {length} bytes")
            end = at + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            bodies.append(bytes(self._buffer[at + _LENGTH.size : end]))
            at = end
        del self._buffer[:at]
        return bodies
