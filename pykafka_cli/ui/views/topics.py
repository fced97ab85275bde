"""Topics: the list, one with its partitions, and the groups that read it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.groups import committed_offsets, list_groups
from pykafka_cli.clients.admin.leaders import Patience
from pykafka_cli.clients.admin.offsets import list_offsets
from pykafka_cli.clients.errors import ApiError, ensure_none_failed
from pykafka_cli.clients.session import Session
from pykafka_cli.model import Offset, OffsetSpec, TopicPartition, base64_id
from pykafka_cli.ui.paging import rows_of
from pykafka_cli.ui.views import Document, Query, required

MOST_GROUPS = 500
"""Maximum number of groups whose committed offsets a topic's page looks up."""

MOST_MEASURED = 1000
"""Partitions of a topic whose offsets are looked up at once; of a larger topic, those of one page of the list."""

_AT_ONCE = 16


async def topics(session: Session, query: Query) -> Document:
    """All topics whose names contain `filter`; one request, whatever their number."""
    answer = await session.metadata(None)
    alive = {broker.node_id for broker in answer.brokers}
    wanted = query.get("filter", "")
    found = [_summary(topic, alive) for topic in answer.topics if wanted in (topic.name or "")]
    return {"topics": sorted(found, key=lambda each: (each["is_internal"], each["topic"])), "of": len(answer.topics)}


def _summary(topic: Any, alive: set[Any]) -> Document:
    return {
        "topic": topic.name,
        "is_internal": topic.is_internal,
        "partitions": len(topic.partitions),
        "replication_factor": max((len(each.replica_nodes) for each in topic.partitions), default=0),
        "leaderless": sum(each.leader_id not in alive for each in topic.partitions),
        "under_replicated": sum(len(each.isr_nodes) < len(each.replica_nodes) for each in topic.partitions),
    }


async def topic(session: Session, query: Query) -> Document:
    """A topic's partitions with leader, replicas, ISR, and the offsets of start and end.

    Offsets are null if the leader does not respond, and, in a topic with many partitions, on pages other than `page`;
    then
    the number of records is null as well.
    raises    BadQuery, ApiError
    """
    name = required(query, "name")
    answer = await session.metadata([name])
    ensure_none_failed(answer.topics)
    (described,) = answer.topics
    alive = {broker.node_id for broker in answer.brokers}
    ordered = sorted(described.partitions, key=lambda each: int(each.partition_index))
    is_measured = len(ordered) <= MOST_MEASURED
    measured = ordered if is_measured else rows_of(ordered, query.get("page", ""))[0]
    leaders = {
        TopicPartition(name, int(each.partition_index)): each.leader_id for each in measured if each.leader_id in alive
    }
    starts, ends = await asyncio.gather(
        _offsets(session, leaders, OffsetSpec.EARLIEST), _offsets(session, leaders, OffsetSpec.LATEST)
    )
    partitions = []
    for each in ordered:
        key = TopicPartition(name, int(each.partition_index))
        partitions.append(_partition(each, alive, starts.get(key), ends.get(key)))
    return {
        "topic": name,
        "topic_id": described.topic_id and base64_id(described.topic_id),
        "is_internal": described.is_internal,
        "brokers": sorted(map(int, alive)),
        "records": sum(each["log_end"] - each["log_start"] for each in partitions if each["log_end"] is not None)
        if is_measured
        else None,
        "partitions": partitions,
    }


async def _offsets(
    session: Session, leaders: Mapping[TopicPartition, Any], spec: OffsetSpec
) -> dict[TopicPartition, Offset]:
    """The offsets of leaders that respond; does not wait for those that are unreachable."""
    if not leaders:
        return {}
    found = await list_offsets(session, dict.fromkeys(leaders, spec), patience=Patience.ASK_ONCE, leaders=leaders)
    return {each: offset for each, offset in found.items() if not isinstance(offset, ApiError)}


def _partition(described: Any, alive: set[Any], start: Offset | None, end: Offset | None) -> Document:
    if start is None or end is None:  # from before and after a leader became unreachable
        start = end = None
    return {
        "partition": int(described.partition_index),
        "leader": int(described.leader_id) if described.leader_id in alive else None,
        "leader_epoch": None if described.leader_epoch < 0 else int(described.leader_epoch),
        "replicas": [int(each) for each in described.replica_nodes],
        "isr": [int(each) for each in described.isr_nodes],
        "log_start": None if start is None else int(start),
        "log_end": None if end is None else int(end),
    }


async def readers(session: Session, query: Query) -> Document:
    """Groups with committed offsets in the topic; of many groups only the first are looked up.

    raises    BadQuery
    """
    name = required(query, "name")
    groups = [each.group for each in await list_groups(session)]
    turn = asyncio.Semaphore(_AT_ONCE)

    async def read(group: str) -> dict[int, Offset]:
        async with turn:
            try:
                committed = await committed_offsets(session, group)
            except ApiError as error:
                if error.code in (ErrorCode.group_authorization_failed, ErrorCode.group_id_not_found):
                    return {}
                raise
        return {each.partition: offset for each, offset in committed.items() if each.topic == name}

    asked = groups[:MOST_GROUPS]
    found = await asyncio.gather(*map(read, asked))
    return {
        "topic": name,
        "groups": [
            {"group": group, "offsets": [{"partition": each, "offset": int(offsets[each])} for each in sorted(offsets)]}
            for group, offsets in zip(asked, found, strict=True)
            if offsets
        ],
        "asked": len(asked),
        "of": len(groups),
    }
