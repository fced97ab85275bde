"""How another process, or a script, runs this pk."""

import sys
from pathlib import Path

_PACKAGE = "pykafka_cli"


def own_command() -> list[str]:
    """The words before a command's name: this file when pk is one file, else this Python and the package.

    Naming the Python makes it work without an activated environment.
    """
    if getattr(sys, "frozen", False):  # the built file says so of itself, see binary/start.py
        return [sys.executable]
    return [sys.executable, "-m", _PACKAGE]


def program_names() -> set[str]:
    """The file names by which a process that runs pk shows itself in its command line."""
    return {"pk", _PACKAGE, Path(own_command()[-1]).name}
