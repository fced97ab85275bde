"""Topics: the list, one with its partitions, and the groups that read it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pykafka_cli.clients.admin.groups import CONSUMER, list_groups_of
from pykafka_cli.clients.admin.leaders import Patience
from pykafka_cli.clients.admin.offsets import list_offsets
from pykafka_cli.clients.admin.offsets_of_groups import OffsetsOfGroups
from pykafka_cli.clients.errors import ApiError, ensure_none_failed
from pykafka_cli.clients.session import Session
from pykafka_cli.model import Offset, OffsetSpec, TopicPartition, base64_id
from pykafka_cli.ui.paging import rows_of
from pykafka_cli.ui.views import Document, Query, of_each_broker, required

READERS_S = 5.0
"""Seconds for looking up which groups read a topic; those that took longer are counted."""

MOST_MEASURED = 1000
"""Partitions of a topic whose offsets are looked up at once; of a larger topic, those of one page of the list."""


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
    """Groups with committed offsets in the topic, as many as can be looked up in READERS_S seconds.

    `missing` are brokers that do not respond, with the groups that they coordinate.
    raises    BadQuery, ApiError
    """
    name = required(query, "name")
    answer = await session.metadata([name])
    ensure_none_failed(answer.topics)
    partitions = [int(each.partition_index) for each in answer.topics[0].partitions]
    brokers = [broker.node_id for broker in answer.brokers]
    listed, missing = await of_each_broker(brokers, lambda broker: list_groups_of(session, broker))
    groups = sorted({each.group for some in listed for each in some if each.protocol in (CONSUMER, "")})
    looked_up = OffsetsOfGroups(session, name, partitions)
    with suppress(TimeoutError):
        async with asyncio.timeout(READERS_S):
            await looked_up.look_up(groups)
    unheard = {each["broker"] for each in missing}
    missing += [
        {"broker": int(broker), "error": why} for broker, why in looked_up.failures.items() if broker not in unheard
    ]
    return {
        "topic": name,
        "groups": [
            {"group": group, "offsets": [{"partition": each, "offset": int(offsets[each])} for each in sorted(offsets)]}
            for group, offsets in sorted(looked_up.found.items())
        ],
        "asked": len(looked_up.asked),
        "of": len(groups),
        "missing": missing,
    }
