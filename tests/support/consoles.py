"""Commands of `pk` that are talked to while they run: in a pipe, or on a terminal of their own."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tests.support.polling import PATIENCE_S, until
from tests.support.running import PK


class Talk:
    """A command whose input stays open; `terminal` gives it a plain one for stdin and stdout, stderr is always piped.

    Leaving the context kills what still runs.
    """

    def __init__(self, words: Sequence[str], *, terminal: bool = False) -> None:
        self.printed = b""
        if terminal:
            self._here, there = pty.openpty()
            plain = {**os.environ, "TERM": "dumb"}
            self.process = subprocess.Popen([PK, *words], stdin=there, stdout=there, stderr=subprocess.PIPE, env=plain)
            os.close(there)
            self._output = self._here
        else:
            self.process = subprocess.Popen(
                [PK, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            assert self.process.stdin
            assert self.process.stdout
            self._here = self.process.stdin.fileno()
            self._output = self.process.stdout.fileno()
        self._terminal = terminal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream and not stream.closed:
                stream.close()
        if self._terminal:
            os.close(self._here)

    def type(self, text: str) -> None:
        os.write(self._here, text.encode())

    def wait_until_read(self) -> None:
        """Until the command has taken all that was typed into its pipe."""
        until(lambda: struct.unpack("i", fcntl.ioctl(self._here, termios.FIONREAD, bytes(4)))[0] == 0)

    def read_until(self, pattern: str) -> "re.Match[bytes]":
        """Read stdout until all of it matches somewhere.

        raises    AssertionError with what was printed instead
        """
        deadline = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern.encode(), self.printed)):
            remaining = deadline - time.monotonic()
            ready, _, _ = select.select([self._output], [], [], max(0.0, remaining))
            piece = os.read(self._output, 1 << 16) if ready else b""
            assert piece, f"{pattern} is not in {self.printed!r}; stderr: {self._errors()}"
            self.printed += piece
        return found

    def _errors(self) -> str:
        self.process.kill()
        return self.end().stderr

    def end(self) -> "subprocess.CompletedProcess[str]":
        """Close the input where it is a pipe, and wait for the command."""
        assert self.process.stderr
        if self._terminal:
            errors = self.process.stderr.read()
            status = self.process.wait(PATIENCE_S)
            output = b""
        else:
            output, errors = self.process.communicate(timeout=PATIENCE_S)
            status = self.process.returncode
        text = (self.printed + output).decode()
        return subprocess.CompletedProcess(self.process.args, status, text, errors.decode())
