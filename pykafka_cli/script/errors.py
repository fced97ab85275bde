"""How a command fails: it raises a ScriptError. cli.py prints it and leaves with its status; nothing else exits.

What others raise becomes one where a script's words for it are known:

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
    """The scripts' own words, where they write them, and whatever else may help.

    hint        ours, never the scripts'; goes to stderr on separate lines
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
        """raises OSError where stdout cannot be written; where stderr cannot, the status has to do"""
        message = str(self)
        if message and self.on_stdout:
            print(message, flush=True)
        with suppress(OSError):
            if message and not self.on_stdout:
                print(message, file=sys.stderr, flush=True)
            if self.hint:
                print(self.hint, file=sys.stderr, flush=True)


class Ended(ScriptError):
    """Whatever there was to say has been said where it happened; the status is left."""

    def __init__(self, status: int) -> None:
        super().__init__("", status=status)


class UsageProblem(ScriptError):
    """Options that do not go together, or not enough of them; `usage` is shown below the message."""

    def __init__(self, message: str, usage: str, *, hint: str = "") -> None:
        super().__init__(message, hint="\n".join(text for text in (hint, usage) if text))


class UnreadableValue(ScriptError):
    """An option's value that is no number, or given twice where one is read. The scripts notice only on reading it."""

    def __init__(self, message: str, option: str = "", *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.option = option


Words = Mapping[type[Exception], Callable[[Any], str | Exception]]
"""What a script says of an exception, the first that fits; an exception is raised as it is, without the prefix."""


def unchanged(error: ScriptError) -> ScriptError:
    """For what the script says without its prefix."""
    return error


def in_java(error: "ApiError") -> str:
    """The class of the exception that Java has for it, then its text."""
    return error.java


@contextmanager
def reported(prefix: str = "", words: Words = MappingProxyType({}), *, on_stdout: bool = False) -> Iterator[None]:
    """Raise what fails inside in the script's form. A failed connection always is one; other exceptions pass.

    raises    ScriptError
    """
    try:
        yield
    except Ended:
        raise
    except Exception as error:
        from pykafka_cli.transport.connection import ConnectionFailed

        for kind, text in {**words, ConnectionFailed: words.get(ConnectionFailed, str)}.items():
            if isinstance(error, kind):
                said = text(error)
                if isinstance(said, Exception):
                    raise said from None
                raise ScriptError(f"{prefix}{said}", hint=_hint(error), on_stdout=on_stdout) from None
        raise


def _hint(error: Exception) -> str:
    """What would help, or what was behind it."""
    from pykafka_cli.clients.errors import ApiError, explain
    from pykafka_cli.transport.connection import ConnectionFailed

    match error:
        case ScriptError():
            return error.hint
        case ConnectionFailed():
            return explain(error)[1]
        case ApiError():
            return str(error.__cause__ or "")
    return ""
