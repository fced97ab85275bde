"""Requests and responses whose older versions have another form: from the older form to the newest, and back.

Most versions only added fields, which codec.py fills in or leaves out by itself. Here are the few that renamed or moved
something. RAISE takes what was read and its copy in the newest shape, and completes the copy; LOWER takes a response in
the newest shape, the version and the request, and returns what the older version's writer can read attributes from.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

from kio.schema.add_partitions_to_txn.v5 import request as add_partitions_to_txn
from kio.schema.alter_partition.v3 import request as alter_partition
from kio.schema.delete_topics.v6 import request as delete_topics
from kio.schema.errors import ErrorCode
from kio.schema.leave_group.v5 import request as leave_group
from kio.schema.offset_fetch.v9 import request as offset_fetch

from pykafka_cli.protocol import first_versions_adapters, inter_broker_adapters
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.authorized_operations import NOT_ASKED
from pykafka_cli.protocol.metadata_with_cluster import MetadataRequestWithCluster

Raise = Callable[[Any, Any, int], Any]
Lower = Callable[[Any, int, Any], Any]


def _raise_metadata(old: Any, new: Any, version: int) -> Any:
    # Version 0 says "all topics" with an empty list, later ones with null, so that an empty list can mean none.
    if version == 0 and not old.topics:
        return replace(new, topics=None)
    if getattr(old, "include_cluster_authorized_operations", False):
        return MetadataRequestWithCluster(**{each.name: getattr(new, each.name) for each in fields(new)})
    return new


def _lower_metadata(response: Any, version: int, _request: Any) -> Any:
    topics = response.topics
    if version < 12 and any(topic.name is None for topic in topics):
        topics = tuple(replace(topic, name="") if topic.name is None else topic for topic in topics)
    operations = getattr(response, "cluster_authorized_operations", NOT_ASKED)
    return _like(response, topics=topics, cluster_authorized_operations=operations)


def _raise_join_group(old: Any, new: Any, version: int) -> Any:
    # Version 0 knew one timeout for both.
    return replace(new, rebalance_timeout=old.session_timeout) if version == 0 else new


def _lower_join_group(response: Any, _version: int, _request: Any) -> Any:
    return _like(response, protocol_name=response.protocol_name or "")


def _raise_find_coordinator(old: Any, new: Any, _version: int) -> Any:
    return replace(new, coordinator_keys=(old.key,))


def _lower_find_coordinator(response: Any, _version: int, _request: Any) -> Any:
    (only,) = response.coordinators
    return _like(only, throttle_time=response.throttle_time)


def _raise_offset_fetch(old: Any, new: Any, _version: int) -> Any:
    topics = old.topics and tuple(
        offset_fetch.OffsetFetchRequestTopics(name=topic.name, partition_indexes=topic.partition_indexes)
        for topic in old.topics
    )
    return replace(new, groups=(offset_fetch.OffsetFetchRequestGroup(group_id=old.group_id, topics=topics),))


def _lower_offset_fetch(response: Any, version: int, request: Any) -> Any:
    (group,) = response.groups
    topics = group.topics
    if version < 2 and group.error_code is not ErrorCode.none:
        # No place for the group's error: each requested partition carries it.
        topics = [
            SimpleNamespace(
                name=topic.name,
                partitions=[
                    SimpleNamespace(
                        partition_index=index,
                        committed_offset=-1,
                        committed_leader_epoch=-1,
                        metadata="",
                        error_code=group.error_code,
                    )
                    for index in topic.partition_indexes
                ],
            )
            for topic in request.groups[0].topics or ()
        ]
    return SimpleNamespace(topics=topics, error_code=group.error_code, throttle_time=response.throttle_time)


def _raise_leave_group(old: Any, new: Any, _version: int) -> Any:
    return replace(new, members=(leave_group.MemberIdentity(member_id=old.member_id, group_instance_id=None),))


def _lower_leave_group(response: Any, _version: int, _request: Any) -> Any:
    if response.error_code is ErrorCode.none and response.members:
        return _like(response, error_code=response.members[0].error_code)
    return response


def _raise_delete_topics(old: Any, new: Any, _version: int) -> Any:
    return replace(
        new, topics=tuple(delete_topics.DeleteTopicState(name=name, topic_id=None) for name in old.topic_names)
    )


def _lower_delete_topics(response: Any, _version: int, _request: Any) -> Any:
    return response  # no name can be null where topics are deleted by name


def _lower_elect_leaders(response: Any, _version: int, request: Any) -> Any:
    if response.error_code is ErrorCode.none:
        return response
    # No place for an error of the whole request: each partition carries it.
    results = [
        SimpleNamespace(
            topic=topic.topic,
            partition_result=[
                SimpleNamespace(partition_id=partition, error_code=response.error_code, error_message=None)
                for partition in topic.partitions
            ],
        )
        for topic in request.topic_partitions or ()
    ]
    return _like(response, replica_election_results=results)


def _raise_alter_partition(old: Any, new: Any, version: int) -> Any:
    # Up to version 2 the ISR came without the brokers' epochs.
    topics = tuple(
        replace(
            topic,
            partitions=tuple(
                replace(
                    partition,
                    new_isr_with_epochs=tuple(alter_partition.BrokerState(broker_id=each) for each in before.new_isr),
                )
                for partition, before in zip(topic.partitions, old_topic.partitions, strict=True)
            ),
        )
        for topic, old_topic in zip(new.topics, old.topics, strict=True)
    )
    raised = replace(new, topics=topics)
    return raised if version == 2 else first_versions_adapters.name_topics(old, raised)


def _raise_add_partitions_to_txn(old: Any, new: Any, _version: int) -> Any:
    transaction = add_partitions_to_txn.AddPartitionsToTxnTransaction(
        transactional_id=old.v3_and_below_transactional_id,
        producer_id=old.v3_and_below_producer_id,
        producer_epoch=old.v3_and_below_producer_epoch,
        verify_only=False,
        topics=tuple(
            add_partitions_to_txn.AddPartitionsToTxnTopic(name=topic.name, partitions=topic.partitions)
            for topic in old.v3_and_below_topics
        ),
    )
    return replace(new, transactions=(transaction,))


def _lower_add_partitions_to_txn(response: Any, _version: int, request: Any) -> Any:
    if response.results_by_transaction:
        results = response.results_by_transaction[0].topic_results
    else:
        # No place for an error of the whole request: each partition carries it.
        results = [
            SimpleNamespace(
                name=topic.name,
                results_by_partition=[
                    SimpleNamespace(partition_index=index, partition_error_code=response.error_code)
                    for index in topic.partitions
                ],
            )
            for topic in request.transactions[0].topics
        ]
    return _like(response, results_by_topic_v3_and_below=results)


def _raise_update_features(old: Any, new: Any, _version: int) -> Any:
    # Version 0 said whether a downgrade is allowed: that is type 2, a safe downgrade, else 1, an upgrade.
    updates = tuple(
        replace(update, upgrade_type=2 if before.allow_downgrade else 1)
        for update, before in zip(new.feature_updates, old.feature_updates, strict=True)
    )
    return replace(new, feature_updates=updates)


def _like(response: Any, **changes: Any) -> SimpleNamespace:
    """The attributes of `response`, with others changed or added."""
    return SimpleNamespace(**{each.name: getattr(response, each.name) for each in fields(response)} | changes)


LEFT_BEHIND = frozenset({"retention_time"})
"""Fields of older requests that nothing here acts upon: OffsetCommit 2-4's own retention."""

# API key -> last version that needs it, and what to do.
RAISE: Mapping[int, tuple[int, Raise]] = {
    ApiKey.LIST_OFFSETS: (0, first_versions_adapters.raise_list_offsets),
    ApiKey.METADATA: (10, _raise_metadata),
    ApiKey.LEADER_AND_ISR: (1, inter_broker_adapters.raise_leader_and_isr),
    ApiKey.STOP_REPLICA: (2, inter_broker_adapters.raise_stop_replica),
    ApiKey.UPDATE_METADATA: (4, inter_broker_adapters.raise_update_metadata),
    ApiKey.OFFSET_FETCH: (7, _raise_offset_fetch),
    ApiKey.FIND_COORDINATOR: (3, _raise_find_coordinator),
    ApiKey.JOIN_GROUP: (0, _raise_join_group),
    ApiKey.LEAVE_GROUP: (2, _raise_leave_group),
    ApiKey.DELETE_TOPICS: (5, _raise_delete_topics),
    ApiKey.ADD_PARTITIONS_TO_TXN: (3, _raise_add_partitions_to_txn),
    ApiKey.ALTER_PARTITION: (2, _raise_alter_partition),
    ApiKey.UPDATE_FEATURES: (0, _raise_update_features),
}
LOWER: Mapping[int, tuple[int, Lower]] = {
    ApiKey.LIST_OFFSETS: (0, first_versions_adapters.lower_list_offsets),
    ApiKey.METADATA: (11, _lower_metadata),
    ApiKey.LEADER_AND_ISR: (4, inter_broker_adapters.lower_leader_and_isr),
    ApiKey.OFFSET_FETCH: (7, _lower_offset_fetch),
    ApiKey.FIND_COORDINATOR: (3, _lower_find_coordinator),
    ApiKey.JOIN_GROUP: (6, _lower_join_group),
    ApiKey.LEAVE_GROUP: (2, _lower_leave_group),
    ApiKey.DELETE_TOPICS: (5, _lower_delete_topics),
    ApiKey.ADD_PARTITIONS_TO_TXN: (3, _lower_add_partitions_to_txn),
    ApiKey.DESCRIBE_CONFIGS: (0, first_versions_adapters.lower_describe_configs),
    ApiKey.ELECT_LEADERS: (0, _lower_elect_leaders),
    ApiKey.ALTER_PARTITION: (1, first_versions_adapters.lower_alter_partition),
}
