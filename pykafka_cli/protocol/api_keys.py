"""Every API of Kafka's protocol by its key: its name, and the newest versions that clients of 3.9 and of 4.3 have.

What our own broker offers is another table (broker/handlers); this is what Kafka's own clients know.

Source: the message definitions and org.apache.kafka.common.protocol.ApiKeys.
"""

import re
from typing import NamedTuple


class Api(NamedTuple):
    name: str
    newest: int | None
    """In 3.9; None for what came later."""
    newest_in_4: int | None
    """In 4.3, whose clients know only what brokers offer; None for the rest."""
    is_for_brokers: bool = True
    """Whether a broker of 3.9 may offer it, in ZooKeeper mode or in KRaft mode; the others are for controllers."""
    name_in_4: str | None = None
    """Where it is another."""


APIS: dict[int, Api] = {
    0: Api("Produce", 11, 13),
    1: Api("Fetch", 17, 18),
    2: Api("ListOffsets", 9, 11),
    3: Api("Metadata", 12, 13),
    4: Api("LeaderAndIsr", 7, None),
    5: Api("StopReplica", 4, None),
    6: Api("UpdateMetadata", 8, None),
    7: Api("ControlledShutdown", 3, None),
    8: Api("OffsetCommit", 9, 10),
    9: Api("OffsetFetch", 9, 10),
    10: Api("FindCoordinator", 6, 6),
    11: Api("JoinGroup", 9, 9),
    12: Api("Heartbeat", 4, 4),
    13: Api("LeaveGroup", 5, 5),
    14: Api("SyncGroup", 5, 5),
    15: Api("DescribeGroups", 5, 6),
    16: Api("ListGroups", 5, 5),
    17: Api("SaslHandshake", 1, 1),
    18: Api("ApiVersions", 4, 4),
    19: Api("CreateTopics", 7, 7),
    20: Api("DeleteTopics", 6, 6),
    21: Api("DeleteRecords", 2, 2),
    22: Api("InitProducerId", 5, 5),
    23: Api("OffsetForLeaderEpoch", 4, 4),
    24: Api("AddPartitionsToTxn", 5, 5),
    25: Api("AddOffsetsToTxn", 4, 4),
    26: Api("EndTxn", 4, 5),
    27: Api("WriteTxnMarkers", 1, 2),
    28: Api("TxnOffsetCommit", 4, 5),
    29: Api("DescribeAcls", 3, 3),
    30: Api("CreateAcls", 3, 3),
    31: Api("DeleteAcls", 3, 3),
    32: Api("DescribeConfigs", 4, 4),
    33: Api("AlterConfigs", 2, 2),
    34: Api("AlterReplicaLogDirs", 2, 2),
    35: Api("DescribeLogDirs", 4, 5),
    36: Api("SaslAuthenticate", 2, 2),
    37: Api("CreatePartitions", 3, 3),
    38: Api("CreateDelegationToken", 3, 3),
    39: Api("RenewDelegationToken", 2, 2),
    40: Api("ExpireDelegationToken", 2, 2),
    41: Api("DescribeDelegationToken", 3, 3),
    42: Api("DeleteGroups", 2, 2),
    43: Api("ElectLeaders", 2, 2),
    44: Api("IncrementalAlterConfigs", 1, 1),
    45: Api("AlterPartitionReassignments", 0, 1),
    46: Api("ListPartitionReassignments", 0, 0),
    47: Api("OffsetDelete", 0, 0),
    48: Api("DescribeClientQuotas", 1, 1),
    49: Api("AlterClientQuotas", 1, 1),
    50: Api("DescribeUserScramCredentials", 0, 0),
    51: Api("AlterUserScramCredentials", 0, 0),
    52: Api("Vote", 1, None, is_for_brokers=False),
    53: Api("BeginQuorumEpoch", 1, None, is_for_brokers=False),
    54: Api("EndQuorumEpoch", 1, None, is_for_brokers=False),
    55: Api("DescribeQuorum", 2, 2),
    56: Api("AlterPartition", 3, None),
    57: Api("UpdateFeatures", 1, 2),
    58: Api("Envelope", 0, None),
    59: Api("FetchSnapshot", 1, None, is_for_brokers=False),
    60: Api("DescribeCluster", 1, 2),
    61: Api("DescribeProducers", 0, 0),
    62: Api("BrokerRegistration", 4, None, is_for_brokers=False),
    63: Api("BrokerHeartbeat", 1, None, is_for_brokers=False),
    64: Api("UnregisterBroker", 0, 0),
    65: Api("DescribeTransactions", 0, 0),
    66: Api("ListTransactions", 1, 2),
    67: Api("AllocateProducerIds", 0, None),
    68: Api("ConsumerGroupHeartbeat", 0, 1),
    69: Api("ConsumerGroupDescribe", 0, 1),
    70: Api("ControllerRegistration", 0, None, is_for_brokers=False),
    71: Api("GetTelemetrySubscriptions", 0, 0),
    72: Api("PushTelemetry", 0, 0),
    73: Api("AssignReplicasToDirs", 0, None, is_for_brokers=False),
    74: Api("ListClientMetricsResources", 0, 1, name_in_4="ListConfigResources"),
    75: Api("DescribeTopicPartitions", 0, 0),
    76: Api("ShareGroupHeartbeat", 0, 1),
    77: Api("ShareGroupDescribe", 0, 1),
    78: Api("ShareFetch", 0, 2),
    79: Api("ShareAcknowledge", 0, 2),
    80: Api("AddRaftVoter", 0, 1),
    81: Api("RemoveRaftVoter", 0, 0),
    82: Api("UpdateRaftVoter", 0, None, is_for_brokers=False),
    83: Api("InitializeShareGroupState", 0, 0),
    84: Api("ReadShareGroupState", 0, 0),
    85: Api("WriteShareGroupState", 0, 1),
    86: Api("DeleteShareGroupState", 0, 0),
    87: Api("ReadShareGroupStateSummary", 0, 1),
    88: Api("StreamsGroupHeartbeat", None, 0),
    89: Api("StreamsGroupDescribe", None, 0),
    90: Api("DescribeShareGroupOffsets", None, 1),
    91: Api("AlterShareGroupOffsets", None, 0),
    92: Api("DeleteShareGroupOffsets", None, 0),
}


def api_name(key: int) -> str:
    """Its name, or a word that says which key has none."""
    return APIS[key].name if key in APIS else f"UNKNOWN({key})"


def constant_of(key: int) -> str:
    """The name of an API as Java's constants have it, ListOffsets as LIST_OFFSETS."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", APIS[key].name).upper() if key in APIS else f"the API with key {key}"
