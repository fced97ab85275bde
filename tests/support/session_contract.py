"""What a Session and its twin must do; subclasses open the one under test."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from kio.schema.create_topics.v7.request import CreateTopicsRequest
from kio.schema.create_topics.v7.response import CreateTopicsResponse
from kio.schema.errors import ErrorCode

from pykafka_cli.transport.errors import ConnectionLost
from tests.fakes.cluster import NO_TIME

Responses = Mapping[type[Any], Callable[[Any], Any]]

CREATE = CreateTopicsRequest(topics=(), timeout=NO_TIME)
CREATED = CreateTopicsResponse(throttle_time=NO_TIME, topics=())


class SessionContract:
    """The cluster has one broker, number 0, with one topic, `there`, of two partitions."""

    @abstractmethod
    def opened(self, responses: Responses) -> AbstractAsyncContextManager[Any]:
        """A session to a broker that has these responses, by type of the request; an exception is raised."""

    async def test_a_response_comes_from_any_broker_and_from_the_controller(self) -> None:
        async with self.opened({CreateTopicsRequest: lambda _: CREATED}) as session:
            assert await session.ask(CREATE) == CREATED
            assert await session.ask(CREATE, broker=0) == CREATED
            assert await session.ask_controller(CREATE) == CREATED

    async def test_a_response_comes_from_a_connection(self) -> None:
        async with self.opened({CreateTopicsRequest: lambda _: CREATED}) as session:
            for connection in (await session.connection(0), await session.private_connection(0)):
                assert await connection.request(CREATE) == CREATED

    async def test_a_connection_that_is_lost_with_every_request_is_an_error(self) -> None:
        def lose(_: object) -> ConnectionLost:
            return ConnectionLost("gone")

        async with self.opened({CreateTopicsRequest: lose}) as session:
            with pytest.raises(ConnectionLost):
                await session.ask(CREATE, broker=0)

    async def test_metadata_names_the_topics_and_says_which_are_missing(self) -> None:
        async with self.opened({}) as session:
            topics = (await session.metadata(["there", "missing"])).topics

        assert [(topic.name, len(topic.partitions), topic.error_code) for topic in topics] == [
            ("there", 2, ErrorCode.none), ("missing", 0, ErrorCode.unknown_topic_or_partition),
        ]  # fmt: skip

    async def test_the_broker_offers_what_it_has_responses_for(self) -> None:
        async with self.opened({CreateTopicsRequest: lambda _: CREATED}) as session:
            assert CreateTopicsRequest.__api_key__ in await session.api_versions()
            assert not await session.is_kafka_4()
