"""Some seeds of the simulation of ensembles, and that it finds the bugs it is meant to find."""

from collections.abc import Callable
from typing import Any

import pytest

from pykafka_cli.zookeeper.ensemble.epochs import Epochs
from pykafka_cli.zookeeper.ensemble.leader_state import LeaderState
from pykafka_cli.zookeeper.ensemble.member import Member
from pykafka_cli.zookeeper.server.group_commit import GroupCommit
from tests.simulation.ensemble.run import shrunk, simulate

SEEDS = 15
MOST_SEEDS = 200
"""Seeds within which each planted bug is found."""

Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_ensembles_stand_the_faults_of_a_seed(seed: int) -> None:
    assert simulate(seed).faults == []


def test_a_server_sends_nothing_that_a_snapshot_has_replaced() -> None:
    """Seed 3017: it had died before the files were removed that its leader's snapshot replaced."""
    assert simulate(3017).faults == []


def test_a_server_drops_the_only_transactions_of_an_epoch() -> None:
    """Seed 1729: it ended, and said that its files did not go back far enough."""
    assert simulate(1729).faults == []


def forgets_current_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Epochs, "enter", lambda *_: None)


def commits_with_a_minority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeaderState, "_are_quorum", lambda *_: True)


def skips_truncation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower keeps what its leader does not have."""

    async def keep(*_: Any) -> None:
        pass

    monkeypatch.setattr(Member, "truncate_to", keep)


def acknowledges_before_it_is_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GroupCommit, "hold", lambda self, item: self._deliver([item]))


@pytest.mark.parametrize(
    ("plant", "known"),
    [
        (forgets_current_epoch, 66),
        (commits_with_a_minority, 0),
        (skips_truncation, 4),
        (acknowledges_before_it_is_durable, 1),
    ],
)
def test_a_planted_mistake_shows(plant: Plant, known: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """known    a seed that has found it, which is tried first"""
    plant(monkeypatch)

    assert any(simulate(seed).faults for seed in (known, *range(MOST_SEEDS)))


def test_a_seed_that_fails_is_shrunk_to_the_faults_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    acknowledges_before_it_is_durable(monkeypatch)

    assert shrunk(1) == ["full disks"]
