"""That the simulation of brokers finds mistakes of compaction, and the seeds that have found some."""

from collections.abc import Callable
from typing import Any

import pytest

from pykafka_cli.broker.log import cleaner
from pykafka_cli.broker.log.compaction import CleanedTransactions, compact
from tests.simulation.servers.run import simulate

MOST_SEEDS = 200
"""Seeds within which each planted bug is found."""

Plant = Callable[[pytest.MonkeyPatch], None]


def cleaned_segments_are_not_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    def compact_in_cache(sources: Any, target: Any, *rest: Any, **named: Any) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(target, "handles_to_sync", list)
            compact(sources, target, *rest, **named)

    monkeypatch.setattr(cleaner, "compact", compact_in_cache)


def aborted_records_replace_committed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CleanedTransactions, "see_data", lambda *_: False)


@pytest.mark.parametrize(
    ("plant", "known"), [(cleaned_segments_are_not_synced, 13), (aborted_records_replace_committed_ones, 2)]
)
def test_a_planted_mistake_shows(plant: Plant, known: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """known    a seed that has found it, which is tried first"""
    plant(monkeypatch)

    assert any(simulate(seed).faults for seed in (known, *range(MOST_SEEDS)))
