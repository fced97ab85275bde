"""DescribeConfigs (key 32), versions 0-4.

Configs of topics, of this broker, of all brokers by default (the empty name) and of this broker's loggers.
v1 sources and synonyms (KIP-226)   v3 documentation and types (KIP-569)   v4 flexible
"""

from collections.abc import Iterable

from kio.schema.describe_configs.v4.request import DescribeConfigsRequest, DescribeConfigsResource
from kio.schema.describe_configs.v4.response import (
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
    DescribeConfigsSynonym,
)
from kio.schema.errors import ErrorCode
from kio.static.primitive import i8

from pykafka_cli import topic_names
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError, InvalidRequest, InvalidTopic, UnknownTopicOrPartition
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.broker.metadata.broker_loggers import describe_loggers
from pykafka_cli.broker.metadata.config_descriptions import (
    ConfigEntry,
    describe_broker,
    describe_broker_defaults,
    describe_topic,
)
from pykafka_cli.broker.metadata.config_store import topic_entity
from pykafka_cli.broker.metadata.dynamic_configs import DynamicConfigs
from pykafka_cli.broker.metadata.resources import ONLY_IN_KRAFT, broker_id_of
from pykafka_cli.model import ConfigResourceType


async def handle(ctx: RequestContext, request: DescribeConfigsRequest) -> DescribeConfigsResponse:
    return DescribeConfigsResponse(
        throttle_time=NO_THROTTLE,
        results=tuple([await _described(ctx, request, resource) for resource in request.resources]),
    )


async def _described(
    ctx: RequestContext, request: DescribeConfigsRequest, resource: DescribeConfigsResource
) -> DescribeConfigsResult:
    try:
        entries = await _entries(ctx, resource)
    except BrokerError as error:
        return DescribeConfigsResult(
            error_code=error.code,
            error_message=error.message,
            resource_type=resource.resource_type,
            resource_name=resource.resource_name,
            configs=(),
        )
    return DescribeConfigsResult(
        error_code=ErrorCode.none,
        error_message="",
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
        configs=tuple(
            _result(entry, request) for entry in entries if entry.name in (resource.configuration_keys or (entry.name,))
        ),
    )


async def _entries(ctx: RequestContext, resource: DescribeConfigsResource) -> Iterable[ConfigEntry]:
    configs: DynamicConfigs = ctx.broker.configs
    name = resource.resource_name
    this_broker = ctx.broker.settings.broker_id
    match resource.resource_type:
        case ConfigResourceType.TOPIC:
            reason = topic_names.why_invalid(name)
            if reason:
                raise InvalidTopic(f"Topic name is invalid: {reason}")
            if name not in ctx.broker.metadata:
                raise UnknownTopicOrPartition()
            return describe_topic(configs, name, await configs.store.read(topic_entity(name)))
        case ConfigResourceType.BROKER:
            if not name:
                return describe_broker_defaults(configs)
            if broker_id_of(name) != this_broker:
                raise InvalidRequest(
                    f"Unexpected broker id, expected {this_broker} or empty string, but received {name}"
                )
            return describe_broker(configs)
        case ConfigResourceType.BROKER_LOGGER:
            if not name:
                raise InvalidRequest("Broker id must not be empty")
            if broker_id_of(name) != this_broker:
                raise InvalidRequest(f"Unexpected broker id, expected {this_broker} but received {name}")
            return describe_loggers()
        case ConfigResourceType.CLIENT_METRICS:
            raise InvalidRequest(ONLY_IN_KRAFT)
    raise InvalidRequest(f"Unsupported resource type: {resource.resource_type}")


def _result(entry: ConfigEntry, request: DescribeConfigsRequest) -> DescribeConfigsResourceResult:
    return DescribeConfigsResourceResult(
        name=entry.name,
        value=entry.value,
        read_only=entry.read_only,
        config_source=i8(entry.source),
        is_sensitive=entry.is_sensitive,
        synonyms=tuple(
            DescribeConfigsSynonym(name=synonym.name, value=synonym.value, source=i8(synonym.source))
            for synonym in (entry.synonyms if request.include_synonyms else ())
        ),
        config_type=i8(entry.type),
        documentation=entry.doc if request.include_documentation else None,
    )
