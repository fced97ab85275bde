"""The initial topics of a local cluster."""

from collections.abc import Callable, Iterable

from pykafka_cli.clients.admin.topics import (
    DEFAULT_PARTITIONS,
    DEFAULT_REPLICATION_FACTOR,
    TOPIC_ALREADY_EXISTS,
    create_topic,
)
from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.rules.local_cluster import WantedTopic
from pykafka_cli.script.opening import unchecked_session


async def create_topics(bootstrap: str, topics: Iterable[WantedTopic], warn: Callable[[str], None]) -> None:
    """Create topics that do not exist; `warn` of those that have another number of partitions.

    raises    ApiError, ConnectionFailed
    """
    async with unchecked_session(bootstrap, ClientSettings()) as session:
        for topic in topics:
            try:
                await create_topic(
                    session,
                    topic.name,
                    partitions=topic.partitions or DEFAULT_PARTITIONS,
                    replication_factor=topic.replication_factor or DEFAULT_REPLICATION_FACTOR,
                    configs=topic.configs,
                )
            except ApiError as error:
                if error.code != TOPIC_ALREADY_EXISTS:
                    raise ApiError(error.code, f"topic {topic.name} cannot be created: {error}") from None
                (found,) = (await session.metadata([topic.name])).topics
                count = len(found.partitions)
                if topic.partitions not in (None, count):
                    warn(f"Topic {topic.name} exists, with {count} partitions instead of {topic.partitions}")
