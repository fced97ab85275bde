"""Keys of the broker as a member of its cluster: identity, ZooKeeper, controller, replication, quotas."""

from pykafka_cli.model import BrokerId
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
)


class ClusterKeys(Settings):
    """Keys of the broker as a member of its cluster: identity, ZooKeeper, controller, replication, quotas."""

    broker_id = Key(
        INT, BrokerId(-1), "This broker's id in its cluster; -1 means that ZooKeeper assigns one.", importance=HIGH
    )
    node_id = Key(INT, BrokerId(-1), "The newer name of broker.id.", importance=HIGH)
    broker_id_generation_enable = Key(BOOLEAN, True, "Whether ZooKeeper may assign an id if broker.id is -1.")
    reserved_broker_max_id = Key(
        INT, 1000, "The highest number that broker.id may have; ZooKeeper assigns higher ones.", AtLeast(0)
    )
    broker_rack = Key[str | None](STRING, None, "The broker's rack; replicas of a partition are spread over racks.")
    zookeeper_connect = Key[str | None](
        STRING,
        None,
        "ZooKeeper servers: host:port, separated by commas, optionally followed by a path for Kafka's znodes.",
        importance=HIGH,
    )
    zookeeper_connection_timeout_ms = Key[int | None](
        INT,
        None,
        "How long the broker waits for ZooKeeper when it starts; by default zookeeper.session.timeout.ms.",
        importance=HIGH,
    )
    zookeeper_session_timeout_ms = Key(
        INT, 18_000, "Time without contact after which ZooKeeper expires the broker's session.", importance=HIGH
    )
    zookeeper_max_in_flight_requests = Key(
        INT, 10, "Maximum number of requests in flight to ZooKeeper.", AtLeast(1), importance=HIGH
    )
    inter_broker_protocol_version = InertKey(
        STRING,
        "3.9-IV0",
        "The release whose inter-broker requests are used; always 3.9 here, other values are accepted.",
        ReleaseVersion(),
    )
    controlled_shutdown_enable = Key(
        BOOLEAN, True, "Whether a broker that stops first transfers leadership of its partitions."
    )
    controlled_shutdown_max_retries = Key(INT, 3, "How often a broker that stops tries to transfer leadership.")
    controlled_shutdown_retry_backoff_ms = Key(LONG, 5000, "How long a broker that stops waits between two attempts.")
    controller_socket_timeout_ms = InertKey(INT, 30_000, "How long the controller waits for a broker's response.")
    auto_leader_rebalance_enable = Key(
        BOOLEAN,
        True,
        "Whether the controller moves leadership back to preferred replicas automatically.",
        importance=HIGH,
    )
    leader_imbalance_check_interval_seconds = Key(
        LONG,
        300,
        "How often the controller checks whether leadership should be rebalanced.",
        AtLeast(1),
        importance=HIGH,
    )
    leader_imbalance_per_broker_percentage = Key(
        INT,
        10,
        "The percentage of a broker's partitions led elsewhere above which leadership is rebalanced.",
        importance=HIGH,
    )
    unclean_leader_election_enable = Key(
        BOOLEAN,
        False,
        "Whether a replica that is not in sync may become leader if no other is left, which may lose records.",
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    default_replication_factor = Key(INT, 1, "Replication factor of topics that are created without one.")
    min_insync_replicas = Key(
        INT,
        1,
        "Minimum number of in-sync replicas to accept acks=all.",
        AtLeast(1),
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    delete_topic_enable = Key(BOOLEAN, True, "Whether topics can be deleted.", importance=HIGH)
    replica_lag_time_max_ms = Key(
        LONG, 30_000, "Time after which a follower that has not caught up leaves the ISR.", importance=HIGH
    )
    replica_fetch_max_bytes = Key(INT, 1_048_576, "Bytes that a follower requests from one partition.", AtLeast(0))
    replica_fetch_response_max_bytes = Key(
        INT, 10_485_760, "Bytes that a follower requests in one response.", AtLeast(0)
    )
    replica_fetch_min_bytes = Key(
        INT, 1, "Minimum size of a response to a follower; the leader waits for it.", importance=HIGH
    )
    replica_fetch_wait_max_ms = Key(
        INT, 500, "Maximum time that a leader holds a follower's fetch without new records.", importance=HIGH
    )
    replica_fetch_backoff_ms = Key(INT, 1000, "How long a follower waits after an error.", AtLeast(0))
    replica_socket_timeout_ms = Key(
        INT, 30_000, "How long a follower waits for its leader's response.", importance=HIGH
    )
    replica_high_watermark_checkpoint_interval_ms = Key(
        LONG, 5000, "How often high watermarks are written to disk.", importance=HIGH
    )
    replica_selector_class = InertKey(
        STRING, None, "Which replica a consumer reads from: unset for the leader, or Kafka's RackAwareReplicaSelector."
    )
    num_replica_fetchers = Key(
        INT, 1, "Connections from this broker to each leader.", importance=HIGH, update=CLUSTER_WIDE
    )
    fetch_max_bytes = Key(
        INT, 57_671_680, "Maximum size of one Fetch response, whatever the client requests.", AtLeast(1024)
    )
    max_incremental_fetch_session_cache_slots = Key(
        INT, 1000, "Maximum number of fetch sessions (KIP-227).", AtLeast(0)
    )
    max_request_partition_size_limit = InertKey(
        INT, 2000, "Maximum number of partitions in one DescribeTopicPartitions response.", AtLeast(1)
    )
    quota_window_num = Key(INT, 11, "Number of samples for a client's rate.", AtLeast(1), importance=LOW)
    quota_window_size_seconds = Key(INT, 1, "Time span of one of these samples.", AtLeast(1), importance=LOW)
    controller_quota_window_num = Key(
        INT, 11, "Number of samples for the rate of topic changes.", AtLeast(1), importance=LOW
    )
    controller_quota_window_size_seconds = Key(INT, 1, "Time span of one of these samples.", AtLeast(1), importance=LOW)
    alter_log_dirs_replication_quota_window_num = Key(
        INT, 11, "Number of samples for the rate of moves between directories.", AtLeast(1), importance=LOW
    )
    alter_log_dirs_replication_quota_window_size_seconds = Key(
        INT, 1, "Time span of one of these samples.", AtLeast(1), importance=LOW
    )
    replication_quota_window_num = Key(
        INT, 11, "Number of samples for the rate of throttled replication.", AtLeast(1), importance=LOW
    )
    replication_quota_window_size_seconds = Key(
        INT, 1, "Time span of one of these samples.", AtLeast(1), importance=LOW
    )
