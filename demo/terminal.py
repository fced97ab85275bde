"""Runs commands as a person would type them, and shows what they print."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PK = Path(sys.executable).with_name("pk")
COMMAND_TIMEOUT_S = 60


class WrongResult(Exception):
    """A step printed something else than it should. The message names the step and both texts."""


@dataclass
class Servers:
    """Where the servers of this demo listen."""

    bootstrap: str
    zookeeper: str


@dataclass
class Terminal:
    """One person's shell: prints `$ command`, then what the command printed."""

    servers: Servers
    transcript: list[str] = field(default_factory=list)

    def command(self, line: str) -> list[str]:
        """The words of `line`, with {bootstrap} and {zookeeper} filled in; the first word is a tool of `pk`."""
        filled = line.format(bootstrap=self.servers.bootstrap, zookeeper=self.servers.zookeeper)
        self.say(f"$ pk {filled}")
        return [str(PK), *shlex.split(filled)]

    def run(self, line: str, *, stdin: str = "", expect: str | Sequence[str] | None = None, status: int = 0) -> str:
        """Run a command to its end and return its stdout.

        expect    a regular expression that stdout must match as a whole, or the lines it must hold in any order
        raises    WrongResult, also when the exit status is not `status`
        """
        words = self.command(line)
        for typed in stdin.splitlines():
            self.say(f"> {typed}")
        done = subprocess.run(
            words, input=stdin, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False
        )
        self.say(done.stdout.rstrip("\n"))
        self.say(done.stderr.rstrip("\n"))
        self.check(line, done.stdout, expect)
        if done.returncode != status:
            raise WrongResult(f"`pk {line}` left with status {done.returncode}, expected {status}")
        return done.stdout

    def start(self, line: str, output: Path) -> subprocess.Popen[bytes]:
        """Start a command whose stdout goes to `output`, without waiting for its end."""
        with output.open("wb") as file:
            return subprocess.Popen(self.command(line), stdout=file, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)

    def check(self, step: str, stdout: str, expect: str | Sequence[str] | None) -> None:
        if expect is None:
            return
        if isinstance(expect, str):
            right = re.fullmatch(expect, stdout) is not None
        else:
            right = sorted(stdout.splitlines()) == sorted(expect)
        if not right:
            raise WrongResult(f"`pk {step}` printed\n{stdout}\nbut should have printed\n{expect}")

    def say(self, text: str) -> None:
        if text:
            print(text, flush=True)


@contextmanager
def servers() -> Iterator[Servers]:
    """ZooKeeper and one broker in one process, on free ports, in a temporary directory; stopped at the end."""
    words = [str(PK), "up", "--ephemeral", "--stop-at-eof", "--port", "0", "--zookeeper-port", "0"]
    print("$ pk up", flush=True)
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    try:
        seen = ""
        for line in process.stdout:
            print(line, end="", flush=True)
            seen += line
            broker = re.search(r"(?i)broker\b.*?(\d+\.\d+\.\d+\.\d+:\d+|localhost:\d+)", seen)
            zookeeper = re.search(r"(?i)zookeeper\b.*?(\d+\.\d+\.\d+\.\d+:\d+|localhost:\d+)", seen)
            if broker and zookeeper:
                yield Servers(bootstrap=broker[1], zookeeper=zookeeper[1])
                return
        raise WrongResult(f"`pk up` ended with status {process.wait()} before it listened")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
