"""Where first versions differ: ListOffsets 0, DescribeConfigs 0, AlterPartition 0 and 1.

Some of it has no place in the newest version. Handlers find it in the classes here, which are the newest ones with a
field more. See adapters.py for what the functions take.
"""

from dataclasses import dataclass, fields, replace
from types import SimpleNamespace
from typing import Any

from kio.schema.alter_partition.v3.request import TopicData
from kio.schema.errors import ErrorCode
from kio.schema.list_offsets.v9.request import ListOffsetsPartition
from kio.schema.list_offsets.v9.response import ListOffsetsPartitionResponse

DEFAULT_CONFIG = 5
"""The config source of what nobody has set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldStyleListOffsetsPartition(ListOffsetsPartition):
    """ListOffsets 0: as many offsets as requested, of the segments last written before the timestamp."""

    max_num_offsets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OldStyleListOffsetsPartitionResponse(ListOffsetsPartitionResponse):
    """The response: offsets, the largest first."""

    old_style_offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTopicData(TopicData):
    """AlterPartition 0 and 1: a topic by its name."""

    topic_name: str


def raise_list_offsets(old: Any, new: Any, _version: int) -> Any:
    return _with_partitions(old, new, OldStyleListOffsetsPartition, "max_num_offsets")


def lower_list_offsets(response: Any, _version: int, _request: Any) -> Any:
    return _results(
        response.topics,
        lambda each: SimpleNamespace(
            partition_index=each.partition_index,
            error_code=each.error_code,
            old_style_offsets=getattr(each, "old_style_offsets", ()),
        ),
    )


def lower_describe_configs(response: Any, _version: int, _request: Any) -> Any:
    results = [
        _like(result, configs=[_like(each, is_default=each.config_source == DEFAULT_CONFIG) for each in result.configs])
        for result in response.results
    ]
    return _like(response, results=results)


def name_topics(old: Any, new: Any) -> Any:
    """AlterPartition, `new` complete but for its topics' names."""
    topics = tuple(
        NamedTopicData(topic_name=before.topic_name, **_values(topic))
        for topic, before in zip(new.topics, old.topics, strict=True)
    )
    return replace(new, topics=topics)


def lower_alter_partition(response: Any, _version: int, request: Any) -> Any:
    topics = [
        SimpleNamespace(
            topic_name=asked.topic_name,
            partitions=[_like(each, error_code=_known_before_ids(each.error_code)) for each in topic.partitions],
        )
        for topic, asked in zip(response.topics, request.topics, strict=False)  # none where all is rejected
    ]
    return _like(response, topics=topics)


def _known_before_ids(error_code: ErrorCode) -> ErrorCode:
    return ErrorCode.operation_not_attempted if error_code is ErrorCode.ineligible_replica else error_code


def _with_partitions(old: Any, new: Any, extended: Any, name: str) -> Any:
    """`new` with partitions of the class `extended`, whose field `name` only `old` has."""
    topics = tuple(
        replace(
            topic,
            partitions=tuple(
                extended(**_values(partition), **{name: getattr(before, name)})
                for partition, before in zip(topic.partitions, old_topic.partitions, strict=True)
            ),
        )
        for topic, old_topic in zip(new.topics, old.topics, strict=True)
    )
    return replace(new, topics=topics)


def _results(topics: Any, partition: Any) -> SimpleNamespace:
    return SimpleNamespace(
        topics=[SimpleNamespace(name=each.name, partitions=list(map(partition, each.partitions))) for each in topics]
    )


def _values(structure: Any) -> dict[str, Any]:
    return {each.name: getattr(structure, each.name) for each in fields(structure)}


def _like(structure: Any, **changes: Any) -> SimpleNamespace:
    return SimpleNamespace(**_values(structure) | changes)
