"""Commands that Kafka does not have, where an invalid command line has its own exit status."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pykafka_cli.exit_status import ExitStatus
from pykafka_cli.script.command import ScriptCommand
from pykafka_cli.script.errors import ScriptError


class OwnCommand(ScriptCommand):
    """Parses as the scripts do; exits with 2 if it cannot, as 1 means that a condition is not met."""

    has_version = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with usage_errors():
            return super().parse_args(ctx, args)


@contextmanager
def usage_errors() -> Iterator[None]:
    """Give errors of the block, which are about the command line, their own exit status."""
    try:
        yield
    except ScriptError as error:
        error.status = ExitStatus.USAGE
        raise
