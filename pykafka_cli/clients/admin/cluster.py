"""The cluster as a whole: its id and brokers, their APIs and disks, elections."""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from kio.schema.describe_cluster.v2.request import DescribeClusterRequest
from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i8, i32

from pykafka_cli.clients.errors import ApiError, ensure_none_failed
from pykafka_cli.clients.session import Session, broker_timeout
from pykafka_cli.model import Broker, Endpoint, TopicPartition, partitions_by_topic
from pykafka_cli.transport.connection import VersionRange
from pykafka_cli.transport.errors import ConnectionFailed

_BROKERS, _CONTROLLERS = i8(1), i8(2)


class ElectionType(IntEnum):
    """Which replica may become leader: the first one if it is in sync; or any one, if no in-sync replica is alive."""

    PREFERRED = 0
    UNCLEAN = 1


class ReplicaOnDisk(NamedTuple):
    """One partition in a log directory. A future replica is one that is being moved there."""

    partition: TopicPartition
    size: int
    offset_lag: int
    is_future: bool


class LogDir(NamedTuple):
    """A log directory of one broker; `error` is set if it is offline."""

    path: str
    error: ApiError | None
    replicas: tuple[ReplicaOnDisk, ...]


async def describe_brokers(session: Session) -> list[Broker]:
    """Live brokers by id; the controllers if the session is with controllers."""
    if session.is_with_controllers:
        return [Broker(each.id, each.host, each.port, each.rack) for each in await list_endpoints(session)]
    answer = await session.metadata(())
    return sorted(Broker(broker.node_id, broker.host, broker.port, broker.rack) for broker in answer.brokers)


async def cluster_id(session: Session) -> str | None:
    """The cluster's id; None from a broker that is too old to have one."""
    if session.is_with_controllers:
        return str((await session.ask(_cluster_request(_CONTROLLERS), oldest=1)).cluster_id)
    return (await session.metadata(())).cluster_id


async def list_endpoints(session: Session, *, include_fenced: bool = False) -> list[Endpoint]:
    """All brokers, or the controllers if the session is with controllers, by id.

    include_fenced    also registered brokers that are not serving now (KIP-1073)
    raises            VersionUnsupported, ApiError
    """
    type_ = _CONTROLLERS if session.is_with_controllers else _BROKERS
    request = _cluster_request(type_, include_fenced=include_fenced)
    answer = await session.ask(request, oldest=2 if include_fenced else 1 if session.is_with_controllers else 0)
    ensure_none_failed([answer])
    kind = "controller" if answer.endpoint_type == _CONTROLLERS else "broker"
    return sorted(
        Endpoint(each.broker_id, each.host, int(each.port), each.rack, bool(each.is_fenced), kind)
        for each in answer.brokers
    )


def _cluster_request(endpoint_type: i8, *, include_fenced: bool = False) -> DescribeClusterRequest:
    return DescribeClusterRequest(
        include_cluster_authorized_operations=False,
        endpoint_type=endpoint_type,
        include_fenced_brokers=include_fenced,
    )


async def unregister_broker(session: Session, broker: BrokerId) -> None:
    """Unregister a broker; clusters with ZooKeeper do not support this.

    raises    VersionUnsupported, ApiError
    """
    from kio.schema.unregister_broker.v0.request import UnregisterBrokerRequest

    ensure_none_failed([await session.ask(UnregisterBrokerRequest(broker_id=BrokerId(broker)))])


async def offered_versions(
    session: Session, brokers: Iterable[Broker]
) -> dict[Broker, Mapping[int, VersionRange] | ConnectionFailed]:
    """Each broker's ApiVersions, or why it could not be fetched."""
    found: dict[Broker, Mapping[int, VersionRange] | ConnectionFailed] = {}
    for broker in brokers:
        try:
            found[broker] = await session.api_versions(broker.id)
        except ConnectionFailed as error:
            found[broker] = error
    return found


async def describe_log_dirs(session: Session, broker: BrokerId) -> list[LogDir]:
    """All log directories of one broker, with their contents.

    raises    ApiError
    """
    from kio.schema.describe_log_dirs.v4.request import DescribeLogDirsRequest

    answer = await session.ask(DescribeLogDirsRequest(topics=None), broker=broker)
    ensure_none_failed([answer])
    return [
        LogDir(
            result.log_dir,
            ApiError(result.error_code) if result.error_code else None,
            tuple(
                ReplicaOnDisk(
                    TopicPartition(topic.name, each.partition_index),
                    each.partition_size,
                    each.offset_lag,
                    each.is_future_key,
                )
                for topic in result.topics
                for each in topic.partitions
            ),
        )
        for result in answer.results
    ]


async def elect_leaders(
    session: Session, election: ElectionType, partitions: Iterable[TopicPartition] | None
) -> dict[TopicPartition, ApiError | None]:
    """Elect leaders for partitions (None: for all that need one); return the result of each.

    raises    ApiError for the request as a whole
    """
    from kio.schema.elect_leaders.v2.request import ElectLeadersRequest, TopicPartitions

    wanted = None
    if partitions is not None:
        wanted = tuple(
            TopicPartitions(topic=TopicName(topic), partitions=tuple(map(i32, indexes)))
            for topic, indexes in partitions_by_topic(partitions).items()
        )
    request = ElectLeadersRequest(election_type=i8(election), topic_partitions=wanted, timeout=broker_timeout(session))
    answer = await session.ask_controller(request, oldest=0 if election is ElectionType.PREFERRED else 1)
    ensure_none_failed([answer])
    return {
        TopicPartition(topic.topic, each.partition_id): ApiError(each.error_code, each.error_message)
        if each.error_code != ErrorCode.none
        else None
        for topic in answer.replica_election_results
        for each in topic.partition_result
    }
