"""Collects garbage at the end of each module of tests.

What tests abandon, such as a coroutine in the middle of a wait, runs when it is collected, and may fail or complain:
here, and not in the middle of a test of another module. What is there before the first test is left out (conftest.py),
and so is what has survived a module: it is there to stay, and to look at all of it again took half of a quick run.
"""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def _collected() -> Iterator[None]:
    yield
    gc.collect()
    gc.freeze()
