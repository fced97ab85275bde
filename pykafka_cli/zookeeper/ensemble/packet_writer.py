"""Sends packets to another server, those of one turn of the event loop in one piece, and in bounded memory.

If too much is waiting, because the other server or the network is slow, the connection must be closed.
"""

import asyncio
from collections.abc import Callable

from pykafka_cli.zookeeper.ensemble.packets import MOST_PACKET, QuorumPacket, encode_packet

_PACKETS = 4
MOST_UNSENT = _PACKETS * MOST_PACKET
"""Bytes that may wait to be sent to one server, unless larger packets are allowed."""


class PacketWriter:
    """The sending half of a connection between servers."""

    def __init__(self, writer: asyncio.StreamWriter, overflowed: Callable[[], None], most: int = MOST_PACKET) -> None:
        """Write to a connection.

        overflowed    is called once too much is waiting
        most          bytes of a packet
        """
        self._most_unsent = _PACKETS * most
        self._writer = writer
        self._overflowed = overflowed
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._flushing: asyncio.Handle | None = None
        self._is_held = False

    def send(self, packet: QuorumPacket) -> None:
        self.send_bytes(encode_packet(packet))

    def send_bytes(self, data: bytes) -> None:
        """Send an encoded packet."""
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._flushing is None and not self._is_held:
            self._flushing = self._loop.call_soon(self.flush)
        if self._waiting_size > self._most_unsent:
            self._overflowed()

    @property
    def waiting(self) -> tuple[int, int]:
        """Packets that are not written to the network yet, and bytes of all that is not sent."""
        return len(self._waiting), self._waiting_size + self._writer.transport.get_write_buffer_size()

    def hold(self) -> None:
        """Let what is sent from now on wait until `release`."""
        self.flush()
        self._is_held = True

    def release(self) -> None:
        self._is_held = False
        self.flush()

    def flush(self) -> None:
        """Write what is waiting to the network, unless it is held."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        if self._is_held or not self._waiting:
            return
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_size = 0
        if self._writer.is_closing():
            return
        self._writer.write(data)
        if self._writer.transport.get_write_buffer_size() > self._most_unsent:
            self._overflowed()
