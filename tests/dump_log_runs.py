"""kafka-dump-log.sh, run many times in one Java process."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.peers import java_program

_CLASS = re.compile(r"EXCEPTION (?:[a-z]\w*\.)+[A-Z][\w$]*(?:: )?")


class DumpRun(NamedTuple):
    """What one run printed. `failure` is the message of the exception that ended it; None if none did."""

    stdout: str
    stderr: str
    failure: str | None


def kafka_dumps(commands: Sequence[Sequence[str]], directory: Path, classes: Path) -> list[DumpRun]:
    """Run each command line in the directory.

    classes  an empty folder for the compiled program
    """
    lines = "".join("\t".join(words) + "\n" for words in commands)
    program = [*java_program("DumpLogRuns", classes)]
    program.insert(1, "-Dfile.encoding=UTF-8")
    done = subprocess.run(
        program, input=lines.encode(), capture_output=True, cwd=directory, timeout=600, check=True,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    outputs, errors = (data.decode().split("\nEND\n") for data in (done.stdout, done.stderr))
    assert len(outputs) == len(errors) == len(commands) + 1
    return [_run(stdout, stderr) for stdout, stderr in zip(outputs[:-1], errors[:-1], strict=True)]


def _run(stdout: str, stderr: str) -> DumpRun:
    said, mark, failure = stderr.partition("EXCEPTION ")
    return DumpRun(stdout, said, _CLASS.sub("", mark + failure) if mark else None)
