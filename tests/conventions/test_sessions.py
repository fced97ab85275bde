"""There is one way to open a cluster: script/opening.py creates every session."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "pykafka_cli"
OPENING = PACKAGE / "script" / "opening.py"
SESSIONS = "pykafka_cli.clients.session"
FILES = sorted(file for file in PACKAGE.rglob("*.py") if file != OPENING and SESSIONS in file.read_text())


def creating_lines(code: str) -> Iterator[int]:
    """The lines that call Session of clients/session.py, under whatever name it was imported."""
    tree = ast.parse(code)
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == SESSIONS
        for alias in node.names
        if alias.name == "Session"
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in names:
                yield node.lineno
            case ast.Call(func=ast.Attribute(value=ast.Name(id="session"), attr="Session")):
                yield node.lineno


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_creates_no_session(file: Path) -> None:
    assert not list(creating_lines(file.read_text()))


def test_finds_each_way_to_create_one() -> None:
    code = (
        "from pykafka_cli.clients import session\n"
        "from pykafka_cli.clients.session import Session as Opened\n"
        "session.Session('a', settings)\n"
        "opened = lambda: Opened('b', settings)\n"
        "Session('c')\n"
    )

    assert sorted(creating_lines(code)) == [3, 4]
