"""Transactions: the state in coordinators and partitions, and aborting one (KIP-664)."""

import asyncio
import datetime
from collections.abc import Collection, Iterable

from kio.schema.errors import ErrorCode
from kio.schema.types import ProducerId, TopicName, TransactionalId
from kio.static.primitive import i16, i32, i32Timedelta, i64

from pykafka_cli.clients.admin.leaders import ask_leaders
from pykafka_cli.clients.admin.retries import ask_until_final
from pykafka_cli.clients.coordinator import TRANSACTION, Coordinator, find_coordinators
from pykafka_cli.clients.error_traits import COORDINATOR_UNREADY
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import (
    AbortSpec,
    BrokerId,
    CoordinatorEpoch,
    Milliseconds,
    ProducerEpoch,
    ProducerState,
    Timestamp,
    TopicPartition,
    TransactionDescription,
    TransactionListing,
    partitions_by_topic,
)
from pykafka_cli.protocol.describe_transactions import DescribeTransactionsResponse

_ANY_DURATION = -1
_FIRST_WITH_DURATION = 1
_FIRST_WITH_PATTERN = 2
_STATES = frozenset(
    {
        "Ongoing", "PrepareAbort", "PrepareCommit", "CompleteAbort", "CompleteCommit", "Empty", "PrepareEpochFence",
    }
)  # fmt: skip


async def list_transactions(
    session: Session,
    *,
    producer_ids: Collection[ProducerId] = (),
    longer_than_ms: Milliseconds | None = None,
    pattern: str | None = None,
    coordinators: Collection[BrokerId] | None = None,
) -> list[TransactionListing]:
    """Transactions of all coordinators, or of some; or only those of some producers, or those open for a time.

    pattern    an RE2 expression that transactional ids must match (KIP-1152)
    raises     ApiError, VersionUnsupported
    """
    from kio.schema.list_transactions.v2.request import ListTransactionsRequest

    request = ListTransactionsRequest(
        producer_id_filters=tuple(producer_ids),
        duration_filter=i64(_ANY_DURATION if longer_than_ms is None else longer_than_ms),
        transactional_id_pattern=pattern,
    )
    oldest = _FIRST_WITH_PATTERN if pattern else 0 if longer_than_ms is None else _FIRST_WITH_DURATION
    brokers = sorted(coordinators or (broker.node_id for broker in (await session.metadata(())).brokers))
    deadline = asyncio.get_running_loop().time() + session.settings.api_timeout
    found: list[TransactionListing] = []
    for broker in brokers:
        while True:
            answer = await session.ask(request, broker=broker, oldest=oldest)
            is_loading = answer.error_code is ErrorCode.coordinator_load_in_progress
            if not is_loading or asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(session.settings.retry_pause)
        if answer.error_code:
            why = "failed with an unexpected exception"
            if answer.error_code is ErrorCode.coordinator_not_available:
                why = "failed because the coordinator is shutting down"
            raise ApiError(answer.error_code, f"ListTransactions request sent to broker {broker} {why}")
        found.extend(
            TransactionListing(
                str(each.transactional_id), broker, each.producer_id, _state_name(each.transaction_state)
            )
            for each in answer.transaction_states
        )
    return found


async def describe_transactions(
    session: Session, transactional_ids: Iterable[str]
) -> dict[str, TransactionDescription | ApiError]:
    """Each id's state in its coordinator; retries if the coordinator moved or is not ready."""

    async def ask_all(wanted: list[str]) -> dict[str, TransactionDescription | ApiError]:
        return {
            transactional_id: coordinator
            if isinstance(coordinator, ApiError)
            else await _describe_transaction(session, transactional_id, coordinator)
            for transactional_id, coordinator in (await find_coordinators(session, wanted, TRANSACTION)).items()
        }

    return await ask_until_final(session, transactional_ids, ask_all, COORDINATOR_UNREADY)


async def _describe_transaction(
    session: Session, transactional_id: str, coordinator: BrokerId
) -> TransactionDescription | ApiError:
    from kio.schema.describe_transactions.v0.request import DescribeTransactionsRequest

    request = DescribeTransactionsRequest(transactional_ids=(TransactionalId(transactional_id),))
    answer = await session.ask(request, broker=coordinator, response_type=DescribeTransactionsResponse)
    (found,) = answer.transaction_states
    if found.error_code:
        why = {
            ErrorCode.transactional_id_not_found: "because the ID could not be found",
            ErrorCode.transactional_id_authorization_failed: "due to authorization failure",
        }.get(found.error_code, "due to unexpected error")
        request_text = f"DescribeTransactions request for transactionalId `{transactional_id}`"
        return ApiError(found.error_code, f"{request_text} failed {why}")
    return TransactionDescription(
        coordinator=coordinator,
        transactional_id=transactional_id,
        producer_id=found.producer_id,
        producer_epoch=ProducerEpoch(found.producer_epoch),
        state=_state_name(found.transaction_state),
        timeout_ms=round(found.transaction_timeout.total_seconds() * 1000),
        start_ms=None if found.transaction_start_time_ms < 0 else Timestamp(found.transaction_start_time_ms),
        partitions=tuple(
            TopicPartition(str(topic.topic), int(index)) for topic in found.topics for index in topic.partitions
        ),
    )


async def describe_producers(
    session: Session, partitions: Iterable[TopicPartition], *, broker: BrokerId | None = None
) -> dict[TopicPartition, list[ProducerState] | ApiError]:
    """The producers in each partition's log, on its leader or on one broker's replica."""
    from kio.schema.describe_producers.v0.request import DescribeProducersRequest, TopicRequest

    async def ask(node: BrokerId, theirs: list[TopicPartition]) -> dict[TopicPartition, list[ProducerState] | ApiError]:
        request = DescribeProducersRequest(
            topics=tuple(
                TopicRequest(name=TopicName(topic), partition_indexes=tuple(map(i32, indexes)))
                for topic, indexes in partitions_by_topic(theirs).items()
            )
        )
        answer = await session.ask(request, broker=node)
        return {
            TopicPartition(str(topic.name), int(each.partition_index)): ApiError(each.error_code, each.error_message)
            if each.error_code
            else [_producer_state(producer) for producer in each.active_producers]
            for topic in answer.topics
            for each in topic.partitions
        }

    if broker is None:
        return await ask_leaders(session, partitions, ask)
    return await ask(broker, list(partitions))


async def abort_transaction(session: Session, spec: AbortSpec) -> None:
    """Write an abort marker to one partition, regardless of the coordinator's state.

    raises    ApiError
    """
    from kio.schema.write_txn_markers.v1.request import (
        WritableTxnMarker,
        WritableTxnMarkerTopic,
        WriteTxnMarkersRequest,
    )

    topic = WritableTxnMarkerTopic(
        name=TopicName(spec.partition.topic), partition_indexes=(i32(spec.partition.partition),)
    )
    marker = WritableTxnMarker(
        producer_id=ProducerId(spec.producer_id),
        producer_epoch=i16(spec.producer_epoch),
        transaction_result=False,
        topics=(topic,),
        coordinator_epoch=i32(spec.coordinator_epoch),
    )

    async def ask(broker: BrokerId, _: list[TopicPartition]) -> dict[TopicPartition, ApiError | None]:
        answer = await session.ask(WriteTxnMarkersRequest(markers=(marker,)), broker=broker)
        ((code,),) = (
            [each.error_code for topic in marker.topics for each in topic.partitions] for marker in answer.markers
        )
        return {spec.partition: ApiError(code) if code else None}

    result = (await ask_leaders(session, [spec.partition], ask))[spec.partition]
    if result is not None:
        raise ApiError(result.code, f"WriteTxnMarkers request with {spec} failed {_why_not_aborted(spec, result)}")


def _why_not_aborted(spec: AbortSpec, error: ApiError) -> str:
    match error.code:
        case ErrorCode.cluster_authorization_failed:
            return "due to cluster authorization error"
        case ErrorCode.invalid_producer_epoch:
            return "due an invalid producer epoch"
        case ErrorCode.transaction_coordinator_fenced:
            return (
                f"since the provided coordinator epoch {spec.coordinator_epoch} has been fenced "
                "by the active coordinator"
            )
    return f"due to unexpected error: {error}"


def _producer_state(said: object) -> ProducerState:
    from kio.schema.describe_producers.v0.response import ProducerState as Said

    assert isinstance(said, Said)
    return ProducerState(
        producer_id=said.producer_id,
        producer_epoch=ProducerEpoch(said.producer_epoch),
        coordinator_epoch=None if said.coordinator_epoch < 0 else CoordinatorEpoch(said.coordinator_epoch),
        last_sequence=int(said.last_sequence),
        last_timestamp=Timestamp(said.last_timestamp),
        transaction_start=None if said.current_txn_start_offset < 0 else int(said.current_txn_start_offset),
    )


def _state_name(said: str) -> str:
    """The shown name of a state: Unknown for one that 3.9 does not have."""
    return said if said in _STATES else "Unknown"


async def fence_producer(session: Session, transactional_id: str) -> None:
    """Fence the producer of a transactional id, which aborts its open transaction.

    raises    ApiError, ConnectionFailed
    """
    from kio.schema.init_producer_id.v4.request import InitProducerIdRequest

    request = InitProducerIdRequest(
        transactional_id=TransactionalId(transactional_id),
        transaction_timeout=i32Timedelta.parse(datetime.timedelta(milliseconds=1)),
    )
    coordinator = Coordinator(
        session, transactional_id, kind=TRANSACTION, private=False, pause=session.settings.retry_pause
    )
    deadline = asyncio.get_running_loop().time() + session.settings.api_timeout
    while True:
        answer = await coordinator.ask(request, deadline=deadline)
        is_ending = answer.error_code is ErrorCode.concurrent_transactions
        if not is_ending or asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(session.settings.retry_pause)
    if answer.error_code:
        raise ApiError(answer.error_code)
