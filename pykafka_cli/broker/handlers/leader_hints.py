"""The leader of a partition, sent to a client that asked the wrong broker, to save it a Metadata request (KIP-951)."""

from typing import TYPE_CHECKING, NamedTuple

from pykafka_cli.model import TopicPartition
from pykafka_cli.protocol.hot_path.wire import LeaderIdAndEpoch, NodeEndpoint

if TYPE_CHECKING:
    from pykafka_cli.broker.metadata.cache import MetadataCache
    from pykafka_cli.broker.replication.hosted_partitions import HostedPartitions


class LeaderHint(NamedTuple):
    """The leader, -1 if unknown, and where clients of the asking listener reach it, if it is alive."""

    leader: LeaderIdAndEpoch
    endpoint: NodeEndpoint | None


def leader_hint(
    hosted: "HostedPartitions", metadata: "MetadataCache", topic_partition: TopicPartition, listener: str
) -> LeaderHint:
    """The leader as the local replica knows it, or as the metadata contain it. Source: KafkaApis.getCurrentLeader."""
    partition = hosted.get(topic_partition)
    if partition is not None and partition.leader is not None:
        leader = LeaderIdAndEpoch(partition.leader, partition.leader_epoch)
    elif (state := metadata.partition_state(topic_partition)) is not None:
        leader = LeaderIdAndEpoch(state.leader, state.leader_epoch)
    else:
        leader = LeaderIdAndEpoch()
    endpoint = metadata.endpoint(leader.leader_id, listener)
    if endpoint is None:
        return LeaderHint(leader, None)
    rack = metadata.rack(leader.leader_id)
    return LeaderHint(leader, NodeEndpoint(leader.leader_id, endpoint.host, endpoint.port, rack))
