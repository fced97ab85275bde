"""UpdateFeatures (57): what Apache Kafka 3.9.1 with ZooKeeper says to each kind of update, in either version."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from kio.schema.update_features import v0, v1
from kio.static.primitive import i8, i16, i32Timedelta

from pykafka_cli.model import UpgradeType
from pykafka_cli.zookeeper import kafka_znodes as znodes
from tests.fakes.controlled_cluster import ControlledCluster
from tests.support.administered import ask

TIMEOUT = i32Timedelta.parse(timedelta(seconds=30))
UPGRADE, SAFE, UNSAFE = (int(kind) for kind in UpgradeType)

UNSUPPORTED = "Could not apply finalized feature update because the provided feature is not supported."
NOT_THERE = "Can not delete non-existing finalized feature."
BELOW_1 = "Can not provide versionLevel: {} less than 1 without setting the SAFE downgradeType in the request."
UNKNOWN_TYPE = "Received unknown upgrade type."
NO_NAME = "Feature name can not be empty."


@pytest.fixture
async def cluster() -> AsyncIterator[ControlledCluster]:
    """Two brokers; broker 0 is the controller."""
    cluster = ControlledCluster()
    await cluster.start(0, 1)
    yield cluster
    await cluster.close()


def request(*updates: tuple[str, int, int], validate_only: bool = False) -> Any:
    return v1.request.UpdateFeaturesRequest(
        timeout=TIMEOUT,
        feature_updates=tuple(
            v1.request.FeatureUpdateKey(feature=feature, max_version_level=i16(level), upgrade_type=i8(kind))
            for feature, level, kind in updates
        ),
        validate_only=validate_only,
    )


def said(answer: Any) -> dict[str, tuple[str, str | None]]:
    """Error and message by feature, of a response without a top-level error."""
    assert (answer.error_code.name, answer.error_message) == ("none", None)
    return {result.feature: (result.error_code.name, result.error_message) for result in answer.results}


@pytest.mark.parametrize("validate_only", [False, True])
@pytest.mark.parametrize(
    ("feature", "level", "kind", "message"),
    [
        ("metadata.version", 21, UPGRADE, UNSUPPORTED),
        ("nosuch", 1, SAFE, UNSUPPORTED),
        ("nosuch", 1, UNSAFE, UNSUPPORTED),
        ("metadata.version", 0, SAFE, NOT_THERE),
        ("metadata.version", -3, UNSAFE, NOT_THERE),
        ("metadata.version", 0, UPGRADE, BELOW_1.format(0)),
        ("metadata.version", -1, UPGRADE, BELOW_1.format(-1)),
        ("metadata.version", 1, 0, UNKNOWN_TYPE),
        ("metadata.version", 0, 4, UNKNOWN_TYPE),
        ("", 0, 4, NO_NAME),
    ],
)
async def test_every_update_is_rejected_and_why(
    cluster: ControlledCluster, feature: str, level: int, kind: int, message: str, validate_only: bool
) -> None:
    answer = await ask(cluster, request((feature, level, kind), validate_only=validate_only))

    assert said(answer) == {feature: ("invalid_request", message)}


@pytest.mark.parametrize(
    ("level", "allow_downgrade", "message"),
    [
        (1, False, UNSUPPORTED),
        (1, True, UNSUPPORTED),
        (0, False, BELOW_1.format(0)),
        (0, True, NOT_THERE),
    ],
)
async def test_version_0_says_whether_a_downgrade_is_allowed(
    cluster: ControlledCluster, level: int, allow_downgrade: bool, message: str
) -> None:
    update = v0.request.FeatureUpdateKey(feature="f", max_version_level=i16(level), allow_downgrade=allow_downgrade)

    answer = await ask(cluster, v0.request.UpdateFeaturesRequest(timeout=TIMEOUT, feature_updates=(update,)))

    assert said(answer) == {"f": ("invalid_request", message)}


async def test_each_feature_is_answered_once_by_its_first_update(cluster: ControlledCluster) -> None:
    answer = await ask(cluster, request(("f", 1, UPGRADE), ("g", 0, SAFE), ("f", 0, SAFE)))

    assert [(result.feature, result.error_message) for result in answer.results] == [
        ("f", UNSUPPORTED),
        ("g", NOT_THERE),
    ]


async def test_no_updates_are_no_error(cluster: ControlledCluster) -> None:
    assert said(await ask(cluster, request())) == {}


async def test_a_broker_that_is_not_the_controller_says_so(cluster: ControlledCluster) -> None:
    answer = await ask(cluster, request(("metadata.version", 21, UPGRADE)), broker=1)

    assert answer.error_code.name == "not_controller"
    assert answer.error_message == "This is not the correct controller for this cluster."
    assert answer.results == ()


async def test_the_znode_stays_as_the_controller_made_it(cluster: ControlledCluster) -> None:
    store = cluster.brokers[0].store
    before = await store.client.get(znodes.FEATURE)

    await ask(cluster, request(("metadata.version", 21, UPGRADE), ("nosuch", 0, UNSAFE)))

    assert before[0] == znodes.encode_features()
    assert await store.client.get(znodes.FEATURE) == before
