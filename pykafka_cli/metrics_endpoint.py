"""Metrics over HTTP, in the text format of Prometheus.

prometheus_client answers in threads. A server's state belongs to its event loop, so each response begins there, with
`look`, which copies figures; `name` makes metrics of them in the thread, where it keeps nobody waiting.
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
"""How long the loop may take to answer a look, before the response fails."""


class MetricsEndpoint(Generic[T]):
    """`start` and `stop` are for the loop that `look` runs on."""

    def __init__(self, address: MetricsAddress, look: Callable[[], T], name: Callable[[T], "Iterable[Metric]"]) -> None:
        self.address = address
        self._look, self._name = look, name
        self._server: Any = None

    def start(self) -> MetricsAddress:
        """Serve, beside the metrics of the server also those of its process and of Python.

        returns   where it listens, with the port that it really has
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
        """Serve no more."""
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()


class _OnLoop(Generic[T]):
    """A collector of prometheus_client's."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, look: Callable[[], T], name: Callable[[T], "Iterable[Metric]"]
    ) -> None:
        self._loop, self._look, self._name = loop, look, name

    def collect(self) -> "Iterable[Metric]":
        async def look() -> T:
            return self._look()

        return self._name(asyncio.run_coroutine_threadsafe(look(), self._loop).result(PATIENCE_S))
