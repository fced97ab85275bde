"""kafka-dump-log.sh and `pk dump-log` over whole directories: what is run, and what either prints.

    python -m tests.support.dump_log_runs      record tests/vectors/dump-log from Apache Kafka's jars (PK_KAFKA_LIBS)

samples.tar.gz there has logs by Kafka's own classes with everything that the tool has a decoder for (DumpLogSamples),
runs.jsonl.gz a run of the tool a line: over these, and over the directories of tests/vectors/disk.
"""

import contextlib
import gzip
import io
import json
import os
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pykafka_cli.cli import run
from tests.support.peers import java_program
from tests.support.recorded_directories import DISK, unpacked
from tests.support.vectors import VECTORS

DUMPS = VECTORS / "dump-log"
RECORDED_DIRECTORIES = ("clean", "running", "unclean", "recovered", "before-cleaning")
ARCHIVES = {**dict.fromkeys(RECORDED_DIRECTORIES, DISK), "samples": DUMPS}
"""Where the archive of each directory is, by name."""
DIRECTORY = "DIR"
"""Stands for the directory in what is kept."""

LOG_OPTIONS = [
    [], ["--deep-iteration"], ["--print-data-log"], ["--print-data-log", "--skip-record-metadata"],
    ["--deep-iteration", "--skip-record-metadata"], ["--max-bytes", "300"],
    ["--print-data-log", "--max-bytes", "1000"],
]  # fmt: skip
CLASS_OPTIONS = [
    ["--key-decoder-class", "kafka.serializer.StringDecoder", "--value-decoder-class"],
    ["--value-decoder-class", "org.apache.kafka.tools.api.IntegerDecoder"],
    ["--key-decoder-class", "kafka.serializer.LongDecoder"],
    ["--value-decoder-class", "no.such.Decoder"],
]
DECODER_OPTIONS = [
    ["--offsets-decoder"], ["--transaction-log-decoder"], ["--cluster-metadata-decoder"],
    ["--remote-log-metadata-decoder"],
]  # fmt: skip
INDEX_OPTIONS = [[], ["--verify-index-only"], ["--index-sanity-check"], ["--max-message-size", "100"]]
_KAFKAS_OWN = re.compile(r"EXCEPTION org\.apache\.kafka\.[\w.$]*(?:: )?")


class DumpRun(NamedTuple):
    """What one run printed. `failure` is the exception that ended it, of one of Kafka's own the message; or None."""

    stdout: str
    stderr: str
    failure: str | None


def command_lines(directory: Path, *, every_decoder: bool = False) -> Iterator[list[str]]:
    """All files with all options that bear on them.

    every_decoder  also for logs that hold something else
    """
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        options: list[list[str]] = [[]]
        if path.suffix in (".log", ".checkpoint"):
            options = [*LOG_OPTIONS]
            if every_decoder or path.parent.name.startswith(("__", "codec-none", "texts")):
                options += CLASS_OPTIONS
            if every_decoder or path.parent.name.startswith("__") or directory.name == "samples":
                options += DECODER_OPTIONS
        elif path.suffix in (".index", ".timeindex"):
            options = INDEX_OPTIONS
        for each in options:
            yield [*each, "--files", str(path.relative_to(directory))]


def kafka_dumps(commands: Sequence[Sequence[str]], directory: Path) -> list[DumpRun]:
    """What Kafka's tool prints when it is run with each command line in the directory."""
    lines = "".join("\t".join(words) + "\n" for words in commands)
    with tempfile.TemporaryDirectory() as classes:
        java, *program = java_program("DumpLogRuns", Path(classes))
        done = subprocess.run(
            [java, "-Dlog4j.rootLogger=OFF", "-Dfile.encoding=UTF-8", *program],
            input=lines.encode(),
            capture_output=True,
            cwd=directory,
            check=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    outputs, errors = (data.decode().split("\nEND\n") for data in (done.stdout, done.stderr))
    assert len(outputs) == len(errors) == len(commands) + 1
    return [_run(stdout, stderr, directory) for stdout, stderr in zip(outputs[:-1], errors[:-1], strict=True)]


def _run(stdout: str, stderr: str, directory: Path) -> DumpRun:
    said, mark, failure = re.sub(r"(?m)^log4j:.*\n", "", stderr).partition("EXCEPTION ")
    failure = _KAFKAS_OWN.sub("", mark + failure).removeprefix(mark).strip().replace(str(directory), DIRECTORY)
    return DumpRun(stdout, said.replace(str(directory), DIRECTORY), failure if mark else None)


def pk_dump(words: Sequence[str], directory: Path) -> DumpRun:
    """What `pk dump-log` prints; everything on stderr is its failure if it fails."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.chdir(directory), contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        status = run(["dump-log", *words])
    said = stderr.getvalue().replace(str(directory), DIRECTORY)
    return DumpRun(stdout.getvalue(), "" if status else said, said if status else None)


def differences(words: Sequence[str], owed: DumpRun, printed: DumpRun) -> Iterator[str]:
    """What pk prints otherwise. For an exception of Java's, such as a buffer's, pk may have other words."""
    if printed.stdout != owed.stdout:
        yield f"{words}: stdout is {printed.stdout!r} instead of {owed.stdout!r}"
    if (printed.failure is None) != (owed.failure is None):
        yield f"{words}: ends with {printed.failure!r} instead of {owed.failure!r}"
    elif owed.failure is None and printed.stderr != owed.stderr:
        yield f"{words}: stderr is {printed.stderr!r} instead of {owed.stderr!r}"
    elif owed.failure and not owed.failure.startswith("java.") and owed.failure not in (printed.failure or ""):
        yield f"{words}: says {printed.failure!r} instead of {owed.failure!r}"


def recorded() -> Iterator[tuple[str, list[str], DumpRun]]:
    """(archive, command line, what Kafka's tool printed)."""
    with gzip.open(DUMPS / "runs.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            name, words, *run_ = json.loads(line)
            yield name, words, DumpRun(*run_)


def record() -> None:
    DUMPS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        classes, samples = Path(folder) / "classes", Path(folder) / "samples"
        classes.mkdir()
        subprocess.run([*java_program("DumpLogSamples", classes), str(samples)], check=True)
        with tarfile.open(DUMPS / "samples.tar.gz", "w:gz") as archive:
            archive.add(samples, "samples")
    with gzip.open(DUMPS / "runs.jsonl.gz", "wt", encoding="utf-8", compresslevel=9) as lines:
        for name in ARCHIVES:
            with tempfile.TemporaryDirectory() as folder:
                directory = unpacked(name, Path(folder), archives=ARCHIVES[name])
                commands = list(command_lines(directory))
                for words, outcome in zip(commands, kafka_dumps(commands, directory), strict=True):
                    lines.write(json.dumps([name, words, *outcome], ensure_ascii=False) + "\n")


if __name__ == "__main__":
    record()
