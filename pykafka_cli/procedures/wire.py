"""A proxy between Kafka clients and a cluster that shows what they send each other.

Responses name the addresses of brokers. The proxy opens a port for each broker and puts its address in their place, so
that clients keep using the proxy.
"""

import asyncio
import contextlib
import io
import itertools
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kio.serial import entity_writer

from pykafka_cli.clients.settings import Address
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.message_documents import WireHeader, read_header, response_message
from pykafka_cli.rules.wire_log import WireLog
from pykafka_cli.transport.connection import MAX_ANSWER_BYTES

HOST = "127.0.0.1"
_CHUNK = 1 << 16
_LENGTH = struct.Struct(">i")
_WITH_ADDRESSES = frozenset({ApiKey.METADATA, ApiKey.FIND_COORDINATOR, ApiKey.DESCRIBE_CLUSTER})

Translate = Callable[[str, int], Address]
"""Maps a broker's address to the proxy's."""


class BadFrame(Exception):
    """Bytes that are not Kafka's protocol, or are encrypted."""


class WireProxy:
    """Listens on the loopback interface; opens a port for each broker when a response first names it.

    report    called with a line about what clients cannot see
    """

    def __init__(self, log: WireLog, report: Callable[[str], None]) -> None:
        self._log, self._report = log, report
        self._ports: dict[Address, int] = {}
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)

    async def listen(self, target: Address, port: int) -> int:
        """Listen for clients of a broker, on any free port for 0; return the port.

        raises    OSError
        """
        server = await asyncio.start_server(lambda *ends: self._accept(target, *ends), HOST, port, limit=_CHUNK)
        self._servers.append(server)
        found: int = server.sockets[0].getsockname()[1]
        self._ports[target] = found
        return found

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, target: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(target, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, target: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, name = next(self._numbers), f"{target.host}:{target.port}"
        to_broker: asyncio.StreamWriter | None = None
        self._log.opened(number, name)
        pending: dict[int, WireHeader] = {}
        try:
            from_broker, to_broker = await asyncio.open_connection(*target, limit=_CHUNK)
            ways = (
                asyncio.create_task(self._carry_requests(number, reader, to_broker, pending)),
                asyncio.create_task(self._carry_responses(number, from_broker, writer, pending)),
            )
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                for outcome in await asyncio.gather(*ways, return_exceptions=True):
                    if isinstance(outcome, BadFrame):
                        self._report(f"{name}: {outcome}")
        except OSError as error:
            self._report(f"cannot connect to {name}: {error.strerror or error}")
        finally:
            self._log.ended(number)
            for end in (writer, to_broker):
                if end:
                    end.close()

    async def _carry_requests(
        self,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pending: dict[int, WireHeader],
    ) -> None:
        while frame := await _next_frame(reader):
            with contextlib.suppress(ProtocolError):
                header = read_header(frame)
                if header.api_key in _WITH_ADDRESSES:
                    pending[header.correlation_id] = header
            self._log.sent(number, frame)
            writer.write(_LENGTH.pack(len(frame)) + frame)
            await writer.drain()

    async def _carry_responses(
        self,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pending: dict[int, WireHeader],
    ) -> None:
        while frame := await _next_frame(reader):
            self._log.received(number, frame)
            if request := pending.pop(int.from_bytes(frame[:4], signed=True), None):
                frame = await self._with_own_addresses(frame, request)
            writer.write(_LENGTH.pack(len(frame)) + frame)
            await writer.drain()

    async def _with_own_addresses(self, frame: bytes, request: WireHeader) -> bytes:
        """The response, with the proxy's addresses in place of the brokers'."""
        try:
            message, position = response_message(frame, request)
        except ProtocolError as error:
            self._report(f"{request.api} {request.api_version} is passed on unchanged: {error}")
            return frame
        for broker in _addresses_in(message):
            if broker not in self._ports:
                await self.listen(broker, 0)
        body = io.BytesIO()
        entity_writer(type(message))(body, translated(message, self._translate))
        return frame[:position] + body.getvalue()

    def _translate(self, host: str, port: int) -> Address:
        found = self._ports.get(Address(host, port))
        return Address(host, port) if found is None else Address(HOST, found)


def translated(message: Any, translate: Translate) -> Any:
    """A copy of a Metadata, DescribeCluster or FindCoordinator response with other addresses in it."""
    changes: dict[str, Any] = {}
    for name in ("brokers", "coordinators"):
        if entries := getattr(message, name, None):
            changes[name] = tuple(_translated_entry(each, translate) for each in entries)
    if hasattr(message, "host"):
        return _translated_entry(message, translate)
    return replace(message, **changes)


def _translated_entry(entry: Any, translate: Translate) -> Any:
    address = translate(str(entry.host), int(entry.port))
    return replace(entry, host=address.host, port=type(entry.port)(address.port))


def _addresses_in(message: Any) -> list[Address]:
    entries = [message] if hasattr(message, "host") else []
    for name in ("brokers", "coordinators"):
        entries += getattr(message, name, None) or ()
    return [Address(str(each.host), int(each.port)) for each in entries if each.host]


async def _next_frame(reader: asyncio.StreamReader) -> bytes:
    """A frame without its length; empty at the end of the stream.

    raises    BadFrame
    """
    try:
        (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if not _LENGTH.size <= size <= MAX_ANSWER_BYTES:
            raise BadFrame("this is not Kafka's protocol, or it is encrypted; only listeners without TLS can be shown")
        return await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
