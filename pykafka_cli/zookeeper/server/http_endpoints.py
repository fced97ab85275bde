"""What a ZooKeeper server serves over HTTP: metrics for Prometheus, and the admin server's commands."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.zookeeper import ZooKeeperSettings

if TYPE_CHECKING:
    from pykafka_cli.zookeeper.server.admin_commands import Reporting

_log = logging.getLogger(__name__)


class CannotServe(Exception):
    """A port cannot be opened; the message says which, and why."""


class HttpEndpoints:
    """Those that the settings ask for.

    needs_admin    whether a server whose admin server cannot be started must not start
    """

    def __init__(self, settings: ZooKeeperSettings, server: "Reporting", *, needs_admin: bool) -> None:
        self._settings, self._server, self._needs_admin = settings, server, needs_admin
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self.admin_port: int | None = None
        """Where admin commands are served; None if they are not."""

    async def start(self) -> None:
        """Listen; raises CannotServe, and then nothing is open."""
        try:
            self._start_metrics()
            self._start_admin()
        except CannotServe:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop listening."""
        closing, self._closing = self._closing, []
        await asyncio.gather(*(close() for close in closing))

    def _start_metrics(self) -> None:
        address = self._settings.metrics_address
        if address is None:
            return
        from pykafka_cli.zookeeper.server.exposition import metrics_endpoint  # most servers have none

        endpoint = metrics_endpoint(address, self._server)
        try:
            endpoint.start()
        except OSError as error:
            raise CannotServe(f"metrics cannot be shown at {address}: {error.strerror or error}") from error
        self._closing.append(endpoint.stop)

    def _start_admin(self) -> None:
        settings = self._settings
        if not settings.admin_enable_server:
            return
        from pykafka_cli.zookeeper.server.admin_server import admin_server

        try:
            endpoint = admin_server(settings, self._server)
        except ConfigError as error:
            raise CannotServe(str(error)) from error
        where = f"{endpoint.host}:{endpoint.port}"
        try:
            endpoint.start()
        except OSError as error:
            why = f"the admin server cannot listen on {where}: {error.strerror or error}"
            if self._needs_admin:
                raise CannotServe(f"{why}; choose another admin.serverPort, or set admin.enableServer=false") from error
            _log.warning("%s; this server runs without it", why[0].upper() + why[1:])
            return
        self.admin_port = endpoint.port
        self._closing.append(endpoint.stop)
        scheme = "https" if settings.has_admin_tls else "http"
        url = f"{scheme}://{endpoint.host}:{endpoint.port}{settings.admin_command_url}"
        _log.info("Admin commands are at %s", url)
