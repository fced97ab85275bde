"""The KRaft quorum: its leader, the lag of its nodes, and removing voters (KIP-595, KIP-853)."""

import uuid
from typing import Any

from kio.schema.describe_quorum.v2.request import DescribeQuorumRequest, PartitionData, TopicData
from kio.schema.types import TopicName
from kio.static.primitive import i32

from pykafka_cli.clients.admin.cluster import cluster_id
from pykafka_cli.clients.errors import ensure_none_failed
from pykafka_cli.clients.session import Session
from pykafka_cli.model import LeaderEpoch, Offset, Quorum, QuorumReplica, Timestamp

_METADATA = TopicData(topic_name=TopicName("__cluster_metadata"), partitions=(PartitionData(partition_index=i32(0)),))


async def describe_quorum(session: Session) -> Quorum:
    """raises    ApiError, VersionUnsupported if the cluster is not in KRaft mode"""
    answer = await session.ask(DescribeQuorumRequest(topics=(_METADATA,)))
    ensure_none_failed([answer])
    partition = answer.topics[0].partitions[0]
    ensure_none_failed([partition])
    return Quorum(
        await cluster_id(session),
        partition.leader_id,
        LeaderEpoch(partition.leader_epoch),
        Offset(int(partition.high_watermark)),
        tuple(map(_replica, partition.current_voters)),
        tuple(map(_replica, partition.observers)),
        {
            node.node_id: tuple(f"{each.name}://{each.host}:{each.port}" for each in node.listeners)
            for node in answer.nodes
        },
    )


def _replica(state: Any) -> QuorumReplica:
    return QuorumReplica(
        state.replica_id,
        state.replica_directory_id,
        Offset(int(state.log_end_offset)),
        _time(state.last_fetch_timestamp),
        _time(state.last_caught_up_timestamp),
    )


def _time(timestamp: int) -> Timestamp | None:
    return Timestamp(timestamp) if timestamp >= 0 else None


async def remove_voter(session: Session, voter: int, directory: uuid.UUID) -> None:
    """raises    ApiError, VersionUnsupported"""
    from kio.schema.remove_raft_voter.v0.request import RemoveRaftVoterRequest

    request = RemoveRaftVoterRequest(cluster_id=None, voter_id=i32(voter), voter_directory_id=directory)
    ensure_none_failed([await session.ask(request)])
