"""AlterClientQuotas (key 49), versions 0-1.

Sets and removes quotas of users, clients and addresses (KIP-546). Only the controller does it.
v1 flexible
"""

from kio.schema.alter_client_quotas.v1.request import AlterClientQuotasRequest
from kio.schema.alter_client_quotas.v1.response import AlterClientQuotasResponse, EntityData, EntryData

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import NotController
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, code_and_message
from pykafka_cli.broker.metadata import client_quotas
from pykafka_cli.broker.metadata.client_quotas import Change


async def handle(ctx: RequestContext, request: AlterClientQuotasRequest) -> AlterClientQuotasResponse:
    if not ctx.broker.controller.is_active:
        raise NotController()
    entries = []
    for entry in request.entries:
        error = await client_quotas.alter(
            ctx.broker.configs.store,
            [(part.entity_type, part.entity_name) for part in entry.entity],
            [Change(op.key, None if op.remove else op.value) for op in entry.ops],
            validate_only=request.validate_only,
        )
        code, message = code_and_message(error)
        entries.append(
            EntryData(
                error_code=code,
                error_message=message,
                entity=tuple(
                    EntityData(entity_type=part.entity_type, entity_name=part.entity_name) for part in entry.entity
                ),
            )
        )
    await ctx.broker.configs.catch_up()
    return AlterClientQuotasResponse(throttle_time=NO_THROTTLE, entries=tuple(entries))
