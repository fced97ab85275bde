"""Stops servers as bin/*-server-stop.sh do: finds them by their command lines, and signals all of them."""

import os
import signal
import subprocess
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from pykafka_cli.console.stderr import print_remark
from pykafka_cli.script.errors import ScriptError
from pykafka_cli.servers.program import program_names

SIGNAL_VARIABLE = "SIGNAL"


def signal_servers(
    command: str,
    nothing_found: str,
    is_meant: Callable[[Sequence[str]], bool] = lambda _: True,
    others: Callable[[], str] = str,
    also: Collection[int] = (),
) -> None:
    """Send $SIGNAL (TERM) to every process that runs `pk COMMAND` and whose command line `is_meant`.

    others    returns what to print on stderr about servers that are not stopped this way
    also      further processes to signal
    raises    ScriptError if there is none
    """
    name = os.environ.get(SIGNAL_VARIABLE, "TERM").removeprefix("SIG")
    try:
        number = int(name) if name.isdigit() else signal.Signals[f"SIG{name}"]
    except KeyError:
        raise ScriptError(f"{SIGNAL_VARIABLE}={name} is not a signal") from None
    signal_name = f"signal {number}" if name.isdigit() else f"SIG{name}"
    running = [(pid, words) for pid, words in processes() if pid != os.getpid()]
    found = [(pid, words) for pid, words in running if pid in also or (runs(words, command) and is_meant(words))]
    if not found:
        raise ScriptError(nothing_found, on_stdout=True, hint=others())
    for pid, words in found:
        try:
            os.kill(pid, number)
            # Kafka's script prints nothing, so its stdout stays empty.
            print_remark(f"Sent {signal_name} to process {pid}: {' '.join(words).strip()}")
        except ProcessLookupError:
            continue  # it has just ended
        except PermissionError:
            raise ScriptError(f"Process {pid} belongs to another user; only that user or root can stop it") from None
    if text := others():
        print_remark(text)


def runs(words: Sequence[str], command: str) -> bool:
    """Whether this is a command line of `pk COMMAND`, under any of its names."""
    programs = program_names()
    for program, name in pairwise(words):
        if Path(program).name in programs and name.removesuffix(".sh").removeprefix("kafka-") == command:
            return True
    return False


def processes() -> Iterator[tuple[int, list[str]]]:
    """(pid, command line) of all processes that this user may inspect."""
    if Path("/proc/self/cmdline").exists():
        for directory in Path("/proc").iterdir():
            if directory.name.isdigit():
                try:
                    words = (directory / "cmdline").read_bytes().decode(errors="replace").split("\0")
                except OSError:
                    continue
                yield int(directory.name), words
        return
    listed = subprocess.run(["ps", "-axo", "pid=,args="], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        pid, _, words_text = line.strip().partition(" ")
        yield int(pid), words_text.split()
