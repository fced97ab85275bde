"""ListTransactions (key 66), versions 0-1.

The transactional ids that this broker coordinates, or those in the states, of the producers, and open for as long as
is requested (KIP-664).
v1 duration (KIP-994)
"""

from kio.schema.errors import ErrorCode
from kio.schema.list_transactions.v1.request import ListTransactionsRequest
from kio.schema.list_transactions.v1.response import ListTransactionsResponse, TransactionState
from kio.schema.types import ProducerId, TransactionalId

from pykafka_cli.acls import AclOperation, ResourceType
from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.coordinator.transaction import transaction
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE
from pykafka_cli.model import Milliseconds

STATES = {state.title: state for state in transaction.TransactionState}


async def handle(ctx: RequestContext, request: ListTransactionsRequest) -> ListTransactionsResponse:
    states = {STATES[name] for name in request.state_filters if name in STATES}
    is_nothing_left = request.state_filters and not states
    listed = ctx.broker.transactions.list_transactions(
        states=states, producer_ids=set(request.producer_id_filters), open_for_ms=Milliseconds(request.duration_filter)
    )
    return ListTransactionsResponse(
        throttle_time=NO_THROTTLE,
        error_code=ErrorCode.none,
        unknown_state_filters=tuple(name for name in request.state_filters if name not in STATES),
        transaction_states=()
        if is_nothing_left
        else tuple(
            TransactionState(
                transactional_id=TransactionalId(each.transactional_id),
                producer_id=ProducerId(each.producer_id),
                transaction_state=each.state.title,
            )
            for each in listed
            if ctx.allows(AclOperation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, each.transactional_id)
        ),
    )
