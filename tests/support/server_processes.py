"""What servers for tests have in common, each in a separate process.

server = PkBroker(...)
server.start()                      # answers now
server.kill(); server.start()       # the second start finds the data of the first
"""

import contextlib
import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from pykafka_cli.servers.standstill import VARIABLE, longest_standstill
from tests.support.polling import until

READY_TIMEOUT_S = 120
STOP_TIMEOUT_S = 100
LONGEST_STANDSTILL_S = 15.0
"""No event loop of a server of ours may stand still for longer, even on a machine that is busy with other things."""


class ServerProcess(ABC):
    """`output` is the file that all it prints goes to, start after start; `process` is the one started last."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.process: subprocess.Popen[bytes] | None = None
        self._seen = 0
        self._beats = output.with_suffix(".standstill")
        self._beats_for_it = str(self._beats)
        self._was_frozen = False

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What to run."""

    @abstractmethod
    def serves(self) -> bool:
        """Whether it answers by now."""

    def begin(self) -> None:
        """Start, without waiting until it serves."""
        assert not self.is_running
        command = self.command()
        with self.output.open("ab") as output:
            self._seen = output.tell()
            self._was_frozen = False
            for beats in self._all_beats():
                beats.unlink()
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, VARIABLE: self._beats_for_it},
            )

    def start(self) -> None:
        """Start, and wait until it serves; raises RuntimeError with the end of its output if it does not."""
        self.begin()
        self.wait_until_started()

    def wait_until_started(self) -> None:
        assert self.process is not None
        with contextlib.suppress(AssertionError):
            until(lambda: not self.is_running or self.serves(), patience_s=READY_TIMEOUT_S)
        if not self.is_running or not self.serves():
            self.kill()
            raise RuntimeError(f"{type(self).__name__} does not serve: {self.said()[-3000:]}")

    def said(self) -> str:
        """What it has printed since it was started last."""
        with self.output.open("rb") as output:
            output.seek(self._seen)
            return output.read().decode(errors="replace")

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, unless it has ended by itself; its status. Fails where its event loop stood still."""
        assert self.process is not None
        standstill = longest_standstill(self._beats, is_running=self.is_running)
        self.process.send_signal(by)
        status = self.process.wait(STOP_TIMEOUT_S)
        standstill = max(standstill, *(longest_standstill(each, is_running=False) for each in self._all_beats()), 0.0)
        assert self._was_frozen or standstill < LONGEST_STANDSTILL_S, f"the loop stood still for {standstill:.1f} s"
        return status

    def _all_beats(self) -> list[Path]:
        """The file of this process, and of those that it has for its brokers."""
        return list(self._beats.parent.glob(f"{self._beats.name}*"))

    def kill(self) -> None:
        """kill -9, if it was ever started."""
        if self.process is not None:
            self.stop(signal.SIGKILL)

    def freeze(self) -> None:
        """Take its processor away, as a long pause would."""
        assert self.process is not None
        self.expect_standstill()
        self.process.send_signal(signal.SIGSTOP)

    def expect_standstill(self) -> None:
        """Let an event loop stand still, since the test takes its process the processor away."""
        self._was_frozen = True

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
