"""Lines typed at a terminal: with editing, a history, and messages printed above the prompt.

For the console producer, which reads records, and for the tutorial, which reads commands.

Enter completes a text. A text has several lines if it was pasted so, or with Alt-Enter, which starts another line.
"""

import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from prompt_toolkit.application.run_in_terminal import run_in_terminal
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout.processors import TabsProcessor
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts.prompt import PromptSession

from pykafka_cli.console.line_history import HistoryFile

if TYPE_CHECKING:
    from prompt_toolkit.key_binding.key_processor import KeyPressEvent

_TAB_STOP = 8

os.environ.setdefault(
    "PROMPT_TOOLKIT_NO_CPR", "1"
)  # where the cursor is does not matter, and not all terminals know it


PLAIN_TERMINALS = frozenset({"", "dumb", "unknown"})


def can_edit() -> bool:
    """Whether input and output are a terminal that can move its cursor."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in PLAIN_TERMINALS


class LineEditor:
    """Reads the lines of one terminal, in place of console.stdin's chunks.

    prompt          is shown before the first line of a text
    continuation    is shown before its other lines
    history         where lines are kept; None keeps them in memory only
    is_unfinished   returns whether Enter starts another line of this text, rather than completing it
    as_lines        splits a completed text into the lines to return

    Within its context, output to stderr appears above the prompt, if stderr is that terminal.
    """

    total: int | None = None
    """The number of bytes, which is unknown."""

    def __init__(
        self,
        prompt: str,
        history: HistoryFile | None,
        *,
        continuation: str = "",
        is_unfinished: Callable[[str], bool] = lambda _: False,
        as_lines: Callable[[str], str] = str,
    ) -> None:
        self._is_unfinished = is_unfinished
        self._as_lines = as_lines
        self._ended = asyncio.Event()
        self._errors = sys.stderr
        self._messages: _AbovePrompt | None = None
        self._session: PromptSession[str] = PromptSession(
            prompt,
            history=_History(history),
            key_bindings=self._keys(),
            multiline=True,
            prompt_continuation=lambda _width, _line, wraps: "" if wraps else continuation,
            input_processors=[TabsProcessor(_TAB_STOP, " ", " ")],
            enable_suspend=True,
            reserve_space_for_menu=0,
            color_depth=ColorDepth.DEPTH_1_BIT,
            output=Vt100_Output.from_pty(sys.stdout, os.environ.get("TERM")),
        )

    def __enter__(self) -> Self:
        if self._errors.isatty() and os.ttyname(self._errors.fileno()) == os.ttyname(sys.stdout.fileno()):
            self._messages = _AbovePrompt(self._errors)
            sys.stderr = self._messages
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stderr = self._errors

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (text := await self._read()) is not None:
            yield f"{self._as_lines(text)}\n".encode(errors="replace")
        if self._messages:
            await self._messages.printed()

    async def read(self, prompt: str) -> str | None:
        """Show a prompt, and return the text that is typed there; None at the end of the input.

        raises    KeyboardInterrupt for Ctrl-C, which drops what was typed
        """
        try:
            return await self._session.prompt_async(prompt, handle_sigint=False)
        except EOFError:
            return None

    def end(self) -> None:
        """Stop reading; the line that is being typed is dropped."""
        self._ended.set()
        if self._session.app.is_running:
            self._session.app.exit(exception=EOFError())

    async def _read(self) -> str | None:
        """The next completed text; None at the end."""
        if self._ended.is_set():
            return None
        try:
            return await self._session.prompt_async(handle_sigint=False)
        except EOFError:
            return None
        except KeyboardInterrupt:  # a key, as the terminal is in raw mode: let it be what it is everywhere else
            signal.raise_signal(signal.SIGINT)
            await self._ended.wait()
            return None

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("enter", filter=has_focus(DEFAULT_BUFFER))  # not where a text is searched for
        def _enter(event: "KeyPressEvent") -> None:
            buffer = event.current_buffer
            if self._is_unfinished(buffer.text):
                buffer.newline(copy_margin=False)
            else:
                buffer.validate_and_handle()

        @keys.add("escape", "enter", filter=has_focus(DEFAULT_BUFFER))
        def _begin_line(event: "KeyPressEvent") -> None:
            event.current_buffer.newline(copy_margin=False)

        @keys.add("c-@", filter=has_focus(DEFAULT_BUFFER) & Condition(lambda: not self._session.default_buffer.text))
        def _early_end(event: "KeyPressEvent") -> None:
            """End the input as Ctrl-D does: this is what Linux makes of a Ctrl-D that is typed before the prompt."""
            event.app.exit(exception=EOFError())

        @keys.add("tab")
        def _tab(event: "KeyPressEvent") -> None:
            event.current_buffer.insert_text("\t")  # which separates keys from values

        @keys.add(Keys.BracketedPaste)
        def _paste(event: "KeyPressEvent") -> None:
            """Insert pasted text, which may have other systems' line ends, without the last line end."""
            text = event.data.replace("\r\n", "\n").replace("\r", "\n")
            event.current_buffer.insert_text(text.removesuffix("\n"))

        return keys


class _History(History):
    """A file's entries, in prompt_toolkit's form."""

    def __init__(self, file: HistoryFile | None) -> None:
        super().__init__()
        self._file = file

    def load_history_strings(self) -> Iterable[str]:
        """The newest first."""
        return reversed(self._file.read()) if self._file else ()

    def store_string(self, string: str) -> None:
        if self._file:
            self._file.append(string)


class _AbovePrompt(io.TextIOBase):
    """A file whose lines appear above the prompt while there is one."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._unfinished = ""
        self._under_way: set[asyncio.Future[None]] = set()

    def write(self, text: str) -> int:
        lines, end, rest = (self._unfinished + text).rpartition("\n")
        self._unfinished = rest
        if end:
            printing = asyncio.ensure_future(run_in_terminal(partial(self._print, f"{lines}\n")))
            self._under_way.add(printing)
            printing.add_done_callback(self._under_way.discard)
        return len(text)

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    async def printed(self) -> None:
        """Wait until everything is on the screen."""
        await asyncio.gather(*self._under_way)

    def _print(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()
