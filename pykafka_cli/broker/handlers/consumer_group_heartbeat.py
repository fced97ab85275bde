"""ConsumerGroupHeartbeat (key 68), version 0.

Offered and rejected, as by Kafka 3.9 in ZooKeeper mode: the groups of KIP-848 need KRaft. A client that gets
UNSUPPORTED_VERSION says so to its user, who then sets group.protocol=classic.
"""

from typing import NoReturn

from kio.schema.consumer_group_heartbeat.v0.request import ConsumerGroupHeartbeatRequest

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import UnsupportedVersion


async def handle(ctx: RequestContext, request: ConsumerGroupHeartbeatRequest) -> NoReturn:  # noqa: ARG001
    raise UnsupportedVersion
