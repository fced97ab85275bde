"""The page of pk ui, in the test's own event loop: requests reach it without a socket."""

from collections.abc import Mapping

import httpx

from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.ui.app import Ui
from pykafka_cli.ui.connection import MOST_S, ClusterConnection

PORT = 8080
HOST = f"127.0.0.1:{PORT}"


def page_of(
    bootstrap: str, properties: Mapping[str, str] | None = None, *, most_s: float = MOST_S
) -> httpx.AsyncClient:
    """A browser of the page for a cluster; `properties` are those of the page's client."""
    ui = Ui(ClusterConnection(bootstrap, ClientSettings(properties or {})), most_s=most_s)
    return httpx.AsyncClient(transport=httpx.ASGITransport(ui.application(PORT)), base_url=f"http://{HOST}")
