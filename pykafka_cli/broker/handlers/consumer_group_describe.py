"""ConsumerGroupDescribe (key 69), version 0.

Offered and rejected, as by Kafka 3.9 in ZooKeeper mode: the groups of KIP-848 need KRaft. An admin client that gets
UNSUPPORTED_VERSION asks by DescribeGroups instead.
"""

from typing import NoReturn

from kio.schema.consumer_group_describe.v0.request import ConsumerGroupDescribeRequest

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import UnsupportedVersion


async def handle(ctx: RequestContext, request: ConsumerGroupDescribeRequest) -> NoReturn:  # noqa: ARG001
    raise UnsupportedVersion
