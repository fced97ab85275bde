"""Commands end in time where no name server responds."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "pykafka_cli"

HANGING_LOOKUP = """
import socket, threading
socket.getaddrinfo = lambda *_, **__: threading.Event().wait()
from pykafka_cli.__main__ import main
main()
"""

OF_SERVERS = Path("servers/starting.py")
"""Runs until it is stopped, and looks up addresses of its own machine."""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("wait", "--timeout", "200ms"), "Timed out after 0.2 s"),
        (("expect", "orders", "--within", "200ms"), "Timed out after 0.2 s"),
        (("export",), "kafka.example:9092"),
        (("mark", "orders"), "kafka.example:9092"),
        (("topics", "--list"), "kafka.example:9092"),
    ],
)
def test_a_name_server_that_does_not_respond_does_not_make_it_take_longer(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    (tmp_path / "client.properties").write_text("socket.connection.setup.timeout.ms=200\nrequest.timeout.ms=200\n")
    where = ("--bootstrap-server", "kafka.example:9092", "--command-config", str(tmp_path / "client.properties"))

    done = subprocess.run(
        [sys.executable, "-c", HANGING_LOOKUP, *words, *where], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 1
    assert said in done.stderr


def test_no_command_runs_a_loop_that_waits_for_lookups() -> None:
    waiting = [
        file.relative_to(PACKAGE)
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "run" and ast.unparse(node.value) == "asyncio"
    ]
    assert waiting == [OF_SERVERS]
