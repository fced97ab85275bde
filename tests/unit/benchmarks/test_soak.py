"""A soak's figures become rows, each with its goal."""

from typing import Any

import pytest

pytest.importorskip("matplotlib", reason="the extra `bench` has it")

from benchmarks.soak import WINDOW_S, judge
from benchmarks.table import Table
from benchmarks.trends import Sample

SETTLED_AT = 100.0


def outcome(latency_ms: float) -> dict[str, Any]:
    timed = [(SETTLED_AT + number / 10, latency_ms) for number in range(int(WINDOW_S * 30))]
    return {"acknowledged": 150, "pause_s": 2.5, "written": timed, "read": timed}


def samples(growth_mb: float) -> list[Sample]:
    return [Sample(SETTLED_AT + number, 50 + growth_mb * number / 30, 60, 30) for number in range(30)]


def judged(growth_mb: float) -> str:
    table = Table()
    judge(table, "pk", outcome(1.0), samples(growth_mb), SETTLED_AT)
    judge(table, "kafka", outcome(2.0), [each._replace(tasks=None) for each in samples(0)], SETTLED_AT)
    return table.markdown()


def test_each_row_has_a_figure_of_each_broker_and_a_goal_for_ours() -> None:
    rows = judged(growth_mb=0).splitlines()
    assert "| soak: records acknowledged, and each read once, records | 150 | 150 | 1 |  |" in rows
    assert "| soak: longest pause of acks=all when restarted, s | 2.5 | 2.5 | 1 | ≤ 1 × Kafka ✓ |" in rows
    assert "| soak: a record acknowledged, p99, ms | 1 | 2 | 0.5 | ≤ 1 × Kafka ✓ |" in rows
    assert "| soak: growth of resident memory, times | 1 | 1 | 1 | ≤ 1.07 ✓ |" in rows
    assert "| soak: growth of asyncio tasks, times | 1 |  |  | ≤ 1.167 ✓ |" in rows


def test_memory_that_grows_misses_its_goal() -> None:
    assert (
        "| soak: growth of resident memory, times | 1.19 | 1 | 1.19 | ≤ 1.059 ✗ |" in judged(growth_mb=40).splitlines()
    )


def test_too_short_a_run_cannot_be_judged() -> None:
    with pytest.raises(ValueError, match="too few to see a trend"):
        judge(Table(), "pk", outcome(1.0), samples(0)[:5], SETTLED_AT)
