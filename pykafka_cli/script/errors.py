"""What a command raises when it gives up. cli.py prints it and leaves with its status; nothing else exits."""

import sys

from pykafka_cli.exit_status import ExitStatus


class ScriptError(Exception):
    """The scripts' own words, where they write them, and whatever else may help.

    hint        ours, never the scripts'; goes to stderr on lines of its own
    on_stdout   some scripts tell a failure on stdout
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        on_stdout: bool = False,
        status: ExitStatus = ExitStatus.FAILURE,
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.on_stdout = on_stdout
        self.status = status

    def show(self) -> None:
        if message := str(self):
            print(message, file=sys.stdout if self.on_stdout else sys.stderr, flush=True)
        if self.hint:
            print(self.hint, file=sys.stderr)


class UsageProblem(ScriptError):
    """Options that do not go together, or not enough of them; `usage` is shown below the message."""

    def __init__(self, message: str, usage: str, *, hint: str = "") -> None:
        super().__init__(message, hint="\n".join(text for text in (hint, usage) if text))


class UnreadableValue(ScriptError):
    """An option's value that is no number, or given twice where one is read. The scripts notice only on reading it."""

    def __init__(self, message: str, option: str = "", *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.option = option
