"""No command waits more often for a cluster than Kafka's own script does: what makes it as fast on one far away."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.round_trips import EXAMPLES, WAY, Counted, count, pk, recorded, watched_cluster


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Counted]:
    """What each command took, by its name. They run in their order: the first makes the topic, the last deletes it."""
    with watched_cluster(tmp_path_factory.mktemp("far"), WAY) as watched:
        return {example.name: count(example, pk, *watched) for example in EXAMPLES}


@pytest.mark.parametrize("name", [example.name for example in EXAMPLES])
def test_a_command_takes_no_more_round_trips_than_the_script(name: str, counts: Mapping[str, Counted]) -> None:
    assert counts[name].round_trips <= recorded()[name].round_trips


def test_each_example_has_its_record(tmp_path: Path) -> None:
    assert set(recorded()) == {example.name for example in EXAMPLES}
