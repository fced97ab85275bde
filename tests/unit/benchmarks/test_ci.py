"""What is measured of a CI job."""

from pathlib import Path

import pytest

from benchmarks import ci
from benchmarks.servers import PkServers
from benchmarks.tools import JAVA_TOOLS, Bench


def test_each_row_gets_a_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ci, "STARTS", 1)
    monkeypatch.setattr(ci, "TESTS", 2)

    figures = list(ci.in_ci(Bench(tmp_path), PkServers(tmp_path / "servers"), lambda *_: None))

    assert len(figures) == len(ci.CI.rows)
    assert all(0 < figure < ci.CI.limit_s for figure in figures)


def test_what_java_needs_is_there() -> None:
    assert ci.EMBEDDED.is_file()
    assert {"topics", "console-producer"} <= JAVA_TOOLS.keys()
