"""Identifies what listens on a port where a Kafka broker was expected.

A server is recognized by the first bytes it sends. One that responds to an ApiVersions request with none is asked again
in the protocols that are found there most often: TLS, ZooKeeper's four-letter words, HTTP.
"""

import asyncio
import contextlib
import ssl
import struct
from enum import StrEnum
from typing import NamedTuple

_CORRELATION_ID = 0x706B
_API_VERSIONS_REQUEST = struct.pack(">ihhih", 10, 18, 0, _CORRELATION_ID, -1)
"""ApiVersions 0 with no client id, which every broker answers, with TLS, SASL, or neither."""

_HTTP_REQUEST = b"GET / HTTP/1.0\r\n\r\n"
_ZOOKEEPER_REQUEST = b"srvr"
"""The one four-letter word that ZooKeeper answers unless told not to."""

_READ_AT_MOST = 512
_SHOWN_BYTES = 24
_LONGEST_ANSWER = 1 << 20


class Kind(StrEnum):
    KAFKA = "a Kafka broker"
    TLS = "a TLS listener"
    HTTP = "an HTTP server"
    ZOOKEEPER = "a ZooKeeper server"
    SSH = "an SSH server"
    OTHER = "no Kafka broker"
    SILENT = "silent"
    """It accepts connections and sends nothing."""
    CLOSING = "closing"
    """It accepts connections and closes them."""
    UNREACHABLE = "unreachable"


class Peer(NamedTuple):
    """What listens on a port; `first_bytes` is what it sent, empty if nothing."""

    kind: Kind
    first_bytes: bytes = b""

    @property
    def is_stranger(self) -> bool:
        """Whether this certainly is no Kafka listener without TLS."""
        return self.kind in (Kind.TLS, Kind.HTTP, Kind.ZOOKEEPER, Kind.SSH, Kind.OTHER)

    def describe(self, address: str) -> str:
        """One clause without a full stop, such as "localhost:2181 is a ZooKeeper server, not a Kafka broker"."""
        match self.kind:
            case Kind.KAFKA:
                return f"{address} is a Kafka broker"
            case Kind.SILENT:
                return f"{address} accepts connections, but does not respond"
            case Kind.CLOSING:
                return f"{address} accepts connections, and closes them without a response"
            case Kind.UNREACHABLE:
                return f"{address} accepts no connections"
            case Kind.TLS:
                return f"{address} is a TLS listener"
            case Kind.OTHER:
                return f"{address} does not speak Kafka's protocol: it sent {self.first_bytes[:_SHOWN_BYTES]!r}"
        return f"{address} is {self.kind}, not a Kafka broker"

    @property
    def advice(self) -> str:
        """What would help; empty if that is unknown."""
        return _ADVICE.get(self.kind, "")


_ADVICE = {
    Kind.TLS: (
        "If this is a Kafka broker, set security.protocol=SSL (or SASL_SSL) in a file, and name the file with "
        "--command-config."
    ),
    Kind.ZOOKEEPER: "Use the broker's port, 9092 by default. `pk zookeeper-shell` connects to ZooKeeper.",
    Kind.HTTP: "Check the port. A web interface, a REST proxy, or Kafka Connect has another one than the broker.",
    Kind.SSH: "Check the port; a broker's is 9092 by default.",
    Kind.OTHER: "Check the address.",
    Kind.SILENT: "The process may be suspended or overloaded, or it is not a Kafka broker. Check the port.",
    Kind.CLOSING: (
        "If this listener requires TLS or SASL, set security.protocol in a file for --command-config. "
        "A proxy with nothing behind it also closes connections."
    ),
}


def recognize(first_bytes: bytes) -> Kind:
    """Who sends these bytes first, when it has received an ApiVersions request."""
    if len(first_bytes) >= 8:
        size, correlation_id = struct.unpack_from(">ii", first_bytes)
        if correlation_id == _CORRELATION_ID and 4 <= size <= _LONGEST_ANSWER:
            return Kind.KAFKA
    if first_bytes[:2] in (b"\x15\x03", b"\x16\x03"):  # an alert, a handshake
        return Kind.TLS
    if first_bytes.startswith(b"HTTP/") or b"<html" in first_bytes.lower():
        return Kind.HTTP
    if first_bytes.startswith(b"SSH-"):
        return Kind.SSH
    if first_bytes.startswith((b"Zookeeper version", b"srvr is not executed")):
        return Kind.ZOOKEEPER
    return Kind.OTHER


async def identify(host: str, port: int, patience: float) -> Peer:
    """Connect and find out; nothing is changed there.

    patience    seconds for each of two rounds of questions
    """
    first = await _first_bytes(host, port, _API_VERSIONS_REQUEST, patience)
    if isinstance(first, Kind):
        if first is Kind.UNREACHABLE:
            return Peer(first)
        return await _identify_otherwise(host, port, patience) or Peer(first)
    return Peer(recognize(first), first)


async def _identify_otherwise(host: str, port: int, patience: float) -> Peer | None:
    """Ask one that did not answer Kafka's request in three other protocols; None if it answers in none of them.

    The first answer ends it: one that speaks TLS waits in vain for more of ZooKeeper's four letters, and so do we.
    """
    asking = [
        asyncio.ensure_future(question)
        for question in (
            _asked(Kind.ZOOKEEPER, host, port, _ZOOKEEPER_REQUEST, patience),
            _asked(Kind.HTTP, host, port, _HTTP_REQUEST, patience),
            _asked_for_tls(host, port, patience),
        )
    ]
    try:
        for answer in asyncio.as_completed(asking):
            if peer := await answer:
                return peer
        return None
    finally:
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def _asked(expected: Kind, host: str, port: int, request: bytes, patience: float) -> Peer | None:
    """The peer, if it answers a request as those of one kind do."""
    answer = await _first_bytes(host, port, request, patience)
    return Peer(expected, answer) if isinstance(answer, bytes) and recognize(answer) is expected else None


async def _first_bytes(host: str, port: int, request: bytes, patience: float) -> bytes | Kind:
    """What comes back for a request, or how nothing does."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(request)
            return await reader.read(_READ_AT_MOST) or Kind.CLOSING
    except TimeoutError:
        return Kind.SILENT if writer else Kind.UNREACHABLE
    except OSError:
        return Kind.CLOSING if writer else Kind.UNREACHABLE
    finally:
        if writer:
            writer.transport.abort()


async def _asked_for_tls(host: str, port: int, patience: float) -> Peer | None:
    """The peer, if a handshake succeeds or fails in TLS's own words; no certificate is checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    writer: asyncio.StreamWriter | None = None
    with contextlib.suppress(TimeoutError, OSError):
        try:
            async with asyncio.timeout(patience):
                _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
            return Peer(Kind.TLS)
        except ssl.SSLError as error:
            return Peer(Kind.TLS) if "ALERT" in (error.reason or "") else None
        finally:
            if writer:
                writer.transport.abort()
    return None
