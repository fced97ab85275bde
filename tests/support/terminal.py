"""What a person sees: a command in a terminal of its own, whose screen is kept by a terminal emulator (pyte)."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import pyte

from tests.support.polling import PATIENCE_S
from tests.support.running import PK

_SIZE = frozenset({"COLUMNS", "LINES"})
"""Variables that would belie the size of the terminal."""


class Terminal:
    """A command of pk whose stdin, stdout and stderr are one terminal, of which it has control.

    Leaving the context kills what still runs.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        rows: int = 24,
        columns: int = 80,
        env: Mapping[str, str] | None = None,
        program: str = PK,
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=1)
        self._stream = pyte.ByteStream(self.screen)
        self._here, there = pty.openpty()
        self._is_open = True
        self.resize(rows, columns)
        inherited = {name: value for name, value in os.environ.items() if name not in _SIZE}
        everything = {**inherited, "TERM": "xterm-256color", **(env or {})}
        self.process = subprocess.Popen(
            [program, *words],
            stdin=there,
            stdout=there,
            stderr=there,
            env=everything,
            preexec_fn=lambda: _take_control(there),
        )
        os.close(there)
        self.printed = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.close()

    def close(self) -> None:
        """As a person closes a window."""
        if self._is_open:
            self._is_open = False
            os.close(self._here)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._here, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def type(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self._here, data) :]

    def paste(self, text: str) -> None:
        """As a terminal pastes for programs that want to know that it is no typing."""
        self.type(f"\x1b[200~{text}\x1b[201~")

    @property
    def lines(self) -> list[str]:
        """The screen's, without what is blank at the end of each, and of all."""
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def scrolled(self) -> list[str]:
        """All lines since the beginning."""
        above = [
            "".join(line[column].data for column in range(self.screen.columns)).rstrip()
            for line in self.screen.history.top
        ]
        return [*above, *self.lines]

    @property
    def is_raw(self) -> bool:
        """Whether the command reads keys rather than lines."""
        return not termios.tcgetattr(self._here)[3] & termios.ICANON

    def wait_for(self, condition: Callable[[list[str]], object]) -> list[str]:
        """Until what is on the screen meets a condition; the screen's lines then.

        raises    AssertionError with the screen
        """
        deadline = time.monotonic() + PATIENCE_S
        while not condition(self.lines):
            assert time.monotonic() < deadline, "this is on the screen:\n" + "\n".join(self.lines)
            assert self._read_on(), "it ended:\n" + "\n".join(self.lines)
        return self.lines

    def wait_for_line(self, line: str) -> list[str]:
        return self.wait_for(lambda lines: line in lines)

    def end(self) -> int:
        """Wait for the command; its exit status."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read_on():
            assert time.monotonic() < deadline, "it runs, and this is on the screen:\n" + "\n".join(self.lines)
        return self.process.returncode

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def _read_on(self) -> bool:
        """Read what comes within a moment; returns False once the command has ended and all has been read."""
        has_ended = self.process.poll() is not None  # before reading: what it wrote last is there by then
        return self._read(0.1) or not has_ended

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._here], [], [], seconds)
        if not ready:
            return False
        try:
            piece = os.read(self._here, 1 << 16)
        except OSError:  # nobody has the other side open
            return False
        self.printed += piece
        self._stream.feed(piece)
        return bool(piece)


def _take_control(terminal: int) -> None:
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
