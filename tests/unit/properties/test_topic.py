from typing import Any

import pytest

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.topic import TOPIC_KEYS, TopicConfig
from tests.support.vectors import answers


def broker(**given: str) -> BrokerSettings:
    named = {"zookeeper.connect": "localhost:2181"} | {name.replace("_", "."): text for name, text in given.items()}
    return BrokerSettings(Property(name, text, 0) for name, text in named.items())


def described_by_kafka() -> dict[str, Any]:
    """What a broker of Kafka 3.9.1 said of topic t1, with synonyms, by key."""
    for answer in answers("admin", "DescribeConfigs"):
        for result in answer.results:
            if result.resource_type == 2 and any(config.synonyms for config in result.configs):
                return {config.name: config for config in result.configs}
    raise AssertionError("no such answer among the vectors")


def test_the_table_holds_the_keys_that_kafka_lists() -> None:
    assert TOPIC_KEYS.keys() == described_by_kafka().keys()


@pytest.mark.parametrize("name", sorted(described_by_kafka()))
def test_a_key_is_what_kafka_says_of_it(name: str) -> None:
    theirs, ours = described_by_kafka()[name], TOPIC_KEYS[name]
    assert (ours.type.value, ours.sensitive) == (theirs.config_type, theirs.is_sensitive)
    if theirs.config_source == 5:
        assert ours.format(TopicConfig.resolve(broker(), {})[name]) == theirs.value
        assert {synonym.name for synonym in theirs.synonyms} <= {
            ours.fallback,
            "log.retention.hours",
            "log.roll.hours",
        } | {
            "log.roll.jitter.hours",
            "log.flush.scheduler.interval.ms",
        }


def test_a_topic_without_settings_has_kafkas_defaults() -> None:
    config = TopicConfig.resolve(broker(), {})
    assert {name: config[name] for name in TOPIC_KEYS} == {name: key.default for name, key in TOPIC_KEYS.items()}


def test_a_topic_takes_what_it_does_not_set_from_the_broker() -> None:
    config = TopicConfig.resolve(
        broker(log_retention_minutes="1", log_roll_hours="2", message_max_bytes="99", log_cleanup_policy="compact"),
        {"max.message.bytes": "5"},
    )
    assert (config.retention_ms, config.segment_ms, config.max_message_bytes) == (60_000, 7_200_000, 5)
    assert (config.compacts, config.deletes) == (True, False)
    assert config.overrides == {"max.message.bytes": "5"}


def test_flush_ms_falls_back_to_the_flusher_of_all_logs() -> None:
    assert TopicConfig.resolve(broker(log_flush_scheduler_interval_ms="7"), {}).flush_ms == 7


def test_the_newer_timestamp_keys_win_over_the_older() -> None:
    older = {"message.timestamp.difference.max.ms": "9"}
    assert TopicConfig.resolve(broker(), older).timestamp_before_max_ms == 9
    assert TopicConfig.resolve(broker(), older | {"message.timestamp.before.max.ms": "4"}).timestamp_before_max_ms == 4


def test_a_compacted_topic_rolls_before_compaction_may_lag() -> None:
    overrides = {"max.compaction.lag.ms": "10", "segment.ms": "20"}
    assert TopicConfig.resolve(broker(), overrides).max_segment_ms == 20
    assert TopicConfig.resolve(broker(), overrides | {"cleanup.policy": "compact"}).max_segment_ms == 10


# The texts are those that org.apache.kafka.storage.internals.log.LogConfig.validate of 3.9.1 gave.
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("foo", "bar", "Unknown topic config name: foo"),
        ("retention.ms", "abc", "Invalid value abc for configuration retention.ms: Not a number of type LONG"),
        ("retention.ms", "-2", "Invalid value -2 for configuration retention.ms: Value must be at least -1"),
        (
            "compression.gzip.level",
            "0",
            "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
        ),
        (
            "compression.lz4.level",
            "99",
            "Invalid value 99 for configuration compression.lz4.level: Value must be no more than 17",
        ),
        (
            "min.cleanable.dirty.ratio",
            "2",
            "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
        ),
        (
            "cleanup.policy",
            "foo",
            "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete",
        ),
        (
            "message.format.version",
            "0.9",
            "Invalid value 0.9 for configuration message.format.version: Version 0.9 is not a valid version",
        ),
        (
            "leader.replication.throttled.replicas",
            "1:2,b:4",
            (
                "Invalid value [1:2, b:4] for configuration leader.replication.throttled.replicas: "
                "leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following "
                "format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."
            ),
        ),
        (
            "min.compaction.lag.ms",
            "9223372036854775807",
            "conflict topic config setting min.compaction.lag.ms (9223372036854775807) > max.compaction.lag.ms (5)",
        ),
    ],
)
def test_a_bad_setting_is_rejected_in_kafkas_words(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        TopicConfig.resolve(broker(log_cleaner_max_compaction_lag_ms="5"), {name: value})
    assert str(refusal.value) == message


@pytest.mark.parametrize("version", ["0.10.2", "0.10.2.1", "1.1", "2.8", "2.8-IV1", "3.9", "3.9.1", "3.0-IV1"])
def test_every_release_is_a_format_version(version: str) -> None:
    assert TopicConfig.resolve(broker(), {"message.format.version": version}).message_format_version == version


@pytest.mark.parametrize("version", ["", "x", "0.9", "0.8.0-IV0", "3.9-IV1", "4.5", "3.9-IVx"])
def test_other_words_are_not(version: str) -> None:
    with pytest.raises(ConfigError, match="is not a valid version"):
        TopicConfig.resolve(broker(), {"message.format.version": version})
