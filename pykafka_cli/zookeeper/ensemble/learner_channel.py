"""The leader's side of a learner's connection: packets are sent in order, even behind a whole tree."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from pykafka_cli.zookeeper.ensemble.packet_writer import PacketWriter
from pykafka_cli.zookeeper.ensemble.packets import MOST_PACKET

_TIME_TO_LEAVE = 5.0  # seconds for a learner to read what was sent before the connection closed


class ChannelStatistics:
    """Packets since the connection was opened, or since they were reset by a command."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Reset all counters."""
        self.received = 0
        self.sent = 0
        self.requests = 0
        self.last_zxid = -1
        """Of the last transaction that was sent there."""


class LearnerChannel(PacketWriter):
    """The sending half; the leader reads from the stream itself."""

    def __init__(self, writer: asyncio.StreamWriter, overflowed: Callable[[], None], most: int = MOST_PACKET) -> None:
        """Nothing is sent yet; the arguments are those of PacketWriter."""
        super().__init__(writer, overflowed, most)
        self._streaming: asyncio.Task[None] | None = None
        self.server_id: int | None = None
        """The learner's id; None until it is known."""
        self.statistics = ChannelStatistics()
        self.host: str = (writer.get_extra_info("peername") or ("?",))[0]

    def __str__(self) -> str:
        who = "" if self.server_id is None else f"server {self.server_id} from "
        return f"{who}{self.address}"

    @property
    def address(self) -> str:
        """Where it comes from, HOST:PORT."""
        host, port = (self._writer.get_extra_info("peername") or ("?", 0))[:2]
        return f"{host}:{port}"

    def send_bytes(self, data: bytes) -> None:
        self.statistics.sent += 1
        super().send_bytes(data)

    def stream(self, parts: Iterator[bytes]) -> None:
        """Send many bytes as fast as the learner reads them; what is sent meanwhile follows them."""
        self.hold()
        self._streaming = self._loop.create_task(self._stream(parts))

    def close(self) -> None:
        """Close the connection once everything is sent, or after a few seconds if it cannot be."""
        if self._streaming is not None:
            self._streaming.cancel()
        self.flush()
        self._writer.close()
        if self._writer.transport.get_write_buffer_size():
            self._loop.call_later(_TIME_TO_LEAVE, self._writer.transport.abort)

    async def _stream(self, parts: Iterator[bytes]) -> None:
        with contextlib.suppress(OSError):  # the reader of the connection notices that it is closed
            for part in parts:
                self._writer.write(part)
                await self._writer.drain()
                await asyncio.sleep(0)  # drain alone never yields while the learner keeps up
        self._streaming = None
        self.release()
