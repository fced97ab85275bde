"""ElectLeaders (key 43), versions 0-2.

Gives partitions their preferred leader, or (KIP-460) any live replica where no in-sync one is alive. Null
partitions mean all; the response then omits those whose leader is already right.
v1 election type   v2 flexible
"""

from kio.schema.elect_leaders.v2.request import ElectLeadersRequest
from kio.schema.elect_leaders.v2.response import ElectLeadersResponse, PartitionResult, ReplicaElectionResult
from kio.schema.errors import ErrorCode
from kio.schema.types import TopicName
from kio.static.primitive import i32

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import BrokerError, ElectionNotNeeded, InvalidRequest, NotController
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, code_and_message, milliseconds
from pykafka_cli.broker.metadata.cache import MetadataCache, TopicChanged
from pykafka_cli.model import Milliseconds, TopicPartition, in_seconds

PREFERRED, UNCLEAN = 0, 1


async def handle(ctx: RequestContext, request: ElectLeadersRequest) -> ElectLeadersResponse:
    if request.election_type not in (PREFERRED, UNCLEAN):
        raise InvalidRequest(f"{request.election_type} is not an election type; use preferred (0) or unclean (1)")
    cache: MetadataCache = ctx.broker.metadata
    everything = request.topic_partitions is None
    partitions = (
        [TopicPartition(topic, number) for topic in cache.topics() for number in cache.partitions(topic)]
        if request.topic_partitions is None
        else [TopicPartition(topic.topic, number) for topic in request.topic_partitions for number in topic.partitions]
    )
    try:
        outcomes = await ctx.broker.controller.elect_leaders(partitions, preferred=request.election_type == PREFERRED)
    except NotController:
        outcomes = dict.fromkeys(partitions, NotController())
    await _wait_for_news(ctx, cache, outcomes, milliseconds(request.timeout))
    by_topic: dict[str, list[PartitionResult]] = {}
    for partition, error in outcomes.items():
        if not (everything and isinstance(error, ElectionNotNeeded)):
            code, message = code_and_message(error)
            by_topic.setdefault(partition.topic, []).append(
                PartitionResult(partition_id=i32(partition.partition), error_code=code, error_message=message)
            )
    return ElectLeadersResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        replica_election_results=tuple(
            ReplicaElectionResult(topic=TopicName(topic), partition_result=tuple(results))
            for topic, results in by_topic.items()
        ),
    )


async def _wait_for_news(
    ctx: RequestContext,
    cache: MetadataCache,
    outcomes: dict[TopicPartition, BrokerError | None],
    timeout_ms: Milliseconds,
) -> None:
    """Wait until this broker also knows the new leaders, so that the next client gets them."""
    elected = [partition for partition, error in outcomes.items() if error is None]
    await ctx.broker.waiting.wait_until(
        [TopicChanged(partition.topic) for partition in elected],
        lambda: cache.has_leaders(elected),
        ctx.broker.clock.monotonic() + in_seconds(timeout_ms),
    )
