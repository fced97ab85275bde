"""Keys of the broker as a member of its cluster: identity, ZooKeeper, controller, replication, quotas."""

from pykafka_cli.properties.checks import ReleaseVersion
from pykafka_cli.properties.keys import (
    BOOLEAN,
    CLUSTER_WIDE,
    HIGH,
    INT,
    LONG,
    LOW,
    STRING,
    AtLeast,
    InertKey,
    Key,
    Settings,
    UnsupportedProtection,
)


class ClusterKeys(Settings):
    """Keys of the broker as a member of its cluster: identity, ZooKeeper, controller, replication, quotas."""

    broker_id = Key(INT, -1, "This broker's number in its cluster; -1: ZooKeeper hands one out.", importance=HIGH)
    node_id = Key(INT, -1, "The same as broker.id, by the name that later releases use.", importance=HIGH)
    broker_id_generation_enable = Key(BOOLEAN, True, "Whether ZooKeeper may hand out a number where broker.id is -1.")
    reserved_broker_max_id = Key(
        INT, 1000, "The highest number that broker.id may have; ZooKeeper hands out those above.", AtLeast(0)
    )
    broker_rack = Key[str | None](STRING, None, "The broker's rack; replicas of a partition are spread over racks.")
    zookeeper_connect = Key[str | None](
        STRING,
        None,
        "Where ZooKeeper is: host:port, separated by commas, and after the last one, if wanted, a path to live under.",
        importance=HIGH,
    )
    zookeeper_connection_timeout_ms = Key[int | None](
        INT,
        None,
        "How long the broker waits for ZooKeeper at its start; unset: zookeeper.session.timeout.ms.",
        importance=HIGH,
    )
    zookeeper_session_timeout_ms = Key(
        INT, 18_000, "How long ZooKeeper goes without news of the broker before it counts as gone.", importance=HIGH
    )
    zookeeper_max_in_flight_requests = Key(
        INT, 10, "Requests to ZooKeeper that may be without an answer at one time.", AtLeast(1), importance=HIGH
    )
    zookeeper_set_acl = UnsupportedProtection(
        BOOLEAN,
        False,
        "Whether znodes are made so that only brokers may change them.",
        importance=HIGH,
        loss="this broker makes znodes that every client of ZooKeeper may change",
    )
    inter_broker_protocol_version = InertKey(
        STRING,
        "3.9-IV0",
        "The release whose inter-broker requests are spoken; 3.9 here, other values are accepted.",
        ReleaseVersion(),
    )
    controlled_shutdown_enable = Key(
        BOOLEAN, True, "Whether a stopping broker first hands over the partitions it leads."
    )
    controlled_shutdown_max_retries = Key(INT, 3, "How often a stopping broker tries to hand over.")
    controlled_shutdown_retry_backoff_ms = Key(LONG, 5000, "How long a stopping broker rests between two tries.")
    controller_socket_timeout_ms = InertKey(INT, 30_000, "How long the controller waits for a broker's answer.")
    auto_leader_rebalance_enable = Key(
        BOOLEAN, True, "Whether the controller gives leadership back to preferred replicas by itself.", importance=HIGH
    )
    leader_imbalance_check_interval_seconds = Key(
        LONG, 300, "How often the controller looks whether leadership should go back.", AtLeast(1), importance=HIGH
    )
    leader_imbalance_per_broker_percentage = Key(
        INT, 10, "The share of a broker's partitions led elsewhere above which leadership goes back.", importance=HIGH
    )
    unclean_leader_election_enable = Key(
        BOOLEAN,
        False,
        "Whether a replica that is not in sync may lead when no other is left, at the price of records.",
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    default_replication_factor = Key(INT, 1, "Replicas of a topic that is created without saying how many.")
    min_insync_replicas = Key(
        INT,
        1,
        "Replicas that must be in sync for acks=all to be accepted.",
        AtLeast(1),
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    delete_topic_enable = Key(BOOLEAN, True, "Whether topics can be deleted.", importance=HIGH)
    replica_lag_time_max_ms = Key(
        LONG, 30_000, "A follower that has not caught up for so long leaves the in-sync replicas.", importance=HIGH
    )
    replica_fetch_max_bytes = Key(INT, 1_048_576, "Bytes a follower asks for from one partition.", AtLeast(0))
    replica_fetch_response_max_bytes = Key(INT, 10_485_760, "Bytes a follower asks for in one answer.", AtLeast(0))
    replica_fetch_min_bytes = Key(
        INT, 1, "Bytes that make a leader answer a follower before its wait is over.", importance=HIGH
    )
    replica_fetch_wait_max_ms = Key(
        INT, 500, "How long a leader may keep a follower's fetch that finds nothing new.", importance=HIGH
    )
    replica_fetch_backoff_ms = Key(INT, 1000, "How long a follower rests after an error.", AtLeast(0))
    replica_socket_timeout_ms = Key(INT, 30_000, "How long a follower waits for its leader's answer.", importance=HIGH)
    replica_high_watermark_checkpoint_interval_ms = Key(
        LONG, 5000, "How often high watermarks are written down.", importance=HIGH
    )
    replica_selector_class = InertKey(
        STRING, None, "Which replica a consumer reads from: unset for the leader, or Kafka's RackAwareReplicaSelector."
    )
    num_replica_fetchers = Key(
        INT, 1, "Connections from this broker to each leader that it follows.", importance=HIGH, update=CLUSTER_WIDE
    )
    fetch_max_bytes = Key(
        INT, 57_671_680, "Bytes of records in one answer to a fetch, whatever the client asks for.", AtLeast(1024)
    )
    max_incremental_fetch_session_cache_slots = Key(
        INT, 1000, "Fetch sessions that are remembered at one time (KIP-227).", AtLeast(0)
    )
    max_request_partition_size_limit = InertKey(
        INT, 2000, "Partitions that one DescribeTopicPartitions answer may hold.", AtLeast(1)
    )
    quota_window_num = InertKey(INT, 11, "Samples from which a client's rate is computed.", AtLeast(1), importance=LOW)
    quota_window_size_seconds = InertKey(INT, 1, "How long one of these samples lasts.", AtLeast(1), importance=LOW)
    controller_quota_window_num = InertKey(
        INT, 11, "Samples from which the rate of topic changes is computed.", AtLeast(1), importance=LOW
    )
    controller_quota_window_size_seconds = InertKey(
        INT, 1, "How long one of these samples lasts.", AtLeast(1), importance=LOW
    )
    replication_quota_window_num = InertKey(
        INT, 11, "Samples from which the rate of throttled replication is computed.", AtLeast(1), importance=LOW
    )
    replication_quota_window_size_seconds = InertKey(
        INT, 1, "How long one of these samples lasts.", AtLeast(1), importance=LOW
    )
