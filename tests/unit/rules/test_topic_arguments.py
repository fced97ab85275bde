"""Values of kafka-topics' options; the messages are those of the script."""

import uuid

import pytest

from pykafka_cli.model import base64_id
from pykafka_cli.rules.topic_arguments import (
    BadArgument,
    parse_config_names,
    parse_replica_assignment,
    parse_topic_configs,
    parse_topic_id,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,0,0", {0: [0], 1: [0], 2: [0]}),
        ("0:1:2,1:2:0", {0: [0, 1, 2], 1: [1, 2, 0]}),
        (" 0 : 1 , 1 : 0 ", {0: [0, 1], 1: [1, 0]}),
        ("1,", {0: [1]}),
    ],
)
def test_a_replica_assignment_has_a_comma_per_partition_and_a_colon_per_replica(
    text: str, expected: dict[int, list[int]]
) -> None:
    assert parse_replica_assignment(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0:0", "Partition replica lists may not contain duplicate entries: 0"),
        ("0,0:1", "Partition 1 has different replication factor: [0, 1]"),
        ("zero", 'For input string: "zero"'),
        ("0,,1", 'For input string: ""'),
        ("99999999999", 'For input string: "99999999999"'),
    ],
)
def test_a_bad_replica_assignment_is_rejected_in_the_scripts_words(text: str, message: str) -> None:
    with pytest.raises(BadArgument) as refusal:
        parse_replica_assignment(text)

    assert str(refusal.value) == message


def test_configs_are_name_and_value_with_blanks_around_the_sign() -> None:
    configs = parse_topic_configs(["retention.ms = 1000", "cleanup.policy=compact,delete", "retention.ms=2000"])

    assert configs == {"retention.ms": "2000", "cleanup.policy": "compact,delete"}


FORMAT = 'requirement failed: Invalid topic config: all configs to be added must be in the format "key=val".'


def test_settings_that_contradict_each_other_are_rejected() -> None:
    with pytest.raises(BadArgument) as refusal:
        parse_topic_configs(["min.compaction.lag.ms=10", "max.compaction.lag.ms=5"])

    conflict = "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)"
    assert str(refusal.value) == conflict


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("retention.ms", FORMAT),
        ("retention.ms=", FORMAT),
        ("a=b=c", FORMAT),
        ("nosuch.setting=1", "Unknown topic config name: nosuch.setting"),
        ("retention.ms=soon", "Invalid value soon for configuration retention.ms: Not a number of type LONG"),
        ("segment.bytes=1", "Invalid value 1 for configuration segment.bytes: Value must be at least 14"),
        (
            "cleanup.policy=forget",
            "Invalid value forget for configuration cleanup.policy: String must be one of: compact, delete",
        ),
    ],
)
def test_a_bad_config_is_rejected_before_anybody_is_asked(word: str, message: str) -> None:
    with pytest.raises(BadArgument) as refusal:
        parse_topic_configs([word])

    assert str(refusal.value) == message


def test_names_to_delete_must_be_settings_of_topics() -> None:
    assert parse_config_names([" retention.ms "]) == ["retention.ms"]
    with pytest.raises(BadArgument, match="Unknown topic config name: x"):
        parse_config_names(["x"])


def test_a_topic_id_is_read_as_it_is_written() -> None:
    topic_id = uuid.UUID(int=0x1234567890ABCDEF1234567890ABCDEF)

    assert parse_topic_id(base64_id(topic_id)) == topic_id


def test_the_id_of_zeros_is_no_id() -> None:
    assert parse_topic_id("A" * 22) is None


SIXTEEN = "which is not equal to the expected 16 bytes of a base64-encoded UUID"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", f"Input string `abc` decoded as 2 bytes, {SIXTEEN}"),
        ("x" * 25, f"Input string with prefix `{'x' * 24}` is too long to be decoded as a base64 UUID"),
        ("a/b", "Illegal base64 character 2f"),
        ("a", "Last unit does not have enough valid bits"),
    ],
)  # fmt: skip
def test_what_is_no_topic_id_is_rejected_in_javas_words(text: str, message: str) -> None:
    with pytest.raises(BadArgument) as refusal:
        parse_topic_id(text)

    assert str(refusal.value) == message
