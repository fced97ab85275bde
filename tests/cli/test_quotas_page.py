"""docs/quotas.md is true: each `$` line prints what is below it."""

import re
import shlex
from pathlib import Path

from tests.support.pages import DOCS, pattern_of, steps_of
from tests.support.running import RunningCluster, pk

REFUSED = "The throttling quota has been exceeded."


def test_every_command_of_the_page_prints_what_the_page_says(tmp_path: Path) -> None:
    steps = steps_of((DOCS / "quotas.md").read_text())
    assert len(steps) >= 6
    cluster = RunningCluster(tmp_path / "data")
    try:
        for step in steps:
            program, *words = shlex.split(step.command.replace("127.0.0.1:9092", cluster.bootstrap))
            assert program == "pk"
            done = pk(*words)
            assert (done.returncode != 0) == any(REFUSED in line for line in step.printed), step.command
            assert re.fullmatch(pattern_of(step.printed), done.stdout), f"{step.command} printed\n{done.stdout}"
    finally:
        cluster.stop()
