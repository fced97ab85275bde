import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pykafka_cli.script.errors import ScriptError
from pykafka_cli.servers import socket_path
from pykafka_cli.servers.control import SOCKET_NAME, BadRequest, Command, controlled
from pykafka_cli.servers.control_client import ControlClient


async def double(request: Mapping[str, Any]) -> int:
    if request["number"] < 0:
        raise BadRequest("it is negative")
    return 2 * int(request["number"])


COMMANDS: dict[str, Command] = {"double": double}


async def ask(data_dir: Path, *lines: str) -> list[dict[str, Any]]:
    """The answers to lines of one connection."""
    reader, writer = await asyncio.open_unix_connection(str(data_dir / SOCKET_NAME))
    writer.write("".join(f"{line}\n" for line in lines).encode())
    answers = [json.loads(await reader.readline()) for _ in lines]
    writer.close()
    return answers


async def test_requests_get_results_or_reasons_and_none_ends_the_connection(tmp_path: Path) -> None:
    async with controlled(tmp_path, COMMANDS):
        answers = await ask(
            tmp_path,
            '{"command": "double", "number": -1}',
            '{"command": "double"}',
            '{"command": "triple"}',
            "[]",
            "nonsense",
            '{"command": "double", "number": 21}',
        )

    assert answers[0] == {"error": "it is negative"}
    assert all("error" in answer for answer in answers[1:5])
    assert answers[5] == {"result": 42}


async def test_the_socket_is_for_this_user_alone_and_is_there_only_meanwhile(tmp_path: Path) -> None:
    socket = tmp_path / SOCKET_NAME
    socket.touch()  # left by servers that were killed
    async with controlled(tmp_path, COMMANDS):
        assert socket.is_socket()
        assert socket.stat().st_mode & 0o777 == 0o600

    assert not socket.exists()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux has a shorter name for an open directory")
async def test_a_directory_may_have_a_long_path(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 200)
    deep.mkdir()

    async with controlled(deep, COMMANDS):
        with ControlClient(str(deep)) as client:
            answer = await asyncio.to_thread(client.request, "double", number=4)

    assert answer == 8
    assert list(deep.iterdir()) == []


async def test_elsewhere_a_directory_with_too_long_a_path_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_path, "OPEN_DIRECTORIES", tmp_path / "absent")
    deep = tmp_path / ("d" * 200)
    deep.mkdir()

    with pytest.raises(ScriptError, match="too long") as rejected:
        async with controlled(deep, COMMANDS):
            pytest.fail("there cannot be a socket")

    assert "shorter --data-dir" in rejected.value.hint
