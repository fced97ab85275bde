"""Reassignments, and answers that are lost."""

from typing import Any

from kio.schema.alter_partition_reassignments.v1.request import AlterPartitionReassignmentsRequest
from kio.schema.alter_partition_reassignments.v1.response import (
    AlterPartitionReassignmentsResponse,
    ReassignablePartitionResponse,
    ReassignableTopicResponse,
)
from kio.schema.errors import ErrorCode
from kio.schema.types import TopicName
from kio.static.primitive import i32

from pykafka_cli.clients.admin.reassignments import alter_reassignments
from pykafka_cli.model import TopicPartition
from tests.fakes.cluster import NO_TIME, FakeSession

TP = TopicPartition("t", 0)


def cluster(*, is_moving: bool) -> Any:
    moving = [is_moving]

    def cancel(_: AlterPartitionReassignmentsRequest) -> AlterPartitionReassignmentsResponse:
        code = ErrorCode.none if moving.pop() else ErrorCode.no_reassignment_in_progress
        moving.append(False)
        partition = ReassignablePartitionResponse(partition_index=i32(0), error_code=code, error_message=None)
        return AlterPartitionReassignmentsResponse(
            throttle_time=NO_TIME,
            allow_replication_factor_change=True,
            error_code=ErrorCode.none,
            error_message=None,
            responses=(ReassignableTopicResponse(name=TopicName("t"), partitions=(partition,)),),
        )

    return FakeSession({AlterPartitionReassignmentsRequest: cancel})


async def test_a_move_that_the_lost_request_cancelled_is_cancelled() -> None:
    session = cluster(is_moving=True)
    session.loses_answers = True

    assert await alter_reassignments(session, {TP: None}) == {}


async def test_a_move_that_never_began_cannot_be_cancelled() -> None:
    failures = await alter_reassignments(cluster(is_moving=False), {TP: None})

    assert failures[TP].code == ErrorCode.no_reassignment_in_progress
