"""Metrics over HTTP, in the text format of Prometheus.

prometheus_client responds in threads, but a server's state belongs to its event loop. So for each response, `look`
copies the figures on the loop; then `name` turns them into metrics in the thread, without blocking the loop.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from pykafka_cli.http_endpoint import HttpEndpoint, called_on
from pykafka_cli.properties.metrics import MetricsAddress

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_log = logging.getLogger(__name__)

T = TypeVar("T")


class MetricsEndpoint(Generic[T]):
    """One HTTP server; `look` runs on the event loop that calls `start` and `stop`."""

    def __init__(self, address: MetricsAddress, look: Callable[[], T], name: Callable[[T], "Iterable[Metric]"]) -> None:
        self.address = address
        self._look, self._name = look, name
        self._http: HttpEndpoint

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
            make_wsgi_app,
        )

        registry = CollectorRegistry()
        registry.register(_OnLoop(called_on(asyncio.get_running_loop(), self._look), self._name))
        for of_process in (ProcessCollector, PlatformCollector, GCCollector):
            of_process(registry=registry)
        self._http = HttpEndpoint(self.address.host, self.address.port, make_wsgi_app(registry))
        self._http.start()
        self.address = self.address._replace(port=self._http.port)
        _log.info("metrics are at %s", self.address)
        return self.address

    async def stop(self) -> None:
        """Stop serving."""
        await self._http.stop()


class _OnLoop(Generic[T]):
    """A collector for prometheus_client."""

    def __init__(self, look: Callable[[], T], name: Callable[[T], "Iterable[Metric]"]) -> None:
        self._look, self._name = look, name

    def collect(self) -> "Iterable[Metric]":
        return self._name(self._look())
