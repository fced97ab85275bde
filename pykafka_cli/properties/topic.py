"""A topic's configs: every topic key of Kafka 3.9, and the broker key that is its default.

    config = TopicConfig.resolve(broker_settings, {"retention.ms": "60000"})
    config.retention_ms, config.segment_bytes, "compact" in config.cleanup_policy

Source: TopicConfig, LogConfig, ServerTopicConfigSynonyms.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.checks import GzipLevel, ReleaseVersion, ThrottledReplicas
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.keys import (
    BOOLEAN,
    DOUBLE,
    INT,
    LIST,
    LONG,
    LOW,
    MAX_LONG,
    STRING,
    AtLeast,
    Between,
    ConfigError,
    EachOneOf,
    InertKey,
    Key,
    KeyTable,
    OneOf,
    Settings,
    Strings,
)

_WEEK_MS, _DAY_MS = 604_800_000, 86_400_000


class TopicConfig(Settings):
    """One topic's configs. `overrides` are those that the topic itself sets, as text."""

    cleanup_policy = Key[Strings](
        LIST,
        ("delete",),
        "How to clean old records: delete, compact (keep the last of each key), or both.",
        EachOneOf("compact", "delete"),
        fallback="log.cleanup.policy",
    )
    compression_gzip_level = Key(
        INT, -1, "The level at which the broker compresses with gzip.", GzipLevel(), fallback="compression.gzip.level"
    )
    compression_lz4_level = InertKey(
        INT,
        9,
        "The level at which the broker compresses with lz4; its fast mode is always used.",
        Between(1, 17),
        fallback="compression.lz4.level",
    )
    compression_type = Key(
        STRING,
        "producer",
        "Compression of stored batches: that of the producer (producer), or always the same.",
        OneOf("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
        fallback="compression.type",
    )
    compression_zstd_level = Key(
        INT,
        3,
        "The level at which the broker compresses with zstd.",
        Between(-131_072, 22),
        fallback="compression.zstd.level",
    )
    delete_retention_ms = Key(
        LONG,
        _DAY_MS,
        "How long tombstones can be read after compaction.",
        AtLeast(0),
        fallback="log.cleaner.delete.retention.ms",
    )
    file_delete_delay_ms = Key(
        LONG,
        60_000,
        "How long a deleted segment's files stay on disk under another name.",
        AtLeast(0),
        fallback="log.segment.delete.delay.ms",
    )
    flush_messages = Key(
        LONG,
        MAX_LONG,
        "Number of records after which a partition is flushed to disk.",
        AtLeast(1),
        fallback="log.flush.interval.messages",
    )
    flush_ms = Key(
        LONG,
        MAX_LONG,
        "The time after which a partition is flushed to disk.",
        AtLeast(0),
        fallback="log.flush.interval.ms",
    )
    follower_replication_throttled_replicas = Key(
        LIST, (), "Followers that are throttled: PARTITION:BROKER pairs, or *.", ThrottledReplicas()
    )
    index_interval_bytes = Key(
        INT, 4096, "Bytes of records between two entries of an index.", AtLeast(0), fallback="log.index.interval.bytes"
    )
    leader_replication_throttled_replicas = Key(
        LIST, (), "Leaders that are throttled: PARTITION:BROKER pairs, or *.", ThrottledReplicas()
    )
    local_retention_bytes = InertKey(
        LONG,
        -2,
        "Bytes that stay on local disk once they are in tiered storage; -2: retention.bytes.",
        AtLeast(-2),
        fallback="log.local.retention.bytes",
    )
    local_retention_ms = InertKey(
        LONG,
        -2,
        "How long records stay on local disk once they are in tiered storage; -2: retention.ms.",
        AtLeast(-2),
        fallback="log.local.retention.ms",
    )
    max_compaction_lag_ms = Key(
        LONG,
        MAX_LONG,
        "The age of a record after which its log is cleaned whatever its dirty ratio.",
        AtLeast(1),
        fallback="log.cleaner.max.compaction.lag.ms",
    )
    max_message_bytes = Key(
        INT,
        1_048_588,
        "The largest batch of records, in bytes, as it arrives.",
        AtLeast(0),
        fallback="message.max.bytes",
    )
    message_downconversion_enable = Key(
        BOOLEAN,
        True,
        "Whether records are converted for clients that only know older formats.",
        importance=LOW,
        fallback="log.message.downconversion.enable",
    )
    message_format_version = InertKey(
        STRING,
        "3.0-IV1",
        "The record format; only format 2 is written, whatever the value.",
        ReleaseVersion(),
        fallback="log.message.format.version",
    )
    message_timestamp_after_max_ms = Key(
        LONG,
        MAX_LONG,
        "How far a record's timestamp may be ahead of the broker's clock.",
        AtLeast(0),
        fallback="log.message.timestamp.after.max.ms",
    )
    message_timestamp_before_max_ms = Key(
        LONG,
        MAX_LONG,
        "How far a record's timestamp may be behind the broker's clock.",
        AtLeast(0),
        fallback="log.message.timestamp.before.max.ms",
    )
    message_timestamp_difference_max_ms = Key(
        LONG,
        MAX_LONG,
        "How far a timestamp may be from the broker's clock, either way, if the newer keys are not set.",
        AtLeast(0),
        fallback="log.message.timestamp.difference.max.ms",
    )
    message_timestamp_type = Key(
        STRING,
        "CreateTime",
        "Timestamp of records: the producer's (CreateTime) or the broker's (LogAppendTime).",
        OneOf("CreateTime", "LogAppendTime"),
        fallback="log.message.timestamp.type",
    )
    min_cleanable_dirty_ratio = Key(
        DOUBLE,
        0.5,
        "The ratio of dirty bytes at which a log is cleaned.",
        Between(0, 1),
        fallback="log.cleaner.min.cleanable.ratio",
    )
    min_compaction_lag_ms = Key(
        LONG,
        0,
        "The minimum time before a record may be compacted.",
        AtLeast(0),
        fallback="log.cleaner.min.compaction.lag.ms",
    )
    min_insync_replicas = Key(
        INT,
        1,
        "Minimum number of in-sync replicas to accept acks=all.",
        AtLeast(1),
        fallback="min.insync.replicas",
    )
    preallocate = Key(BOOLEAN, False, "Whether a new segment's file is preallocated.", fallback="log.preallocate")
    remote_log_copy_disable = InertKey(BOOLEAN, False, "Whether copying this topic to tiered storage is disabled.")
    remote_log_delete_on_disable = InertKey(
        BOOLEAN, False, "Whether to delete tiered data when tiered storage is disabled."
    )
    remote_storage_enable = InertKey(BOOLEAN, False, "Whether this topic is in tiered storage; there is none here.")
    retention_bytes = Key(
        LONG,
        -1,
        "The size of a partition above which its oldest segments are deleted; -1 means no limit.",
        fallback="log.retention.bytes",
    )
    retention_ms = Key(
        LONG, _WEEK_MS, "How long records are kept; -1 means forever.", AtLeast(-1), fallback="log.retention.ms"
    )
    segment_bytes = Key(
        INT,
        1_073_741_824,
        "The size at which a segment is closed and the next one is started.",
        AtLeast(14),
        fallback="log.segment.bytes",
    )
    segment_index_bytes = Key(
        INT, 10_485_760, "The largest size of a segment's index.", AtLeast(4), fallback="log.index.size.max.bytes"
    )
    segment_jitter_ms = Key(
        LONG,
        0,
        "Maximum random time by which a segment is closed before segment.ms.",
        AtLeast(0),
        fallback="log.roll.jitter.ms",
    )
    segment_ms = Key(LONG, _WEEK_MS, "The age at which a segment is closed.", AtLeast(1), fallback="log.roll.ms")
    unclean_leader_election_enable = Key(
        BOOLEAN,
        False,
        "Whether a replica that is not in sync may become leader if no other is left, which may lose records.",
        fallback="unclean.leader.election.enable",
    )

    overrides: Mapping[str, str]

    @classmethod
    def resolve(cls, broker: BrokerSettings, overrides: Mapping[str, str]) -> Self:
        """The configs of a topic with `overrides`, on a broker with the settings `broker`.

        raises    ConfigError, with Kafka's text
        """
        validate_names(overrides)
        config = cls(Property(name, text, 0) for name, text in overrides.items())
        config.overrides = dict(overrides)
        config._set({name: value for name, value in broker_defaults(broker).items() if name not in overrides})
        check_compaction_lags(config.min_compaction_lag_ms, config.max_compaction_lag_ms)
        return config

    # Each append uses these; a changed topic gets a new TopicConfig.

    @cached_property
    def compacts(self) -> bool:
        return "compact" in self.cleanup_policy

    @cached_property
    def deletes(self) -> bool:
        return "delete" in self.cleanup_policy

    @cached_property
    def timestamp_before_max_ms(self) -> int:
        """message.timestamp.before.max.ms, or the older key for both directions."""
        own = self.message_timestamp_before_max_ms
        return self.message_timestamp_difference_max_ms if own == MAX_LONG else own

    @cached_property
    def timestamp_after_max_ms(self) -> int:
        """message.timestamp.after.max.ms, or the older key for both directions."""
        own = self.message_timestamp_after_max_ms
        return self.message_timestamp_difference_max_ms if own == MAX_LONG else own

    @cached_property
    def max_segment_ms(self) -> int:
        """The age at which a segment is closed: segment.ms, or sooner because of max.compaction.lag.ms."""
        lag = self.max_compaction_lag_ms
        return min(lag, self.segment_ms) if self.compacts and lag > 0 else self.segment_ms


TOPIC_KEYS: KeyTable = TopicConfig.KEYS


def check_compaction_lags(least_ms: int, most_ms: int) -> None:
    """raises    ConfigError, with Kafka's text"""
    if least_ms > most_ms:
        raise ConfigError(
            f"conflict topic config setting min.compaction.lag.ms ({least_ms}) > max.compaction.lag.ms ({most_ms})"
        )


def validate_names(overrides: Mapping[str, str]) -> None:
    """Raise ConfigError for an unknown name."""
    for name in overrides:
        if name not in TOPIC_KEYS:
            raise ConfigError(f"Unknown topic config name: {name}")


def broker_defaults(broker: BrokerSettings) -> dict[str, Any]:
    """The defaults of topic keys on this broker, by name."""
    values = {name: broker[key.fallback] for name, key in TOPIC_KEYS.items() if key.fallback}
    values.update(
        {
            "retention.ms": broker.retention_ms,
            "segment.ms": broker.roll_ms,
            "segment.jitter.ms": broker.roll_jitter_ms,
            "flush.ms": broker.flush_ms,
        }
    )
    return values
