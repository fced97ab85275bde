"""IncrementalAlterConfigs (key 44), versions 0-1.

Sets, deletes, appends to or subtracts from single keys (KIP-339) of topics, of this broker, of all brokers by default
(the empty name), and of this broker's loggers (KIP-412).
v1 flexible
"""

from kio.schema.incremental_alter_configs.v1.request import AlterConfigsResource, IncrementalAlterConfigsRequest
from kio.schema.incremental_alter_configs.v1.response import (
    AlterConfigsResourceResponse,
    IncrementalAlterConfigsResponse,
)

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, code_and_message
from pykafka_cli.broker.metadata.config_admin import Alteration, alter_all, operation_of
from pykafka_cli.broker.metadata.config_changes import ConfigOperation


async def handle(ctx: RequestContext, request: IncrementalAlterConfigsRequest) -> IncrementalAlterConfigsResponse:
    outcomes = await alter_all(
        ctx.broker.configs,
        ctx.broker.metadata,
        [_alteration(resource) for resource in request.resources],
        validate_only=request.validate_only,
    )
    responses = []
    for resource, error in zip(request.resources, outcomes, strict=True):
        code, message = code_and_message(error)
        responses.append(
            AlterConfigsResourceResponse(
                error_code=code,
                error_message=message,
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
            )
        )
    return IncrementalAlterConfigsResponse(throttle_time=NO_THROTTLE, responses=tuple(responses))


def _alteration(resource: AlterConfigsResource) -> Alteration:
    operations = [
        ConfigOperation(config.name, operation_of(config.config_operation), config.value) for config in resource.configs
    ]
    return Alteration(resource.resource_type, resource.resource_name, operations, incremental=True)
