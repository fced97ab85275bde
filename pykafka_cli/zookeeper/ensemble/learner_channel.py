"""The leader's side of a learner's connection: packets are sent in order, even behind a whole tree.

Memory is bounded: if too much is waiting for a learner, because it or the network is slow, its connection is closed.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from pykafka_cli.zookeeper.ensemble.packets import QuorumPacket, encode_packet

_TIME_TO_LEAVE = 5.0  # seconds for a learner to read what was sent before the connection closed
MOST_UNSENT = 64 * 1024 * 1024
"""Bytes that may wait to be sent to one server."""


class LearnerChannel:
    """The sending half; the leader reads from the stream itself."""

    def __init__(self, writer: asyncio.StreamWriter, overflowed: Callable[[], None]) -> None:
        """overflowed    is called once too much is waiting"""
        self._writer = writer
        self._overflowed = overflowed
        self._streaming: asyncio.Task[None] | None = None
        self._behind: list[bytes] = []
        """Packets that wait until the tree is sent."""
        self._behind_size = 0
        self.server_id: int | None = None
        """The learner's id; None until it is known."""
        self.host: str = (writer.get_extra_info("peername") or ("?",))[0]

    def __str__(self) -> str:
        who = "" if self.server_id is None else f"server {self.server_id} from "
        host, port = (self._writer.get_extra_info("peername") or ("?", 0))[:2]
        return f"{who}{host}:{port}"

    def send(self, packet: QuorumPacket) -> None:
        self.send_bytes(encode_packet(packet))

    def send_bytes(self, data: bytes) -> None:
        """Send an encoded packet."""
        if self._streaming is not None:
            self._behind.append(data)
            self._behind_size += len(data)
        elif not self._writer.is_closing():
            self._writer.write(data)
        if self._behind_size + self._writer.transport.get_write_buffer_size() > MOST_UNSENT:
            self._overflowed()

    def stream(self, parts: Iterator[bytes]) -> None:
        """Send many bytes as fast as the learner reads them; what is sent meanwhile follows them."""
        self._streaming = asyncio.get_running_loop().create_task(self._stream(parts))

    def close(self) -> None:
        """Close the connection once everything is sent, or after a few seconds if it cannot be."""
        if self._streaming is not None:
            self._streaming.cancel()
        self._writer.close()
        if self._writer.transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(_TIME_TO_LEAVE, self._writer.transport.abort)

    async def _stream(self, parts: Iterator[bytes]) -> None:
        with contextlib.suppress(OSError):  # the reader of the connection notices that it is closed
            for part in parts:
                self._writer.write(part)
                await self._writer.drain()
                await asyncio.sleep(0)  # drain alone never yields while the learner keeps up
        self._streaming = None
        behind, self._behind, self._behind_size = self._behind, [], 0
        if not self._writer.is_closing():
            self._writer.write(b"".join(behind))
