"""examples/ci, a project that tests against Kafka: all that its README names is run."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.pages import files_of
from tests.support.pytest_runs import ENVIRONMENT, WORDS, Run
from tests.support.running import PK

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE, README = ROOT / "examples" / "ci", ROOT / "README.md"
FREE_PORTS = "--port 0 --zookeeper-port 0"


class Project:
    """A copy of the example, where `python` and `pk` are those of this run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "project"
        shutil.copytree(EXAMPLE, self.directory, ignore=shutil.ignore_patterns(".venv", "__pycache__"))
        programs = directory / "bin"
        programs.mkdir()
        (programs / "pk").symlink_to(PK)
        (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (programs / "python").chmod(0o755)
        self._environment = {
            **os.environ,
            **ENVIRONMENT,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "XDG_RUNTIME_DIR": str(directory / "run"),
        }

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            words, cwd=self.directory, env=self._environment, capture_output=True, text=True, timeout=180, check=False
        )


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path)
    yield project
    project.run("pk", "down")


def test_its_tests_pass_with_every_client(project: Project) -> None:
    ended = project.run("python", *WORDS)

    tests = sorted(project.directory.glob("tests/test_*.py"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert Run(0, ended.stdout).counts == {"passed": len(tests) + 1}  # one file has two


def test_the_readme_of_pk_shows_its_script_and_a_test_that_passes(project: Project) -> None:
    shown = files_of(README.read_text())
    assert shown["seven-lines.sh"] == (EXAMPLE / "seven-lines.sh").read_text()
    (project.directory / "test_billing.py").write_text(shown["test_billing.py"])

    ended = project.run("python", *WORDS, "test_billing.py")

    assert Run(0, ended.stdout).counts == {"passed": 1}, ended.stdout + ended.stderr


def test_unittest_and_plain_python_do_without_pytest(project: Project) -> None:
    tested = project.run("python", "-m", "unittest", "discover", "tests", "-p", "test_unittest.py")
    assert tested.returncode == 0, tested.stderr

    plain = project.run("python", "plain.py")
    assert (plain.returncode, plain.stdout) == (0, "bill for bread\nbill for tea\n"), plain.stderr


def test_seven_lines_of_shell_start_wait_prepare_run_check_and_stop(project: Project) -> None:
    script = project.directory / "seven-lines.sh"
    text = script.read_text()
    assert len(text.splitlines()) == 7
    script.write_text(text.replace("pk up ", f"pk up {FREE_PORTS} "))

    ended = project.run("sh", "seven-lines.sh")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (project.directory / "down.txt").read_text().startswith("Stopped process ")
    assert project.run("pk", "status").returncode == 1


def test_the_files_for_ci_servers_run_what_the_readme_says() -> None:
    (steps,) = [
        job["steps"] for job in yaml.safe_load((EXAMPLE / ".github/workflows/test.yml").read_text())["jobs"].values()
    ]
    on_github = [step["run"] for step in steps if "run" in step]
    on_gitlab = yaml.safe_load((EXAMPLE / ".gitlab-ci.yml").read_text())["test"]["script"]

    assert on_github == [line.replace(" --junit-xml report.xml", "") for line in on_gitlab]
    readme = (EXAMPLE / "README.md").read_text()
    for line in on_github:
        assert line.replace("pk-kafka", "../..") in readme, line


def test_the_readme_names_every_file() -> None:
    named = set(re.findall(r"\]\(([^)]+)\)", (EXAMPLE / "README.md").read_text()))
    others = {"README.md", "requirements.txt", "pytest.ini"}

    found = {
        str(each.relative_to(EXAMPLE))
        for each in EXAMPLE.rglob("*")
        if each.is_file() and not {".venv", "__pycache__"} & set(each.parts)
    }
    assert found == named | others
