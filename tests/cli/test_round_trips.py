"""No command waits more often for a cluster than Kafka's own script does: what makes it as fast on one far away."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.far_cluster import Traffic
from tests.support.golden.runs import Addresses
from tests.support.round_trips import EXAMPLES, WAY, Example, count, pk, recorded, watched_cluster


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Addresses, Traffic]]:
    with watched_cluster(tmp_path_factory.mktemp("far"), WAY) as found:
        yield found


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_a_command_takes_no_more_round_trips_than_the_script(
    example: Example, watched: tuple[Addresses, Traffic]
) -> None:
    """In this order: the first makes the topic, the last deletes it."""
    assert count(example, pk, *watched).round_trips <= recorded()[example.name].round_trips


def test_each_example_has_its_record(tmp_path: Path) -> None:
    assert set(recorded()) == {example.name for example in EXAMPLES}
