"""The older forms of LeaderAndIsr, StopReplica and UpdateMetadata, as a controller of an older release sends them.

Before topics were structures each partition named its topic: LeaderAndIsr 0-1, StopReplica 0, UpdateMetadata 0-4. In
answers to LeaderAndIsr they did so up to version 4. See adapters.py for what the functions take.
"""

import uuid
from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from pykafka_cli.protocol.inter_broker import (
    LeaderAndIsrPartitionState,
    LeaderAndIsrTopicState,
    StopReplicaPartitionState,
    StopReplicaTopicState,
    UpdateMetadataBroker,
    UpdateMetadataEndpoint,
    UpdateMetadataPartitionState,
    UpdateMetadataTopicState,
)
from pykafka_cli.protocol.message_fields import copied

SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
"""By their numbers in UpdateMetadata; before version 3 a listener was named after what it spoke."""


def raise_leader_and_isr(old: Any, new: Any, version: int) -> Any:
    if version >= 2:
        return new
    topics = _by_topic(old.ungrouped_partition_states, LeaderAndIsrPartitionState)
    return replace(
        new,
        topic_states=tuple(
            LeaderAndIsrTopicState(topic_name=name, partition_states=states) for name, states in topics.items()
        ),
    )


def lower_leader_and_isr(response: Any, _version: int, request: Any) -> Any:
    names = {_place(number, topic.topic_id): topic.topic_name for number, topic in enumerate(request.topic_states)}
    errors = [
        SimpleNamespace(
            topic_name=names[_place(number, topic.topic_id)],
            partition_index=each.partition_index,
            error_code=each.error_code,
        )
        for number, topic in enumerate(response.topics)
        for each in topic.partition_errors
    ]
    return SimpleNamespace(error_code=response.error_code, partition_errors=errors)


def raise_stop_replica(old: Any, new: Any, version: int) -> Any:
    if version == 0:
        topics: dict[str, list[int]] = defaultdict(list)
        for each in old.ungrouped_partitions:
            topics[each.topic_name].append(each.partition_index)
    else:
        topics = {topic.name: list(topic.partition_indexes) for topic in old.topics}
    return replace(
        new,
        topic_states=tuple(
            StopReplicaTopicState(
                topic_name=name,
                partition_states=tuple(
                    StopReplicaPartitionState(partition_index=index, delete_partition=old.delete_partitions)
                    for index in indexes
                ),
            )
            for name, indexes in topics.items()
        ),
    )


def raise_update_metadata(old: Any, new: Any, version: int) -> Any:
    topics = _by_topic(old.ungrouped_partition_states, UpdateMetadataPartitionState)
    return replace(
        new,
        live_brokers=new.live_brokers if version >= 3 else tuple(map(_with_named_listeners, old.live_brokers)),
        topic_states=tuple(
            UpdateMetadataTopicState(topic_name=name, partition_states=states) for name, states in topics.items()
        ),
    )


def _with_named_listeners(broker: Any) -> UpdateMetadataBroker:
    if hasattr(broker, "v0_host"):
        only = UpdateMetadataEndpoint(
            host=broker.v0_host, port=broker.v0_port, listener="PLAINTEXT", security_protocol=0
        )
        return UpdateMetadataBroker(id=broker.id, endpoints=(only,))
    endpoints = tuple(
        replace(copied(each, UpdateMetadataEndpoint), listener=SECURITY_PROTOCOLS[each.security_protocol])
        for each in broker.endpoints
    )
    newest: UpdateMetadataBroker = copied(broker, UpdateMetadataBroker)
    return replace(newest, endpoints=endpoints)


def _by_topic(partition_states: Any, newest: type[Any]) -> dict[str, tuple[Any, ...]]:
    topics: dict[str, tuple[Any, ...]] = {}
    for each in partition_states:
        topics[each.topic_name] = (*topics.get(each.topic_name, ()), copied(each, newest))
    return topics


def _place(number: int, topic_id: uuid.UUID | None) -> object:
    """The identity of a topic in a response: its id, or, if the controller sent none, its index."""
    return number if topic_id is None else topic_id
