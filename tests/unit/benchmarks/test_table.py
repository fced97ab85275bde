"""The benchmark's table: best figures, ratios, and whether a goal counts as reached."""

import pytest

from benchmarks.table import Row, Table, shown

RATE = Row("producing", "records/s", higher_is_better=True, times_kafka=4, ahead_of=("kcl",))
TIME = Row("starting", "s", times_kafka=0.1, at_most=0.4)


def filled(row: Row, **figures: list[float]) -> Table:
    table = Table()
    for peer, runs in figures.items():
        for figure in runs:
            table.add(row, peer, figure)
    return table


def last_line(table: Table) -> str:
    return table.markdown().splitlines()[-1]


def test_best_is_the_highest_rate_and_the_shortest_time_with_the_median_beside_it() -> None:
    assert "| 3 (2) |" in last_line(filled(RATE, pk=[1, 2, 3]))
    assert "| 1 (2) |" in last_line(filled(TIME, pk=[1, 2, 3]))


def test_a_single_figure_stands_alone() -> None:
    assert last_line(filled(RATE, pk=[7])).startswith("| producing, records/s | 7 | ")


def test_there_is_a_column_for_whoever_has_a_figure_and_for_nobody_else() -> None:
    head = filled(RATE, kcat=[1], pk=[1]).markdown().splitlines()[0]
    assert head == "| row | pk | kcat | pk : Kafka | goal |"


@pytest.mark.parametrize(
    ("figures", "goal"),
    [
        ({"pk": [4, 8], "kafka": [1, 2]}, "≥ 4 × Kafka ✓"),
        ({"pk": [4, 7], "kafka": [1, 2]}, "≥ 4 × Kafka ✗"),
        ({"pk": [8], "kafka": [2], "kcl": [9]}, "≥ 4 × Kafka ✓ ≥ kcl ✗"),
        ({"pk": [8]}, "≥ 4 × Kafka"),  # nobody to compare with
        ({"kafka": [2]}, "≥ 4 × Kafka ✗"),  # pk has failed
    ],
)
def test_a_rate_is_compared_with_a_multiple_of_kafkas_best_and_with_other_peers_that_are_there(
    figures: dict[str, list[float]], goal: str
) -> None:
    assert filled(RATE, **figures).goal(RATE) == goal


def test_a_time_is_compared_with_a_part_of_kafkas_and_with_its_bound() -> None:
    assert filled(TIME, pk=[0.3], kafka=[2.0]).goal(TIME) == "≤ 0.1 × Kafka ✗ ≤ 0.4 ✓"


def test_the_ratio_is_that_of_the_bests() -> None:
    assert filled(RATE, pk=[1, 3], kafka=[2, 1]).ratio(RATE) == "1.5"


def test_what_failed_is_said_in_the_cell_and_below_the_table() -> None:
    table = filled(RATE, kafka=[1])
    table.fail(RATE, "pk", "TimeoutError")
    row, _, reason = table.markdown().splitlines()[-3:]
    assert row.startswith("| producing, records/s | failed | 1 |")
    assert reason == "* producing, pk: failed, TimeoutError"


@pytest.mark.parametrize(
    ("figure", "text"), [(1234567.8, "1,234,568"), (100, "100"), (99.94, "99.9"), (0.0812, "0.0812")]
)
def test_figures_have_three_digits_or_are_whole(figure: float | int, text: str) -> None:
    assert shown(figure) == text
