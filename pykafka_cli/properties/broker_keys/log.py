"""Keys of topics' logs: directories, segments, retention, compaction, flushing, timestamps, compression."""

import sys

from pykafka_cli.properties.checks import GzipLevel, ReleaseVersion
from pykafka_cli.properties.keys import (
    BOOLEAN,
    CLUSTER_WIDE,
    DOUBLE,
    HIGH,
    INT,
    LIST,
    LONG,
    LOW,
    MAX_LONG,
    STRING,
    AtLeast,
    Between,
    EachOneOf,
    InertKey,
    Key,
    OneOf,
    Settings,
    Strings,
)


class LogKeys(Settings):
    """Keys of topics' logs: directories, segments, retention, compaction, flushing, timestamps, compression."""

    log_dirs = Key[str | None](
        STRING, None, "Directories for the logs, separated by commas; by default log.dir.", importance=HIGH
    )
    log_dir = Key(STRING, "/tmp/kafka-logs", "One directory for the logs.", importance=HIGH)
    num_partitions = Key(INT, 1, "Number of partitions of topics that are created without one.", AtLeast(1))
    auto_create_topics_enable = Key(
        BOOLEAN, True, "Whether to create a topic when a client first requests it.", importance=HIGH
    )
    log_segment_bytes = Key(
        INT,
        1_073_741_824,
        "The size at which a segment is closed and the next one is started.",
        AtLeast(14),
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    log_segment_delete_delay_ms = Key(
        LONG,
        60_000,
        "How long a deleted segment's files stay on disk under another name.",
        AtLeast(0),
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    log_roll_ms = Key[int | None](
        LONG,
        None,
        "The age at which a segment is closed; by default log.roll.hours.",
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    log_roll_hours = Key(INT, 168, "The age in hours at which a segment is closed.", AtLeast(1), importance=HIGH)
    log_roll_jitter_ms = Key[int | None](
        LONG,
        None,
        "Maximum random time by which a segment is closed before log.roll.ms; by default log.roll.jitter.hours.",
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    log_roll_jitter_hours = Key(
        INT, 0, "Maximum random time in hours by which a segment is closed early.", AtLeast(0), importance=HIGH
    )
    log_retention_ms = Key[int | None](
        LONG,
        None,
        "How long records are kept; -1 means forever; by default log.retention.minutes.",
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    log_retention_minutes = Key[int | None](
        INT, None, "How many minutes records are kept; by default log.retention.hours.", importance=HIGH
    )
    log_retention_hours = Key(INT, 168, "How many hours records are kept.", importance=HIGH)
    log_retention_bytes = Key(
        LONG,
        -1,
        "The size of a partition above which its oldest segments are deleted; -1 means no limit.",
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    log_retention_check_interval_ms = Key(
        LONG, 300_000, "How often the broker checks for segments to delete.", AtLeast(1)
    )
    log_cleanup_policy = Key[Strings](
        LIST,
        ("delete",),
        "How to clean old records: delete, compact (keep the last of each key), or both.",
        EachOneOf("compact", "delete"),
        update=CLUSTER_WIDE,
    )
    log_cleaner_enable = Key(BOOLEAN, True, "Whether compacted topics are compacted.")
    log_cleaner_threads = InertKey(INT, 1, "Number of logs to clean concurrently.", AtLeast(0), update=CLUSTER_WIDE)
    log_cleaner_backoff_ms = Key(
        LONG, 15_000, "How long the cleaner waits when no log needs cleaning.", AtLeast(0), update=CLUSTER_WIDE
    )
    log_cleaner_dedupe_buffer_size = Key(
        LONG, 134_217_728, "Bytes of memory for the cleaner's maps of keys, in all threads.", update=CLUSTER_WIDE
    )
    log_cleaner_io_buffer_load_factor = InertKey(
        DOUBLE, 0.9, "How full the cleaner's map of keys may get.", update=CLUSTER_WIDE
    )
    log_cleaner_io_buffer_size = InertKey(
        INT, 524_288, "Bytes of memory for the cleaner's reads and writes.", AtLeast(0), update=CLUSTER_WIDE
    )
    log_cleaner_io_max_bytes_per_second = Key(
        DOUBLE, sys.float_info.max, "Bytes per second that the cleaner may read and write.", update=CLUSTER_WIDE
    )
    log_cleaner_min_cleanable_ratio = Key(
        DOUBLE,
        0.5,
        "The ratio of dirty bytes at which a log is cleaned.",
        Between(0, 1),
        update=CLUSTER_WIDE,
    )
    log_cleaner_min_compaction_lag_ms = Key(
        LONG, 0, "The minimum time before a record may be compacted.", AtLeast(0), update=CLUSTER_WIDE
    )
    log_cleaner_max_compaction_lag_ms = Key(
        LONG,
        MAX_LONG,
        "The age of a record after which its log is cleaned whatever its dirty ratio.",
        AtLeast(1),
        update=CLUSTER_WIDE,
    )
    log_cleaner_delete_retention_ms = Key(
        LONG,
        86_400_000,
        "How long tombstones can be read after compaction.",
        AtLeast(0),
        update=CLUSTER_WIDE,
    )
    log_index_size_max_bytes = Key(
        INT, 10_485_760, "The largest size of a segment's index.", AtLeast(4), update=CLUSTER_WIDE
    )
    log_index_interval_bytes = Key(
        INT, 4096, "Bytes of records between two entries of an index.", AtLeast(0), update=CLUSTER_WIDE
    )
    log_flush_interval_messages = Key(
        LONG,
        MAX_LONG,
        "Number of records after which a partition is flushed to disk.",
        AtLeast(1),
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    log_flush_interval_ms = Key[int | None](
        LONG,
        None,
        "The time after which a partition is flushed to disk; by default log.flush.scheduler.interval.ms.",
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    log_flush_scheduler_interval_ms = Key(
        LONG, MAX_LONG, "How often the broker checks for partitions to flush.", importance=HIGH
    )
    log_flush_offset_checkpoint_interval_ms = Key(
        INT, 60_000, "How often recovery points are written to disk.", AtLeast(0), importance=HIGH
    )
    log_flush_start_offset_checkpoint_interval_ms = Key(
        INT, 60_000, "How often the partitions' log start offsets are written to disk.", AtLeast(0), importance=HIGH
    )
    log_preallocate = Key(BOOLEAN, False, "Whether a new segment's file is preallocated.", update=CLUSTER_WIDE)
    log_message_downconversion_enable = Key(
        BOOLEAN,
        True,
        "Whether records are converted for clients that only know older formats.",
        importance=LOW,
        update=CLUSTER_WIDE,
    )
    log_message_timestamp_type = Key(
        STRING,
        "CreateTime",
        "Timestamp of records: the producer's (CreateTime) or the broker's (LogAppendTime).",
        OneOf("CreateTime", "LogAppendTime"),
        update=CLUSTER_WIDE,
    )
    log_message_timestamp_difference_max_ms = Key(
        LONG,
        MAX_LONG,
        "How far a record's timestamp may be from the broker's clock, either way; the two keys below are newer.",
        AtLeast(0),
        update=CLUSTER_WIDE,
    )
    log_message_timestamp_before_max_ms = Key(
        LONG,
        MAX_LONG,
        "How far a record's timestamp may be behind the broker's clock.",
        AtLeast(0),
        update=CLUSTER_WIDE,
    )
    log_message_timestamp_after_max_ms = Key(
        LONG,
        MAX_LONG,
        "How far a record's timestamp may be ahead of the broker's clock.",
        AtLeast(0),
        update=CLUSTER_WIDE,
    )
    log_message_format_version = InertKey(
        STRING,
        "3.0-IV1",
        "The record format; only format 2 is written, whatever the value.",
        ReleaseVersion(),
    )
    log_initial_task_delay_ms = Key(
        LONG,
        30_000,
        "How long after its start the log manager begins its periodic work.",
        AtLeast(0),
        importance=LOW,
        internal=True,
    )
    message_max_bytes = Key(
        INT,
        1_048_588,
        "The largest batch of records, in bytes, as it arrives.",
        AtLeast(0),
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    compression_type = Key(
        STRING,
        "producer",
        "Compression of stored batches: that of the producer (producer), or always the same.",
        OneOf("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
        importance=HIGH,
        update=CLUSTER_WIDE,
    )
    compression_gzip_level = Key(
        INT, -1, "The level at which the broker compresses with gzip.", GzipLevel(), update=CLUSTER_WIDE
    )
    compression_lz4_level = InertKey(
        INT,
        9,
        "The level at which the broker compresses with lz4; its fast mode is always used.",
        Between(1, 17),
        update=CLUSTER_WIDE,
    )
    compression_zstd_level = Key(
        INT, 3, "The level at which the broker compresses with zstd.", Between(-131_072, 22), update=CLUSTER_WIDE
    )
    producer_id_expiration_ms = Key(
        INT,
        86_400_000,
        "How long a partition keeps the state of an inactive idempotent producer.",
        AtLeast(1),
        importance=LOW,
        update=CLUSTER_WIDE,
    )
    producer_id_expiration_check_interval_ms = Key(
        INT, 600_000, "How often the state of inactive producers is removed.", AtLeast(1), importance=LOW, internal=True
    )
