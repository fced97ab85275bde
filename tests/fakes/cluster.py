"""Twins of a Session and its Connections, for clients that are tested without a broker.

A test gives a response for each kind of request:

    session = FakeSession({ProduceRequest: lambda request: ...}, topics={"t": 2})

A response may be an exception, which is raised, or an awaitable, which is awaited. What was asked is in `asked`.
"""

import datetime
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12.response import (
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from kio.schema.types import BrokerId, TopicName
from kio.static.primitive import i32, i32Timedelta

from pykafka_cli.clients.settings import ClientSettings
from pykafka_cli.transport.connection import VersionRange
from tests.support.brokers import broker_ids

NO_TIME = i32Timedelta.parse(datetime.timedelta())
Answers = dict[type[Any], Callable[[Any], Any]]


class FakeConnection:
    """Answers every request in its own version."""

    def __init__(self, session: "FakeSession", broker: int) -> None:
        self._session = session
        self._broker = broker
        self.is_open = True

    async def request(
        self,
        request: Any,
        response_type: type[Any] | None = None,  # noqa: ARG002
        *,
        timeout: float | None = None,  # noqa: ARG002
    ) -> Any:
        return await self._session.answer(request, self._broker)

    async def send(self, request: Any) -> None:
        await self._session.answer(request, self._broker)

    async def api_versions(self) -> Mapping[int, VersionRange]:
        return await self._session.api_versions()

    async def newest(self, api_key: int, ours: VersionRange) -> int:  # noqa: ARG002
        return ours.max

    def close(self) -> None:
        self.is_open = False


class FakeSession:
    """A cluster of one broker, number 0, with these topics."""

    def __init__(
        self, answers: Answers, topics: Mapping[str, int] | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self.settings = ClientSettings(settings or {})
        self.is_with_controllers = False
        self.topics = dict(topics or {})
        self.leader_epoch = 0
        """Of every partition."""
        self.leader = BrokerId(0)
        """Of every partition."""
        self.without_leader: set[int] = set()
        """Partitions of every topic."""
        self.topic_errors: list[ErrorCode | Exception] = []
        """What the next questions for topics are answered with, before the topics are there; exceptions are raised."""
        self.asked: list[Any] = []
        self.asked_topics: list[list[str] | None] = []
        """The topics of each question for metadata; None for all."""
        self.asked_broker: int | None = None
        """The one that the last request went to; None where the client did not choose."""
        self.answers = answers
        self.loses_answers = False
        """Whether it has to ask twice, as if the first answer to each request were lost."""
        self.lost_answers = 0

    async def answer(self, request: Any, broker: int | None = None) -> Any:
        self.asked.append(request)
        self.asked_broker = broker
        found = self.answers[type(request)](request)
        if inspect.isawaitable(found):
            found = await found
        if isinstance(found, Exception):
            raise found
        return found

    async def ask(self, request: Any, **_: object) -> Any:
        if self.loses_answers:
            await self.answer(request)
            self.lost_answers += 1
        return await self.answer(request)

    async def ask_controller(self, request: Any, **_: object) -> Any:
        return await self.ask(request)

    async def api_versions(self, broker: int | None = None) -> Mapping[int, VersionRange]:  # noqa: ARG002
        """What it has answers for."""
        return {kind.__api_key__: VersionRange(0, kind.__version__) for kind in self.answers}

    async def is_kafka_4(self) -> bool:
        return False

    async def connection(self, broker: int) -> FakeConnection:
        return FakeConnection(self, broker)

    private_connection = connection

    async def metadata(self, topics: Iterable[str] | None, *, create: bool = False) -> MetadataResponse:  # noqa: ARG002
        self.asked_topics.append(None if topics is None else list(topics))
        names = list(self.topics if topics is None else topics)
        error = self.topic_errors.pop(0) if self.topic_errors and names else ErrorCode.none
        if isinstance(error, Exception):
            raise error
        return MetadataResponse(
            throttle_time=NO_TIME,
            brokers=(MetadataResponseBroker(node_id=BrokerId(0), host="fake", port=i32(9092), rack=None),),
            cluster_id="fake",
            controller_id=BrokerId(0),
            topics=tuple(self._topic(name, error) for name in names),
        )

    def _topic(self, name: str, error: ErrorCode) -> MetadataResponseTopic:
        if error is ErrorCode.none and name not in self.topics:
            error = ErrorCode.unknown_topic_or_partition
        count = self.topics.get(name, 0) if error is ErrorCode.none else 0
        return MetadataResponseTopic(
            error_code=error,
            name=TopicName(name),
            topic_id=None,
            is_internal=name.startswith("__"),
            partitions=tuple(
                MetadataResponsePartition(
                    error_code=ErrorCode.none,
                    partition_index=i32(index),
                    leader_id=BrokerId(-1) if index in self.without_leader else self.leader,
                    leader_epoch=i32(self.leader_epoch),
                    replica_nodes=broker_ids(0),
                    isr_nodes=broker_ids(0),
                    offline_replicas=(),
                )
                for index in range(count)
            ),
        )
