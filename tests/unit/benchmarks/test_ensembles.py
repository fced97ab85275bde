"""The rows of an ensemble, on one of ours."""

from pathlib import Path

import pytest

from benchmarks import ensembles
from benchmarks.servers import PkServers
from benchmarks.tools import Bench


def test_each_row_gets_a_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensembles, "REQUESTS", 120)
    monkeypatch.setattr(ensembles, "ONE_AT_A_TIME", 10)

    figures = list(ensembles.reads_and_writes(Bench(tmp_path), PkServers(tmp_path / "servers"), lambda *_: None))

    assert len(figures) == len(ensembles.ROWS)
    assert min(figures) > 0
