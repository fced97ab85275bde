"""The learner's lines: at a terminal with an editor and a history, otherwise as they arrive."""

import asyncio
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from pykafka_cli.output import tutorial as screen

if TYPE_CHECKING:
    from pykafka_cli.console.line_editor import LineEditor

HISTORY = "tutorial-history"
CONTINUATION = "> "


class Lines(Protocol):
    """The source of the learner's lines."""

    async def next(self, reminder: str = "") -> str | None:
        """Show a prompt, and return the next line with all its continuation lines; None at the end of the input."""

    def shown(self) -> AbstractContextManager[object]:
        """A context in which messages on stderr do not disturb the prompt."""


def learners_lines() -> Lines:
    from pykafka_cli.console.line_editor import LineEditor, can_edit
    from pykafka_cli.console.line_history import HistoryFile, history_file

    if not can_edit():
        return StandardInput()
    file = history_file(HISTORY)
    history = HistoryFile(file) if file else None
    return EditedLines(LineEditor("", history, continuation=CONTINUATION, is_unfinished=is_unfinished))


def is_unfinished(text: str) -> bool:
    """Whether a shell would expect another line: after a backslash, and after a pipe."""
    backslashes = len(text) - len(text.rstrip("\\"))
    return backslashes % 2 == 1 or text.rstrip().endswith(("|", "&&"))


class EditedLines:
    """Lines of a terminal."""

    def __init__(self, editor: "LineEditor") -> None:
        self._editor = editor

    async def next(self, reminder: str = "") -> str | None:
        while True:
            try:
                return await self._editor.read(screen.prompt_text(reminder))
            except KeyboardInterrupt:
                screen.show_way_out()

    def shown(self) -> AbstractContextManager[object]:
        return self._editor


class StandardInput:
    """Lines of stdin, read byte by byte, so that the rest is left for the command that the line starts."""

    async def next(self, reminder: str = "") -> str | None:
        text = ""
        prompt = screen.prompt_text(reminder)
        while True:
            screen.show_prompt(prompt)
            line = await self._line()
            if line is None:
                return text or None
            text += line
            if not is_unfinished(text):
                return text
            text, prompt = f"{text}\n", CONTINUATION

    def shown(self) -> AbstractContextManager[object]:
        return nullcontext()

    async def _line(self) -> str | None:
        loop = asyncio.get_running_loop()
        line = bytearray()
        while True:
            byte = await self._byte(loop)
            if not byte and not line:
                return None
            if byte in (b"", b"\n"):
                return line.decode(errors="replace")
            line += byte

    @staticmethod
    async def _byte(loop: asyncio.AbstractEventLoop) -> bytes:
        descriptor = sys.stdin.fileno()
        readable = loop.create_future()
        try:
            loop.add_reader(descriptor, _set_once, readable)
        except OSError:  # a regular file, which can always be read
            return os.read(descriptor, 1)
        try:
            await readable
        finally:
            loop.remove_reader(descriptor)
        try:
            return os.read(descriptor, 1)
        except OSError:  # the terminal is gone
            return b""


def _set_once(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
