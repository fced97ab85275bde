"""UpdateMetadata (key 6), versions 0-8.

The controller sends the live brokers and the leaders; every response to a client about them comes from here. Fenced by
the broker's and the controller's epoch.
v1 endpoints   v2 rack   v3 listener names   v4 offline replicas   v5 broker epoch, topics   v6 flexible   v7 topic ids
v8 KRaft flag, type
"""

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import StaleBrokerEpoch
from pykafka_cli.broker.metadata.cache import MetadataCache
from pykafka_cli.protocol.absence import is_of_earlier_run
from pykafka_cli.protocol.inter_broker import UpdateMetadataRequest, UpdateMetadataResponse


async def handle(ctx: RequestContext, request: UpdateMetadataRequest) -> UpdateMetadataResponse:
    # A request for an earlier registration of this broker may have been on its way when the broker restarted.
    if is_of_earlier_run(request.broker_epoch, ctx.broker.controller.broker_epoch):
        return UpdateMetadataResponse(error_code=StaleBrokerEpoch.code)
    cache: MetadataCache = ctx.broker.metadata
    gone = cache.apply(request)
    ctx.broker.configs.forget_topics({partition.topic for partition in gone})
    if gone:
        ctx.broker.groups.on_partitions_deleted(gone)
    return UpdateMetadataResponse()
