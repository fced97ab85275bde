"""What a transactional producer sends its coordinator, and what it does when that is not ready."""

import datetime
from typing import Any

import pytest
from kio.schema.add_partitions_to_txn.v3.request import AddPartitionsToTxnRequest
from kio.schema.add_partitions_to_txn.v3.response import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopicResult,
)
from kio.schema.api_versions.v4.request import ApiVersionsRequest
from kio.schema.api_versions.v4.response import ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey
from kio.schema.end_txn.v3.request import EndTxnRequest
from kio.schema.end_txn.v3.response import EndTxnResponse
from kio.schema.end_txn.v5.request import EndTxnRequest as ImplicitEndTxnRequest
from kio.schema.end_txn.v5.response import EndTxnResponse as ImplicitEndTxnResponse
from kio.schema.errors import ErrorCode
from kio.schema.find_coordinator.v6.request import FindCoordinatorRequest
from kio.schema.find_coordinator.v6.response import Coordinator, FindCoordinatorResponse
from kio.schema.init_producer_id.v4.request import InitProducerIdRequest
from kio.schema.init_producer_id.v4.response import InitProducerIdResponse
from kio.schema.types import BrokerId, ProducerId
from kio.static.primitive import i16, i32, i32Timedelta

from pykafka_cli.clients.producing.topic_leaders import ProducerRefused
from pykafka_cli.clients.producing.transactions import Transaction, has_implicit_transactions, new_producer_id
from pykafka_cli.model import ProducerEpoch, ProducerIdAndEpoch
from pykafka_cli.properties.producer import ProducerSettings
from pykafka_cli.transport.connection import VersionRange
from tests.fakes.cluster import FakeSession

NO_TIME = i32Timedelta.parse(datetime.timedelta())
ME = ProducerIdAndEpoch(ProducerId(7), ProducerEpoch(3))


class Coordination:
    """A coordinator that does what it is asked, unless `errors` has another response for what comes next."""

    def __init__(self) -> None:
        self.errors: list[ErrorCode] = []
        self.session = FakeSession(
            {
                AddPartitionsToTxnRequest: self.add,
                ImplicitEndTxnRequest: self.end_implicitly,
                EndTxnRequest: lambda _: EndTxnResponse(throttle_time=NO_TIME, error_code=self._error()),
                FindCoordinatorRequest: self.find,
                InitProducerIdRequest: lambda _: InitProducerIdResponse(
                    throttle_time=NO_TIME,
                    error_code=self._error(),
                    producer_id=ProducerId(ME.producer_id),
                    producer_epoch=i16(ME.producer_epoch),
                ),
            }
        )

    def _error(self) -> ErrorCode:
        return self.errors.pop(0) if self.errors else ErrorCode.none

    def find(self, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
        (key,) = request.coordinator_keys
        found = Coordinator(
            key=key, node_id=BrokerId(0), host="fake", port=i32(1), error_code=ErrorCode.none, error_message=None
        )
        return FindCoordinatorResponse(throttle_time=NO_TIME, coordinators=(found,))

    def end_implicitly(self, request: ImplicitEndTxnRequest) -> ImplicitEndTxnResponse:
        return ImplicitEndTxnResponse(
            throttle_time=NO_TIME,
            error_code=self._error(),
            producer_id=request.producer_id,
            producer_epoch=i16(request.producer_epoch + 1),
        )

    def add(self, request: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse:
        error = self._error()
        return AddPartitionsToTxnResponse(
            throttle_time=NO_TIME,
            results_by_topic_v3_and_below=tuple(
                AddPartitionsToTxnTopicResult(
                    name=topic.name,
                    results_by_partition=tuple(
                        AddPartitionsToTxnPartitionResult(partition_index=index, partition_error_code=error)
                        for index in topic.partitions
                    ),
                )
                for topic in request.v3_and_below_topics
            ),
        )

    def asked(self, kind: type[Any]) -> list[Any]:
        return [request for request in self.session.asked if isinstance(request, kind)]


def settings(**properties: str) -> ProducerSettings:
    return ProducerSettings(
        {"transactional.id": "x", "retry.backoff.ms": "1"}
        | {name.replace("_", "."): value for name, value in properties.items()}
    )


async def test_a_transactional_id_is_asked_of_its_coordinator() -> None:
    coordination = Coordination()

    assert await new_producer_id(coordination.session, settings(transaction_timeout_ms="9000")) == ME  # type: ignore[arg-type]

    (request,) = coordination.asked(InitProducerIdRequest)
    assert request.transactional_id == "x"
    assert request.transaction_timeout == datetime.timedelta(seconds=9)
    (search,) = coordination.asked(FindCoordinatorRequest)
    assert (search.key_type, search.coordinator_keys) == (1, ("x",))


async def test_without_one_any_broker_is_asked() -> None:
    coordination = Coordination()

    assert await new_producer_id(coordination.session, ProducerSettings({})) == ME  # type: ignore[arg-type]
    assert not coordination.asked(FindCoordinatorRequest)


async def test_what_passes_is_asked_again_and_what_does_not_is_reported() -> None:
    coordination = Coordination()
    coordination.errors = [ErrorCode.coordinator_load_in_progress, ErrorCode.not_coordinator]
    assert await new_producer_id(coordination.session, settings()) == ME  # type: ignore[arg-type]

    coordination.errors = [ErrorCode.transactional_id_authorization_failed]
    with pytest.raises(ProducerRefused) as refusal:
        await new_producer_id(coordination.session, settings())  # type: ignore[arg-type]
    assert "Transactional Id authorization failed" in refusal.value.text.message


async def test_patience_ends_with_max_block_ms() -> None:
    coordination = Coordination()
    coordination.errors = [ErrorCode.concurrent_transactions] * 1000

    with pytest.raises(ProducerRefused):
        await new_producer_id(coordination.session, settings(max_block_ms="20"))  # type: ignore[arg-type]


async def test_a_partition_is_added_once_in_a_transaction() -> None:
    coordination = Coordination()
    transaction = Transaction(coordination.session, settings(), ME)  # type: ignore[arg-type]

    await transaction.add("t", [1, 0, 1])
    await transaction.add("t", [0, 2])
    await transaction.add("t", [1])
    await transaction.end(commit=True)
    await transaction.add("t", [1])
    await transaction.end(commit=False)

    added = [
        [int(index) for topic in request.v3_and_below_topics for index in topic.partitions]
        for request in coordination.asked(AddPartitionsToTxnRequest)
    ]
    assert added == [[0, 1], [2], [1]]
    ends = coordination.asked(EndTxnRequest)
    assert [(end.producer_id, end.producer_epoch, end.committed) for end in ends] == [(7, 3, True), (7, 3, False)]


async def test_an_empty_transaction_needs_no_end() -> None:
    coordination = Coordination()

    await Transaction(coordination.session, settings(), ME).end(commit=True)  # type: ignore[arg-type]

    assert not coordination.session.asked


async def test_a_fenced_producer_gets_an_error_when_it_adds_a_partition() -> None:
    coordination = Coordination()
    coordination.errors = [ErrorCode.producer_fenced]

    with pytest.raises(ProducerRefused):
        await Transaction(coordination.session, settings(), ME).add("t", [0])  # type: ignore[arg-type]


async def test_implicit_transactions_add_nothing_and_each_has_its_own_epoch() -> None:
    coordination = Coordination()
    transaction = Transaction(coordination.session, settings(), ME, implicit=True)  # type: ignore[arg-type]

    await transaction.add("t", [0])
    after = await transaction.end(commit=True)
    await transaction.add("t", [0])
    last = await transaction.end(commit=False)

    assert not coordination.asked(AddPartitionsToTxnRequest)
    ends = coordination.asked(ImplicitEndTxnRequest)
    assert [(end.producer_id, end.producer_epoch, end.committed) for end in ends] == [(7, 3, True), (7, 4, False)]
    assert (after, last) == (ME._replace(producer_epoch=ProducerEpoch(4)), ME._replace(producer_epoch=ProducerEpoch(5)))


@pytest.mark.parametrize(("level", "newest_produce", "expected"), [(2, 12, True), (1, 12, False), (2, 11, False)])
async def test_a_cluster_says_whether_its_transactions_are_implicit(
    level: int, newest_produce: int, expected: bool
) -> None:
    finalized = FinalizedFeatureKey(
        name="transaction.version", max_version_level=i16(level), min_version_level=i16(level)
    )
    supported = SupportedFeatureKey(name="transaction.version", min_version=i16(0), max_version=i16(2))
    answer = ApiVersionsResponse(
        error_code=ErrorCode.none,
        api_keys=(),
        throttle_time=NO_TIME,
        supported_features=(supported,),
        finalized_features=(finalized,),
    )

    class Offering(FakeSession):
        async def api_versions(self, broker: int | None = None) -> dict[int, VersionRange]:  # noqa: ARG002
            return {0: VersionRange(0, newest_produce)}

    session = Offering({ApiVersionsRequest: lambda _: answer})

    assert await has_implicit_transactions(session) is expected  # type: ignore[arg-type]
