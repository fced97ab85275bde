"""`pk ui` in its own process."""

import re
from pathlib import Path
from typing import Any

import httpx

from tests.support.polling import PATIENCE_S
from tests.support.running import PK
from tests.support.server_processes import ServerProcess


def get(url: str, **given: Any) -> httpx.Response:
    """As httpx.get, but patient."""
    return httpx.get(url, timeout=PATIENCE_S, **given)


def post(url: str, **given: Any) -> httpx.Response:
    """As httpx.post, but patient."""
    return httpx.post(url, timeout=PATIENCE_S, **given)


class UiProcess(ServerProcess):
    """`pk ui` on a free port, started; `words` are its arguments."""

    def __init__(self, folder: Path, *words: str) -> None:
        super().__init__(folder / "ui.log")
        self._words = words
        self.start()
        self.url = re.findall(r"is shown at (http://\S+)", self.said())[0]

    def command(self) -> list[str]:
        return [PK, "ui", *self._words, "--port", "0"]

    def serves(self) -> bool:
        return "Ctrl-C ends it." in self.said()

    def document(self, address: str) -> Any:
        response = get(self.url + address)
        assert response.status_code == 200, response.text
        return response.json()
