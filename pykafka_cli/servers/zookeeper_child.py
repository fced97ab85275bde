"""One of several ZooKeeper servers of `pk up`: what runs in its own process (servers/child.py).

start           file, log                   responds once the server serves clients
"""

import asyncio
import logging
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pykafka_cli.broker.clock import SystemClock
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.properties.grammar import read_properties
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.servers.child import serve_child
from pykafka_cli.servers.control import BadRequest, Command
from pykafka_cli.servers.server_log import ServerLog
from pykafka_cli.zookeeper.ensemble.membership import Membership, read_membership
from pykafka_cli.zookeeper.ensemble.running import run_ensemble_server
from pykafka_cli.zookeeper.server.server import ServerUnusable

START = "start"

_log = logging.getLogger(__name__)


def serve_zookeeper(number: int, channel: socket.socket) -> ExitStatus:
    """Run one server until it must stop; `channel` is connected to `pk up`."""
    return serve_child(f"zookeeper {number}", channel, _Child)


def _read(file: Path) -> Membership:
    """The membership in a server's properties file; raises OSError, ConfigError."""
    return read_membership(ZooKeeperSettings(read_properties(file.read_bytes())), file)


class _Child:
    """The server, which starts once `pk up` requests it."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self._stop = asyncio.Event()
        self._serving = asyncio.Event()
        self._run: asyncio.Task[None] | None = None

    @property
    def commands(self) -> dict[str, Command]:
        return {START: self._start}

    async def stop(self, all_stop: asyncio.Event) -> ExitStatus | None:  # noqa: ARG002  # a ZooKeeper server always stops quickly
        if self._run is None:
            return None
        self._stop.set()
        await asyncio.wait((self._run,))
        if error := self._run.exception():
            _log.error("ZooKeeper cannot run: %s", error)
            return ExitStatus.FAILURE
        return None

    async def _start(self, request: Mapping[str, Any]) -> None:
        """raises    BadRequest"""
        file = Path(request["file"])
        try:
            logging.getLogger().addHandler(ServerLog(Path(request["log"])))
            membership = _read(file)
        except OSError as error:
            raise BadRequest(f"{error.filename}: {error.strerror}") from None
        except ConfigError as error:
            raise BadRequest(f"{file}: {error}") from None
        self._run = asyncio.create_task(
            run_ensemble_server(membership, SystemClock(), self._stop, on_serving=self._serving.set)
        )
        self._run.add_done_callback(lambda _: self.ended.set())
        serving = asyncio.create_task(self._serving.wait())
        await asyncio.wait((self._run, serving), return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        if self._run.done():
            try:
                self._run.result()
            except ServerUnusable as error:
                raise BadRequest(str(error)) from None
            raise BadRequest("it stopped before it served clients")
