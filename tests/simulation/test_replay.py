"""A seed takes the same course each time, in every simulation."""

import importlib
import os
import subprocess
import sys

import pytest

CLIENTS, SERVERS = "tests.simulation.run", "tests.simulation.servers.run"
ENSEMBLES, JOINED = "tests.simulation.ensemble.run", "tests.simulation.servers.joined"

ELSEWHERE = "import random; kept = [bytes(random.randrange(470)) for _ in range(120_000)]; del kept[::4]"
"""Leaves gaps of all sizes in memory, so that objects get other addresses, and sets of them another order."""


@pytest.mark.parametrize(
    ("simulation", "seed"),
    [
        (CLIENTS, 3), (CLIENTS, 30087), (CLIENTS, 30095), (SERVERS, 3), (SERVERS, 35), (SERVERS, 7220),
        (ENSEMBLES, 2), (ENSEMBLES, 20), (JOINED, 2),
    ],
)  # fmt: skip
def test_a_seed_takes_the_same_course_first_and_after_others(simulation: str, seed: int) -> None:
    """Neither what ran before nor the order of hashes and addresses makes a difference."""
    alone = subprocess.run(
        [sys.executable, "-c", f"{ELSEWHERE}; from {simulation} import simulate; print(simulate({seed}).digest)"],
        env=os.environ | {"PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    simulate = importlib.import_module(simulation).simulate

    simulate(seed + 1)
    after_others = simulate(seed)

    assert int(alone.stdout) == after_others.digest
