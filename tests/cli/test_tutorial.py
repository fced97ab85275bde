"""docs/tutorial.md and docs/output.md are true: each `$` line is run, in order, and prints what is below it."""

import re
import shlex
import subprocess

import pytest

from tests.support.pages import DOCS, pattern_of, steps_of
from tests.support.running import PK, RunningCluster

NO_CONFIGURATION = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}


@pytest.mark.parametrize(("page", "at_least"), [("tutorial.md", 18), ("output.md", 10)])
def test_every_command_of_a_page_prints_what_the_page_says(
    fresh_cluster: RunningCluster, page: str, at_least: int
) -> None:
    steps = steps_of((DOCS / page).read_text())
    assert len(steps) >= at_least

    for step in steps:
        command = step.command.replace("127.0.0.1:9092", fresh_cluster.bootstrap)
        command = command.replace("127.0.0.1:2181", fresh_cluster.zookeeper)
        command = command.replace(" data/kafka/", f" {fresh_cluster.data_dir}/kafka/")
        program, *words = shlex.split(command)
        assert program == "pk"
        typed = "".join(f"{line}\n" for line in step.typed)
        done = subprocess.run(
            [PK, *words], input=typed, capture_output=True, text=True, timeout=120, env=NO_CONFIGURATION, check=False
        )
        assert done.returncode == 0, f"{step.command}: {done.stderr}"
        assert re.fullmatch(pattern_of(step.printed), done.stdout), (
            f"{step.command} printed\n{done.stdout}not\n" + "\n".join(step.printed)
        )
