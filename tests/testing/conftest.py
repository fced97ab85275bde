"""Runs of pytest in the directory of a test."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.support.pytest_runs import Run, run_pytest


@pytest.fixture(name="run_pytest")
def run_pytest_here(tmp_path: Path) -> Callable[..., Run]:
    return partial(run_pytest, tmp_path)
