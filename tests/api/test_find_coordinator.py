from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.find_coordinator import v0, v2, v3, v4, v5, v6

from pykafka_cli.topic_names import CONSUMER_OFFSETS, TRANSACTION_STATE
from tests.support.group_broker import GroupBroker


@pytest.fixture
async def broker() -> GroupBroker:
    return await GroupBroker.started()


async def test_the_leader_of_a_group_s_partition_coordinates_it(broker: GroupBroker) -> None:
    answer = await broker.ask(v0.request.FindCoordinatorRequest(key="g"))

    assert (answer.error_code, answer.node_id, answer.host, answer.port) == (ErrorCode.none, 0, "127.0.0.1", 19650)


async def test_versions_with_a_message_say_none_where_there_is_no_error(broker: GroupBroker) -> None:
    assert (await broker.ask(v2.request.FindCoordinatorRequest(key="g"))).error_message == "NONE"
    (only,) = (await broker.ask(v4.request.FindCoordinatorRequest(coordinator_keys=("g",)))).coordinators
    assert only.error_message == ""


async def test_several_keys_are_answered_one_by_one(broker: GroupBroker) -> None:
    answer = await broker.ask(v4.request.FindCoordinatorRequest(coordinator_keys=("a", "b", "a")))

    assert [each.key for each in answer.coordinators] == ["a", "b", "a"]
    assert {each.error_code for each in answer.coordinators} == {ErrorCode.none}


@pytest.mark.parametrize(("key_type", "topic"), [(0, CONSUMER_OFFSETS), (1, TRANSACTION_STATE)])
async def test_the_coordinator_s_topic_is_made_when_first_asked_for(
    broker: GroupBroker, key_type: int, topic: str
) -> None:
    broker.topics.missing = {topic}

    answer = await broker.ask(v6.request.FindCoordinatorRequest(key_type=key_type, coordinator_keys=("a", "b")))

    assert broker.topics.made == [topic]
    assert {(each.error_code, each.node_id, each.host, each.port) for each in answer.coordinators} == {
        (ErrorCode.coordinator_not_available, -1, "", -1)
    }


async def test_a_partition_without_leader_has_no_coordinator(broker: GroupBroker) -> None:
    broker.topics.leaderless = {CONSUMER_OFFSETS}

    answer = await broker.ask(v3.request.FindCoordinatorRequest(key="g", key_type=0))

    assert (answer.error_code, answer.node_id, answer.port) == (ErrorCode.coordinator_not_available, -1, -1)
    assert "has no leader" in answer.error_message
    assert broker.topics.made == []


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (v5.request.FindCoordinatorRequest(key_type=2, coordinator_keys=("g",)), ErrorCode.invalid_request),
        (v6.request.FindCoordinatorRequest(key_type=2, coordinator_keys=("g",)), ErrorCode.coordinator_not_available),
        (v6.request.FindCoordinatorRequest(key_type=9, coordinator_keys=("g",)), ErrorCode.invalid_request),
    ],
)
async def test_there_are_no_other_coordinators(broker: GroupBroker, request_: Any, error: ErrorCode) -> None:
    (only,) = (await broker.ask(request_)).coordinators

    assert only.error_code is error
