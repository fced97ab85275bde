"""What this broker answers, one module per API. HANDLERS is the only list; dispatch, ApiVersions and docs follow it.

A module holds `async def handle(ctx: RequestContext, request) -> response`; both are of the newest version that is
offered, whatever the client spoke (protocol/codec.py). Versions are those that Kafka 3.9 and kio have in common.
"""

from collections.abc import Mapping

from pykafka_cli.broker.context import Api
from pykafka_cli.broker.handlers import (
    allocate_producer_ids,
    alter_client_quotas,
    alter_configs,
    alter_partition,
    alter_partition_reassignments,
    alter_user_scram_credentials,
    api_versions,
    controlled_shutdown,
    create_partitions,
    create_topics,
    delete_records,
    delete_topics,
    describe_client_quotas,
    describe_cluster,
    describe_configs,
    describe_log_dirs,
    describe_producers,
    describe_user_scram_credentials,
    elect_leaders,
    fetch,
    incremental_alter_configs,
    init_producer_id,
    leader_and_isr,
    list_offsets,
    list_partition_reassignments,
    metadata,
    offset_for_leader_epoch,
    produce,
    stop_replica,
    update_metadata,
)

HANDLERS: Mapping[int, Api] = {
    api.key: api
    for api in (
        # One line for each API, by key.
        Api("Produce", 0, 3, 11, produce.handle),
        Api("Fetch", 1, 4, 17, fetch.handle),
        Api("ListOffsets", 2, 1, 9, list_offsets.handle),
        Api("Metadata", 3, 0, 12, metadata.handle),
        Api("LeaderAndIsr", 4, 0, 7, leader_and_isr.handle),
        Api("StopReplica", 5, 0, 4, stop_replica.handle),
        Api("UpdateMetadata", 6, 0, 8, update_metadata.handle),
        Api("ControlledShutdown", 7, 0, 3, controlled_shutdown.handle),
        Api("ApiVersions", 18, 0, 4, api_versions.handle),
        Api("CreateTopics", 19, 2, 7, create_topics.handle),
        Api("DeleteTopics", 20, 1, 6, delete_topics.handle),
        Api("DeleteRecords", 21, 0, 2, delete_records.handle),
        Api("InitProducerId", 22, 0, 5, init_producer_id.handle),
        Api("OffsetForLeaderEpoch", 23, 2, 4, offset_for_leader_epoch.handle),
        Api("DescribeConfigs", 32, 1, 4, describe_configs.handle),
        Api("AlterConfigs", 33, 0, 2, alter_configs.handle),
        Api("DescribeLogDirs", 35, 1, 4, describe_log_dirs.handle),
        Api("CreatePartitions", 37, 0, 3, create_partitions.handle),
        Api("ElectLeaders", 43, 0, 2, elect_leaders.handle),
        Api("IncrementalAlterConfigs", 44, 0, 1, incremental_alter_configs.handle),
        Api("AlterPartitionReassignments", 45, 0, 0, alter_partition_reassignments.handle),
        Api("ListPartitionReassignments", 46, 0, 0, list_partition_reassignments.handle),
        Api("DescribeClientQuotas", 48, 0, 1, describe_client_quotas.handle),
        Api("AlterClientQuotas", 49, 0, 1, alter_client_quotas.handle),
        Api("DescribeUserScramCredentials", 50, 0, 0, describe_user_scram_credentials.handle),
        Api("AlterUserScramCredentials", 51, 0, 0, alter_user_scram_credentials.handle),
        Api("AlterPartition", 56, 2, 3, alter_partition.handle),
        Api("DescribeCluster", 60, 0, 1, describe_cluster.handle),
        Api("DescribeProducers", 61, 0, 0, describe_producers.handle),
        Api("AllocateProducerIds", 67, 0, 0, allocate_producer_ids.handle),
    )
}
