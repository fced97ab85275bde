"""CreateTopics (key 19), versions 0-7.

Creates topics and waits until each partition has a leader, or the timeout has passed. Only the controller does it.
v1 validate_only, error messages   v2 throttle time
v4 partitions and replicas may be left to the broker   v5 flexible; the configs come back (KIP-525)
v6 THROTTLING_QUOTA_EXCEEDED (KIP-599)   v7 topic ids
"""

from collections import Counter

from kio.schema.create_topics.v7.request import CreatableTopic, CreateTopicsRequest
from kio.schema.create_topics.v7.response import CreatableTopicConfigs, CreatableTopicResult, CreateTopicsResponse
from kio.schema.errors import ErrorCode
from kio.static.primitive import i8, i16, i32

from pykafka_cli.acls import AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError, InvalidRequest, NotController, TopicAuthorizationFailed
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, milliseconds
from pykafka_cli.broker.metadata.config_descriptions import describe_topic
from pykafka_cli.broker.metadata.topic_admin import CreatedTopic
from pykafka_cli.broker.metadata.topic_rules import NewTopic
from pykafka_cli.broker.quotas.allowances import PartitionMutations
from pykafka_cli.topic_names import CLUSTER_METADATA

FIRST_VERSION_WITH_THROTTLING = 6


async def handle(ctx: RequestContext, request: CreateTopicsRequest) -> CreateTopicsResponse:
    times_named = Counter(topic.name for topic in request.topics)
    outcomes: dict[str, CreatedTopic | BrokerError] = {}
    wanted = []
    for topic in request.topics:
        if not ctx.broker.controller.is_active:
            outcomes[topic.name] = NotController()
        elif topic.name == CLUSTER_METADATA:
            outcomes[topic.name] = InvalidRequest(f"Creation of internal topic {topic.name} is prohibited.")
        elif times_named[topic.name] > 1:
            outcomes[topic.name] = InvalidRequest("Found multiple entries for this topic.")
        elif not _may_create(ctx, topic.name):
            outcomes[topic.name] = TopicAuthorizationFailed("Authorization failed.")
        else:
            wanted.append(_new_topic(topic))
    if wanted:
        mutations = PartitionMutations(ctx.allowance, is_strict=ctx.api_version >= FIRST_VERSION_WITH_THROTTLING)
        outcomes |= await ctx.broker.topics.create(
            wanted,
            timeout_ms=milliseconds(request.timeout),
            validate_only=request.validate_only,
            charge=mutations.charge,
        )
        ctx.throttle = mutations.wait()
    return CreateTopicsResponse(
        throttle_time=NO_THROTTLE,
        topics=tuple(_result(ctx, topic, outcomes[topic.name]) for topic in request.topics),
    )


def _may_create(ctx: RequestContext, topic: str) -> bool:
    """Who may create topics in the cluster may create any."""
    return ctx.allows_on_cluster(AclOperation.CREATE, is_asked_for=False) or ctx.allows(
        AclOperation.CREATE, ResourceType.TOPIC, topic
    )


def _new_topic(topic: CreatableTopic) -> NewTopic:
    return NewTopic(
        topic.name,
        topic.num_partitions,
        topic.replication_factor,
        {each.partition_index: tuple(each.broker_ids) for each in topic.assignments},
        {config.name: config.value for config in topic.configs},
    )


def _result(ctx: RequestContext, topic: CreatableTopic, outcome: CreatedTopic | BrokerError) -> CreatableTopicResult:
    if isinstance(outcome, BrokerError):
        return CreatableTopicResult(
            name=topic.name,
            topic_id=None,
            error_code=outcome.code,
            error_message=outcome.message,
            configs=(),
        )
    if not ctx.allows(AclOperation.DESCRIBE_CONFIGS, ResourceType.TOPIC, topic.name, is_asked_for=False):
        return CreatableTopicResult(
            name=topic.name,
            topic_id=outcome.topic_id,
            error_code=ErrorCode.none,
            error_message=None,
            topic_config_error_code=i16(TopicAuthorizationFailed.code),
            configs=None,
        )
    return CreatableTopicResult(
        name=topic.name,
        topic_id=outcome.topic_id,
        error_code=ErrorCode.none,
        error_message=None,
        num_partitions=i32(outcome.partitions),
        replication_factor=i16(outcome.replication_factor),
        configs=tuple(
            CreatableTopicConfigs(
                name=entry.name,
                value=entry.value,
                read_only=entry.read_only,
                config_source=i8(entry.source),
                is_sensitive=entry.is_sensitive,
            )
            for entry in describe_topic(ctx.broker.configs, topic.name, outcome.configs)
        ),
    )
