"""What this broker answers, one module per API. HANDLERS is the only list; dispatch, ApiVersions and the docs follow it.

A module holds `async def handle(ctx: RequestContext, request) -> response`; both are of the newest version that is
offered, whatever the client spoke (protocol/codec.py). Versions are those that Kafka 3.9 and kio have in common.
"""

from collections.abc import Mapping

from pykafka_cli.broker.context import Api
from pykafka_cli.broker.handlers import (
    api_versions,
    delete_records,
    describe_log_dirs,
    describe_producers,
    fetch,
    init_producer_id,
    leader_and_isr,
    list_offsets,
    offset_for_leader_epoch,
    produce,
    stop_replica,
)

HANDLERS: Mapping[int, Api] = {
    api.key: api
    for api in (
        # One line for each API, by key.
        Api("Produce", 0, 3, 11, produce.handle),
        Api("Fetch", 1, 4, 17, fetch.handle),
        Api("ListOffsets", 2, 1, 9, list_offsets.handle),
        Api("LeaderAndIsr", 4, 0, 7, leader_and_isr.handle),
        Api("StopReplica", 5, 0, 4, stop_replica.handle),
        Api("ApiVersions", 18, 0, 4, api_versions.handle),
        Api("DeleteRecords", 21, 0, 2, delete_records.handle),
        Api("InitProducerId", 22, 0, 5, init_producer_id.handle),
        Api("OffsetForLeaderEpoch", 23, 2, 4, offset_for_leader_epoch.handle),
        Api("DescribeLogDirs", 35, 1, 4, describe_log_dirs.handle),
        Api("DescribeProducers", 61, 0, 0, describe_producers.handle),
    )
}
