"""InitProducerId (key 22), versions 0-5.

Gives a producer its id. An idempotent one gets a new id with epoch 0 from any broker, whatever it sent along. One with
a transactional id gets that id's producer id from its coordinator, with an epoch that fences its previous owner.
v2 flexible   v3 id and epoch that a transactional producer has (KIP-360)   v4 PRODUCER_FENCED   v5 as 4 (KIP-890)
"""

from kio.schema.errors import ErrorCode
from kio.schema.init_producer_id.v5.request import InitProducerIdRequest
from kio.schema.init_producer_id.v5.response import InitProducerIdResponse
from kio.schema.types import ProducerId
from kio.static.primitive import i16

from pykafka_cli.acls import AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.errors import (
    BrokerError,
    BrokerNotAvailable,
    ClusterAuthorizationFailed,
    CoordinatorLoadInProgress,
    InvalidRequest,
    TransactionalIdAuthorizationFailed,
)
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, code_for_producer, milliseconds
from pykafka_cli.model import ProducerEpoch, ProducerIdAndEpoch
from pykafka_cli.protocol.records.batch import NO_PRODUCER_EPOCH, NO_PRODUCER_ID
from pykafka_cli.transport.errors import ConnectionFailed

FIRST_VERSION_WITH_PRODUCER_FENCED = 4


async def handle(ctx: RequestContext, request: InitProducerIdRequest) -> InitProducerIdResponse:
    try:
        _ensure_allowed(ctx, request.transactional_id)
        producer = await _producer(ctx, request)
    except BrokerError as error:
        code = code_for_producer(error, knows_fenced=ctx.api_version >= FIRST_VERSION_WITH_PRODUCER_FENCED)
        return _answer(ProducerIdAndEpoch(NO_PRODUCER_ID, NO_PRODUCER_EPOCH), code)
    return _answer(producer, ErrorCode.none)


def _ensure_allowed(ctx: RequestContext, transactional_id: str | None) -> None:
    """Who may write to some topic may have a producer id as well (KIP-679).

    raises    TransactionalIdAuthorizationFailed, ClusterAuthorizationFailed
    """
    if transactional_id is not None:
        if not ctx.allows(AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, transactional_id):
            raise TransactionalIdAuthorizationFailed()
    elif not ctx.allows_on_cluster(AclOperation.IDEMPOTENT_WRITE, is_asked_for=False) and not ctx.allows_some(
        AclOperation.WRITE, ResourceType.TOPIC
    ):
        raise ClusterAuthorizationFailed()


async def _producer(ctx: RequestContext, request: InitProducerIdRequest) -> ProducerIdAndEpoch:
    former = ProducerIdAndEpoch(request.producer_id, ProducerEpoch(request.producer_epoch))
    if (former.producer_id == NO_PRODUCER_ID) != (former.producer_epoch == NO_PRODUCER_EPOCH):
        raise InvalidRequest("producer id and epoch must both be set, or neither")
    try:
        if request.transactional_id is None:
            return ProducerIdAndEpoch(await ctx.broker.producer_ids.next(), ProducerEpoch(0))
        is_new = former.producer_id == NO_PRODUCER_ID
        return await ctx.broker.transactions.init_producer(
            request.transactional_id,
            milliseconds(request.transaction_timeout),
            None if is_new else former,
        )
    except (BrokerNotAvailable, ConnectionFailed) as failure:
        # Only the controller hands out the next block of ids, and there may be none for now; the producer will retry.
        raise CoordinatorLoadInProgress(f"no producer id is available at the moment: {failure}") from failure


def _answer(producer: ProducerIdAndEpoch, error_code: ErrorCode) -> InitProducerIdResponse:
    return InitProducerIdResponse(
        throttle_time=NO_THROTTLE,
        error_code=error_code,
        producer_id=ProducerId(producer.producer_id),
        producer_epoch=i16(producer.producer_epoch),
    )
