"""What this broker answers, one module per API. HANDLERS is the only list; dispatch, ApiVersions and docs follow it.

A module holds `async def handle(ctx: RequestContext, request) -> response`; both are of the newest version that is
offered, whatever the client spoke (protocol/codec.py). Versions are those that Kafka 3.9 offers.
"""

from collections.abc import Awaitable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from pykafka_cli.broker.context import Api, Handler, RequestContext


def handler(module: str) -> Handler:
    """The `handle` of a module beside this one, which is imported with the first request that is for it.

    All of them and the messages they speak cost 0.1 s, more than the rest of a start, and most are never asked.
    """

    @cache
    def handle() -> Handler:
        found: Handler = import_module(f"{__name__}.{module}").handle
        return found

    def serve(ctx: RequestContext, request: Any) -> Awaitable[Any]:
        return handle()(ctx, request)

    return serve


HANDLERS: Mapping[int, Api] = {
    api.key: api
    for api in (
        # One line for each API, by key.
        Api("Produce", 0, 0, 11, handler("produce")),
        Api("Fetch", 1, 0, 17, handler("fetch")),
        Api("ListOffsets", 2, 0, 9, handler("list_offsets")),
        Api("Metadata", 3, 0, 12, handler("metadata")),
        Api("LeaderAndIsr", 4, 0, 7, handler("leader_and_isr")),
        Api("StopReplica", 5, 0, 4, handler("stop_replica")),
        Api("UpdateMetadata", 6, 0, 8, handler("update_metadata")),
        Api("ControlledShutdown", 7, 0, 3, handler("controlled_shutdown")),
        Api("OffsetCommit", 8, 0, 9, handler("offset_commit")),
        Api("OffsetFetch", 9, 0, 9, handler("offset_fetch")),
        Api("FindCoordinator", 10, 0, 6, handler("find_coordinator")),
        Api("JoinGroup", 11, 0, 9, handler("join_group")),
        Api("Heartbeat", 12, 0, 4, handler("heartbeat")),
        Api("LeaveGroup", 13, 0, 5, handler("leave_group")),
        Api("SyncGroup", 14, 0, 5, handler("sync_group")),
        Api("DescribeGroups", 15, 0, 5, handler("describe_groups")),
        Api("ListGroups", 16, 0, 5, handler("list_groups")),
        Api("SaslHandshake", 17, 0, 1, handler("sasl_handshake")),
        Api("ApiVersions", 18, 0, 4, handler("api_versions")),
        Api("CreateTopics", 19, 0, 7, handler("create_topics")),
        Api("DeleteTopics", 20, 0, 6, handler("delete_topics")),
        Api("DeleteRecords", 21, 0, 2, handler("delete_records")),
        Api("InitProducerId", 22, 0, 5, handler("init_producer_id")),
        Api("OffsetForLeaderEpoch", 23, 0, 4, handler("offset_for_leader_epoch")),
        Api("AddPartitionsToTxn", 24, 0, 5, handler("add_partitions_to_txn")),
        Api("AddOffsetsToTxn", 25, 0, 4, handler("add_offsets_to_txn")),
        Api("EndTxn", 26, 0, 4, handler("end_txn")),
        Api("WriteTxnMarkers", 27, 0, 1, handler("write_txn_markers")),
        Api("TxnOffsetCommit", 28, 0, 4, handler("txn_offset_commit")),
        Api("DescribeConfigs", 32, 0, 4, handler("describe_configs")),
        Api("AlterConfigs", 33, 0, 2, handler("alter_configs")),
        Api("AlterReplicaLogDirs", 34, 0, 2, handler("alter_replica_log_dirs")),
        Api("DescribeLogDirs", 35, 0, 4, handler("describe_log_dirs")),
        Api("SaslAuthenticate", 36, 0, 2, handler("sasl_authenticate")),
        Api("CreatePartitions", 37, 0, 3, handler("create_partitions")),
        Api("DeleteGroups", 42, 0, 2, handler("delete_groups")),
        Api("ElectLeaders", 43, 0, 2, handler("elect_leaders")),
        Api("IncrementalAlterConfigs", 44, 0, 1, handler("incremental_alter_configs")),
        Api("AlterPartitionReassignments", 45, 0, 0, handler("alter_partition_reassignments")),
        Api("ListPartitionReassignments", 46, 0, 0, handler("list_partition_reassignments")),
        Api("OffsetDelete", 47, 0, 0, handler("offset_delete")),
        Api("DescribeClientQuotas", 48, 0, 1, handler("describe_client_quotas")),
        Api("AlterClientQuotas", 49, 0, 1, handler("alter_client_quotas")),
        Api("DescribeUserScramCredentials", 50, 0, 0, handler("describe_user_scram_credentials")),
        Api("AlterUserScramCredentials", 51, 0, 0, handler("alter_user_scram_credentials")),
        Api("AlterPartition", 56, 0, 3, handler("alter_partition")),
        Api("UpdateFeatures", 57, 0, 1, handler("update_features")),
        Api("DescribeCluster", 60, 0, 1, handler("describe_cluster")),
        Api("DescribeProducers", 61, 0, 0, handler("describe_producers")),
        Api("DescribeTransactions", 65, 0, 0, handler("describe_transactions")),
        Api("ListTransactions", 66, 0, 1, handler("list_transactions")),
        Api("AllocateProducerIds", 67, 0, 0, handler("allocate_producer_ids")),
        Api("ConsumerGroupHeartbeat", 68, 0, 0, handler("consumer_group_heartbeat")),
        Api("ConsumerGroupDescribe", 69, 0, 0, handler("consumer_group_describe")),
    )
}

KRAFT_HANDLERS: Mapping[int, Api] = {
    api.key: api for api in (Api("DescribeQuorum", 55, 0, 2, handler("describe_quorum")),)
}
"""What a KRaft node answers besides."""
