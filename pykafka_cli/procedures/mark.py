"""Looks up the current ends of topics, for `pk mark`."""

from collections.abc import Mapping, Sequence

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.offsets import known, list_offsets
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import Offset, OffsetSpec, Timestamp, TopicPartition, base64_id
from pykafka_cli.rules.expect_marks import Mark, TopicMark

_ABSENT = TopicMark(None, ())


async def mark_ends(session: Session, topics: Sequence[str], timestamp: Timestamp, *, read_committed: bool) -> Mark:
    """The ends of all partitions; a topic that does not exist has none.

    timestamp         now, in milliseconds since the epoch
    read_committed    the end that a consumer of this isolation level sees: the first offset of an open transaction
    raises            ApiError, ConnectionFailed
    """
    answer = await session.metadata(topics)
    found: dict[str, tuple[str | None, int]] = {}
    for topic in answer.topics:
        code = ErrorCode(topic.error_code)
        if code is ErrorCode.unknown_topic_or_partition:
            continue
        if code not in (ErrorCode.none, ErrorCode.leader_not_available):
            raise ApiError(code, f"{topic.name}: {ApiError(code)}")
        found[topic.name or ""] = base64_id(topic.topic_id) if topic.topic_id else None, len(topic.partitions)
    partitions = [TopicPartition(topic, number) for topic, (_, count) in found.items() for number in range(count)]
    ends = await _ends(session, partitions, read_committed=read_committed)
    marks = {
        topic: TopicMark(topic_id, tuple(ends[TopicPartition(topic, number)] for number in range(count)))
        for topic, (topic_id, count) in found.items()
    }
    return Mark(answer.cluster_id, timestamp, {topic: marks.get(topic, _ABSENT) for topic in dict.fromkeys(topics)})


async def _ends(
    session: Session, partitions: Sequence[TopicPartition], *, read_committed: bool
) -> Mapping[TopicPartition, Offset]:
    wanted = dict.fromkeys(partitions, OffsetSpec.LATEST)
    return known(await list_offsets(session, wanted, read_committed=read_committed), naming=True)
