"""pk scripts man writes a page for each command."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pykafka_cli.commands import COMMANDS
from tests.support.running import pk


def test_every_command_has_a_page_and_every_script_leads_to_one(tmp_path: Path) -> None:
    done = pk("scripts", "man", str(tmp_path))

    assert done.returncode == 0, done.stderr
    for name, entry in COMMANDS.items():
        page = (tmp_path / "man1" / f"pk-{name}.1").read_text()
        assert ".SH SYNOPSIS" in page
        if entry.script:
            assert (tmp_path / "man1" / f"{entry.script}.sh.1").read_text() == f".so man1/pk-{name}.1\n"


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed (Debian: groff-base)")
def test_groff_has_no_complaint_and_shows_the_options(tmp_path: Path) -> None:
    pk("scripts", "man", str(tmp_path))

    for page in sorted((tmp_path / "man1").glob("pk*.1")):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", str(page)], capture_output=True, text=True, check=True)
        assert done.stderr == "", page
        if page.name == "pk-topics.1":
            assert "--partitions" in re.sub(".\b", "", done.stdout)  # bold is printed twice
