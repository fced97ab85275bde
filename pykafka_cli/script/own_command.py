"""Commands that Kafka does not have, where an invalid command line has its own exit status."""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

from typer.core import TyperCommand

from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.script.command import ScriptCommand
from pykafka_cli.script.errors import ScriptError, UsageError


class OwnCommand(ScriptCommand):
    """Parses as the scripts do; exits with 2 if it cannot."""

    has_version = False
    may_be_empty: ClassVar[Collection[str]] = ()
    """Options, with dashes, whose value may be empty."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with usage_errors():
            if not ctx.resilient_parsing:
                refuse_empty(args, self.may_be_empty)
            return super().parse_args(ctx, args)


class PlainOwnCommand(TyperCommand):
    """Parses as Typer does, such as what another command may follow."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:
            refuse_empty(args[: args.index("--")] if "--" in args else args)
        return super().parse_args(ctx, args)


def refuse_empty(words: Sequence[str], may_be_empty: Collection[str] = ()) -> None:
    """No word and no value may be empty: such a word is a variable of a script that was not set.

    raises    UsageError
    """
    for before, word in pairwise(("", *words)):
        option = before if word == "" else word.removesuffix("=") if re.fullmatch("--[a-z-]+=", word) else None
        if option is not None and option not in may_be_empty:
            raise UsageError(f"{option if option.startswith('--') else 'An argument'} must not be empty")


def ensure_writable(option: str, file: Path) -> None:
    """Find out early that a file which is written in the end cannot be.

    raises    UsageError
    """
    if file.is_dir():
        raise UsageError(f"{option}: {file} is a directory")
    if not file.parent.is_dir():
        raise UsageError(f"{option}: there is no directory {file.parent}")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UsageError(f"{option}: {file} cannot be written")


@contextmanager
def usage_errors() -> Iterator[None]:
    """Give errors of the block, which are about the command line, their own exit status."""
    try:
        yield
    except ScriptError as error:
        error.status = ExitStatus.USAGE
        raise
