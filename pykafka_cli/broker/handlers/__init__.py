"""The APIs of this broker, one module each (acls.py has three, delegation_tokens.py four).

HANDLERS is the only list; dispatch, ApiVersions and docs follow it.

A module holds `async def handle(ctx: RequestContext, request) -> response`; both are of the newest version that is
offered, whatever version the client used (protocol/codec.py). Versions are those that Kafka 3.9 offers
(protocol/api_keys.py).
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pykafka_cli.broker.context import Api, Handler, RequestContext
from pykafka_cli.protocol.api_keys import ApiKey

if TYPE_CHECKING:
    from pykafka_cli.broker import handlers as at_need
    from pykafka_cli.broker.handlers import (
        acls,
        add_offsets_to_txn,
        add_partitions_to_txn,
        allocate_producer_ids,
        alter_client_quotas,
        alter_configs,
        alter_partition,
        alter_partition_reassignments,
        alter_replica_log_dirs,
        alter_user_scram_credentials,
        api_versions,
        consumer_group_describe,
        consumer_group_heartbeat,
        controlled_shutdown,
        create_partitions,
        create_topics,
        delegation_tokens,
        delete_groups,
        delete_records,
        delete_topics,
        describe_client_quotas,
        describe_cluster,
        describe_configs,
        describe_groups,
        describe_log_dirs,
        describe_producers,
        describe_quorum,
        describe_transactions,
        describe_user_scram_credentials,
        elect_leaders,
        end_txn,
        fetch,
        find_coordinator,
        heartbeat,
        incremental_alter_configs,
        init_producer_id,
        join_group,
        leader_and_isr,
        leave_group,
        list_groups,
        list_offsets,
        list_partition_reassignments,
        list_transactions,
        metadata,
        offset_commit,
        offset_delete,
        offset_fetch,
        offset_for_leader_epoch,
        produce,
        sasl_authenticate,
        sasl_handshake,
        stop_replica,
        sync_group,
        txn_offset_commit,
        update_features,
        update_metadata,
        write_txn_markers,
    )
else:

    class _AtNeed:
        """The handlers' modules, each imported with the first request for it.

        Importing all of them with their messages takes 0.1 s, more than the rest of a start, and most are never called.
        """

        def __getattr__(self, name: str) -> ModuleType:
            return import_module(f"{__name__}.{name}")

    at_need = _AtNeed()


def _api(key: ApiKey, find: Callable[[], Handler]) -> Api:
    found = cache(find)

    def serve(ctx: RequestContext, request: Any) -> Awaitable[Any]:
        return found()(ctx, request)

    return Api(key.title, key, 0, key.newest, serve)


def _table(handlers: Mapping[ApiKey, Callable[[], Handler]]) -> Mapping[int, Api]:
    return {int(key): _api(key, find) for key, find in handlers.items()}


_HANDLERS: Mapping[ApiKey, Callable[[], Handler]] = {
    ApiKey.PRODUCE: lambda: at_need.produce.handle,
    ApiKey.FETCH: lambda: at_need.fetch.handle,
    ApiKey.LIST_OFFSETS: lambda: at_need.list_offsets.handle,
    ApiKey.METADATA: lambda: at_need.metadata.handle,
    ApiKey.LEADER_AND_ISR: lambda: at_need.leader_and_isr.handle,
    ApiKey.STOP_REPLICA: lambda: at_need.stop_replica.handle,
    ApiKey.UPDATE_METADATA: lambda: at_need.update_metadata.handle,
    ApiKey.CONTROLLED_SHUTDOWN: lambda: at_need.controlled_shutdown.handle,
    ApiKey.OFFSET_COMMIT: lambda: at_need.offset_commit.handle,
    ApiKey.OFFSET_FETCH: lambda: at_need.offset_fetch.handle,
    ApiKey.FIND_COORDINATOR: lambda: at_need.find_coordinator.handle,
    ApiKey.JOIN_GROUP: lambda: at_need.join_group.handle,
    ApiKey.HEARTBEAT: lambda: at_need.heartbeat.handle,
    ApiKey.LEAVE_GROUP: lambda: at_need.leave_group.handle,
    ApiKey.SYNC_GROUP: lambda: at_need.sync_group.handle,
    ApiKey.DESCRIBE_GROUPS: lambda: at_need.describe_groups.handle,
    ApiKey.LIST_GROUPS: lambda: at_need.list_groups.handle,
    ApiKey.SASL_HANDSHAKE: lambda: at_need.sasl_handshake.handle,
    ApiKey.API_VERSIONS: lambda: at_need.api_versions.handle,
    ApiKey.CREATE_TOPICS: lambda: at_need.create_topics.handle,
    ApiKey.DELETE_TOPICS: lambda: at_need.delete_topics.handle,
    ApiKey.DELETE_RECORDS: lambda: at_need.delete_records.handle,
    ApiKey.INIT_PRODUCER_ID: lambda: at_need.init_producer_id.handle,
    ApiKey.OFFSET_FOR_LEADER_EPOCH: lambda: at_need.offset_for_leader_epoch.handle,
    ApiKey.ADD_PARTITIONS_TO_TXN: lambda: at_need.add_partitions_to_txn.handle,
    ApiKey.ADD_OFFSETS_TO_TXN: lambda: at_need.add_offsets_to_txn.handle,
    ApiKey.END_TXN: lambda: at_need.end_txn.handle,
    ApiKey.WRITE_TXN_MARKERS: lambda: at_need.write_txn_markers.handle,
    ApiKey.TXN_OFFSET_COMMIT: lambda: at_need.txn_offset_commit.handle,
    ApiKey.DESCRIBE_ACLS: lambda: at_need.acls.handle,
    ApiKey.CREATE_ACLS: lambda: at_need.acls.handle,
    ApiKey.DELETE_ACLS: lambda: at_need.acls.handle,
    ApiKey.DESCRIBE_CONFIGS: lambda: at_need.describe_configs.handle,
    ApiKey.ALTER_CONFIGS: lambda: at_need.alter_configs.handle,
    ApiKey.ALTER_REPLICA_LOG_DIRS: lambda: at_need.alter_replica_log_dirs.handle,
    ApiKey.DESCRIBE_LOG_DIRS: lambda: at_need.describe_log_dirs.handle,
    ApiKey.SASL_AUTHENTICATE: lambda: at_need.sasl_authenticate.handle,
    ApiKey.CREATE_PARTITIONS: lambda: at_need.create_partitions.handle,
    ApiKey.CREATE_DELEGATION_TOKEN: lambda: at_need.delegation_tokens.handle,
    ApiKey.RENEW_DELEGATION_TOKEN: lambda: at_need.delegation_tokens.handle,
    ApiKey.EXPIRE_DELEGATION_TOKEN: lambda: at_need.delegation_tokens.handle,
    ApiKey.DESCRIBE_DELEGATION_TOKEN: lambda: at_need.delegation_tokens.handle,
    ApiKey.DELETE_GROUPS: lambda: at_need.delete_groups.handle,
    ApiKey.ELECT_LEADERS: lambda: at_need.elect_leaders.handle,
    ApiKey.INCREMENTAL_ALTER_CONFIGS: lambda: at_need.incremental_alter_configs.handle,
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: lambda: at_need.alter_partition_reassignments.handle,
    ApiKey.LIST_PARTITION_REASSIGNMENTS: lambda: at_need.list_partition_reassignments.handle,
    ApiKey.OFFSET_DELETE: lambda: at_need.offset_delete.handle,
    ApiKey.DESCRIBE_CLIENT_QUOTAS: lambda: at_need.describe_client_quotas.handle,
    ApiKey.ALTER_CLIENT_QUOTAS: lambda: at_need.alter_client_quotas.handle,
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS: lambda: at_need.describe_user_scram_credentials.handle,
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS: lambda: at_need.alter_user_scram_credentials.handle,
    ApiKey.ALTER_PARTITION: lambda: at_need.alter_partition.handle,
    ApiKey.UPDATE_FEATURES: lambda: at_need.update_features.handle,
    ApiKey.DESCRIBE_CLUSTER: lambda: at_need.describe_cluster.handle,
    ApiKey.DESCRIBE_PRODUCERS: lambda: at_need.describe_producers.handle,
    ApiKey.DESCRIBE_TRANSACTIONS: lambda: at_need.describe_transactions.handle,
    ApiKey.LIST_TRANSACTIONS: lambda: at_need.list_transactions.handle,
    ApiKey.ALLOCATE_PRODUCER_IDS: lambda: at_need.allocate_producer_ids.handle,
    ApiKey.CONSUMER_GROUP_HEARTBEAT: lambda: at_need.consumer_group_heartbeat.handle,
    ApiKey.CONSUMER_GROUP_DESCRIBE: lambda: at_need.consumer_group_describe.handle,
}
HANDLERS = _table(_HANDLERS)

_KRAFT_HANDLERS: Mapping[ApiKey, Callable[[], Handler]] = {
    ApiKey.DESCRIBE_QUORUM: lambda: at_need.describe_quorum.handle,
}
KRAFT_HANDLERS = _table(_KRAFT_HANDLERS)
"""The further APIs of a KRaft node."""

_ASKED_OF_CONTROLLERS = (
    *(ApiKey.CONTROLLED_SHUTDOWN, ApiKey.SASL_HANDSHAKE, ApiKey.API_VERSIONS, ApiKey.CREATE_TOPICS),
    *(ApiKey.DELETE_TOPICS, ApiKey.DESCRIBE_ACLS, ApiKey.CREATE_ACLS, ApiKey.DELETE_ACLS, ApiKey.DESCRIBE_CONFIGS),
    *(ApiKey.ALTER_CONFIGS, ApiKey.SASL_AUTHENTICATE, ApiKey.CREATE_PARTITIONS, ApiKey.CREATE_DELEGATION_TOKEN),
    *(ApiKey.RENEW_DELEGATION_TOKEN, ApiKey.EXPIRE_DELEGATION_TOKEN, ApiKey.DESCRIBE_DELEGATION_TOKEN),
    *(ApiKey.ELECT_LEADERS, ApiKey.INCREMENTAL_ALTER_CONFIGS, ApiKey.ALTER_PARTITION_REASSIGNMENTS),
    *(ApiKey.LIST_PARTITION_REASSIGNMENTS, ApiKey.ALTER_CLIENT_QUOTAS, ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS),
    *(ApiKey.ALTER_USER_SCRAM_CREDENTIALS, ApiKey.DESCRIBE_QUORUM, ApiKey.ALTER_PARTITION, ApiKey.UPDATE_FEATURES),
    *(ApiKey.DESCRIBE_CLUSTER, ApiKey.ALLOCATE_PRODUCER_IDS),
)
CONTROLLER_HANDLERS: Mapping[int, Api] = {
    int(key): KRAFT_HANDLERS.get(key) or HANDLERS[key] for key in _ASKED_OF_CONTROLLERS
}
"""The APIs of a KRaft node's controller: Kafka's messages for the listener `controller`, without those of Raft.

Metadata is not among them, so that a tool reports that it was sent to a controller instead of finding no brokers.
"""
