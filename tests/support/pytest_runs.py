"""Runs of pytest of their own, in which our plugin is loaded."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

WORDS = ("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-p", "pykafka_cli.testing.plugin")
"""The plugin is loaded by its module's name: the package that is installed may be older."""

ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


class Run(NamedTuple):
    """How a run ended: its status, and what it printed."""

    status: int
    output: str

    @property
    def counts(self) -> dict[str, int]:
        """By the words that pytest's last line has for them, such as passed."""
        last = [line for line in self.output.splitlines() if re.search(r" in [\d.]+s", line)][-1]
        return {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|skipped|errors?)", last)}


def run_pytest(directory: Path, text: str, *words: str) -> Run:
    """Run pytest on a file of tests, with further words for its command line."""
    (directory / "test_it.py").write_text(textwrap.dedent(text))
    ended = subprocess.run(
        [sys.executable, *WORDS, *words, "test_it.py"],
        cwd=directory,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return Run(ended.returncode, ended.stdout + ended.stderr)
