"""Producer ids, and the transactions of a producer.

    InitProducerId ──> [AddPartitionsToTxn before a partition's first batch] ──> Produce ... ──> EndTxn

In implicit transactions, Produce 12 adds partitions, and EndTxn 5 returns a new epoch for the next transaction, so that
late requests cannot get into it. An idempotent producer needs only the first step, from any broker; a transactional one
uses its coordinator.
source  KIP-98, KIP-890
"""

import asyncio
import datetime
from collections.abc import Iterable
from typing import Any

from kio.schema.add_partitions_to_txn.v3.request import AddPartitionsToTxnRequest, AddPartitionsToTxnTopic
from kio.schema.end_txn.v3.request import EndTxnRequest
from kio.schema.end_txn.v5.request import EndTxnRequest as ImplicitEndTxnRequest
from kio.schema.errors import ErrorCode
from kio.schema.init_producer_id.v4.request import InitProducerIdRequest
from kio.schema.types import ProducerId, TopicName, TransactionalId
from kio.static.primitive import i16, i32, i32Timedelta

from pykafka_cli.clients.admin.features import describe_features
from pykafka_cli.clients.coordinator import TRANSACTION, find_coordinator
from pykafka_cli.clients.error_texts import error_text
from pykafka_cli.clients.error_traits import RETRIABLE
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.producing.topic_leaders import ProducerRefused
from pykafka_cli.clients.session import Session
from pykafka_cli.model import ProducerEpoch, ProducerIdAndEpoch, in_seconds
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.protocol.api_keys import ApiKey

_FIRST_IMPLICIT_PRODUCE, _FIRST_IMPLICIT_LEVEL = 12, 2


async def new_producer_id(session: Session, settings: ProducerSettings) -> ProducerIdAndEpoch:
    """A new producer id; for a transactional id its own, with an epoch that fences the previous producer.

    raises    ProducerRefused, ConnectionFailed
    """
    transactional_id = settings.transactional_id
    timeout = datetime.timedelta(milliseconds=settings.transaction_timeout_ms)
    request = InitProducerIdRequest(
        transactional_id=None if transactional_id is None else TransactionalId(transactional_id),
        transaction_timeout=i32Timedelta.parse(timeout),
    )
    answer = await _ask(session, settings, request)
    return ProducerIdAndEpoch(answer.producer_id, ProducerEpoch(answer.producer_epoch))


async def has_implicit_transactions(session: Session) -> bool:
    """Whether sending adds partitions to a transaction, and each transaction has an epoch.

    That is so if the cluster has finalized transaction.version 2 (KIP-890).
    """
    offered = (await session.api_versions()).get(ApiKey.PRODUCE)
    if offered is None or offered.max < _FIRST_IMPLICIT_PRODUCE:
        return False
    features = (await describe_features(session)).features
    return any(
        each.name == "transaction.version" and each.finalized_level >= _FIRST_IMPLICIT_LEVEL for each in features
    )


class Transaction:
    """The transactions of one producer, one after another.

    implicit    has_implicit_transactions of the cluster
    """

    def __init__(
        self, session: Session, settings: ProducerSettings, producer: ProducerIdAndEpoch, *, implicit: bool = False
    ) -> None:
        assert settings.transactional_id is not None
        self._session = session
        self._settings = settings
        self._producer = producer
        self._implicit = implicit
        self._added: set[int] = set()

    async def add(self, topic: str, partitions: Iterable[int]) -> None:
        """Add partitions to the transaction, before anything is sent there.

        raises    ProducerRefused, ConnectionFailed
        """
        new = sorted(set(partitions) - self._added)
        if not new:
            return
        if not self._implicit:
            request = AddPartitionsToTxnRequest(
                v3_and_below_transactional_id=self._id,
                v3_and_below_producer_id=ProducerId(self._producer.producer_id),
                v3_and_below_producer_epoch=i16(self._producer.producer_epoch),
                v3_and_below_topics=(
                    AddPartitionsToTxnTopic(name=TopicName(topic), partitions=tuple(i32(index) for index in new)),
                ),
            )
            await _ask(self._session, self._settings, request)
        self._added.update(new)

    async def end(self, *, commit: bool) -> ProducerIdAndEpoch:
        """Commit or abort, unless nothing was added; return the producer id and epoch from now on.

        raises    ProducerRefused, ConnectionFailed
        """
        if self._added:
            request_type = ImplicitEndTxnRequest if self._implicit else EndTxnRequest
            request = request_type(
                transactional_id=self._id,
                producer_id=ProducerId(self._producer.producer_id),
                producer_epoch=i16(self._producer.producer_epoch),
                committed=commit,
            )
            answer = await _ask(self._session, self._settings, request)
            self._added.clear()
            if self._implicit:
                self._producer = ProducerIdAndEpoch(answer.producer_id, ProducerEpoch(answer.producer_epoch))
        return self._producer

    @property
    def _id(self) -> TransactionalId:
        return TransactionalId(self._settings.transactional_id or "")


async def _ask(session: Session, settings: ProducerSettings, request: Any) -> Any:
    """The response of the coordinator, or of any broker without a transactional id; retries until it is ready."""
    deadline = asyncio.get_running_loop().time() + in_seconds(settings.max_block_ms)
    while True:
        try:
            broker = None
            if settings.transactional_id is not None:
                broker = await find_coordinator(session, settings.transactional_id, TRANSACTION)
            answer = await session.ask(request, broker=broker)
            code = _error_of(answer)
            if code is ErrorCode.none:
                return answer
        except ApiError as error:
            code = ErrorCode(error.code)
        if code not in RETRIABLE or asyncio.get_running_loop().time() > deadline:
            raise ProducerRefused(error_text(code))
        await asyncio.sleep(in_seconds(settings.retry_backoff_ms))


def _error_of(answer: Any) -> ErrorCode:
    """The response's error, or its first partition's."""
    if hasattr(answer, "error_code"):
        return ErrorCode(answer.error_code)
    entries = (part for topic in answer.results_by_topic_v3_and_below for part in topic.results_by_partition)
    return next(
        (ErrorCode(part.partition_error_code) for part in entries if part.partition_error_code is not ErrorCode.none),
        ErrorCode.none,
    )
