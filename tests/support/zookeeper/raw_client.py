"""A client that speaks ZooKeeper's protocol over a socket, frame by frame."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar, Self

from pykafka_cli.zookeeper.protocol.framing import FrameReader, frame
from pykafka_cli.zookeeper.protocol.jute import JuteRecord, decode, encode
from pykafka_cli.zookeeper.protocol.requests import (
    ConnectRequest,
    ConnectResponse,
    OpCode,
    read_response,
    request_frame,
)
from tests.support.polling import PATIENCE_S


class RawClient:
    """One connection."""

    _opened: ClassVar[list["RawClient"]] = []
    _closes_all: ClassVar[bool] = False

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.frames = FrameReader(1 << 30)

    @classmethod
    async def open(cls, port: int, host: str = "127.0.0.1") -> Self:
        client = cls(*await asyncio.open_connection(host, port))
        if cls._closes_all:
            cls._opened.append(client)
        return client

    @classmethod
    @asynccontextmanager
    async def all_closed(cls) -> AsyncIterator[None]:
        """Close at the end what is opened meanwhile."""
        cls._closes_all = True
        try:
            yield
        finally:
            cls._closes_all = False
            for client in cls._opened:
                client.writer.close()
            cls._opened.clear()
            await asyncio.sleep(0)  # transports close their sockets in the next turn

    @classmethod
    async def with_session(cls, port: int, timeout_ms: int = 10_000) -> Self:
        client = await cls.open(port)
        assert (await client.connect(timeout_ms=timeout_ms)).session_id
        return client

    async def connect(
        self,
        session_id: int = 0,
        password: bytes = bytes(16),
        timeout_ms: int = 10_000,
        *,
        read_only: bool = False,
    ) -> ConnectResponse:
        self.ask_for_session(session_id, password, timeout_ms, read_only=read_only)
        answer = await self.receive()
        assert answer is not None
        return decode(ConnectResponse, answer)

    def ask_for_session(
        self,
        session_id: int = 0,
        password: bytes = bytes(16),
        timeout_ms: int = 10_000,
        *,
        read_only: bool = False,
    ) -> None:
        request = encode(ConnectRequest(0, 0, timeout_ms, session_id, password))
        self.writer.write(frame(request + bytes([read_only])))

    def send(self, kind: OpCode, record: JuteRecord, xid: int = 1) -> None:
        self.writer.write(request_frame(xid, kind, record))

    async def ask(self, kind: OpCode, record: JuteRecord) -> tuple[int, JuteRecord]:
        """(err, answer); events before it must have been received."""
        self.send(kind, record)
        answer = await self.receive()
        assert answer is not None
        header, response = read_response(kind, answer)
        return header.err, response

    async def receive(self) -> bytes | None:
        """The next frame, None if the server has closed the connection."""
        async with asyncio.timeout(PATIENCE_S):
            while (whole := self.frames.take()) is None:
                try:
                    data = await self.reader.read(1 << 16)
                except ConnectionResetError:
                    return None
                if not data:
                    return None
                self.frames.feed(data)
            return whole

    async def rest(self) -> bytes:
        """All that comes until the server closes the connection."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def close(self) -> None:
        self.writer.close()
