"""Messages between members of a consumer group, which the coordinator passes on unread.

    subscription    version int16, topics, user data, owned partitions (1), generation (2), rack (3)
    assignment      version int16, partitions by topic, user data

Newer versions are read like ours: later ones only add fields at the end. The user data of the sticky assignor has the
member's previous topics with partitions, and the generation.
source  ConsumerProtocolSubscription, ConsumerProtocolAssignment, StickyAssignor
"""

import io
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kio.schema.consumer_protocol_assignment.v3.data import ConsumerProtocolAssignment
from kio.schema.consumer_protocol_assignment.v3.data import TopicPartition as AssignedTopic
from kio.schema.consumer_protocol_subscription.v3.data import ConsumerProtocolSubscription
from kio.schema.consumer_protocol_subscription.v3.data import TopicPartition as OwnedTopic
from kio.schema.types import TopicName
from kio.serial import entity_reader, entity_writer
from kio.serial.errors import SerialError
from kio.static.primitive import i32

from pykafka_cli.clients.message_versions import version_of
from pykafka_cli.model import NO_GENERATION, TopicPartition, partitions_by_topic

NEWEST = 3
_VERSION = struct.Struct(">h")


@dataclass(frozen=True, slots=True)
class Subscription:
    """A member's message to the assignor: subscribed topics, owned partitions and their generation, and the instance id
    of a static member."""

    topics: Sequence[str]
    owned: Sequence[TopicPartition] = ()
    generation: int = NO_GENERATION
    instance: str | None = None
    user_data: bytes | None = field(default=None, compare=False)


class BadMemberMessage(ValueError):
    """Bytes that are not a message of the consumer protocol."""


def encode_subscription(subscription: Subscription, *, rack: str = "") -> bytes:
    message = ConsumerProtocolSubscription(
        topics=tuple(subscription.topics),
        user_data=subscription.user_data,
        owned_partitions=tuple(
            OwnedTopic(topic=TopicName(topic), partitions=tuple(map(i32, its)))
            for topic, its in partitions_by_topic(subscription.owned).items()
        ),
        generation_id=i32(subscription.generation),
        rack_id=rack or None,
    )
    return _encode(message)


def decode_subscription(data: bytes, instance: str | None) -> Subscription:
    """raises    BadMemberMessage"""
    message = _decode(ConsumerProtocolSubscription, data)
    owned = [
        TopicPartition(each.topic, int(index))
        for each in getattr(message, "owned_partitions", ())
        for index in each.partitions
    ]
    generation = int(getattr(message, "generation_id", NO_GENERATION))
    if not owned and message.user_data:
        owned, generation = _sticky_memory(bytes(message.user_data), generation)
    return Subscription(tuple(message.topics), owned, generation, instance, message.user_data)


def encode_assignment(partitions: Iterable[TopicPartition]) -> bytes:
    return _encode(
        ConsumerProtocolAssignment(
            assigned_partitions=tuple(
                AssignedTopic(topic=TopicName(topic), partitions=tuple(map(i32, its)))
                for topic, its in partitions_by_topic(partitions).items()
            )
        )
    )


def decode_assignment(data: bytes) -> list[TopicPartition]:
    """The partitions of a member; none for empty bytes, which a member without partitions may get.

    raises    BadMemberMessage
    """
    if not data:
        return []
    message = _decode(ConsumerProtocolAssignment, data)
    return [TopicPartition(each.topic, int(index)) for each in message.assigned_partitions for index in each.partitions]


def sticky_user_data(owned: Sequence[TopicPartition], generation: int) -> bytes:
    """User data of the sticky assignor."""
    parts = [struct.pack(">i", len(partitions_by_topic(owned)))]
    for topic, its in partitions_by_topic(owned).items():
        name = topic.encode()
        parts.append(struct.pack(f">h{len(name)}si{len(its)}i", len(name), name, len(its), *its))
    return b"".join([*parts, struct.pack(">i", generation)])


def _sticky_memory(data: bytes, generation: int) -> tuple[list[TopicPartition], int]:
    """Decode `sticky_user_data`; empty for user data of other assignors, such as cooperative-sticky."""
    owned: list[TopicPartition] = []
    try:
        (count,), position = struct.unpack_from(">i", data), 4
        for _ in range(count):
            (length,) = struct.unpack_from(">h", data, position)
            topic = data[position + 2 : position + 2 + length].decode()
            position += 2 + length
            (partitions,) = struct.unpack_from(">i", data, position)
            owned += [TopicPartition(topic, each) for each in struct.unpack_from(f">{partitions}i", data, position + 4)]
            position += 4 + 4 * partitions
        if len(data) - position == 4:
            (generation,) = struct.unpack_from(">i", data, position)
    except (struct.error, UnicodeDecodeError, MemoryError, OverflowError):
        return [], generation
    return owned, generation


def _encode(message: Any) -> bytes:
    body = io.BytesIO()
    entity_writer(type(message))(body, message)
    return _VERSION.pack(message.__version__) + body.getvalue()


def _decode(newest: type[Any], data: bytes) -> Any:
    try:
        (version,) = _VERSION.unpack_from(data)
        if version < 0:
            raise BadMemberMessage(f"version {version} of {newest.__name__}")
        reader = entity_reader(version_of(newest, min(version, NEWEST)))
        return reader(memoryview(data), _VERSION.size)[0]
    except (struct.error, SerialError, ValueError) as error:
        raise BadMemberMessage(f"not a {newest.__name__}: {error}") from error
