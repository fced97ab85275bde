"""What counts as a pause of a client."""

import pytest

from benchmarks.failover import longest_pause


@pytest.mark.parametrize(
    ("times", "pause"),
    [
        ([1.0, 9.5, 10.5, 16.5, 17.0, 20.0], 6.0),
        ([1.0, 19.0, 20.0], 9.0),
        ([10.0, 12.0, 16.0], 4.0),
        ([], 10.0),
    ],
    ids=["in the middle", "from the kill on", "to the end", "nothing at all"],
)
def test_the_longest_pause_is_between_the_kill_and_the_end(times: list[float], pause: float) -> None:
    assert longest_pause(times, since=10.0, until=20.0) == pause
