"""DeleteTopics (key 20), versions 0-6.

Has topics deleted and waits until they are, or the timeout has passed. Only the controller does it.
v1 throttle time   v3 TOPIC_DELETION_DISABLED   v4 flexible   v5 error messages, THROTTLING_QUOTA_EXCEEDED (KIP-599)
v6 topics by id (KIP-516)
"""

from kio.schema.delete_topics.v6.request import DeleteTopicsRequest, DeleteTopicState
from kio.schema.delete_topics.v6.response import DeletableTopicResult, DeleteTopicsResponse
from kio.schema.errors import ErrorCode
from kio.schema.types import TopicName

from pykafka_cli.acls import AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import (
    BrokerError,
    InvalidRequest,
    NotController,
    TopicAuthorizationFailed,
    UnknownTopicId,
    UnknownTopicOrPartition,
)
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, milliseconds
from pykafka_cli.broker.quotas.allowances import PartitionMutations

FIRST_VERSION_WITH_DELETION_DISABLED = 3
FIRST_VERSION_WITH_THROTTLING = 5


async def handle(ctx: RequestContext, request: DeleteTopicsRequest) -> DeleteTopicsResponse:
    for topic in request.topics:
        if topic.name is not None and topic.topic_id is not None:
            raise InvalidRequest("Topic name and topic ID can not both be specified.")
    refusal = _refusal_of_all(ctx)
    results: list[tuple[DeleteTopicState, str | None, ErrorCode]] = []
    for topic in request.topics:
        if refusal is not None:
            results.append((topic, topic.name, refusal))
            continue
        name = topic.name if topic.topic_id is None else ctx.broker.controller.topic_name(topic.topic_id)
        if name is None:
            results.append((topic, None, UnknownTopicId.code))
        elif not ctx.allows(AclOperation.DELETE, ResourceType.TOPIC, name):
            # An id is no secret, but the name is, unless the client may describe the topic.
            by_id = topic.topic_id is not None
            is_hidden = by_id and not ctx.allows(AclOperation.DESCRIBE, ResourceType.TOPIC, name)
            results.append((topic, None if is_hidden else name, TopicAuthorizationFailed.code))
        elif name not in ctx.broker.metadata:
            results.append((topic, name, UnknownTopicOrPartition.code))
        else:
            results.append((topic, name, ErrorCode.none))
    doomed = dict.fromkeys(name for _, name, error in results if name is not None and not error)
    outcomes: dict[str, BrokerError | None] = {}
    if doomed:
        mutations = PartitionMutations(ctx.allowance, is_strict=ctx.api_version >= FIRST_VERSION_WITH_THROTTLING)
        outcomes = await ctx.broker.topics.delete(
            doomed, timeout_ms=milliseconds(request.timeout), charge=mutations.charge
        )
        ctx.throttle = mutations.wait()
    return DeleteTopicsResponse(
        throttle_time=NO_THROTTLE,
        responses=tuple(
            DeletableTopicResult(
                name=None if name is None else TopicName(name),
                topic_id=topic.topic_id,
                error_code=outcome.code if name and (outcome := outcomes.get(name)) else error,
            )
            for topic, name, error in results
        ),
    )


def _refusal_of_all(ctx: RequestContext) -> ErrorCode | None:
    if not ctx.broker.controller.is_active:
        return NotController.code
    if not ctx.broker.settings.delete_topic_enable:
        known = ctx.api_version >= FIRST_VERSION_WITH_DELETION_DISABLED
        return ErrorCode.topic_deletion_disabled if known else InvalidRequest.code
    return None
