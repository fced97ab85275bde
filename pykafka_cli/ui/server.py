"""Listens on the loopback interface, and serves the pages until stopped."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from pykafka_cli.ui.app import Ui

_LAST_RESPONSES_S = 1
"""Seconds that a stopping server waits for responses in progress: live ones never end."""


class _Server(uvicorn.Server):
    """Leaves signals to the caller."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(ui: Ui, listener: socket.socket) -> AsyncIterator[str]:
    """Serve while the block runs; yields the address for the browser."""
    host, port = listener.getsockname()
    config = uvicorn.Config(
        ui.application(port),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_LAST_RESPONSES_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://{host}:{port}/"
    finally:
        server.should_exit = True
        await task
        await ui.connection.close()
