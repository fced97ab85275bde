"""Keys of the coordinators: groups, offsets, transactions."""

from pykafka_cli.properties.keys import (
    BOOLEAN,
    CLUSTER_WIDE,
    HIGH,
    INT,
    LONG,
    LOW,
    MAX_INT,
    SHORT,
    AtLeast,
    InertKey,
    Key,
    Settings,
)


class CoordinatorKeys(Settings):
    """Keys of the coordinators: groups, offsets, transactions."""

    group_initial_rebalance_delay_ms = Key(
        INT, 3000, "How long the first rebalance of an empty group waits for more members."
    )
    group_min_session_timeout_ms = Key(INT, 6000, "The shortest session timeout that a member may request.")
    group_max_session_timeout_ms = Key(INT, 1_800_000, "The longest session timeout that a member may request.")
    group_max_size = Key(INT, MAX_INT, "Maximum number of members of a group.", AtLeast(1))
    offset_metadata_max_bytes = Key(
        INT, 4096, "Maximum size of the metadata committed with an offset.", importance=HIGH
    )
    offsets_topic_num_partitions = Key(
        INT,
        50,
        "Number of partitions of __consumer_offsets; must not change once it exists.",
        AtLeast(1),
        importance=HIGH,
    )
    offsets_topic_replication_factor = Key(SHORT, 3, "Replicas of __consumer_offsets.", AtLeast(1), importance=HIGH)
    offsets_topic_segment_bytes = Key(
        INT,
        104_857_600,
        "The segment size of __consumer_offsets; small, so that it is compacted and loaded fast.",
        AtLeast(1),
        importance=HIGH,
    )
    offsets_topic_compression_codec = Key(
        INT, 0, "Compression of commits: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.", importance=HIGH
    )
    offsets_load_buffer_size = InertKey(
        INT, 5_242_880, "Bytes read at a time while committed offsets are loaded.", AtLeast(1), importance=HIGH
    )
    offsets_retention_minutes = Key(
        INT, 10_080, "How long the offsets of a group without members are kept.", AtLeast(1), importance=HIGH
    )
    offsets_retention_check_interval_ms = Key(
        LONG, 600_000, "How often the coordinator checks for expired offsets.", AtLeast(1), importance=HIGH
    )
    offsets_commit_timeout_ms = Key(
        INT, 5000, "How long a commit may take to reach the in-sync replicas.", AtLeast(1), importance=HIGH
    )
    transaction_max_timeout_ms = Key(
        INT, 900_000, "The longest transaction timeout that a producer may request.", AtLeast(1), importance=HIGH
    )
    transaction_state_log_num_partitions = Key(
        INT,
        50,
        "Number of partitions of __transaction_state; must not change once it exists.",
        AtLeast(1),
        importance=HIGH,
    )
    transaction_state_log_replication_factor = Key(
        SHORT, 3, "Replicas of __transaction_state.", AtLeast(1), importance=HIGH
    )
    transaction_state_log_min_isr = Key(
        INT,
        2,
        "Replicas of __transaction_state that must be in sync to change a transaction.",
        AtLeast(1),
        importance=HIGH,
    )
    transaction_state_log_segment_bytes = Key(
        INT,
        104_857_600,
        "The segment size of __transaction_state; small, so that it is compacted and loaded fast.",
        AtLeast(1),
        importance=HIGH,
    )
    transaction_state_log_load_buffer_size = InertKey(
        INT, 5_242_880, "Bytes read at a time while transactions are loaded.", AtLeast(1), importance=HIGH
    )
    transaction_abort_timed_out_transaction_cleanup_interval_ms = Key(
        INT, 10_000, "How often the coordinator checks for transactions to abort.", AtLeast(1), importance=LOW
    )
    transaction_remove_expired_transaction_cleanup_interval_ms = Key(
        INT, 3_600_000, "How often the coordinator checks for transactional ids to expire.", AtLeast(1), importance=LOW
    )
    transactional_id_expiration_ms = Key(
        INT, 604_800_000, "How long an unused transactional id is kept.", AtLeast(1), importance=HIGH
    )
    transaction_partition_verification_enable = Key(
        BOOLEAN,
        True,
        "Whether a leader verifies with the coordinator that a partition was added to its transaction (KIP-890).",
        importance=LOW,
        update=CLUSTER_WIDE,
    )
