"""One run of one case: its own names, its own files, the processes that it leaves in the background."""

import contextlib
import os
import re
import secrets
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

from tests.support.golden.cases import RUN_ID, VOLATILE, Case, Outcome, Step, fit, outcome_of

DEFAULT_TIMEOUT_S = 90.0
POLL_S = 0.05
_PLACEHOLDER = re.compile(
    r"\{(bootstrap|sasl_bootstrap|controller|zookeeper|logdir|(?:topic|group|id|file|captured):[^{}]*)\}"
)
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"

Tool = Callable[[str], list[str]]
"""From a command's name, such as topics, to the words that start it."""


class Addresses(NamedTuple):
    """Where the cluster is; what is None the cluster does not have, or this machine cannot read."""

    bootstrap: str
    zookeeper: str
    logdir: str | None = None
    controller: str | None = None
    sasl_bootstrap: str | None = None


class CaseRun:
    """Runs the steps of a case, in a folder of its own."""

    def __init__(self, case: Case, addresses: Addresses, tool: Tool, folder: Path) -> None:
        self.case, self.addresses, self.tool, self.folder = case, addresses, tool, folder
        self.run_id = "".join(secrets.choice(_ALPHABET) for _ in RUN_ID)
        self.captured: dict[str, str] = {}
        self.background: dict[str, tuple[subprocess.Popen[bytes], Step]] = {}
        for name, content in case["files"].items():
            (folder / name).write_text(self.filled(content), encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process, _step in self.background.values():
            _kill(process)

    def outcomes(self, skipped: str) -> Iterator[tuple[Step, Outcome]]:
        """Run all steps but those that are only for `skipped` (kafka or pk); what each did that did something."""
        for step in self.case["steps"]:
            if step.get("only") != skipped and (outcome := self.run(step)):
                yield step, outcome
                if outcome.exit == "timeout":
                    return

    def run(self, step: Step) -> Outcome | None:
        """None for a step that was only started."""
        deadline = time.monotonic() + step.get("timeout", DEFAULT_TIMEOUT_S)
        if "finish" in step:
            process, started = self.background.pop(step["finish"])
            self._await_lines(process, step["finish"], step.get("await_lines", 0), deadline)
            if "signal" in step and process.poll() is None:
                process.send_signal(signal.Signals["SIG" + step["signal"]])
            return self._outcome(process, step["finish"], started | step, deadline)
        if name := step.get("background"):
            process = self._start(step, name)
            self.background[name] = (process, step)
            self._await_lines(process, name, step.get("await_lines", 0), deadline)
            return None
        while True:
            outcome = self._outcome(self._start(step, "foreground"), "foreground", step, deadline)
            if "until" not in step or re.search(step["until"], outcome.stdout) or time.monotonic() > deadline:
                return outcome

    def filled(self, text: str) -> str:
        """The text with the values of this run in place of the placeholders."""

        def value(found: re.Match[str]) -> str:
            kind, _, name = found[1].partition(":")
            if kind in ("topic", "group", "id"):
                return f"{name}-{self.run_id}"
            if kind == "file":
                return str(self.folder / name)
            known = self.captured.get(name) if kind == "captured" else getattr(self.addresses, kind)
            assert known is not None, f"no value for {found[0]}"
            return str(known)

        return _PLACEHOLDER.sub(value, text)

    def normalised(self, text: str, step: Step) -> str:
        for name, value in self.captured.items():
            text = text.replace(value, f"<{name}>")
        text = text.replace(f"{self.folder}/", "FILES/").replace(self.run_id, RUN_ID)
        if self.addresses.logdir:
            text = text.replace(self.addresses.logdir, "LOGDIR")
        for kind in ("controller", "sasl_bootstrap"):
            if address := getattr(self.addresses, kind):
                text = fit(re.escape(address), f"{kind.partition('_')[0].upper()}-HOST:PORT", text)
        text = fit(re.escape(self.addresses.bootstrap), "HOST:PORT", text)
        text = fit(re.escape(self.addresses.zookeeper), "ZOOKEEPER", text)
        text = fit(r"/\d+\.\d+\.\d+\.\d+", "/HOST", text)
        for pattern, replacement in VOLATILE:
            text = re.sub(pattern, replacement, text)
        for pattern, replacement in step.get("normalise", []):
            text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
        return text

    def _start(self, step: Step, name: str) -> subprocess.Popen[bytes]:
        stdin = step.get("stdin", b"")
        (self.folder / f".{name}.in").write_bytes(self.filled(stdin).encode() if isinstance(stdin, str) else stdin)
        words = [self.filled(word) for word in shlex.split(str(step.get("args", "")))]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PK_")}
        environment |= {"LC_ALL": "C.UTF-8", "TZ": "UTC", "COLUMNS": "80"} | step.get("env", {})
        with (
            open(self.folder / f".{name}.in", "rb") as source,
            open(self.folder / f".{name}.out", "wb") as out,
            open(self.folder / f".{name}.err", "wb") as err,
        ):
            command = [*self.tool(step["command"]), *words]
            return subprocess.Popen(
                command, env=environment, stdin=source, stdout=out, stderr=err, start_new_session=True
            )

    def _outcome(self, process: subprocess.Popen[bytes], name: str, step: Step, deadline: float) -> Outcome:
        status: int | str
        try:
            status = process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            status = "timeout"
        _kill(process)
        if isinstance(status, int) and status < 0:
            status = 128 - status  # as a shell tells of a signal
        stdout = self._output(name, "out")
        if "save" in step:
            (self.folder / step["save"]).write_text(stdout, encoding="utf-8")
        for key, pattern in step.get("capture", {}).items():
            if found := re.search(self.filled(pattern), stdout):
                self.captured[key] = found[1]
        return outcome_of(status, self.normalised(stdout, step), self.normalised(self._output(name, "err"), step), step)

    def _output(self, name: str, stream: str) -> str:
        return (self.folder / f".{name}.{stream}").read_bytes().decode("utf-8", "backslashreplace")

    def _await_lines(self, process: subprocess.Popen[bytes], name: str, count: int, deadline: float) -> None:
        while self._output(name, "out").count("\n") < count and time.monotonic() < deadline:
            try:
                process.wait(POLL_S)
            except subprocess.TimeoutExpired:
                continue
            return


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started: they are one process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
