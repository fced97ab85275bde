"""Metrics over HTTP, in the text format of Prometheus.

prometheus_client responds in threads, but a server's state belongs to its event loop. So for each response, `look`
copies the figures on the loop; then `name` turns them into metrics in the thread, without blocking the loop.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pykafka_cli.properties.metrics import MetricsAddress

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_S = 10.0
"""How long the event loop may take to run `look` before the response fails."""


class MetricsEndpoint(Generic[T]):
    """One HTTP server; `look` runs on the event loop that calls `start` and `stop`."""

    def __init__(self, address: MetricsAddress, look: Callable[[], T], name: Callable[[T], "Iterable[Metric]"]) -> None:
        self.address = address
        self._look, self._name = look, name
        self._server: Any = None

    def start(self) -> MetricsAddress:
        """Serve the metrics of the server, its process and Python.

        returns   the address on which it listens, with the actual port
        raises    OSError
        """
        from prometheus_client import (
            CollectorRegistry,
            GCCollector,
            PlatformCollector,
            ProcessCollector,
            start_http_server,
        )

        registry = CollectorRegistry()
        registry.register(_OnLoop(asyncio.get_running_loop(), self._look, self._name))
        for of_process in (ProcessCollector, PlatformCollector, GCCollector):
            of_process(registry=registry)
        self._server, _ = start_http_server(self.address.port, self.address.host, registry)
        self.address = self.address._replace(port=self._server.server_port)
        _log.info("metrics are at %s", self.address)
        return self.address

    async def stop(self) -> None:
        """Stop serving."""
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()


class _OnLoop(Generic[T]):
    """A collector for prometheus_client."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, look: Callable[[], T], name: Callable[[T], "Iterable[Metric]"]
    ) -> None:
        self._loop, self._look, self._name = loop, look, name

    def collect(self) -> "Iterable[Metric]":
        async def look() -> T:
            return self._look()

        return self._name(asyncio.run_coroutine_threadsafe(look(), self._loop).result(PATIENCE_S))
