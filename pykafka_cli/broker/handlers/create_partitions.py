"""CreatePartitions (key 37), versions 0-3.

Extends topics and waits until each partition has a leader, or the timeout has passed. Only the controller does it.
v2 flexible   v3 THROTTLING_QUOTA_EXCEEDED (KIP-599)
"""

from collections import Counter

from kio.schema.create_partitions.v3.request import CreatePartitionsRequest
from kio.schema.create_partitions.v3.response import CreatePartitionsResponse, CreatePartitionsTopicResult
from kio.schema.types import TopicName

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError, InvalidRequest, NotController
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, code_and_message, milliseconds
from pykafka_cli.broker.metadata.topic_rules import MorePartitions
from pykafka_cli.broker.quotas.allowances import PartitionMutations

FIRST_VERSION_WITH_THROTTLING = 3


async def handle(ctx: RequestContext, request: CreatePartitionsRequest) -> CreatePartitionsResponse:
    times_named = Counter(topic.name for topic in request.topics)
    outcomes: dict[str, BrokerError | None] = {}
    wanted = []
    for topic in request.topics:
        if not ctx.broker.controller.is_active:
            outcomes[topic.name] = NotController()
        elif times_named[topic.name] > 1:
            outcomes[topic.name] = InvalidRequest("Duplicate topic in request.")
        else:
            assignments = None if topic.assignments is None else [tuple(a.broker_ids) for a in topic.assignments]
            wanted.append(MorePartitions(topic.name, topic.count, assignments))
    if wanted:
        mutations = PartitionMutations(ctx.allowance, is_strict=ctx.api_version >= FIRST_VERSION_WITH_THROTTLING)
        outcomes |= await ctx.broker.topics.create_partitions(
            wanted,
            timeout_ms=milliseconds(request.timeout),
            validate_only=request.validate_only,
            charge=mutations.charge,
        )
        ctx.throttle = mutations.wait()
    return CreatePartitionsResponse(
        throttle_time=NO_THROTTLE, results=tuple(_result(name, error) for name, error in outcomes.items())
    )


def _result(name: str, error: BrokerError | None) -> CreatePartitionsTopicResult:
    code, message = code_and_message(error)
    return CreatePartitionsTopicResult(name=TopicName(name), error_code=code, error_message=message)
