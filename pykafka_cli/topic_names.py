"""Which names a topic may have, and which topics are Kafka's own. The broker and the commands ask the same functions.

source  org.apache.kafka.common.internals.Topic of Apache Kafka 3.9
"""

import re
from collections.abc import Iterable

CONSUMER_OFFSETS = "__consumer_offsets"
TRANSACTION_STATE = "__transaction_state"
SHARE_GROUP_STATE = "__share_group_state"
CLUSTER_METADATA = "__cluster_metadata"
"""The log of a KRaft node's metadata; no client may create a topic of that name."""

INTERNAL_TOPICS = frozenset({CONSUMER_OFFSETS, TRANSACTION_STATE, SHARE_GROUP_STATE})

MAX_LENGTH = 249
"""A directory is called TOPIC-PARTITION, with a longer ending while it is deleted; file systems stop at 255."""

_LEGAL = re.compile(r"[a-zA-Z0-9._-]+")


def why_invalid(name: str) -> str | None:
    """Kafka's words for what is wrong with a name, to follow "Topic name is invalid: "; None if nothing is."""
    if not name:
        return "the empty string is not allowed"
    if name in (".", ".."):
        return f"'{name}' is not allowed"
    if len(name) > MAX_LENGTH:
        return f"the length of '{name}' is longer than the max allowed length {MAX_LENGTH}"
    if not _LEGAL.fullmatch(name):
        return f"'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    return None


def is_internal(name: str) -> bool:
    """Whether the topic is Kafka's own, hidden from subscriptions by pattern."""
    return name in INTERNAL_TOPICS


def may_collide(name: str) -> bool:
    """Whether the name has a character that metric names confuse with another."""
    return "." in name or "_" in name


def collisions(name: str, topics: Iterable[str]) -> list[str]:
    """The topics whose metric names collide with those of `name`: equal but for `.` and `_`."""
    unified = name.replace(".", "_")
    return [topic for topic in topics if topic != name and topic.replace(".", "_") == unified]
