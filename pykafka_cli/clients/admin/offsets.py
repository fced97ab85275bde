"""Offsets of partitions: earliest, latest, by timestamp, and deleting records before one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i8, i32, i64

from pykafka_cli.clients.admin.leaders import Patience, ask_known_leaders, ask_leaders
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session, broker_timeout
from pykafka_cli.model import (
    CONSUMER_REPLICA_ID,
    NO_OFFSET,
    Offset,
    OffsetSpec,
    Timestamp,
    TopicPartition,
    partitions_by_topic,
)

if TYPE_CHECKING:
    from kio.schema.list_offsets.v9.response import ListOffsetsPartitionResponse

T = TypeVar("T")

HIGH_WATERMARK = -1
"""As the offset to delete up to: everything that consumers can see."""

_OLDEST_VERSION = 1
_FIRST_VERSION: Mapping[int, int] = {each: max(each.first_version, _OLDEST_VERSION) for each in OffsetSpec}


async def list_offsets(
    session: Session,
    wanted: Mapping[TopicPartition, OffsetSpec],
    *,
    read_committed: bool = False,
    patience: Patience = Patience.RETRY,
    leaders: Mapping[TopicPartition, BrokerId] | None = None,
) -> dict[TopicPartition, Offset | ApiError]:
    """Where logs begin and end: the EARLIEST or LATEST offset of each partition, which every log has.

    leaders    known leaders, which get one request each
    """
    found = await offsets_for_times(session, wanted, read_committed=read_committed, patience=patience, leaders=leaders)
    return {
        partition: ApiError(ErrorCode.offset_not_available) if offset is None else offset
        for partition, offset in found.items()
    }


async def offsets_for_times(
    session: Session,
    wanted: Mapping[TopicPartition, Timestamp | OffsetSpec],
    *,
    read_committed: bool = False,
    patience: Patience = Patience.RETRY,
    leaders: Mapping[TopicPartition, BrokerId] | None = None,
) -> dict[TopicPartition, Offset | ApiError | None]:
    """The first offset of each partition at or after a time, or for an OffsetSpec; None if no record is there.

    leaders    known leaders, which get one request each
    """
    from kio.schema.list_offsets.v9.request import ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic

    async def ask(broker: BrokerId, partitions: list[TopicPartition]) -> dict[TopicPartition, Offset | ApiError | None]:
        request = ListOffsetsRequest(
            replica_id=CONSUMER_REPLICA_ID,
            isolation_level=i8(read_committed),
            topics=tuple(
                ListOffsetsTopic(
                    name=TopicName(topic),
                    partitions=tuple(
                        ListOffsetsPartition(
                            partition_index=i32(index), timestamp=i64(wanted[TopicPartition(topic, index)])
                        )
                        for index in indexes
                    ),
                )
                for topic, indexes in partitions_by_topic(partitions).items()
            ),
        )
        oldest = max((_FIRST_VERSION.get(wanted[each], _OLDEST_VERSION) for each in partitions), default=0)
        answer = await session.ask(request, broker=broker, oldest=oldest)
        return {
            TopicPartition(topic.name, each.partition_index): _offset_in(each)
            for topic in answer.topics
            for each in topic.partitions
        }

    if leaders is not None:
        return await ask_known_leaders(leaders, wanted, ask)
    return await ask_leaders(session, wanted, ask, patience=patience)


def known(found: Mapping[TopicPartition, T | ApiError], *, naming: bool = False) -> dict[TopicPartition, T]:
    """The results, if there is one for each partition.

    naming    whether the error names the partition
    raises    ApiError for the first partition with one
    """
    results: dict[TopicPartition, T] = {}
    for partition, result in found.items():
        if isinstance(result, ApiError):
            raise ApiError(result.code, f"{partition}: {result}") if naming else result
        results[partition] = result
    return results


def _offset_in(answer: "ListOffsetsPartitionResponse") -> Offset | ApiError | None:
    if answer.error_code:
        return ApiError(answer.error_code)
    offset = Offset(answer.offset)
    return None if offset == NO_OFFSET else offset


async def delete_records(
    session: Session, before: Mapping[TopicPartition, Offset]
) -> dict[TopicPartition, Offset | ApiError]:
    """Delete records below an offset; return the new start of each partition (its low watermark)."""
    from kio.schema.delete_records.v2.request import DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic

    async def ask(broker: BrokerId, partitions: list[TopicPartition]) -> dict[TopicPartition, Offset | ApiError]:
        request = DeleteRecordsRequest(
            topics=tuple(
                DeleteRecordsTopic(
                    name=TopicName(topic),
                    partitions=tuple(
                        DeleteRecordsPartition(
                            partition_index=i32(index), offset=i64(before[TopicPartition(topic, index)])
                        )
                        for index in indexes
                    ),
                )
                for topic, indexes in partitions_by_topic(partitions).items()
            ),
            timeout=broker_timeout(session),
        )
        answer = await session.ask(request, broker=broker)
        return {
            TopicPartition(topic.name, each.partition_index): ApiError(each.error_code)
            if each.error_code
            else Offset(each.low_watermark)
            for topic in answer.topics
            for each in topic.partitions
        }

    return await ask_leaders(session, before, ask)
