"""The words with which another process, or a script, runs this pk."""

import sys
from pathlib import Path

_PACKAGE = "pykafka_cli"


def own_command() -> list[str]:
    """The words before a command's name: this file if pk is one file, otherwise this Python and the package.

    Naming the Python makes it work without an activated environment.
    """
    if getattr(sys, "frozen", False):  # set by the built file, see binary/start.py
        return [sys.executable]
    return [sys.executable, "-m", _PACKAGE]


def program_names() -> set[str]:
    """The file names that identify pk in a process's command line."""
    return {"pk", _PACKAGE, Path(own_command()[-1]).name}
