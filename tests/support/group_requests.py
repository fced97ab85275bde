"""Requests of members of groups, as clients of several versions send them."""

import asyncio
from datetime import timedelta
from types import ModuleType
from typing import Any

from kio.schema.errors import ErrorCode
from kio.schema.join_group import v0 as join_v0
from kio.schema.join_group import v9 as join_v9
from kio.schema.offset_commit import v9 as commit_v9
from kio.schema.sync_group import v5 as sync_v5

from tests.support.group_broker import GroupBroker


def joining(module: ModuleType, member_id: str = "", group: str = "g", **fields: str) -> Any:
    """A JoinGroup request of one version with one protocol."""
    defaults = {"rebalance_timeout": timedelta(seconds=60)} if module is not join_v0 else {}
    return module.request.JoinGroupRequest(
        group_id=group,
        session_timeout=timedelta(seconds=10),
        member_id=member_id,
        protocol_type="consumer",
        protocols=(module.request.JoinGroupRequestProtocol(name="range", metadata=b"r"),),
        **(defaults | fields),
    )


async def joined(broker: GroupBroker, *requests: Any) -> Any:
    """Answers of requests that wait for each other."""
    waiting = [asyncio.ensure_future(broker.ask(request)) for request in requests]
    await broker.settle()
    return [await each for each in waiting]


async def stable(broker: GroupBroker, *instances: str) -> Any:
    """A stable group of static members; their ids and the generation."""
    answers = await joined(broker, *(joining(join_v9, group_instance_id=instance) for instance in instances))
    ids = [answer.member_id for answer in answers]
    assignments = tuple(sync_v5.request.SyncGroupRequestAssignment(member_id=i, assignment=i.encode()) for i in ids)
    synced = await broker.ask(syncing(ids[0], 1, assignments=assignments, group_instance_id=instances[0]))
    assert synced.error_code is ErrorCode.none
    return ids


def syncing(member_id: str, generation: int, **fields: Any) -> Any:
    defaults = {"protocol_type": "consumer", "protocol_name": "range", "assignments": ()}
    return sync_v5.request.SyncGroupRequest(
        group_id="g", generation_id=generation, member_id=member_id, **(defaults | fields)
    )


async def commit(
    broker: GroupBroker,
    *offsets: int,
    group: str = "g",
    topic: str = "t",
    generation: int = -1,
    member_id: str = "",
    metadata: str | None = "note",
) -> Any:
    """Commit `offsets` to partitions 0, 1, ...; the codes."""
    answer = await broker.ask(
        commit_v9.request.OffsetCommitRequest(
            group_id=group,
            generation_id_or_member_epoch=generation,
            member_id=member_id,
            topics=(
                commit_v9.request.OffsetCommitRequestTopic(
                    name=topic,
                    partitions=tuple(
                        commit_v9.request.OffsetCommitRequestPartition(
                            partition_index=index,
                            committed_offset=offset,
                            committed_leader_epoch=3,
                            committed_metadata=metadata,
                        )
                        for index, offset in enumerate(offsets)
                    ),
                ),
            ),
        )
    )
    (answered,) = answer.topics
    assert [each.partition_index for each in answered.partitions] == list(range(len(offsets)))
    return [each.error_code for each in answered.partitions]
