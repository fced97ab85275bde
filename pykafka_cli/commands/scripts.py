"""`pk scripts install DIR`: the names that scripts and fingers know, as small shell scripts that call pk."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from pykafka_cli.commands import COMMANDS
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.servers.program import own_command

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def scripts() -> None:
    """Call pk by the names of Kafka's scripts."""


@app.command()
def install(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Directory to write to; created if it does not exist.")
    ],
) -> None:
    """Write kafka-topics.sh, kafka-topics and so on to DIR. Put DIR in your PATH."""
    names = [(entry.script, name) for name, entry in COMMANDS.items() if entry.script]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for script, name in names:
            for file in (directory / f"{script}.sh", directory / script):
                file.write_text(wrapper(name), encoding="utf-8")
                file.chmod(0o755)
    except OSError as error:
        raise ScriptError(f"Cannot write {error.filename}: {error.strerror}") from None
    print(f"{2 * len(names)} scripts in {directory}")


def wrapper(command: str) -> str:
    """The text of one script."""
    return f'#!/bin/sh\nexec {shlex.join(own_command())} {command} "$@"\n'
