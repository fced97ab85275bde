"""`pk scripts install DIR`: small shell scripts with Kafka's names that call pk."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from pykafka_cli.commands import COMMANDS
from pykafka_cli.script.absent_scripts import ABSENT_SCRIPTS
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
    present = {entry.script: wrapper(name) for name, entry in COMMANDS.items() if entry.script}
    texts = {name: pointer(sentence) for name, sentence in ABSENT_SCRIPTS.items()} | present
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for script, text in texts.items():
            for file in (directory / f"{script}.sh", directory / script):
                file.write_text(text, encoding="utf-8")
                file.chmod(0o755)
    except OSError as error:
        raise ScriptError(f"Cannot write {error.filename}: {error.strerror}") from None
    print(f"{2 * len(present)} scripts in {directory}")
    if others := sorted(texts.keys() - present):
        print(f"{2 * len(others)} more say what to use instead: {', '.join(others)}")


def wrapper(command: str) -> str:
    """The text of one script."""
    return f'#!/bin/sh\nexec {shlex.join(own_command())} {command} "$@"\n'


def pointer(sentence: str) -> str:
    """The text of a script that pk has no command for."""
    return f"#!/bin/sh\nprintf '%s\\n' {shlex.quote(sentence)} >&2\nexit 1\n"
