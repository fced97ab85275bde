"""A connection between servers whose bytes are processed in the turn of the event loop in which they arrive.

asyncio's streams wake a task for them, in a later turn; a write passes two servers, and would wait for that four times.
"""

import asyncio
from collections.abc import Callable, Coroutine

Accept = Callable[["PromptProtocol", asyncio.StreamWriter], Coroutine[None, None, None] | None]


class PromptProtocol(asyncio.StreamReaderProtocol):
    """A pair of streams whose bytes can be intercepted.

    receive    is called with bytes that arrive, in place of the reader, which still learns of the connection's end
    """

    def __init__(self, accept: Accept | None = None) -> None:
        """accept    is called when a connection was accepted, before it is read; what it returns runs as a task"""
        self.reader = asyncio.StreamReader()
        super().__init__(self.reader, accept and (lambda _, writer: accept(self, writer)))
        self.receive: Callable[[bytes], None] = self.reader.feed_data

    def data_received(self, data: bytes) -> None:
        self.receive(data)


async def connect(host: str, port: int) -> tuple[PromptProtocol, asyncio.StreamWriter]:
    """Open a connection; raises OSError, UnicodeError for what is no host name at all."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(PromptProtocol, host, port)
    return protocol, asyncio.StreamWriter(transport, protocol, protocol.reader, loop)
