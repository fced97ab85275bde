"""Running servers on free ports."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pykafka_cli.broker.clock import SystemClock
from pykafka_cli.zookeeper.server.server import Clock, ZooKeeperServer
from tests.support.standstill import watched_loop
from tests.support.zookeeper.raw_client import RawClient
from tests.support.zookeeper.starting import StartServer, settings_of


@pytest.fixture
async def start_server(tmp_path: Path) -> AsyncIterator[StartServer]:
    """Starts servers that are stopped at the end of the test."""
    async with RawClient.all_closed(), contextlib.AsyncExitStack() as running:
        await running.enter_async_context(watched_loop())

        async def start(clock: Clock | None = None, **keys: object) -> ZooKeeperServer:
            server = ZooKeeperServer(settings_of(tmp_path, **keys), clock or SystemClock())
            await server.start()
            running.push_async_callback(server.stop)
            return server

        yield start


@pytest.fixture
async def server(start_server: StartServer) -> ZooKeeperServer:
    return await start_server(**{"4lw.commands.whitelist": "*"})
