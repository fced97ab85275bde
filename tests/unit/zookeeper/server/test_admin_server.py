import asyncio
import json
import logging
import socket
from pathlib import Path
from typing import Any

import pytest

from pykafka_cli.broker.clock import SystemClock
from pykafka_cli.zookeeper.server.admin_commands import COMMANDS, run_command
from pykafka_cli.zookeeper.server.admin_server import Application, printed
from pykafka_cli.zookeeper.server.http_endpoints import HttpEndpoints
from pykafka_cli.zookeeper.server.server import ServerUnusable, ZooKeeperServer
from tests.support.zookeeper.admin_answers import RECORDED, AdminResponse, get, recorded
from tests.support.zookeeper.starting import StartServer, settings_of

DOCUMENTS = [
    each["body"] for role in RECORDED.values() for each in role.values() if each.get("type") == "application/json"
]
WITHOUT_SERVICE = "after its quorum went"


@pytest.fixture
async def port(start_server: StartServer) -> int:
    server = await start_server(admin__enableServer="true", admin__serverPort=0)
    assert server.http is not None
    assert server.http.admin_port is not None
    return server.http.admin_port


async def fetch(port: int, path: str) -> AdminResponse:
    return await asyncio.to_thread(get, port, path)


def test_documents_are_printed_byte_for_byte_as_zookeeper_prints_them() -> None:
    assert [printed(json.loads(each)) for each in DOCUMENTS] == DOCUMENTS


async def test_the_commands_are_listed_as_zookeeper_lists_them(port: int) -> None:
    theirs = RECORDED["leader"]["/commands"]

    assert await fetch(port, "/commands") == AdminResponse(200, None, theirs["body"])
    assert await fetch(port, "/commands/") == AdminResponse(200, None, theirs["body"])


async def test_a_command_gets_its_arguments_and_unknown_ones_say_so(port: int) -> None:
    masked = await fetch(port, "/commands/stmk?traceMask=18&other=&traceMask=3")
    unknown = await fetch(port, "/commands/nope")

    assert (masked.status, masked.content_type, masked.document["tracemask"]) == (200, "application/json", 18)
    assert unknown == recorded("leader", "nope")


async def test_paths_elsewhere_and_too_many_arguments_are_rejected(port: int) -> None:
    elsewhere = await fetch(port, "/")
    many = await fetch(port, "/commands/stat?" + "a=1&" * 17)

    assert (elsewhere.status, elsewhere.body) == (404, "The commands are listed at /commands\n")
    assert (many.status, many.body) == (400, "The arguments cannot be read: Max number of fields exceeded\n")


async def test_the_path_of_the_commands_is_a_setting(start_server: StartServer) -> None:
    server = await start_server(admin__enableServer="true", admin__serverPort=0, admin__commandURL="/zk/")
    assert server.http is not None
    assert server.http.admin_port is not None

    assert (await fetch(server.http.admin_port, "/zk/ruok")).document == {"command": "ruok", "error": None}
    assert (await fetch(server.http.admin_port, "/commands/ruok")).status == 404


@pytest.mark.parametrize("name", [command.names[0] for command in COMMANDS if command.needs_service])
async def test_a_server_that_serves_nobody_says_so(server: ZooKeeperServer, name: str) -> None:
    class NotServing(ZooKeeperServer):
        is_serving = False

    server.__class__ = NotServing

    response = _respond(server, f"/commands/{name}")

    assert response["status"] == ("500 Internal Server Error" if name == "monitor" else "200 OK")
    assert json.loads(response["body"])["error"] == "This ZooKeeper instance is not currently serving requests"
    if name not in ("monitor", "observer_connection_stat_reset"):  # a page of Jetty; not recorded
        assert response["body"] == recorded(WITHOUT_SERVICE, name).body


def _respond(server: ZooKeeperServer, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    application = Application("/commands", lambda name, arguments: run_command(name, arguments, server))
    body = application({"PATH_INFO": path}, lambda status, _headers, *_: found.update(status=status))  # type: ignore[arg-type]
    return {**found, "body": b"".join(body).decode()}


async def test_there_is_no_admin_server_unless_it_is_asked_for(server: ZooKeeperServer) -> None:
    assert server.http is not None
    assert server.http.admin_port is None


async def test_a_lone_server_whose_admin_port_is_taken_does_not_start_and_touches_nothing_else(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = settings_of(tmp_path, admin__enableServer="true", admin__serverPort=port)

        with pytest.raises(ServerUnusable, match=f"127.0.0.1:{port}: .* choose another admin.serverPort"):
            await ZooKeeperServer(settings, SystemClock()).start()

    again = ZooKeeperServer(settings, SystemClock())
    await again.start()
    await again.stop()


async def test_a_server_of_an_ensemble_runs_without_its_admin_server_if_the_port_is_taken(
    server: ZooKeeperServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, caplog.at_level(logging.WARNING):
        port = taken.getsockname()[1]
        settings = settings_of(tmp_path, admin__enableServer="true", admin__serverPort=port)
        endpoints = HttpEndpoints(settings, server, needs_admin=False)
        await endpoints.start()

    assert endpoints.admin_port is None
    assert f"The admin server cannot listen on 127.0.0.1:{port}" in caplog.text
    await endpoints.stop()
