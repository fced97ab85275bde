"""Keys of Kafka 3.9 that have no effect here, listed to distinguish them from mistyped ones."""

from pykafka_cli.properties.keys import (
    BOOLEAN,
    CLASS,
    CLUSTER_WIDE,
    DOUBLE,
    HIGH,
    INT,
    LIST,
    LONG,
    LOW,
    MAX_INT,
    MAX_LONG,
    PER_BROKER,
    SHORT,
    STRING,
    AtLeast,
    Between,
    EachOneOf,
    InertKey,
    Key,
    Settings,
    Strings,
    UnsupportedProtection,
)


class JavaKeys(Settings):
    """Keys of threads, Java classes and metrics."""

    num_network_threads = InertKey(
        INT,
        3,
        "Threads that read requests; this broker has one event loop.",
        AtLeast(1),
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    num_io_threads = InertKey(
        INT,
        8,
        "Threads that process requests; this broker has one event loop.",
        AtLeast(1),
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    background_threads = InertKey(
        INT,
        10,
        "Threads for background tasks; this broker has one event loop.",
        AtLeast(1),
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    num_recovery_threads_per_data_dir = InertKey(
        INT,
        1,
        "Threads for each directory that check logs after a crash.",
        AtLeast(1),
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    num_replica_alter_log_dirs_threads = InertKey(
        INT, None, "Threads that move replicas from one directory to another.", importance=HIGH
    )
    replica_socket_receive_buffer_bytes = InertKey(
        INT, 65_536, "The size of a follower's receive buffer.", importance=HIGH
    )
    socket_connection_setup_timeout_ms = InertKey(LONG, 10_000, "How long a broker first waits to connect to another.")
    socket_connection_setup_timeout_max_ms = InertKey(
        LONG, 30_000, "Maximum time that a broker waits to connect to another."
    )
    fetch_purgatory_purge_interval_requests = InertKey(
        INT, 1000, "Fetches after which finished ones are dropped; here each is dropped immediately."
    )
    producer_purgatory_purge_interval_requests = InertKey(
        INT, 1000, "Produce requests after which finished ones are dropped; here each is dropped immediately."
    )
    delete_records_purgatory_purge_interval_requests = InertKey(
        INT, 1, "DeleteRecords requests after which finished ones are dropped; here each is dropped immediately."
    )
    log_dir_failure_timeout_ms = InertKey(
        LONG,
        30_000,
        "How long a broker tries to report a failed directory to its controller.",
        AtLeast(1),
        importance=LOW,
    )
    offsets_commit_required_acks = InertKey(
        SHORT, -1, "The acks of a commit; deprecated, always -1 here.", importance=HIGH
    )
    alter_config_policy_class_name = UnsupportedProtection(
        CLASS,
        None,
        "A Java class that approves changes of configuration.",
        importance=LOW,
        loss="this broker runs no Java classes, so changes of configuration would not be checked",
    )
    create_topic_policy_class_name = UnsupportedProtection(
        CLASS,
        None,
        "A Java class that approves new topics.",
        importance=LOW,
        loss="this broker runs no Java classes, so new topics would not be checked",
    )
    client_quota_callback_class = UnsupportedProtection(
        CLASS,
        None,
        "A Java class that decides quotas.",
        importance=LOW,
        loss="this broker runs no Java classes, so clients would have the quotas that are configured",
    )
    principal_builder_class = UnsupportedProtection(
        CLASS,
        "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder",
        "The Java class that builds principals; always Kafka's default here.",
        update=PER_BROKER,
        loss="this broker runs no Java classes, so clients would have the names that Kafka's default gives them",
    )
    auto_include_jmx_reporter = InertKey(
        BOOLEAN, True, "Whether metrics are reported to JMX, which is not supported.", importance=LOW
    )
    kafka_metrics_polling_interval_secs = InertKey(
        INT, 10, "How often the reporters of kafka.metrics.reporters run.", AtLeast(1), importance=LOW
    )
    kafka_metrics_reporters = InertKey(LIST, (), "Java classes that report the broker's older metrics.", importance=LOW)
    metric_reporters = InertKey(LIST, (), "Java classes that report metrics.", importance=LOW, update=CLUSTER_WIDE)
    metrics_num_samples = InertKey(INT, 2, "Number of samples for a metric.", AtLeast(1), importance=LOW)
    metrics_recording_level = InertKey(STRING, "INFO", "How detailed metrics are.", importance=LOW)
    metrics_sample_window_ms = InertKey(LONG, 30_000, "Time span of a sample of a metric.", AtLeast(1), importance=LOW)
    telemetry_max_bytes = InertKey(
        INT, 1_048_576, "The largest set of metrics that a client may push (KIP-714).", AtLeast(1), importance=LOW
    )


class NewGroupKeys(Settings):
    """Keys of consumer groups of the newer protocol (KIP-848) and of share groups (KIP-932)."""

    group_consumer_assignors = InertKey(
        LIST,
        (
            "org.apache.kafka.coordinator.group.assignor.UniformAssignor",
            "org.apache.kafka.coordinator.group.assignor.RangeAssignor",
        ),
        "Assignors that the newer groups' coordinator offers.",
    )
    group_consumer_heartbeat_interval_ms = InertKey(
        INT, 5000, "The heartbeat interval of a newer group's member.", AtLeast(1)
    )
    group_consumer_max_heartbeat_interval_ms = InertKey(
        INT, 15_000, "The longest heartbeat interval of a newer group.", AtLeast(1)
    )
    group_consumer_max_session_timeout_ms = InertKey(
        INT, 60_000, "The longest session timeout of a newer group.", AtLeast(1)
    )
    group_consumer_max_size = InertKey(INT, MAX_INT, "Maximum number of members of a newer group.", AtLeast(1))
    group_consumer_migration_policy = InertKey(
        STRING, "disabled", "Whether classic groups become newer ones, and back.", internal=True
    )
    group_consumer_min_heartbeat_interval_ms = InertKey(
        INT, 5000, "The shortest heartbeat interval of a newer group.", AtLeast(1)
    )
    group_consumer_min_session_timeout_ms = InertKey(
        INT, 45_000, "The shortest session timeout of a newer group.", AtLeast(1)
    )
    group_consumer_session_timeout_ms = InertKey(
        INT, 45_000, "The session timeout of a newer group's member.", AtLeast(1)
    )
    group_coordinator_append_linger_ms = InertKey(
        INT, 10, "How long the newer coordinator collects writes.", AtLeast(0)
    )
    group_coordinator_new_enable = InertKey(
        BOOLEAN, False, "Whether Kafka's newer coordinator serves the groups.", internal=True
    )
    group_coordinator_rebalance_protocols = InertKey(
        LIST,
        ("classic",),
        "The kinds of groups a broker serves; here classic ones.",
        EachOneOf("consumer", "classic", "share", "unknown"),
    )
    group_coordinator_threads = InertKey(INT, 1, "Threads of the coordinator of Kafka's newer groups.", AtLeast(1))
    group_share_delivery_count_limit = InertKey(
        INT, 5, "Maximum number of deliveries of a record to a share group.", Between(2, 10)
    )
    group_share_enable = InertKey(BOOLEAN, False, "Whether share groups are served.", internal=True)
    group_share_heartbeat_interval_ms = InertKey(
        INT, 5000, "The heartbeat interval of a share group's member.", AtLeast(1)
    )
    group_share_max_groups = InertKey(SHORT, 10, "Maximum number of share groups.", Between(1, 100))
    group_share_max_heartbeat_interval_ms = InertKey(
        INT, 15_000, "The longest heartbeat interval of a share group.", AtLeast(1)
    )
    group_share_max_record_lock_duration_ms = InertKey(
        INT, 60_000, "The longest time a record may be held.", Between(30_000, 3_600_000)
    )
    group_share_max_session_timeout_ms = InertKey(
        INT, 60_000, "The longest session timeout of a share group.", AtLeast(1)
    )
    group_share_max_size = InertKey(SHORT, 200, "Members of a share group.", Between(10, 1000))
    group_share_min_heartbeat_interval_ms = InertKey(
        INT, 5000, "The shortest heartbeat interval of a share group.", AtLeast(1)
    )
    group_share_min_record_lock_duration_ms = InertKey(
        INT, 15_000, "The shortest time a record may be held.", Between(1000, 30_000)
    )
    group_share_min_session_timeout_ms = InertKey(
        INT, 45_000, "The shortest session timeout of a share group.", AtLeast(1)
    )
    group_share_partition_max_record_locks = InertKey(
        INT, 200, "Records of a partition that share groups may hold.", Between(100, 10_000)
    )
    group_share_record_lock_duration_ms = InertKey(
        INT, 30_000, "How long a share group's member may hold a record.", Between(1000, 60_000)
    )
    group_share_session_timeout_ms = InertKey(INT, 45_000, "The session timeout of a share group's member.", AtLeast(1))
    # Apache Kafka 4's config/server.properties sets these; in 3.9 they are internal.
    share_coordinator_state_topic_replication_factor = InertKey(
        SHORT, 3, "Replicas of the topic of share groups.", AtLeast(1), internal=True
    )
    share_coordinator_state_topic_min_isr = InertKey(
        SHORT, 2, "Replicas of the topic of share groups that must be in sync.", AtLeast(1), internal=True
    )


class KRaftKeys(Settings):
    """Keys of KRaft."""

    broker_heartbeat_interval_ms = InertKey(INT, 2000, "How often a KRaft broker sends its controller a heartbeat.")
    broker_session_timeout_ms = InertKey(INT, 9000, "How long a KRaft controller waits for a broker's heartbeat.")
    controller_listener_names = Key[str | None](
        STRING, None, "The names of the controller's listeners, in KRaft.", importance=HIGH
    )
    controller_quorum_append_linger_ms = InertKey(INT, 25, "How long a KRaft leader collects writes.")
    controller_quorum_bootstrap_servers = Key[Strings](
        LIST, (), "Where the KRaft quorum can be found; here this node alone.", importance=HIGH
    )
    controller_quorum_election_backoff_max_ms = InertKey(
        INT, 1000, "The longest wait between two KRaft elections.", importance=HIGH
    )
    controller_quorum_election_timeout_ms = InertKey(
        INT, 1000, "How long a KRaft voter waits for a leader.", importance=HIGH
    )
    controller_quorum_fetch_timeout_ms = InertKey(
        INT, 2000, "How long a KRaft voter waits for its leader's response.", importance=HIGH
    )
    controller_quorum_request_timeout_ms = InertKey(INT, 2000, "How long a KRaft node waits for a response.")
    controller_quorum_retry_backoff_ms = InertKey(
        INT, 20, "How long a KRaft node waits before it retries.", importance=LOW
    )
    controller_quorum_voters = Key[Strings](
        LIST, (), "The voters of the KRaft quorum, as ID@HOST:PORT; here this node alone.", importance=HIGH
    )
    early_start_listeners = InertKey(
        STRING, None, "Listeners that open before the authorizer is ready, in KRaft.", importance=HIGH
    )
    eligible_leader_replicas_enable = InertKey(
        BOOLEAN,
        False,
        "Whether a KRaft controller remembers replicas that could still lead (KIP-966).",
        importance=HIGH,
    )
    initial_broker_registration_timeout_ms = InertKey(INT, 60_000, "How long a KRaft broker tries to register.")
    metadata_log_dir = Key[str | None](
        STRING, None, "Where a KRaft node keeps metadata; unset: the first of log.dirs.", importance=HIGH
    )
    metadata_log_max_record_bytes_between_snapshots = InertKey(
        LONG, 20_971_520, "Bytes of KRaft's metadata log between two snapshots.", AtLeast(1), importance=HIGH
    )
    metadata_log_max_snapshot_interval_ms = InertKey(
        LONG, 3_600_000, "Time between two snapshots of KRaft's metadata.", AtLeast(0), importance=HIGH
    )
    metadata_log_segment_bytes = InertKey(
        INT, 1_073_741_824, "The segment size of KRaft's metadata log.", AtLeast(12), importance=HIGH
    )
    metadata_log_segment_min_bytes = InertKey(
        INT,
        8_388_608,
        "The minimum segment size of KRaft's metadata log, for Kafka's own tests.",
        AtLeast(12),
        importance=HIGH,
        internal=True,
    )
    metadata_log_segment_ms = InertKey(
        LONG, 604_800_000, "The age at which a segment of KRaft's metadata log is closed.", importance=HIGH
    )
    metadata_max_idle_interval_ms = InertKey(
        INT, 500, "How often an idle KRaft controller writes a record.", AtLeast(0), importance=LOW
    )
    metadata_max_retention_bytes = InertKey(
        LONG, 104_857_600, "Bytes of KRaft's metadata log and snapshots that are kept.", importance=HIGH
    )
    metadata_max_retention_ms = InertKey(
        LONG, 604_800_000, "How long KRaft's metadata log and snapshots are kept.", importance=HIGH
    )
    process_roles = Key[Strings](
        LIST,
        (),
        "The roles of a KRaft node: broker,controller runs one node without a separate ZooKeeper server.",
        EachOneOf("broker", "controller"),
        importance=HIGH,
    )
    server_max_startup_time_ms = InertKey(
        LONG, MAX_LONG, "How long a KRaft server may take to start.", AtLeast(0), internal=True
    )
    unclean_leader_election_interval_ms = InertKey(
        LONG, 300_000, "How often a KRaft controller checks for partitions without a leader.", AtLeast(1), internal=True
    )
    unstable_api_versions_enable = InertKey(
        BOOLEAN, False, "Whether request versions under development are enabled.", importance=HIGH, internal=True
    )
    unstable_feature_versions_enable = InertKey(
        BOOLEAN, False, "Whether feature versions under development are enabled.", importance=HIGH, internal=True
    )
    zookeeper_metadata_migration_enable = InertKey(
        BOOLEAN, False, "Whether the cluster is being migrated from ZooKeeper to KRaft.", importance=HIGH
    )
    zookeeper_metadata_migration_min_batch_size = InertKey(
        INT, 200, "Records in one batch of the migration from ZooKeeper to KRaft.", AtLeast(1), internal=True
    )


class TieredStorageKeys(Settings):
    """Keys of tiered storage (KIP-405)."""

    log_local_retention_bytes = InertKey(
        LONG,
        -2,
        "Bytes that stay on local disk once they are in tiered storage; -2: log.retention.bytes.",
        AtLeast(-2),
        update=CLUSTER_WIDE,
    )
    log_local_retention_ms = InertKey(
        LONG,
        -2,
        "How long records stay on local disk once they are in tiered storage; -2: as long as log.retention.ms.",
        AtLeast(-2),
        update=CLUSTER_WIDE,
    )
    remote_fetch_max_wait_ms = InertKey(
        INT, 500, "How long a fetch from tiered storage may wait.", AtLeast(1), update=CLUSTER_WIDE
    )
    remote_log_index_file_cache_total_size_bytes = InertKey(
        LONG,
        1_073_741_824,
        "Bytes of indexes from tiered storage that are kept locally.",
        AtLeast(1),
        importance=LOW,
        update=CLUSTER_WIDE,
    )
    remote_log_manager_copier_thread_pool_size = InertKey(INT, -1, "Threads that copy segments to tiered storage.")
    remote_log_manager_copy_max_bytes_per_second = InertKey(
        LONG, MAX_LONG, "Maximum bytes per second copied to tiered storage.", AtLeast(1), update=CLUSTER_WIDE
    )
    remote_log_manager_copy_quota_window_num = InertKey(INT, 11, "Number of samples for that rate.", AtLeast(1))
    remote_log_manager_copy_quota_window_size_seconds = InertKey(
        INT, 1, "Time span of one of these samples.", AtLeast(1)
    )
    remote_log_manager_expiration_thread_pool_size = InertKey(
        INT, -1, "Threads that delete segments from tiered storage."
    )
    remote_log_manager_fetch_max_bytes_per_second = InertKey(
        LONG, MAX_LONG, "Maximum bytes per second read from tiered storage.", AtLeast(1), update=CLUSTER_WIDE
    )
    remote_log_manager_fetch_quota_window_num = InertKey(INT, 11, "Number of samples for that rate.", AtLeast(1))
    remote_log_manager_fetch_quota_window_size_seconds = InertKey(
        INT, 1, "Time span of one of these samples.", AtLeast(1)
    )
    remote_log_manager_task_interval_ms = InertKey(
        LONG, 30_000, "How often segments are copied to tiered storage and deleted from it.", AtLeast(1), importance=LOW
    )
    remote_log_manager_task_retry_backoff_max_ms = InertKey(
        LONG,
        30_000,
        "Maximum wait before a failed task of tiered storage is retried.",
        AtLeast(1),
        importance=LOW,
        internal=True,
    )
    remote_log_manager_task_retry_backoff_ms = InertKey(
        LONG,
        500,
        "Wait before a failed task of tiered storage is first retried.",
        AtLeast(1),
        importance=LOW,
        internal=True,
    )
    remote_log_manager_task_retry_jitter = InertKey(
        DOUBLE, 0.2, "Random variation of that wait.", Between(0, 0.5), importance=LOW, internal=True
    )
    remote_log_manager_thread_pool_size = InertKey(INT, 10, "Threads of tiered storage, by the older key.", AtLeast(1))
    remote_log_metadata_custom_metadata_max_bytes = InertKey(
        INT, 128, "Maximum bytes of a plugin's own metadata for one segment.", AtLeast(0), importance=LOW
    )
    remote_log_metadata_manager_class_name = InertKey(
        STRING,
        "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager",
        "The Java class that manages tiered storage's metadata.",
    )
    remote_log_metadata_manager_class_path = InertKey(STRING, None, "The class path of that class.")
    remote_log_metadata_manager_impl_prefix = InertKey(STRING, "rlmm.config.", "The prefix of that class's own keys.")
    remote_log_metadata_manager_listener_name = InertKey(STRING, None, "The listener that class connects to.")
    remote_log_reader_max_pending_tasks = InertKey(INT, 100, "Reads from tiered storage that may wait.", AtLeast(1))
    remote_log_reader_threads = InertKey(INT, 10, "Threads that read from tiered storage.", AtLeast(1))
    remote_log_storage_manager_class_name = InertKey(STRING, None, "The Java class of the tiered storage.")
    remote_log_storage_manager_class_path = InertKey(STRING, None, "The class path of that class.")
    remote_log_storage_manager_impl_prefix = InertKey(STRING, "rsm.config.", "The prefix of that class's own keys.")
    remote_log_storage_system_enable = InertKey(BOOLEAN, False, "Whether there is tiered storage.")
