"""What a request has done whose answer was lost is no failure of the one that was sent after it."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from kio.schema.create_partitions.v3.request import CreatePartitionsRequest
from kio.schema.create_partitions.v3.response import CreatePartitionsResponse, CreatePartitionsTopicResult
from kio.schema.create_topics.v7.request import CreateTopicsRequest
from kio.schema.create_topics.v7.response import CreatableTopicResult, CreateTopicsResponse
from kio.schema.delete_topics.v6.request import DeleteTopicsRequest
from kio.schema.delete_topics.v6.response import DeletableTopicResult, DeleteTopicsResponse
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12.response import MetadataResponse

from pykafka_cli.clients.admin.topics import create_partitions, create_topic, try_to_delete_topics
from pykafka_cli.clients.errors import ApiError
from tests.fakes.cluster import NO_TIME, FakeSession


def controller(session: FakeSession) -> None:
    """Answers as one does, by the topics that there are."""

    def create(request: CreateTopicsRequest) -> CreateTopicsResponse:
        (topic,) = request.topics
        is_new = topic.name not in session.topics
        if is_new:
            session.topics[topic.name] = max(topic.num_partitions, len(topic.assignments), 1)
        code = ErrorCode.none if is_new else ErrorCode.topic_already_exists
        return CreateTopicsResponse(throttle_time=NO_TIME, topics=(CreatableTopicResult(
            name=topic.name, topic_id=None, error_code=code, error_message=None, configs=()),))  # fmt: skip

    def delete(request: DeleteTopicsRequest) -> DeleteTopicsResponse:
        return DeleteTopicsResponse(throttle_time=NO_TIME, responses=tuple(
            DeletableTopicResult(name=each.name, topic_id=None, error_message=None, error_code=ErrorCode.none
                if session.topics.pop(str(each.name), None) else ErrorCode.unknown_topic_or_partition)
            for each in request.topics))  # fmt: skip

    def grow(request: CreatePartitionsRequest) -> CreatePartitionsResponse:
        (topic,) = request.topics
        grows = topic.count > session.topics[topic.name]
        session.topics[topic.name] = max(topic.count, session.topics[topic.name])
        code = ErrorCode.none if grows else ErrorCode.invalid_partitions
        return CreatePartitionsResponse(
            throttle_time=NO_TIME, results=(CreatePartitionsTopicResult(name=topic.name, error_code=code),)
        )

    session.answers = {CreateTopicsRequest: create, DeleteTopicsRequest: delete, CreatePartitionsRequest: grow}


@pytest.fixture
def session() -> Any:
    session = FakeSession({}, topics={"there": 2})
    controller(session)
    session.loses_answers = True
    return session


@pytest.mark.parametrize("wanted", [{"partitions": 3}, {}, {"assignment": {0: [0]}}], ids=str)
async def test_a_topic_that_the_lost_request_created_is_created(session: Any, wanted: Any) -> None:
    await create_topic(session, "new", **wanted, configs={})

    assert "new" in session.topics


class LateSession(FakeSession):
    """The broker that is asked hears of what has changed only after a number of requests."""

    def __init__(self, unknown: int) -> None:
        super().__init__({}, {"there": 2}, {"retry.backoff.ms": "1"})
        self.unknown, self._before = unknown, {"there": 2}

    async def metadata(self, topics: Iterable[str] | None, *, create: bool = False) -> MetadataResponse:
        known = self.topics
        if self.unknown:
            self.unknown, self.topics = self.unknown - 1, self._before
        answer = await super().metadata(topics, create=create)
        self.topics = known
        return answer


async def test_a_topic_that_the_lost_request_created_may_be_heard_of_later() -> None:
    session = LateSession(unknown=3)
    controller(session)
    session.loses_answers = True

    await create_topic(session, "new", partitions=3, configs={})  # type: ignore[arg-type]

    assert (session.topics["new"], session.unknown) == (3, 0)


@pytest.mark.parametrize("wanted", [{"partitions": 3}, {"replication_factor": 3}, {"assignment": {0: [0]}}], ids=str)
async def test_a_topic_that_was_there_before_with_other_partitions_is_in_the_way(session: Any, wanted: Any) -> None:
    with pytest.raises(ApiError) as raised:
        await create_topic(session, "there", **wanted, configs={})

    assert raised.value.code is ErrorCode.topic_already_exists


async def test_where_no_answer_was_lost_a_topic_that_exists_is_in_the_way(session: Any) -> None:
    session.loses_answers = False

    with pytest.raises(ApiError):
        await create_topic(session, "there", partitions=2, configs={})
    assert await outcomes(session, ["nowhere"]) == {"nowhere": "unknown_topic_or_partition"}
    with pytest.raises(ApiError):
        await create_partitions(session, {"there": 2})


async def outcomes(session: Any, topics: Sequence[str]) -> dict[str, str]:
    errors = await try_to_delete_topics(session, topics)
    return {topic: ErrorCode(error.code).name if error else "deleted" for topic, error in errors.items()}


async def test_a_topic_that_the_lost_request_deleted_is_deleted(session: Any) -> None:
    assert await outcomes(session, ["there"]) == {"there": "deleted"}


async def test_partitions_that_the_lost_request_added_are_added(session: Any) -> None:
    await create_partitions(session, {"there": 4})

    assert session.topics == {"there": 4}


async def test_a_topic_that_has_more_partitions_than_wanted_is_refused_all_the_same(session: Any) -> None:
    with pytest.raises(ApiError):
        await create_partitions(session, {"there": 1})


async def test_partitions_that_the_lost_request_added_may_be_heard_of_later() -> None:
    session = LateSession(unknown=3)
    controller(session)
    session.loses_answers = True

    await create_partitions(session, {"there": 4})  # type: ignore[arg-type]

    assert (session.topics["there"], session.unknown) == (4, 0)
