"""What the benchmark writes, and that docs/performance.md has the place for it."""

import json
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the extra `bench` has it")

from benchmarks.report import (
    END,
    FAILOVER,
    FAR_AWAY,
    IN_CI,
    MAIN,
    MANY_PARTITIONS,
    SOAK,
    THREE,
    Conditions,
    Part,
    between_marks,
    write,
)
from benchmarks.servers import ROOT
from benchmarks.table import Curve, Row, Table

CONDITIONS = Conditions("2 cores", "2026-01-02 03:04 UTC", 5_000_000, 3)
GROWTH = Curve("memory with topics", "topics", "MB")


@pytest.fixture
def table() -> Table:
    table = Table()
    table.add(Row("producing", "records/s"), "pk", 5.0)
    for peer, factor in (("pk", 1), ("kafka", 10)):
        for topics in (0, 1, 10, 100):
            table.add_point(peer, GROWTH, topics, factor * (40 + topics))
    return table


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/performance.md").write_text(f"# Title\n\n{MAIN.begin}\nold\n{END}\n\nby hand\n")
    return tmp_path


def test_only_what_is_between_the_marks_is_replaced() -> None:
    assert between_marks(f"a\n{MAIN.begin}\nold\n{END}\nb\n", "new") == f"a\n{MAIN.begin}\n\nnew\n{END}\nb\n"


def test_a_page_without_marks_is_rejected() -> None:
    with pytest.raises(ValueError, match="lacks the lines"):
        between_marks("# Title\n", "new")


def test_results_page_and_plot_are_written(table: Table, root: Path) -> None:
    write(table, CONDITIONS, root=root)
    page = (root / "docs/performance.md").read_text()
    assert "| producing, records/s | 5 |" in page
    assert "old" not in page
    assert page.endswith(f"{END}\n\nby hand\n")
    assert (root / "benchmarks/results/latest.md").read_text() in page
    kept = json.loads((root / "benchmarks/results/latest.json").read_text())
    assert kept["machine"] == "2 cores"
    assert kept["rows"]["producing"]["runs"] == {"pk": [5.0]}
    assert kept["curves"]["memory with topics"]["points"]["kafka"][-1] == [100, 1400]


def test_the_plot_names_axes_and_peers_in_text_and_is_the_same_every_time(table: Table, root: Path) -> None:
    write(table, CONDITIONS, root=root)
    first = (root / "docs/scale.svg").read_bytes()
    for text in (b">memory with topics<", b">topics<", b">MB<", b">pk<", b">Apache Kafka 3.9<"):
        assert text in first
    write(table, CONDITIONS, root=root)
    assert (root / "docs/scale.svg").read_bytes() == first


def test_a_part_has_its_own_files_and_its_own_place_on_the_page(table: Table, root: Path) -> None:
    page = root / "docs/performance.md"
    page.write_text(f"{page.read_text()}{FAR_AWAY.begin}\nold too\n{END}\n")
    before = page.read_text()

    write(table, CONDITIONS, FAR_AWAY, root)

    assert page.read_text().startswith(before.partition(FAR_AWAY.begin)[0])
    assert "The best of 3 starts of each command. Measured 2026-01-02 03:04 UTC on 2 cores." in page.read_text()
    assert "old too" not in page.read_text()
    assert [each.name for each in (root / "benchmarks/results").iterdir() if each.name.startswith("latest")] == []


PARTS = [MAIN, FAR_AWAY, IN_CI, FAILOVER, THREE, MANY_PARTITIONS, SOAK]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_the_projects_page_has_the_marks_of_each_part(part: Part) -> None:
    page = (ROOT / part.page).read_text()
    assert between_marks(page, "new", part) != page
