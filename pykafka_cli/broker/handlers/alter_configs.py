"""AlterConfigs (key 33), versions 0-2.

Replaces the whole config of topics, of this broker, or of all brokers by default (the empty name). What is not named is
no longer set; IncrementalAlterConfigs is for changing single keys.
v2 flexible
"""

from kio.schema.alter_configs.v2.request import AlterConfigsRequest
from kio.schema.alter_configs.v2.response import AlterConfigsResourceResponse, AlterConfigsResponse

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, code_and_message
from pykafka_cli.broker.metadata.config_admin import Alteration, alter_all
from pykafka_cli.broker.metadata.config_changes import ConfigOperation
from pykafka_cli.model import AlterConfigOp


async def handle(ctx: RequestContext, request: AlterConfigsRequest) -> AlterConfigsResponse:
    alterations = [
        Alteration(
            resource.resource_type,
            resource.resource_name,
            [ConfigOperation(config.name, AlterConfigOp.SET, config.value) for config in resource.configs],
            incremental=False,
        )
        for resource in request.resources
    ]
    outcomes = await alter_all(
        ctx.broker.configs, ctx.broker.metadata, alterations, validate_only=request.validate_only
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
    return AlterConfigsResponse(throttle_time=NO_THROTTLE, responses=tuple(responses))
