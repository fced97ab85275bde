"""How a command fails: it raises a ScriptError. cli.py prints it and exits with its status; nothing else exits.

Other exceptions become one if the script has words for them:

    with reported("Error: ", {ApiError: in_java, BadPlan: str}, on_stdout=True):
        ...
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pykafka_cli.exit_status import ExitStatus

if TYPE_CHECKING:
    from pykafka_cli.clients.errors import ApiError


class ScriptError(Exception):
    """A failure, in the script's words if it has any, and a hint.

    hint        ours, never the scripts'; printed to stderr on separate lines
    on_stdout   some scripts report a failure on stdout
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        on_stdout: bool = False,
        status: int = ExitStatus.FAILURE,
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.on_stdout = on_stdout
        self.status = status

    def show(self) -> None:
        """Print the message and the hint; if stderr cannot be written, the status has to suffice.

        raises    OSError if stdout cannot be written
        """
        message = str(self)
        if message and self.on_stdout:
            print(message, flush=True)
        with suppress(OSError):
            if message and not self.on_stdout:
                print(message, file=sys.stderr, flush=True)
            if self.hint:
                print(self.hint, file=sys.stderr, flush=True)


class Ended(ScriptError):
    """A failure that has been reported already; only the status is left."""

    def __init__(self, status: int) -> None:
        super().__init__("", status=status)


class UsageError(ScriptError):
    """A wrong command line of a command that Kafka does not have: in its status, it differs from other failures."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, status=ExitStatus.USAGE)


class UsageProblem(ScriptError):
    """Conflicting or missing options; `usage` is shown below the message."""

    def __init__(self, message: str, usage: str, *, hint: str = "") -> None:
        super().__init__(message, hint="\n".join(text for text in (hint, usage) if text))


class UnreadableValue(ScriptError):
    """An option's value is invalid, or given twice. The scripts report it only when they read the value."""

    def __init__(self, message: str, option: str = "", *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.option = option


Words = Mapping[type[Exception], Callable[[Any], str | Exception]]
"""How a script words an exception; the first type that fits counts. A returned exception is raised unchanged."""


def unchanged(error: ScriptError) -> ScriptError:
    """Words for what the script reports without its prefix."""
    return error


def in_java(error: "ApiError") -> str:
    """The class of Java's exception for the error, and its text."""
    return error.java


@contextmanager
def reported(prefix: str = "", words: Words = MappingProxyType({}), *, on_stdout: bool = False) -> Iterator[None]:
    """Convert failures of the block to the script's form: failed connections, and those in `words`; others pass.

    raises    ScriptError
    """
    try:
        yield
    except Ended:
        raise
    except Exception as error:
        from pykafka_cli.transport.errors import ConnectionFailed

        for kind, text in {**words, ConnectionFailed: words.get(ConnectionFailed, str)}.items():
            if isinstance(error, kind):
                message = text(error)
                if isinstance(message, Exception):
                    raise message from None
                raise ScriptError(f"{prefix}{message}", hint=_hint(error), on_stdout=on_stdout) from None
        raise


def _hint(error: Exception) -> str:
    """The hint: what would help, or the cause."""
    from pykafka_cli.clients.errors import ApiError, advice, explain
    from pykafka_cli.transport.errors import ConnectionFailed

    match error:
        case ScriptError():
            return error.hint
        case ConnectionFailed():
            return explain(error)[1]
        case ApiError():
            return str(error.__cause__ or advice(error))
    return ""
