"""JoinGroup, SyncGroup, Heartbeat, LeaveGroup: what depends on versions and on the shape of answers."""

from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from kio.schema.consumer_group_describe.v0.request import ConsumerGroupDescribeRequest
from kio.schema.consumer_group_heartbeat.v0.request import ConsumerGroupHeartbeatRequest
from kio.schema.errors import ErrorCode
from kio.schema.heartbeat.v4.request import HeartbeatRequest
from kio.schema.join_group import v0 as join_v0
from kio.schema.join_group import v3 as join_v3
from kio.schema.join_group import v5 as join_v5
from kio.schema.join_group import v8 as join_v8
from kio.schema.join_group import v9 as join_v9
from kio.schema.leave_group import v2 as leave_v2
from kio.schema.leave_group import v5 as leave_v5
from kio.schema.sync_group import v4 as sync_v4

from tests.support.group_broker import GroupBroker
from tests.support.group_requests import joined, joining, stable, syncing


@pytest.fixture
async def broker() -> GroupBroker:
    return await GroupBroker.started()


async def test_current_clients_are_given_an_id_to_come_back_with(broker: GroupBroker) -> None:
    answer = await broker.ask(joining(join_v5))

    assert (answer.error_code, answer.member_id) == (ErrorCode.member_id_required, "c-1")
    assert (answer.generation_id, answer.protocol_name, answer.leader, answer.members) == (-1, "", "", ())


@pytest.mark.parametrize("module", [join_v0, join_v3])
async def test_old_clients_join_at_once(broker: GroupBroker, module: ModuleType) -> None:
    (answer,) = await joined(broker, joining(module))

    assert (answer.error_code, answer.generation_id, answer.leader) == (ErrorCode.none, 1, answer.member_id)


async def test_the_oldest_clients_are_waited_for_as_long_as_their_session_lasts(broker: GroupBroker) -> None:
    await joined(broker, joining(join_v0))

    (member,) = broker.groups.describe("g").members

    assert member.member.rebalance_timeout_ms == member.member.session_timeout_ms == 10_000
    assert (member.member.client_id, member.member.client_host) == ("c", "/127.0.0.1")


async def test_a_rejected_member_gets_its_id_again(broker: GroupBroker) -> None:
    answer = await broker.ask(joining(join_v9, "unknown"))

    assert (answer.error_code, answer.member_id) == (ErrorCode.unknown_member_id, "unknown")
    assert (answer.protocol_type, answer.protocol_name) == (None, None)


async def test_an_empty_group_id_is_invalid(broker: GroupBroker) -> None:
    assert (await broker.ask(joining(join_v9, group=""))).error_code is ErrorCode.invalid_group_id


async def test_a_static_leader_that_comes_back_skips_the_assignment_if_it_can(broker: GroupBroker) -> None:
    await stable(broker, "one", "two")

    current = await broker.ask(joining(join_v9, group_instance_id="one"))
    assert current.skip_assignment
    assert current.leader == current.member_id

    old = await broker.ask(joining(join_v8, group_instance_id="one"))
    assert old.leader == current.member_id != old.member_id


async def test_an_assignment_arrives_in_every_version(broker: GroupBroker) -> None:
    first, second = await stable(broker, "one", "two")
    old = sync_v4.request.SyncGroupRequest(
        group_id="g", generation_id=1, member_id=second, group_instance_id="two", assignments=()
    )

    assert (await broker.ask(old)).assignment == second.encode()
    answer = await broker.ask(syncing(first, 1, group_instance_id="one"))
    assert (answer.protocol_type, answer.protocol_name, answer.assignment) == ("consumer", "range", first.encode())


@pytest.mark.parametrize("missing", ["protocol_type", "protocol_name"])
async def test_sync_names_the_protocol_from_version_5_on(broker: GroupBroker, missing: str) -> None:
    first, _ = await stable(broker, "one", "two")

    answer = await broker.ask(syncing(first, 1, group_instance_id="one", **{missing: None}))

    assert (answer.error_code, answer.assignment) == (ErrorCode.inconsistent_group_protocol, b"")


async def test_a_heartbeat_is_answered_by_a_code_alone(broker: GroupBroker) -> None:
    first, _ = await stable(broker, "one", "two")

    def beating(generation: int, instance: str = "one") -> Any:
        return HeartbeatRequest(group_id="g", generation_id=generation, member_id=first, group_instance_id=instance)

    codes = [(await broker.ask(beating(*arguments))).error_code for arguments in [(1,), (2,), (1, "two")]]

    assert codes == [ErrorCode.none, ErrorCode.illegal_generation, ErrorCode.fenced_instance_id]


async def test_each_member_that_is_to_leave_has_its_own_code(broker: GroupBroker) -> None:
    first, _ = await stable(broker, "one", "two")
    member = leave_v5.request.MemberIdentity

    answer = await broker.ask(
        leave_v5.request.LeaveGroupRequest(
            group_id="g",
            members=(
                member(member_id=first, group_instance_id="one", reason="done"),
                member(member_id="", group_instance_id="two", reason="by an administrator"),
                member(member_id="", group_instance_id="three"),
            ),
        )
    )

    assert answer.error_code is ErrorCode.none
    assert [(each.group_instance_id, each.error_code) for each in answer.members] == [
        ("one", ErrorCode.none),
        ("two", ErrorCode.none),
        ("three", ErrorCode.unknown_member_id),
    ]


async def test_old_clients_that_leave_get_their_member_s_code(broker: GroupBroker) -> None:
    (answer,) = await joined(broker, joining(join_v3))
    leaving = leave_v2.request.LeaveGroupRequest(group_id="g", member_id=answer.member_id)

    assert (await broker.ask(leaving)).error_code is ErrorCode.none
    assert (await broker.ask(leaving)).error_code is ErrorCode.unknown_member_id


async def test_the_groups_of_kraft_are_rejected_so_that_clients_fall_back(broker: GroupBroker) -> None:
    beating = ConsumerGroupHeartbeatRequest(
        group_id="g",
        member_id="",
        member_epoch=0,
        rebalance_timeout=timedelta(seconds=1),
        subscribed_topic_names=None,
        topic_partitions=None,
    )
    describing = ConsumerGroupDescribeRequest(group_ids=("g",), include_authorized_operations=False)

    assert (await broker.ask(beating)).error_code is ErrorCode.unsupported_version
    (group,) = (await broker.ask(describing)).groups
    assert (group.group_id, group.error_code) == ("g", ErrorCode.unsupported_version)


async def test_a_broker_that_does_not_lead_the_group_s_partition_says_so() -> None:
    broker = await GroupBroker.started(leads=False)

    assert (await broker.ask(joining(join_v9))).error_code is ErrorCode.not_coordinator
    beating = HeartbeatRequest(group_id="g", generation_id=1, member_id="m")
    assert (await broker.ask(beating)).error_code is ErrorCode.not_coordinator
