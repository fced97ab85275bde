"""Source and destination topics of a copy: checks that they fit, and creates missing destinations."""

from collections.abc import Sequence

from pykafka_cli.clients.admin.cluster import cluster_id
from pykafka_cli.clients.admin.topics import NewTopic, list_topics, try_to_create_topics
from pykafka_cli.clients.session import Session
from pykafka_cli.model import TopicPartition
from pykafka_cli.procedures.cluster_state import topic_configs
from pykafka_cli.procedures.copy import CopyFailed, TopicCopy


async def match_topics(
    source: Session, target: Session, names: Sequence[tuple[str, str]], keeps: bool | None, *, creates: bool
) -> tuple[list[TopicCopy], list[TopicPartition]]:
    """The copies to make, and the partitions to read.

    names      of source and destination
    keeps      whether batches keep their partition; None: if both topics have the same number
    creates    create missing destinations like their sources
    raises     CopyFailed, StateUnknown, ConnectionFailed
    """
    counts = {topic.topic: topic.partition_count for topic in await list_topics(source)}
    if absent := [name for name, _ in names if name not in counts]:
        raise CopyFailed(f"there is no topic {absent[0]} to copy")
    same = await cluster_id(source) == await cluster_id(target)
    if same and (itself := [name for name, new in names if name == new]):
        raise CopyFailed(f"{itself[0]} cannot be copied to itself; name another topic: {itself[0]}=NEW")
    there = {topic.topic: topic.partition_count for topic in await list_topics(target)}
    missing = [(name, new) for name, new in names if new not in there]
    if creates and missing:
        configs = await topic_configs(source, [name for name, _ in missing])
        topics = [NewTopic(new, configs[name], counts[name]) for name, new in missing]
        for new, error in (await try_to_create_topics(target, topics)).items():
            raise CopyFailed(f"cannot create {new}: {error}")
    copies = []
    for name, new in names:
        count = there.get(new, counts[name])
        if keeps and count < counts[name]:
            raise CopyFailed(f"{new} has {count} partitions, fewer than the {counts[name]} of {name}")
        copies.append(TopicCopy(name, new, count == counts[name] if keeps is None else keeps))
    return copies, [TopicPartition(name, number) for name, _ in names for number in range(counts[name])]
