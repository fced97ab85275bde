"""DescribeClientQuotas (key 48), versions 0-1.

Quotas of users, clients and addresses that match a filter (KIP-546).
v1 flexible
"""

from kio.schema.describe_client_quotas.v1.request import DescribeClientQuotasRequest
from kio.schema.describe_client_quotas.v1.response import DescribeClientQuotasResponse, EntityData, EntryData, ValueData
from kio.schema.errors import ErrorCode
from kio.static.primitive import f64

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.broker.metadata import client_quotas
from pykafka_cli.broker.metadata.client_quotas import Component


async def handle(ctx: RequestContext, request: DescribeClientQuotasRequest) -> DescribeClientQuotasResponse:
    components = [Component(each.entity_type, each.match_type, each.match) for each in request.components]
    found = await client_quotas.describe(ctx.broker.configs.store, components, strict=request.strict)
    return DescribeClientQuotasResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        error_message="",
        entries=tuple(
            EntryData(
                entity=tuple(EntityData(entity_type=kind, entity_name=name) for kind, name in entity),
                values=tuple(ValueData(key=key, value=f64(value)) for key, value in quotas.items()),
            )
            for entity, quotas in found.items()
        ),
    )
