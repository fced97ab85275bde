"""Marks: the ends of topics at one moment, as a token that a script keeps in a variable.

    mark1.eJyrVkrOKS0u...    "mark1.", then base64 for URLs, without padding, of a zlib stream (with Adler-32), of JSON:

    {"cluster": ID, "ms": MILLISECONDS, "topics": {TOPIC: {"id": ID or null, "ends": [of partition 0, of 1, ...]}}}

A topic that did not exist has no ends. A partition or topic that was created after the mark is read from its beginning.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pykafka_cli.model import Offset, OffsetSpec, Timestamp

PREFIX = "mark1."
_MOST_BYTES = 16 << 20
"""Maximum size of the JSON: a larger one is not a mark."""


class BadMark(ValueError):
    """A token is not a mark, is incomplete, or is of another cluster or topic."""


class TopicMark(NamedTuple):
    """One topic. The id is None if the cluster's topics have none, or if there was no topic."""

    topic_id: str | None
    ends: tuple[Offset, ...]


class Mark(NamedTuple):
    """The content of a token; the time is in milliseconds since the epoch."""

    cluster_id: str | None
    timestamp: Timestamp
    topics: Mapping[str, TopicMark]


def is_token(text: str) -> bool:
    """Whether a text looks like a mark of any version."""
    return text.startswith("mark")


def encode_mark(mark: Mark) -> str:
    topics = {topic: {"id": each.topic_id, "ends": each.ends} for topic, each in mark.topics.items()}
    document = {"cluster": mark.cluster_id, "ms": mark.timestamp, "topics": topics}
    packed = zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 9)
    return PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode_mark(token: str) -> Mark:
    """raises    BadMark"""
    if not token.startswith(PREFIX):
        raise BadMark(f"{token!r} is not a mark of this version of pk, which begins with {PREFIX}")
    try:
        document = json.loads(_unpacked(token.removeprefix(PREFIX)))
        topics = {
            topic: TopicMark(each["id"], tuple(Offset(int(end)) for end in each["ends"]))
            for topic, each in document["topics"].items()
        }
        mark = Mark(document["cluster"], Timestamp(int(document["ms"])), topics)
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error, RecursionError):
        mark = None
    if mark is None or encode_mark(mark) != token:
        raise BadMark(f"The mark {_shortened(token)} is damaged")
    return mark


def _unpacked(text: str) -> bytes:
    """raises    ValueError, zlib.error"""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    stream = zlib.decompressobj()
    unpacked = stream.decompress(packed, _MOST_BYTES)
    if not stream.eof or stream.unused_data:
        raise ValueError("not one whole stream")
    return unpacked


def _shortened(token: str) -> str:
    return token if len(token) <= 40 else f"{token[:40]}..."


def topic_mark(mark: Mark, topic: str, cluster_id: str | None) -> TopicMark:
    """The part of a mark for one topic.

    raises    BadMark if the mark is of another cluster, or of other topics
    """
    if mark.cluster_id and cluster_id and mark.cluster_id != cluster_id:
        raise BadMark(f"The mark is of the cluster {mark.cluster_id}, and this one is {cluster_id}")
    return topic_in_mark(mark, topic)


def topic_in_mark(mark: Mark, topic: str) -> TopicMark:
    """raises    BadMark"""
    if topic not in mark.topics:
        raise BadMark(f"The mark is of {', '.join(mark.topics)}, not of {topic}")
    return mark.topics[topic]


def starts_after(mark: TopicMark, topic_id: str | None, partitions: Iterable[int]) -> dict[int, Offset | OffsetSpec]:
    """Where to start in each partition: an offset, or EARLIEST if it did not exist when the mark was made.

    topic_id    the current id; a different one means another topic of the same name
    """
    is_another = mark.topic_id is not None and topic_id is not None and mark.topic_id != topic_id
    ends: tuple[Offset, ...] = () if is_another else mark.ends
    return {each: ends[each] if each < len(ends) else OffsetSpec.EARLIEST for each in partitions}


def mark_document(mark: Mark, token: str) -> dict[str, Any]:
    """What `pk mark --output json` prints."""
    return {
        "token": token,
        "cluster_id": mark.cluster_id,
        "timestamp": mark.timestamp,
        "topics": [
            {
                "topic": topic,
                "topic_id": each.topic_id,
                "partitions": [{"partition": number, "offset": end} for number, end in enumerate(each.ends)],
            }
            for topic, each in mark.topics.items()
        ],
    }
