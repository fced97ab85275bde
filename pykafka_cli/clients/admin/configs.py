"""Configs of topics, brokers and other resources."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kio.schema.describe_configs.v4.request import DescribeConfigsRequest, DescribeConfigsResource
from kio.static.primitive import i8

from pykafka_cli.clients.admin.cluster import describe_brokers
from pykafka_cli.clients.errors import ApiError, ensure_none_failed
from pykafka_cli.clients.session import Session
from pykafka_cli.model import AlterConfigOp, BrokerId, ConfigEntry, ConfigResourceType, ConfigSynonym
from pykafka_cli.transport.errors import BrokerUnreachable, ConnectionFailed

SOURCES = {
    1: "DYNAMIC_TOPIC_CONFIG",
    2: "DYNAMIC_BROKER_CONFIG",
    3: "DYNAMIC_DEFAULT_BROKER_CONFIG",
    4: "STATIC_BROKER_CONFIG",
    5: "DEFAULT_CONFIG",
    6: "DYNAMIC_BROKER_LOGGER_CONFIG",
    7: "DYNAMIC_CLIENT_METRICS_CONFIG",
    8: "DYNAMIC_GROUP_CONFIG",
}


class Resource(NamedTuple):
    """A resource with configs; the name of a broker is its id, or empty for the default of all brokers."""

    type: ConfigResourceType
    name: str

    @property
    def broker(self) -> BrokerId | None:
        """The only broker that can respond, if any."""
        if self.type in (ConfigResourceType.BROKER, ConfigResourceType.BROKER_LOGGER) and self.name:
            return BrokerId(int(self.name))
        return None


async def describe_configs(
    session: Session, resources: Sequence[Resource], *, synonyms: bool = False
) -> dict[Resource, list[ConfigEntry] | ApiError]:
    """All configs of each resource, in the broker's order, or why there are none."""
    found: dict[Resource, list[ConfigEntry] | ApiError] = {}
    for broker, asked in _by_broker(resources).items():
        request = DescribeConfigsRequest(
            resources=tuple(
                DescribeConfigsResource(resource_type=i8(type_), resource_name=name, configuration_keys=None)
                for type_, name in asked
            ),
            include_synonyms=synonyms,
            include_documentation=False,
        )
        for result in (await session.ask(request, broker=broker)).results:
            resource = Resource(ConfigResourceType(result.resource_type), result.resource_name)
            if result.error_code:
                found[resource] = ApiError(result.error_code, result.error_message)
            else:
                found[resource] = [_entry(config) for config in result.configs]
    return {resource: found[resource] for resource in resources}


def _by_broker(resources: Iterable[Resource]) -> dict[BrokerId | None, list[Resource]]:
    by_broker: dict[BrokerId | None, list[Resource]] = {}
    for resource in resources:
        by_broker.setdefault(resource.broker, []).append(resource)
    return by_broker


def _entry(config: Any) -> ConfigEntry:
    return ConfigEntry(
        config.name,
        None if config.is_sensitive else config.value,
        SOURCES.get(config.config_source, "UNKNOWN"),
        config.is_sensitive,
        config.read_only,
        tuple(ConfigSynonym(each.name, each.value, SOURCES.get(each.source, "UNKNOWN")) for each in config.synonyms),
    )


class Change(NamedTuple):
    name: str
    operation: AlterConfigOp
    value: str | None = None


async def alter_configs(
    session: Session, changes: Mapping[Resource, Sequence[Change]], *, validate_only: bool = False
) -> None:
    """Change configs, for each resource all or none.

    raises    ApiError for the first resource that could not be changed
    """
    for error in (await try_to_alter_configs(session, changes, validate_only=validate_only)).values():
        raise error


async def try_to_alter_configs(
    session: Session, changes: Mapping[Resource, Sequence[Change]], *, validate_only: bool = False
) -> dict[Resource, ApiError]:
    """Change configs, and return the failures. Brokers after one whose configs could not be changed get no request.

    validate_only    only check what would fail
    """
    from kio.schema.incremental_alter_configs.v1.request import (
        AlterableConfig,
        AlterConfigsResource,
        IncrementalAlterConfigsRequest,
    )

    failed: dict[Resource, ApiError] = {}
    for broker, resources in _by_broker(changes).items():
        request = IncrementalAlterConfigsRequest(
            resources=tuple(
                AlterConfigsResource(
                    resource_type=i8(resource.type),
                    resource_name=resource.name,
                    configs=tuple(
                        AlterableConfig(name=change.name, config_operation=i8(change.operation), value=change.value)
                        for change in changes[resource]
                    ),
                )
                for resource in resources
            ),
            validate_only=validate_only,
        )
        for result in (await session.ask(request, broker=broker)).responses:
            if result.error_code:
                resource = Resource(ConfigResourceType(result.resource_type), result.resource_name)
                failed[resource] = ApiError(result.error_code, result.error_message)
        if failed:
            break
    return failed


async def list_client_metrics(session: Session) -> list[str]:
    """Names of subscriptions to client metrics (KIP-714).

    raises    ApiError, VersionUnsupported
    """
    from kio.schema.list_config_resources.v0.request import ListConfigResourcesRequest

    answer = await session.ask(ListConfigResourcesRequest())
    ensure_none_failed([answer])
    return sorted(str(resource.resource_name) for resource in answer.config_resources)


async def list_groups_with_configs(session: Session) -> list[str]:
    """Names of groups that have configs (KIP-1142).

    raises    ApiError, VersionUnsupported
    """
    from kio.schema.list_config_resources.v1.request import ListConfigResourcesRequest

    request = ListConfigResourcesRequest(resource_types=(i8(ConfigResourceType.GROUP),))
    answer = await session.ask(request, oldest=1)
    ensure_none_failed([answer])
    return sorted(str(resource.resource_name) for resource in answer.config_resources)


async def zookeeper_of(session: Session) -> str | None:
    """The zookeeper.connect of the broker that responds first; None in KRaft mode.

    raises    ApiError, ConnectionFailed if none responds
    """
    asking = [asyncio.ensure_future(_zookeeper_of(session, broker.id)) for broker in await describe_brokers(session)]
    failure: Exception | None = None
    try:
        for response in asyncio.as_completed(asking):
            try:
                return await response
            except (ApiError, ConnectionFailed) as problem:
                failure = problem
    finally:
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    raise failure or BrokerUnreachable("The cluster has no brokers")


async def _zookeeper_of(session: Session, broker: BrokerId) -> str | None:
    resource = Resource(ConfigResourceType.BROKER, str(broker))
    entries = (await describe_configs(session, [resource]))[resource]
    if isinstance(entries, ApiError):
        raise entries
    return next((entry.value for entry in entries if entry.name == "zookeeper.connect" and entry.value), None)
