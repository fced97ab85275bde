"""What a script prints is in output/ and console/: the modules that decide and act print nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "pykafka_cli"
SILENT = ("commands", "procedures", "rules")
FILES = sorted(file for folder in SILENT for file in (PACKAGE / folder).rglob("*.py"))


def prints(call: ast.Call) -> bool:
    """Whether it is print(...), typer.echo(...), or writes to sys.stdout or sys.stderr."""
    match call.func:
        case ast.Name(id="print"):
            return True
        case ast.Attribute(value=ast.Name(id="typer"), attr="echo" | "secho"):
            return True
        case ast.Attribute(attr="write" | "writelines", value=stream):
            return ast.unparse(stream).removesuffix(".buffer") in ("sys.stdout", "sys.stderr")
    return False


def printing_lines(code: str) -> Iterator[int]:
    return (node.lineno for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call) and prints(node))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_prints_nothing(file: Path) -> None:
    assert not list(printing_lines(file.read_text()))


def test_finds_each_way_to_print() -> None:
    code = 'print("a")\nsys.stderr.write("b")\nsys.stdout.buffer.write(b"c")\ntyper.echo("d")\nfile.write("e")\n'

    assert sorted(printing_lines(code)) == [1, 2, 3, 4]
