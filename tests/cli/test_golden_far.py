"""The golden cases on a cluster far away, and on one whose connections end every second or two: the same results.

No case is excepted, not even those about --timeout-ms: their times are longer than what the way there takes.

Some of them in every run of the tests; PK_FAR_CASES=all, as `make golden-far` says, has all of them.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.far_cluster import FAR, FLAKY, far_cluster
from tests.support.golden.cases import ALONE, CASES, GOLDEN, SHARED
from tests.support.golden.comparison import disagreements
from tests.support.golden.runs import Addresses

ROADS = {"far": FAR, "flaky": FLAKY}
USUALLY = {
    "far": ("configs-topics", "console-positions", "delete-records", "get-offsets", "groups-reset", "topics-create"),
    "flaky": ("configs-topics", "console-positions", "topics-create"),
}


def chosen(names: list[str], road: str) -> list[str]:
    return names if os.environ.get("PK_FAR_CASES") == "all" else [name for name in names if name in USUALLY[road]]


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Addresses]]:
    """One for the cases that can share it, for each road that is used."""
    folder = tmp_path_factory.mktemp("far")
    with far_cluster(folder / "far", FAR) as far, far_cluster(folder / "flaky", FLAKY) as flaky:
        yield {"far": far, "flaky": flaky}


@pytest.mark.parametrize(("road", "name"), [(road, name) for road in ROADS for name in chosen([*SHARED, *ALONE], road)])
def test_pk_prints_the_same_however_the_cluster_is_reached(
    road: str, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with ExitStack() as own:
        if CASES[name]["alone"]:
            addresses = own.enter_context(far_cluster(tmp_path / "cluster", ROADS[road]))
        else:
            addresses = request.getfixturevalue("clusters")[road]
        (tmp_path / "case").mkdir()
        assert "\n".join(disagreements(GOLDEN / name, CASES[name], addresses, tmp_path / "case")) == ""
