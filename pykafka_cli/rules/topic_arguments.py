"""Values of kafka-topics' options, parsed like org.apache.kafka.tools.TopicCommand, with its messages."""

import base64
import binascii
import re
import uuid
from collections.abc import Iterable

from pykafka_cli.model import BrokerId
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.keys import ConfigError
from pykafka_cli.properties.topic import TOPIC_KEYS, check_compaction_lags, validate_names

_INTEGER = re.compile(r"[+-]?[0-9]+")
_MAX_ID_TEXT = 24
_MESSAGE_FORMAT_VERSION = "message.format.version"


class BadArgument(Exception):
    """A value that the script rejects before it sends a request."""


def parse_replica_assignment(text: str) -> dict[int, list[BrokerId]]:
    """`0:1,1:2` to broker ids by partition; a comma per partition, a colon per replica.

    raises    BadArgument
    """
    assignment: dict[int, list[BrokerId]] = {}
    for partition, replicas in enumerate(re.sub(",+$", "", text).split(",")):
        brokers = [_broker(word.strip()) for word in re.sub(":+$", "", replicas).split(":")]
        if twice := sorted({broker for broker in brokers if brokers.count(broker) > 1}):
            raise BadArgument(f"Partition replica lists may not contain duplicate entries: {','.join(map(str, twice))}")
        assignment[partition] = brokers
        if len(brokers) != len(assignment[0]):
            raise BadArgument(f"Partition {partition} has different replication factor: {brokers}")
    return assignment


def parse_topic_configs(words: Iterable[str]) -> dict[str, str]:
    """Parse `name=value` words as configs of a topic, checked for name, type and bounds.

    raises    BadArgument
    """
    configs: dict[str, str] = {}
    for word in words:
        parts = re.split(r"\s*=\s*", word)
        while parts and not parts[-1]:
            parts.pop()
        if len(parts) != 2:
            raise BadArgument(
                'requirement failed: Invalid topic config: all configs to be added must be in the format "key=val".'
            )
        configs[parts[0].strip()] = parts[1].strip()
    try:
        validate_names(configs)
        values, _ = TOPIC_KEYS.parse(Property(name, value, 0) for name, value in configs.items())
        check_compaction_lags(values["min.compaction.lag.ms"], values["max.compaction.lag.ms"])
    except ConfigError as error:
        raise BadArgument(str(error)) from None
    return configs


def parse_config_names(words: Iterable[str]) -> list[str]:
    """Names for --delete-config.

    raises    BadArgument
    """
    names = [word.strip() for word in words]
    try:
        validate_names(dict.fromkeys(names, ""))
    except ConfigError as error:
        raise BadArgument(str(error)) from None
    return names


def parse_topic_id(text: str) -> uuid.UUID | None:
    """A topic's id in Kafka's base64; None for the id of all zeros, which means no id.

    raises    BadArgument
    source    org.apache.kafka.common.Uuid.fromString
    """
    if len(text) > _MAX_ID_TEXT:
        raise BadArgument(
            f"Input string with prefix `{text[:_MAX_ID_TEXT]}` is too long to be decoded as a base64 UUID"
        )
    if illegal := re.search(r"[^\w=-]", text, re.ASCII):
        raise BadArgument(f"Illegal base64 character {ord(illegal[0]):x}")
    try:
        data = base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except binascii.Error:
        raise BadArgument("Last unit does not have enough valid bits") from None
    if len(data) != 16:
        raise BadArgument(
            f"Input string `{text}` decoded as {len(data)} bytes, which is not equal to the expected 16 bytes "
            "of a base64-encoded UUID"
        )
    topic_id = uuid.UUID(bytes=data)
    return topic_id if topic_id.int else None


def format_version_warning(configs: dict[str, str]) -> str | None:
    """The script's warning about a config that brokers since 3.0 ignore."""
    if _MESSAGE_FORMAT_VERSION not in configs:
        return None
    return (
        f"WARNING: The configuration {_MESSAGE_FORMAT_VERSION}={configs[_MESSAGE_FORMAT_VERSION]} is specified. "
        "This configuration will be ignored if the version is newer than the inter.broker.protocol.version specified "
        "in the broker or if the inter.broker.protocol.version is 3.0 or newer. This configuration is deprecated and "
        "it will be removed in Apache Kafka 4.0."
    )


def _broker(word: str) -> BrokerId:
    if not _INTEGER.fullmatch(word) or not -(1 << 31) <= int(word) < 1 << 31:
        raise BadArgument(f'For input string: "{word}"')
    return BrokerId(int(word))
