"""One ZooKeeper server of `pk up`: what runs in its own process (servers/child.py).

start    file, log, patience_s    responds once the server serves clients; with patience_s, at the latest that many
                                  seconds after it has opened its ports
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
from pykafka_cli.zookeeper.server.server import ServerUnusable, run_zookeeper

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
        self._open, self._serving = asyncio.Event(), asyncio.Event()
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
        self._run = asyncio.create_task(self._serve(membership))
        self._run.add_done_callback(lambda _: self.ended.set())
        patience_s = request["patience_s"]
        await self._wait(self._serving if patience_s is None else self._open)
        if patience_s:
            await self._wait(self._serving, patience_s)
        if self._run.done():
            try:
                self._run.result()
            except ServerUnusable as error:
                raise BadRequest(str(error)) from None
            raise BadRequest("it stopped before it served clients")

    async def _serve(self, membership: Membership) -> None:
        """raises    ServerUnusable"""
        clock = SystemClock()
        if membership.is_distributed:
            opened, serving = self._open.set, self._serving.set
            await run_ensemble_server(membership, clock, self._stop, on_open=opened, on_serving=serving)
        else:
            await run_zookeeper(membership.settings, clock, self._stop, on_serving=self._serves)

    def _serves(self) -> None:
        self._open.set()
        self._serving.set()

    async def _wait(self, event: asyncio.Event, patience_s: float | None = None) -> None:
        """Wait for the event, at most until the server ends."""
        assert self._run is not None
        waiting = asyncio.create_task(event.wait())
        await asyncio.wait((self._run, waiting), timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
