"""Every API of Kafka's protocol by its key: its name, and the newest versions that clients of 3.9 and of 4.3 have.

What our own broker offers is another table (broker/handlers); this is what Kafka's own clients know.

Source: the message definitions and org.apache.kafka.common.protocol.ApiKeys.
"""

from collections.abc import Mapping
from enum import IntEnum


class ApiKey(IntEnum):
    """Constants as Java has them: key, newest version in 3.9 and in 4.3, whether brokers may offer it, name in 4.3.

    newest_in_3_9    None for what came later
    newest_in_4      of clients, who know only what brokers offer; None for the rest
    is_for_brokers   whether a broker of 3.9 may offer it, with ZooKeeper or in KRaft mode; else only controllers do
    title            the name as message definitions have it: ListOffsets for LIST_OFFSETS
    title_in_4       where it is another
    """

    newest_in_3_9: int | None
    newest_in_4: int | None
    is_for_brokers: bool
    title_in_4: str | None

    def __new__(
        cls,
        key: int,
        newest_in_3_9: int | None,
        newest_in_4: int | None,
        is_for_brokers: bool = True,
        title_in_4: str | None = None,
    ) -> "ApiKey":
        self = int.__new__(cls, key)
        self._value_ = key
        self.newest_in_3_9, self.newest_in_4 = newest_in_3_9, newest_in_4
        self.is_for_brokers, self.title_in_4 = is_for_brokers, title_in_4
        return self

    @property
    def title(self) -> str:
        return "".join(word.capitalize() for word in self.name.split("_"))

    @property
    def newest(self) -> int:
        """The newest version in 3.9. raises LookupError for what came later."""
        if self.newest_in_3_9 is None:
            raise LookupError(f"Kafka 3.9 has no {self.title}")
        return self.newest_in_3_9

    PRODUCE = 0, 11, 13
    FETCH = 1, 17, 18
    LIST_OFFSETS = 2, 9, 11
    METADATA = 3, 12, 13
    LEADER_AND_ISR = 4, 7, None
    STOP_REPLICA = 5, 4, None
    UPDATE_METADATA = 6, 8, None
    CONTROLLED_SHUTDOWN = 7, 3, None
    OFFSET_COMMIT = 8, 9, 10
    OFFSET_FETCH = 9, 9, 10
    FIND_COORDINATOR = 10, 6, 6
    JOIN_GROUP = 11, 9, 9
    HEARTBEAT = 12, 4, 4
    LEAVE_GROUP = 13, 5, 5
    SYNC_GROUP = 14, 5, 5
    DESCRIBE_GROUPS = 15, 5, 6
    LIST_GROUPS = 16, 5, 5
    SASL_HANDSHAKE = 17, 1, 1
    API_VERSIONS = 18, 4, 4
    CREATE_TOPICS = 19, 7, 7
    DELETE_TOPICS = 20, 6, 6
    DELETE_RECORDS = 21, 2, 2
    INIT_PRODUCER_ID = 22, 5, 5
    OFFSET_FOR_LEADER_EPOCH = 23, 4, 4
    ADD_PARTITIONS_TO_TXN = 24, 5, 5
    ADD_OFFSETS_TO_TXN = 25, 4, 4
    END_TXN = 26, 4, 5
    WRITE_TXN_MARKERS = 27, 1, 2
    TXN_OFFSET_COMMIT = 28, 4, 5
    DESCRIBE_ACLS = 29, 3, 3
    CREATE_ACLS = 30, 3, 3
    DELETE_ACLS = 31, 3, 3
    DESCRIBE_CONFIGS = 32, 4, 4
    ALTER_CONFIGS = 33, 2, 2
    ALTER_REPLICA_LOG_DIRS = 34, 2, 2
    DESCRIBE_LOG_DIRS = 35, 4, 5
    SASL_AUTHENTICATE = 36, 2, 2
    CREATE_PARTITIONS = 37, 3, 3
    CREATE_DELEGATION_TOKEN = 38, 3, 3
    RENEW_DELEGATION_TOKEN = 39, 2, 2
    EXPIRE_DELEGATION_TOKEN = 40, 2, 2
    DESCRIBE_DELEGATION_TOKEN = 41, 3, 3
    DELETE_GROUPS = 42, 2, 2
    ELECT_LEADERS = 43, 2, 2
    INCREMENTAL_ALTER_CONFIGS = 44, 1, 1
    ALTER_PARTITION_REASSIGNMENTS = 45, 0, 1
    LIST_PARTITION_REASSIGNMENTS = 46, 0, 0
    OFFSET_DELETE = 47, 0, 0
    DESCRIBE_CLIENT_QUOTAS = 48, 1, 1
    ALTER_CLIENT_QUOTAS = 49, 1, 1
    DESCRIBE_USER_SCRAM_CREDENTIALS = 50, 0, 0
    ALTER_USER_SCRAM_CREDENTIALS = 51, 0, 0
    VOTE = 52, 1, None, False
    BEGIN_QUORUM_EPOCH = 53, 1, None, False
    END_QUORUM_EPOCH = 54, 1, None, False
    DESCRIBE_QUORUM = 55, 2, 2
    ALTER_PARTITION = 56, 3, None
    UPDATE_FEATURES = 57, 1, 2
    ENVELOPE = 58, 0, None
    FETCH_SNAPSHOT = 59, 1, None, False
    DESCRIBE_CLUSTER = 60, 1, 2
    DESCRIBE_PRODUCERS = 61, 0, 0
    BROKER_REGISTRATION = 62, 4, None, False
    BROKER_HEARTBEAT = 63, 1, None, False
    UNREGISTER_BROKER = 64, 0, 0
    DESCRIBE_TRANSACTIONS = 65, 0, 0
    LIST_TRANSACTIONS = 66, 1, 2
    ALLOCATE_PRODUCER_IDS = 67, 0, None
    CONSUMER_GROUP_HEARTBEAT = 68, 0, 1
    CONSUMER_GROUP_DESCRIBE = 69, 0, 1
    CONTROLLER_REGISTRATION = 70, 0, None, False
    GET_TELEMETRY_SUBSCRIPTIONS = 71, 0, 0
    PUSH_TELEMETRY = 72, 0, 0
    ASSIGN_REPLICAS_TO_DIRS = 73, 0, None, False
    LIST_CLIENT_METRICS_RESOURCES = 74, 0, 1, True, "ListConfigResources"
    DESCRIBE_TOPIC_PARTITIONS = 75, 0, 0
    SHARE_GROUP_HEARTBEAT = 76, 0, 1
    SHARE_GROUP_DESCRIBE = 77, 0, 1
    SHARE_FETCH = 78, 0, 2
    SHARE_ACKNOWLEDGE = 79, 0, 2
    ADD_RAFT_VOTER = 80, 0, 1
    REMOVE_RAFT_VOTER = 81, 0, 0
    UPDATE_RAFT_VOTER = 82, 0, None, False
    INITIALIZE_SHARE_GROUP_STATE = 83, 0, 0
    READ_SHARE_GROUP_STATE = 84, 0, 0
    WRITE_SHARE_GROUP_STATE = 85, 0, 1
    DELETE_SHARE_GROUP_STATE = 86, 0, 0
    READ_SHARE_GROUP_STATE_SUMMARY = 87, 0, 1
    STREAMS_GROUP_HEARTBEAT = 88, None, 0
    STREAMS_GROUP_DESCRIBE = 89, None, 0
    DESCRIBE_SHARE_GROUP_OFFSETS = 90, None, 1
    ALTER_SHARE_GROUP_OFFSETS = 91, None, 0
    DELETE_SHARE_GROUP_OFFSETS = 92, None, 0


APIS: Mapping[int, ApiKey] = {int(key): key for key in ApiKey}


def api_name(key: int) -> str:
    """Its name, or a word that says which key has none."""
    return APIS[key].title if key in APIS else f"UNKNOWN({key})"


def constant_of(key: int) -> str:
    """The name of an API as Java's constants have it, ListOffsets as LIST_OFFSETS."""
    return APIS[key].name if key in APIS else f"the API with key {key}"
