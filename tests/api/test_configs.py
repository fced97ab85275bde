"""DescribeConfigs (32), AlterConfigs (33) and IncrementalAlterConfigs (44), beyond what was recorded: whom one may ask,
and what is rejected."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from kio.schema.alter_configs.v2.request import AlterableConfig as ReplacedConfig
from kio.schema.alter_configs.v2.request import AlterConfigsRequest
from kio.schema.alter_configs.v2.request import AlterConfigsResource as ReplacedResource
from kio.schema.describe_configs.v4.request import DescribeConfigsRequest, DescribeConfigsResource
from kio.schema.incremental_alter_configs.v1.request import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from kio.static.primitive import i8

from pykafka_cli.model import ConfigResourceType
from tests.fakes.controlled_cluster import ControlledCluster
from tests.support.administered import ask

TOPIC, BROKER, LOGGER = (
    int(ConfigResourceType.TOPIC),
    int(ConfigResourceType.BROKER),
    int(ConfigResourceType.BROKER_LOGGER),
)
GROUP = 3
SET, DELETE, APPEND = 0, 1, 2


@pytest.fixture
async def cluster() -> AsyncIterator[ControlledCluster]:
    """Two brokers and topic `t`; broker 0 is asked, which is the controller."""
    cluster = ControlledCluster()
    await cluster.start(0, 1)
    await cluster.create_topic("t", [0])
    yield cluster
    await cluster.close()


async def described(cluster: ControlledCluster, kind: int, name: str, *keys: str, broker: int = 0, **how: bool) -> Any:
    """The only result of DescribeConfigs."""
    resource = DescribeConfigsResource(
        resource_type=i8(kind), resource_name=name, configuration_keys=tuple(keys) or None
    )
    how = {"include_synonyms": False, "include_documentation": False} | how
    answer = await ask(cluster, DescribeConfigsRequest(resources=(resource,), **how), broker=broker)
    (result,) = answer.results
    return result


async def altered(
    cluster: ControlledCluster, kind: int, name: str, *changes: tuple[str, int, str | None], validate_only: bool = False
) -> tuple[str, str | None]:
    """What IncrementalAlterConfigs says of its only resource."""
    resource = AlterConfigsResource(
        resource_type=i8(kind),
        resource_name=name,
        configs=tuple(
            AlterableConfig(name=key, config_operation=i8(operation), value=value) for key, operation, value in changes
        ),
    )
    answer = await ask(cluster, IncrementalAlterConfigsRequest(resources=(resource,), validate_only=validate_only))
    (response,) = answer.responses
    return response.error_code.name, response.error_message


async def replaced(cluster: ControlledCluster, *resources: tuple[int, str, dict[str, str | None]]) -> Sequence[Any]:
    """What AlterConfigs says of each resource."""
    answer = await ask(
        cluster,
        AlterConfigsRequest(
            resources=tuple(
                ReplacedResource(
                    resource_type=i8(kind),
                    resource_name=name,
                    configs=tuple(ReplacedConfig(name=key, value=value) for key, value in configs.items()),
                )
                for kind, name, configs in resources
            ),
            validate_only=False,
        ),
    )
    return [(each.error_code.name, each.error_message) for each in answer.responses]


# ---- describing


@pytest.mark.parametrize(
    ("kind", "name", "error", "message"),
    [
        (TOPIC, "no", "unknown_topic_or_partition", None),
        (TOPIC, "a b", "invalid_topic_exception", "Topic name is invalid"),
        (BROKER, "1", "invalid_request", "Unexpected broker id, expected 0 or empty string, but received 1"),
        (BROKER, "x", "invalid_request", "Broker id must be an integer, but it is: x"),
        (LOGGER, "1", "invalid_request", "Unexpected broker id, expected 0 but received 1"),
        (LOGGER, "", "invalid_request", "Broker id must not be empty"),
        (GROUP, "g", "invalid_request", "Unsupported resource type: 3"),
    ],
)
async def test_what_cannot_be_described(
    cluster: ControlledCluster, kind: int, name: str, error: str, message: str | None
) -> None:
    result = await described(cluster, kind, name)

    assert (result.error_code.name, result.configs) == (error, ())
    assert (result.error_message or "").startswith(message or "")


async def test_only_the_keys_that_are_asked_for(cluster: ControlledCluster) -> None:
    result = await described(cluster, TOPIC, "t", "retention.ms", "no.such.key")

    assert [(entry.name, entry.value, entry.config_source) for entry in result.configs] == [
        ("retention.ms", "604800000", 5)
    ]


async def test_synonyms_and_documentation_are_reported_on_request(cluster: ControlledCluster) -> None:
    await altered(cluster, BROKER, "", ("log.retention.ms", SET, "1000"))
    await altered(cluster, TOPIC, "t", ("retention.ms", SET, "7"))

    (entry,) = (
        await described(cluster, TOPIC, "t", "retention.ms", include_synonyms=True, include_documentation=True)
    ).configs

    assert [(each.name, each.value, each.source) for each in entry.synonyms] == [
        ("retention.ms", "7", 1), ("log.retention.ms", "1000", 3), ("log.retention.hours", "168", 5),
    ]  # fmt: skip
    assert entry.documentation == "How long records are kept; -1 means forever."
    (silent,) = (await described(cluster, TOPIC, "t", "retention.ms")).configs
    assert (silent.synonyms, silent.documentation) == ((), None)


async def test_a_broker_reports_its_own_settings(cluster: ControlledCluster) -> None:
    (entry,) = (await described(cluster, BROKER, "1", "broker.id", broker=1)).configs

    assert (entry.value, entry.read_only, entry.config_source) == ("1", True, 4)


async def test_loggers_are_notified(cluster: ControlledCluster) -> None:
    entries = {entry.name: entry.value for entry in (await described(cluster, LOGGER, "0")).configs}

    assert entries["root"] in {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}


# ---- altering


@pytest.mark.parametrize(
    ("kind", "name", "key", "error", "message"),
    [
        (TOPIC, "", "retention.ms", "invalid_request", "Default topic resources are not allowed."),
        (TOPIC, "no", "retention.ms", "unknown_topic_or_partition", "The topic 'no' does not exist."),
        (BROKER, "1", "log.retention.ms", "invalid_request", "Unexpected broker id, expected 0, but received 1"),
        (GROUP, "g", "retention.ms", "invalid_request", "Unknown resource type 3"),
    ],
)
async def test_what_cannot_be_altered(
    cluster: ControlledCluster, kind: int, name: str, key: str, error: str, message: str
) -> None:
    assert await altered(cluster, kind, name, (key, SET, "1")) == (error, message)
    assert await replaced(cluster, (kind, name, {key: "1"})) == [(error, message)]


async def test_a_key_is_given_once(cluster: ControlledCluster) -> None:
    twice = [("retention.ms", SET, "1"), ("retention.ms", DELETE, None)]

    assert await altered(cluster, TOPIC, "t", *twice) == ("invalid_request", "Error due to duplicate config keys")


async def test_an_operation_that_there_is_not(cluster: ControlledCluster) -> None:
    assert (await altered(cluster, TOPIC, "t", ("retention.ms", 9, "1")))[0] == "invalid_request"


async def test_replacing_forgets_what_is_not_named(cluster: ControlledCluster) -> None:
    await altered(cluster, TOPIC, "t", ("retention.ms", SET, "1"), ("segment.bytes", SET, "1000"))

    assert await replaced(cluster, (TOPIC, "t", {"segment.bytes": "2000"})) == [("none", None)]

    assert await cluster.brokers[0].configs.store.read("topics/t") == {"segment.bytes": "2000"}


async def test_a_resource_is_replaced_once_a_request(cluster: ControlledCluster) -> None:
    twice = [(TOPIC, "t", {"retention.ms": "1"}), (TOPIC, "t", {"retention.ms": "2"})]

    refusal = ("invalid_request", "Each resource must appear at most once.")
    assert await replaced(cluster, *twice) == [refusal, refusal]


async def test_checking_alters_nothing(cluster: ControlledCluster) -> None:
    assert await altered(cluster, TOPIC, "t", ("retention.ms", SET, "1"), validate_only=True) == ("none", None)
    assert await altered(cluster, TOPIC, "t", ("retention.ms", SET, "x"), validate_only=True) == (
        "invalid_config",
        (
            "Invalid config value for resource ConfigResource(type=TOPIC, name='t'): "
            "Invalid value x for configuration retention.ms: Not a number of type LONG"
        ),
    )
    assert await cluster.brokers[0].configs.store.read("topics/t") == {}


async def test_loggers_are_set_one_by_one_only(cluster: ControlledCluster) -> None:
    refusal = "AlterConfigs is deprecated and does not support the resource type BROKER_LOGGER"
    assert await replaced(cluster, (LOGGER, "0", {"root": "DEBUG"})) == [("invalid_request", refusal)]
    assert (await altered(cluster, LOGGER, "0", ("root", APPEND, "DEBUG")))[0] == "invalid_request"
