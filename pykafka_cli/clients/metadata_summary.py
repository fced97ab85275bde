"""The line that --debug logs about a Metadata response. Only imported then."""

from collections.abc import Sequence
from typing import Any

from kio.schema.metadata.v12.response import MetadataResponse

_NAMED = 5
"""How many brokers, topics and partitions of a response are named."""


def summary(answer: MetadataResponse) -> str:
    """The brokers, the controller and the topics of a response; only the first ones of many."""
    brokers = [f"{each.node_id} at {each.host}:{each.port}" for each in answer.brokers]
    topics = [
        f"{topic.name} ({topic.error_code.name})"
        if topic.error_code
        else f"{topic.name} ({_leaders(topic.partitions)})"
        for topic in answer.topics
    ]
    return (
        f"cluster {answer.cluster_id}, brokers {_first_of(brokers)}, controller {answer.controller_id}, "
        f"topics {_first_of(topics)}"
    )


def _leaders(partitions: Sequence[Any]) -> str:
    ordered = sorted(partitions, key=lambda each: int(each.partition_index))
    found = [f"{each.partition_index} led by {each.leader_id} in epoch {each.leader_epoch}" for each in ordered]
    return _first_of(found, "partition ")


def _first_of(words: Sequence[str], each: str = "") -> str:
    rest = len(words) - _NAMED
    shown = ", ".join(f"{each}{word}" for word in words[:_NAMED])
    return (shown or "none") + (f" and {rest} more" if rest > 0 else "")
