"""Some seeds of the simulation of whole brokers, and that it finds the bugs it is meant to find."""

import subprocess
import sys
from typing import Any

import pytest

from pykafka_cli.broker.controller.cluster_state import ClusterState
from pykafka_cli.broker.replication import partition, reading
from tests.simulation.servers.run import shrunk, simulate

SEEDS = 25
MOST_SEEDS = 200
"""Seeds within which each planted bug is found."""


def test_brokers_stand_the_faults_of_these_seeds() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "servers", "--seeds", str(SEEDS)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr


def no_truncation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Followers keep what their leader does not have."""
    monkeypatch.setattr(reading, "diverges", lambda *_, **__: False)


def acknowledged_before_the_isr_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "high_watermark", lambda leader_end, _, current: max(leader_end, current))


def restart_that_no_controller_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that lost power while the controller was replaced still leads, with what is left of its log."""

    def restarted_since(_: ClusterState, written: Any) -> list[int]:
        return []

    monkeypatch.setattr(ClusterState, "restarted_since", restarted_since)


@pytest.mark.parametrize("plant", [no_truncation, acknowledged_before_the_isr_has_it, restart_that_no_controller_saw])
def test_a_planted_mistake_shows(plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    assert any(simulate(seed).faults for seed in range(MOST_SEEDS))


def test_a_seed_that_fails_is_shrunk_to_the_faults_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    restart_that_no_controller_saw(monkeypatch)

    assert shrunk(5) == ["power losses", "distance"]


@pytest.mark.parametrize("seed", [5, 35, 95, 232, 239, 549, 3157, 5069])
def test_a_seed_that_failed_once_passes(seed: int) -> None:
    assert simulate(seed).faults == []
