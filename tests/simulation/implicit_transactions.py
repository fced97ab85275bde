"""Transactions of version 2 (KIP-890 part 2), which our broker does not have: a model of Kafka 4's, on our coordinator.

    Produce 12 ──> the leader has the coordinator add its partitions ──> what the records become part of
    EndTxn 5   ──> commit or abort ──> the next epoch, once the markers are written

Kafka 4 answers EndTxn before the markers are written. What is kept here, it reads from __transaction_state. A producer
whose response was lost ends its transaction again, under the epoch that it had, and gets the same answer.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from kio.schema.api_versions.v4.request import ApiVersionsRequest
from kio.schema.api_versions.v4.response import ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey
from kio.schema.end_txn.v5.request import EndTxnRequest
from kio.schema.end_txn.v5.response import EndTxnResponse
from kio.schema.errors import ErrorCode
from kio.schema.types import ProducerId
from kio.static.primitive import i16

from pykafka_cli.broker.context import Api, RequestContext
from pykafka_cli.broker.coordinator.transaction.coordinator import TransactionCoordinator
from pykafka_cli.broker.coordinator.transaction.transaction import TransactionState
from pykafka_cli.broker.errors import (
    BrokerError,
    CoordinatorNotAvailable,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTxnState,
    NotCoordinator,
    NotEnoughReplicas,
    ProducerFenced,
)
from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.broker.handlers.wire_values import NO_THROTTLE, code_for_producer
from pykafka_cli.model import ProducerEpoch, ProducerIdAndEpoch, TopicPartition
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.hot_path.produce import ProduceRequest, ProduceResponse
from pykafka_cli.protocol.records.batch import read_header

IMPLICIT_PRODUCE, IMPLICIT_END_TXN = 12, 5
_FEATURE, _LEVEL = "transaction.version", i16(2)


@dataclass(slots=True)
class _Ending:
    producer: ProducerIdAndEpoch
    committed: bool
    successor: ProducerIdAndEpoch | None = None


class ImplicitTransactions:
    """Of one cluster.

    coordinators    of all brokers that run at present
    travel          passes the time that a message between brokers takes
    """

    def __init__(
        self, coordinators: Callable[[], Iterable[TransactionCoordinator]], travel: Callable[[], Awaitable[None]]
    ) -> None:
        self._coordinators = coordinators
        self._travel = travel
        self._endings: dict[str, _Ending] = {}  # the last of each transactional id

    @property
    def apis(self) -> Mapping[int, Api]:
        """What a broker of such a cluster offers in addition."""
        produce, versions = HANDLERS[ApiKey.PRODUCE], HANDLERS[ApiKey.API_VERSIONS]
        return {
            ApiKey.PRODUCE: replace(produce, max_version=IMPLICIT_PRODUCE, handle=self._produce),
            ApiKey.API_VERSIONS: replace(versions, handle=_name_feature),
            ApiKey.END_TXN: Api("EndTxn", ApiKey.END_TXN, IMPLICIT_END_TXN, IMPLICIT_END_TXN, self._end),
        }

    async def _produce(self, ctx: RequestContext, request: ProduceRequest) -> ProduceResponse:
        if request.transactional_id is not None:
            await self._add(request.transactional_id, request)
        return await HANDLERS[ApiKey.PRODUCE].handle(ctx, request)

    async def _add(self, transactional_id: str, request: ProduceRequest) -> None:
        """raises    InvalidProducerEpoch, InvalidProducerIdMapping; NotEnoughReplicas: to be sent again"""
        batches = {
            TopicPartition(topic.name, each.index): read_header(each.records)
            for topic in request.topics
            for each in topic.partitions
            if each.records
        }
        (producer,) = {ProducerIdAndEpoch(each.producer_id, each.producer_epoch) for each in batches.values()}
        await self._travel()
        for each in self._coordinators():
            try:
                await each.add_partitions(transactional_id, producer, list(batches))
            except (NotCoordinator, CoordinatorNotAvailable):
                continue
            except ProducerFenced as error:
                raise InvalidProducerEpoch(str(error)) from error
            except InvalidProducerIdMapping:
                raise
            except BrokerError as error:
                raise NotEnoughReplicas(str(error)) from error
            return
        raise NotEnoughReplicas(f"nobody coordinates {transactional_id!r}")

    async def _end(self, ctx: RequestContext, request: EndTxnRequest) -> EndTxnResponse:
        producer = ProducerIdAndEpoch(request.producer_id, ProducerEpoch(request.producer_epoch))
        try:
            successor = await self._ended(
                ctx.broker.transactions, str(request.transactional_id), producer, committed=request.committed
            )
        except BrokerError as error:
            return EndTxnResponse(throttle_time=NO_THROTTLE, error_code=code_for_producer(error, knows_fenced=True))
        return EndTxnResponse(
            throttle_time=NO_THROTTLE,
            error_code=ErrorCode.none,
            producer_id=ProducerId(successor.producer_id),
            producer_epoch=i16(successor.producer_epoch),
        )

    async def _ended(
        self, transactions: TransactionCoordinator, transactional_id: str, producer: ProducerIdAndEpoch, *,
        committed: bool,
    ) -> ProducerIdAndEpoch:  # fmt: skip
        """End the transaction; what its producer is from now on.

        raises    ConcurrentTransactions: to be sent again; ProducerFenced, InvalidTxnState
        """
        before = transactions.describe(transactional_id)  # raises where others coordinate it
        ending = self._endings.get(transactional_id)
        if ending is None or ending.producer != producer:
            try:
                await transactions.end(transactional_id, producer, committed=committed)
            except InvalidTxnState:
                if committed or before.state is not TransactionState.EMPTY:
                    raise  # what was never begun may be aborted
            ending = self._endings[transactional_id] = _Ending(producer, committed)
        if ending.committed != committed:
            raise InvalidTxnState(f"the transaction of {transactional_id!r} was ended otherwise")
        if ending.successor is None:
            ending.successor = await transactions.init_producer(transactional_id, before.timeout_ms, producer)
        return ending.successor


async def _name_feature(ctx: RequestContext, request: ApiVersionsRequest) -> ApiVersionsResponse:
    answer: ApiVersionsResponse = await HANDLERS[ApiKey.API_VERSIONS].handle(ctx, request)
    return replace(
        answer,
        supported_features=(SupportedFeatureKey(name=_FEATURE, min_version=i16(0), max_version=_LEVEL),),
        finalized_features=(FinalizedFeatureKey(name=_FEATURE, max_version_level=_LEVEL, min_version_level=_LEVEL),),
    )
