"""kafka-topics: what both generations have in common, and the actions through Kafka's protocol."""

from collections.abc import Iterable
from typing import NamedTuple

from pykafka_cli.clients.admin import topics as admin
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session
from pykafka_cli.model import BrokerId, TopicDescription
from pykafka_cli.output.render import OutputFormat, notice
from pykafka_cli.output.topics import (
    show_altered,
    show_collision_warning,
    show_created,
    show_deleted,
    show_descriptions,
    show_listing,
)
from pykafka_cli.rules.topic_filter import InvalidRegex, TopicFilter
from pykafka_cli.rules.topic_views import DescribeFilter, view_topics
from pykafka_cli.script.errors import UnreadableValue, Words
from pykafka_cli.topic_names import is_internal, may_collide

MAX_REPLICATION_FACTOR = 32767


class TopicsFailed(Exception):
    """An error in the script's words."""


WORDS: Words = {UnreadableValue: str, TopicsFailed: str, ApiError: str, InvalidRegex: str}


class TopicsRequest(NamedTuple):
    """The values of the command line."""

    action: str
    topic: str | None
    topic_id: str | None
    partitions: int | None
    replication_factor: int | None
    replica_assignment: str | None
    configs: list[str]
    deleted_configs: list[str]
    filter: DescribeFilter
    if_exists: bool
    if_not_exists: bool
    exclude_internal: bool
    rack_aware: bool
    partitions_per_answer: int
    output: OutputFormat

    def matching(self, topics: Iterable[str]) -> list[str]:
        """The topics that --topic and --exclude-internal select.

        raises    InvalidRegex
        """
        if self.topic is None:
            return [topic for topic in topics if not (self.exclude_internal and is_internal(topic))]
        wanted = TopicFilter(self.topic)
        return [topic for topic in topics if wanted.allows(topic, exclude_internal=self.exclude_internal)]


# ---- through Kafka's protocol


async def through_brokers(request: TopicsRequest, session: Session) -> None:
    """Perform the action through Kafka's protocol.

    raises    TopicsFailed, ApiError, InvalidRegex, ConnectionFailed
    """
    actions = {
        "list": list_topics,
        "describe": describe_topics,
        "create": create_topic,
        "alter": alter_topics,
        "delete": delete_topics,
    }
    await actions[request.action](request, session)


async def list_topics(request: TopicsRequest, session: Session) -> None:
    async with session:
        found = {listing.topic: listing for listing in await admin.list_topics(session)}
    names = request.matching(found)
    show_listing(request.output, [found[name] for name in names])


async def describe_topics(request: TopicsRequest, session: Session) -> None:
    from pykafka_cli.clients.admin.configs import Resource, describe_configs
    from pykafka_cli.model import ConfigResourceType

    async with session:
        described = await _described(request, session)
        if not described:
            return
        resources = [Resource(ConfigResourceType.TOPIC, topic.topic) for topic in described]
        configs = await describe_configs(session, resources)
        live_brokers = {broker.node_id for broker in (await session.metadata(())).brokers}
    for entries in configs.values():
        if isinstance(entries, ApiError):
            raise TopicsFailed(str(entries))
    complete = [
        topic._replace(configs=tuple(entries))
        for topic, entries in zip(described, configs.values(), strict=True)
        if not isinstance(entries, ApiError)
    ]
    views = view_topics(complete, request.filter, live_brokers)
    show_descriptions(request.output, views)


async def _described(request: TopicsRequest, session: Session) -> list[TopicDescription]:
    if request.topic_id is not None:
        from pykafka_cli.rules.topic_arguments import BadArgument, parse_topic_id

        try:
            topic_id = parse_topic_id(request.topic_id)
        except BadArgument as error:
            raise TopicsFailed(str(error)) from None
        if topic_id:
            known = {listing.topic_id for listing in await admin.list_topics(session)}
            if topic_id in known:
                return [await admin.describe_topic_by_id(session, topic_id)]
            if request.if_exists:
                return []
            raise TopicsFailed(f"TopicId '{request.topic_id}' does not exist as expected")
    names = await _existing(request, session)
    return (
        await admin.describe_topics(session, names, partitions_per_answer=request.partitions_per_answer)
        if names
        else []
    )


async def create_topic(request: TopicsRequest, session: Session) -> None:
    from pykafka_cli.rules.topic_arguments import (
        BadArgument,
        format_version_warning,
        parse_replica_assignment,
        parse_topic_configs,
    )

    name = request.topic or ""
    try:
        assignment = parse_replica_assignment(request.replica_assignment) if request.replica_assignment else None
        configs = parse_topic_configs(request.configs)
    except BadArgument as error:
        raise TopicsFailed(str(error)) from None
    if warning := format_version_warning(configs):
        notice(request.output, warning)
    if may_collide(name):
        show_collision_warning(request.output)
    if request.replication_factor is not None and not 1 <= request.replication_factor <= MAX_REPLICATION_FACTOR:
        raise TopicsFailed(f"The replication factor must be between 1 and {MAX_REPLICATION_FACTOR} inclusive")
    if request.partitions is not None and request.partitions < 1:
        raise TopicsFailed("The partitions must be greater than 0")
    if not name:
        raise TopicsFailed("The given topic name '' cannot be represented in a request.")
    async with session:
        try:
            if assignment:
                await _ensure_registered(session, assignment)
            await admin.create_topic(
                session,
                name,
                partitions=admin.DEFAULT_PARTITIONS if request.partitions is None else request.partitions,
                replication_factor=admin.DEFAULT_REPLICATION_FACTOR
                if request.replication_factor is None
                else request.replication_factor,
                assignment=assignment,
                configs=configs,
            )
        except ApiError as error:
            if request.if_not_exists and error.code == admin.TOPIC_ALREADY_EXISTS:
                return
            raise
    show_created(request.output, name)


async def _ensure_registered(session: Session, assignment: dict[int, list[BrokerId]]) -> None:
    """Reject brokers that do not exist: a controller of ZooKeeper mode accepts them, and the topic gets no leader."""
    registered = {broker.node_id for broker in (await session.metadata(())).brokers}
    for replicas in assignment.values():
        for broker in replicas:
            if broker not in registered:
                raise TopicsFailed(
                    f"The manual partition assignment includes broker {broker}, but no such broker is registered."
                )


async def alter_topics(request: TopicsRequest, session: Session) -> None:
    from pykafka_cli.rules.topic_arguments import BadArgument, parse_replica_assignment

    try:
        assignment = parse_replica_assignment(request.replica_assignment) if request.replica_assignment else {}
    except BadArgument as error:
        raise TopicsFailed(str(error)) from None
    count = request.partitions or 0
    async with session:
        names = await _existing(request, session)
        if not names:
            return
        placed: dict[str, list[list[BrokerId]]] = {}
        if assignment:
            for topic in await admin.describe_topics(session, names):
                # The assignment counts from the first partition on; existing ones are skipped.
                placed[topic.topic] = list(assignment.values())[len(topic.partitions) :]
        await admin.create_partitions(session, dict.fromkeys(names, count), placed)
    show_altered(request.output, names, count)


async def delete_topics(request: TopicsRequest, session: Session) -> None:
    async with session:
        names = await _existing(request, session)
        await admin.delete_topics(session, names)
    show_deleted(request.output, names)


async def _existing(request: TopicsRequest, session: Session) -> list[str]:
    """The topics that --topic names.

    raises    TopicsFailed if there are none, unless --if-exists is given
    """
    names = request.matching(listing.topic for listing in await admin.list_topics(session))
    if not names and request.topic and not request.if_exists:
        raise TopicsFailed(f"Topic '{request.topic}' does not exist as expected")
    return names
