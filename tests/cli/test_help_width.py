"""Help fits a terminal of 80 columns."""

from collections.abc import Iterator

import pytest
import typer

from pykafka_cli.cli import app, run
from pykafka_cli.commands import COMMANDS


def all_commands() -> Iterator[tuple[str, ...]]:
    """Words of pk itself, of each command, and of each verb of those that have verbs."""
    yield ()
    program = typer.main.get_command(app)
    for name in COMMANDS:
        yield (name,)
        command = program.get_command(typer.Context(program), name)  # type: ignore[attr-defined]
        yield from ((name, verb) for verb in getattr(command, "commands", {}))


@pytest.mark.parametrize("words", list(all_commands()), ids=" ".join)
def test_help_fits_80_columns(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    run([*words, "--help"])

    printed = "".join(capsys.readouterr())
    assert "--help" in printed
    assert [line for line in printed.splitlines() if len(line) > 80] == []
