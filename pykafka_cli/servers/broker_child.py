"""One broker of a `pk up`, in its own process: what runs there (servers/child.py).

When all servers stop, it hands nothing over. When it stops alone, what it leads is moved to other brokers first.

start           properties, log, faults, ahead_s      {"ports": {...}, "address": ..., "advertised": ...}
session         the id of its ZooKeeper session
advance         seconds
fault           as in servers/fault_requests.py, and times_file, where all brokers count
clear-faults
"""

import asyncio
import logging
import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pykafka_cli.broker.clock import MovableClock, SystemClock
from pykafka_cli.broker.faults import Faults
from pykafka_cli.broker.server import BrokerServer, BrokerUnusable
from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.model import Seconds
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.servers.child import serve_child
from pykafka_cli.servers.control import BadRequest, Command
from pykafka_cli.servers.fault_requests import fault_of
from pykafka_cli.servers.local_plan import address_of, advertised_by, settings_of
from pykafka_cli.servers.server_log import ServerLog
from pykafka_cli.servers.shared_times import SharedTimes

START, SESSION, ADVANCE, FAULT, CLEAR_FAULTS = "start", "session", "advance", "fault", "clear-faults"

_NEVER_STARTED = "The broker was stopped before it had started"


def serve_broker(number: int, channel: socket.socket) -> ExitStatus:
    """Run one broker until it must stop. `channel` is connected to `pk up`."""
    return serve_child(f"broker {number}", channel, _Child)


class _Child:
    """The broker, once it is asked to start."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self._clock: MovableClock | SystemClock
        self._faults: Faults | None = None
        self._server: BrokerServer | None = None
        self._starting: asyncio.Task[None]

    @property
    def commands(self) -> dict[str, Command]:
        return {
            START: self._start,
            SESSION: self._session,
            ADVANCE: self._advance,
            FAULT: self._fault,
            CLEAR_FAULTS: self._clear_faults,
        }

    async def stop(self, all_stop: asyncio.Event) -> None:
        """Stop the broker, if it has started; quickly once `all_stop` is set."""
        if self._server is None:
            return
        self._starting.cancel()
        await asyncio.wait((self._starting,))
        if self._starting.cancelled() or self._starting.exception():
            return
        if all_stop.is_set():
            self._server.transfer_nothing()
        stopping, hurrying = asyncio.create_task(self._server.stop()), asyncio.create_task(all_stop.wait())
        await asyncio.wait((stopping, hurrying), return_when=asyncio.FIRST_COMPLETED)
        self._server.transfer_nothing()
        await stopping
        hurrying.cancel()

    async def _start(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """raises    BadRequest"""
        try:
            logging.getLogger().addHandler(ServerLog(Path(request["log"])))
        except OSError as error:
            raise BadRequest(f"{error.filename}: {error.strerror}") from None
        self._clock = SystemClock() if request["ahead_s"] is None else MovableClock(Seconds(request["ahead_s"]))
        if request["faults"] is not None:
            self._faults = Faults()
            for each in request["faults"]:
                self._add_fault(each)
        settings = settings_of(request["properties"])
        self._server = server = BrokerServer(settings, self._clock, takes_over=True, faults=self._faults)
        self._starting = asyncio.create_task(server.start())
        await asyncio.wait((self._starting,))
        if self._starting.cancelled():
            raise BadRequest(_NEVER_STARTED)
        try:
            self._starting.result()
        except (BrokerUnusable, ConfigError) as error:
            raise BadRequest(str(error)) from None
        return _where(server)

    async def _session(self, _request: Mapping[str, Any]) -> int:
        return self._running.zookeeper_session

    async def _advance(self, request: Mapping[str, Any]) -> None:
        assert isinstance(self._clock, MovableClock)
        await self._clock.advance(Seconds(request["seconds"]))

    async def _fault(self, request: Mapping[str, Any]) -> None:
        self._add_fault(request)

    async def _clear_faults(self, _request: Mapping[str, Any]) -> None:
        assert self._faults is not None
        self._faults.clear()

    def _add_fault(self, request: Mapping[str, Any]) -> None:
        assert self._faults is not None
        self._faults.add(fault_of(request, partial(SharedTimes, Path(request["times_file"]))))

    @property
    def _running(self) -> BrokerServer:
        if self._server is None:
            raise BadRequest(_NEVER_STARTED)
        return self._server


def _where(server: BrokerServer) -> dict[str, Any]:
    """See the module; `address` is for commands on this machine, and `advertised` for clients anywhere."""
    return {
        "ports": {each.name: each.port for each in server.endpoints},
        "address": address_of(server.settings, server.endpoints),
        "advertised": advertised_by(server.settings, server.endpoints),
    }
