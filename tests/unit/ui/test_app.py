"""Errors of the pages of pk ui: each is a page, or a document where JSON was asked for."""

import socket
from collections.abc import Iterator

import pytest

from pykafka_cli.ui.connection import PATIENCE
from pykafka_cli.ui.pages import PAGES, command_line
from tests.support.web_page import page_of

NOWHERE = "127.0.0.1:1"

NAMED = {
    "/topic": "?name=a",
    "/readers": "?name=a",
    "/group": "?name=a",
    "/configs": "?topic=a",
    "/segments": "?topic=a&partition=0&broker=0",
}


@pytest.fixture
def silent() -> Iterator[str]:
    """A port that accepts connections, and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("path", [page.path for page in PAGES])
async def test_a_cluster_that_is_down_is_an_error_on_the_page(path: str) -> None:
    browser, address = page_of(NOWHERE), path + NAMED.get(path, "")

    shown, document = await browser.get(address), await browser.get(address.replace(path, f"{path}.json", 1))

    assert shown.status_code == document.status_code == 502
    assert "cannot connect to 127.0.0.1:1" in shown.text
    assert "cannot connect to 127.0.0.1:1" in document.json()["error"]
    assert 'id="live"' in shown.text, "what refreshes itself goes on"


async def test_a_cluster_that_does_not_respond_is_an_error_in_time(silent: str) -> None:
    """Long before its client gives up."""
    response = await page_of(silent, dict.fromkeys(PATIENCE, "3600000"), most_s=0.2).get("/topics.json")

    assert response.status_code == 504
    assert "has not responded within 0.2 s" in response.json()["error"]


async def test_what_does_not_exist_is_not_found() -> None:
    browser = page_of(NOWHERE)

    shown, document = await browser.get("/nowhere"), await browser.get("/nowhere.json")

    assert shown.status_code == document.status_code == 404
    assert document.json() == {"error": "Not Found", "hint": ""}


def test_commands_are_quoted_for_the_shell() -> None:
    words = ["consumer-groups", "--describe", "--group", "it's $(mine)"]

    assert command_line(words, "a:1,b:2", "my file") == (
        "pk consumer-groups --describe --group 'it'\"'\"'s $(mine)' --bootstrap-server a:1,b:2"
        " --command-config 'my file'"
    )
