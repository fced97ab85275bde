"""A session against brokers that say what the test wants."""

import asyncio
import datetime
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import pytest
from kio.schema.api_versions.v0.response import ApiVersion, ApiVersionsResponse
from kio.schema.create_topics.v7.request import CreateTopicsRequest
from kio.schema.create_topics.v7.response import CreatableTopicResult, CreateTopicsResponse
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12.request import MetadataRequest
from kio.schema.metadata.v12.response import MetadataResponse, MetadataResponseBroker
from kio.serial import entity_writer
from kio.static.primitive import i32Timedelta

from pykafka_cli.clients.session import Session
from pykafka_cli.clients.settings import Address, ClientSettings
from pykafka_cli.transport.connection import Connection
from pykafka_cli.transport.errors import BrokerUnreachable, ConnectionLost, VersionUnsupported
from tests.fakes.cluster import FakeConnection, FakeSession
from tests.support.polling import PATIENCE_S
from tests.support.ports import free_port
from tests.support.session_contract import Responses, SessionContract

Answers = Mapping[int, Callable[[int], Any]]
"""Per API key: from how often it was asked before to the response."""

METADATA, API_VERSIONS, CREATE_TOPICS = 3, 18, 19
NO_TIME = i32Timedelta.parse(datetime.timedelta(0))


@asynccontextmanager
async def broker(answers: Answers, *, newest: Mapping[int, int] | None = None) -> AsyncIterator[tuple[int, list[int]]]:
    """A port, and the API keys that are requested there."""
    asked: list[int] = []
    offered = {METADATA: 12, CREATE_TOPICS: 7, **(newest or {})}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                frame = await reader.readexactly(int.from_bytes(await reader.readexactly(4)))
                key, version = int.from_bytes(frame[:2]), int.from_bytes(frame[2:4])
                if key == API_VERSIONS:
                    entries = tuple(ApiVersion(api_key=k, min_version=0, max_version=v) for k, v in offered.items())
                    body = encoded(ApiVersionsResponse(error_code=ErrorCode.none, api_keys=entries))
                else:
                    answer = answers[key](asked.count(key))
                    flexible = b"\x00" if type(answer).__flexible__ else b""
                    assert version == type(answer).__version__
                    body = flexible + encoded(answer)
                    asked.append(key)
                writer.write((len(body) + 4).to_bytes(4) + frame[4:8] + body)
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()


def encoded(message: Any) -> bytes:
    buffer = BytesIO()
    entity_writer(type(message))(buffer, message)
    return buffer.getvalue()


def metadata(controller: int, ports: Mapping[int, int]) -> MetadataResponse:
    return MetadataResponse(
        throttle_time=NO_TIME,
        brokers=tuple(
            MetadataResponseBroker(node_id=node, host="127.0.0.1", port=port) for node, port in ports.items()
        ),
        cluster_id="c",
        controller_id=controller,
        topics=(),
    )


def created(code: ErrorCode) -> CreateTopicsResponse:
    result = CreatableTopicResult(name="t", topic_id=None, error_code=code, error_message=None, configs=None)
    return CreateTopicsResponse(throttle_time=NO_TIME, topics=(result,))


CREATE = CreateTopicsRequest(topics=(), timeout=NO_TIME)


def session_to(*ports: int, warn: Callable[[str], None] = lambda _: None) -> Session:
    return Session(
        ",".join(f"127.0.0.1:{port}" for port in ports),
        ClientSettings({"request.timeout.ms": "5000", "retry.backoff.ms": "1"}),
        warn=warn,
    )


async def test_the_first_bootstrap_server_that_answers_is_asked(unused_tcp_port: int) -> None:
    async with (
        broker({METADATA: lambda _: metadata(1, {1: 9})}) as (port, asked),
        session_to(unused_tcp_port, port) as session,
    ):
        assert (await session.metadata(())).controller_id == 1
    assert asked == [METADATA]


async def test_a_bootstrap_server_that_stands_still_is_left_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pykafka_cli.clients.session.SILENCE_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with (
            broker({METADATA: lambda _: metadata(1, {1: 9})}) as (port, asked),
            session_to(silent.getsockname()[1], port) as session,
        ):
            assert (await session.metadata(())).controller_id == 1
    assert asked == [METADATA]


async def test_when_none_answers_the_first_is_named(unused_tcp_port_factory: Callable[[], int]) -> None:
    first, second = unused_tcp_port_factory(), unused_tcp_port_factory()

    with pytest.raises(BrokerUnreachable, match=f"127.0.0.1:{first}: connection refused"):
        async with session_to(first, second):
            pass


async def test_a_request_whose_connection_ends_is_sent_again() -> None:
    hang_ups = iter([True, True, False])

    def answer(_asked: int) -> MetadataResponse:
        if next(hang_ups):
            raise asyncio.CancelledError  # the peer closes the connection
        return metadata(1, {1: 9})

    async with broker({METADATA: answer}) as (port, _), session_to(port) as session:
        assert (await session.metadata(())).controller_id == 1
        assert session.lost_answers == 2


async def test_a_cluster_that_only_ever_hangs_up_is_given_up_in_the_end() -> None:
    asked = 0

    def hang_up(_asked: int) -> MetadataResponse:
        nonlocal asked
        asked += 1
        raise asyncio.CancelledError

    async with broker({METADATA: hang_up}) as (port, _), session_to(port) as session:
        with pytest.raises(ConnectionLost):
            await session.metadata(())
    assert asked == 5


async def test_the_controller_is_found_and_asked() -> None:
    async with (
        broker({CREATE_TOPICS: lambda _: created(ErrorCode.none)}) as (controller, asked_there),
        broker({METADATA: lambda _: metadata(2, {2: controller})}) as (port, asked_here),
        session_to(port) as session,
    ):
        answer = await session.ask_controller(CREATE)

    assert answer.topics[0].error_code is ErrorCode.none
    assert (asked_here, asked_there) == ([METADATA], [CREATE_TOPICS])


async def test_a_broker_that_is_no_longer_the_controller_is_not_trusted() -> None:
    codes = [ErrorCode.not_controller, ErrorCode.none]
    ports: dict[int, int] = {}
    answers: Answers = {
        METADATA: lambda _: metadata(1, ports),
        CREATE_TOPICS: lambda before: created(codes[before]),
    }
    async with broker(answers) as (port, asked):
        ports[1] = port
        async with session_to(port) as session:
            answer = await session.ask_controller(CREATE)

    assert answer.topics[0].error_code is ErrorCode.none
    assert asked == [METADATA, CREATE_TOPICS, METADATA, CREATE_TOPICS]


async def test_a_controller_that_has_died_is_looked_for_until_there_is_another() -> None:
    nobody = free_port()
    warnings: list[str] = []

    def elected_at_last(before: int) -> MetadataResponse:
        return metadata(2 if before < 2 else 1, {1: here, 2: nobody})

    answers: Answers = {METADATA: elected_at_last, CREATE_TOPICS: lambda _: created(ErrorCode.none)}
    async with broker(answers) as (here, asked), session_to(here, warn=warnings.append) as session:
        answer = await session.ask_controller(CREATE)

    assert answer.topics[0].error_code is ErrorCode.none
    assert asked == [METADATA] * 3 + [CREATE_TOPICS]
    (warning,) = warnings
    assert warning.startswith("The controller, broker 2, cannot be reached: ")


async def test_a_lone_broker_that_cannot_be_reached_is_not_waited_for() -> None:
    async with (
        broker({METADATA: lambda _: metadata(2, {2: free_port()})}) as (port, asked),
        session_to(port) as session,
    ):
        with pytest.raises(BrokerUnreachable):
            await session.ask_controller(CREATE)
    assert asked == [METADATA]


async def test_a_broker_that_is_not_there_is_reported() -> None:
    async with broker({METADATA: lambda _: metadata(1, {1: 9})}) as (port, _), session_to(port) as session:
        with pytest.raises(BrokerUnreachable, match="broker 7 does not exist"):
            await session.ask(CREATE, broker=7)


async def test_a_shape_that_the_broker_is_too_old_for_is_not_sent() -> None:
    async with broker({}, newest={CREATE_TOPICS: 4}) as (port, asked), session_to(port) as session:
        with pytest.raises(VersionUnsupported, match="0 to 4"):
            await session.ask(CREATE, oldest=5)
    assert asked == []


async def test_an_older_broker_is_answered_in_the_newest_shape() -> None:
    from kio.schema.create_topics.v4.response import CreatableTopicResult as OldResult
    from kio.schema.create_topics.v4.response import CreateTopicsResponse as OldResponse

    old = OldResponse(
        throttle_time=NO_TIME, topics=(OldResult(name="t", error_code=ErrorCode.none, error_message=None),)
    )
    async with (
        broker({CREATE_TOPICS: lambda _: old}, newest={CREATE_TOPICS: 4}) as (port, _),
        session_to(port) as session,
    ):
        answer = await session.ask(CREATE)

    assert isinstance(answer, CreateTopicsResponse)
    assert answer.topics[0].topic_id is None
    assert answer.topics[0].num_partitions == -1


async def test_a_connection_that_opens_too_late_for_its_session_is_closed() -> None:
    async with broker({METADATA: lambda _: metadata(1, {1: ports[1]})}) as (port, _):
        ports = {1: port}
        async with session_to(port) as session:
            await session.metadata(())
            opening = asyncio.create_task(session.private_connection(1))
            await asyncio.sleep(0)
        with pytest.raises(ConnectionLost, match="was closed"):
            await opening


async def test_leaving_a_session_ends_its_connections() -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        async with session_to(server.sockets[0].getsockname()[1]):
            assert not gone.is_set()

        await asyncio.wait_for(gone.wait(), PATIENCE_S)


async def test_bootstrap_servers_get_their_full_names_where_that_is_wanted() -> None:
    async with broker({}) as (port, _):
        settings = ClientSettings({"client.dns.lookup": "resolve_canonical_bootstrap_servers_only"})
        session = Session(f"127.0.0.1:{port}", settings)
        name, _ = socket.getnameinfo(("127.0.0.1", port), 0)

        async with session:
            assert session.bootstrap == [Address(name, port)]


async def test_two_that_want_the_same_broker_share_one_connection() -> None:
    fake = FakeSession({MetadataRequest: lambda _: fake.metadata(())})
    opened: list[Address] = []

    async def connect(address: Address, timeout: float) -> Connection:
        opened.append(address)
        await asyncio.sleep(0)
        return FakeConnection(fake, 0)  # type: ignore[return-value]

    async with Session("seed:1", ClientSettings(), connect) as session:
        first, second = await asyncio.gather(session.connection(0), session.connection(0))
        apart = await session.private_connection(0)

    assert first is second
    assert apart is not first
    assert opened == [Address("seed", 1), Address("fake", 9092), Address("fake", 9092)]
    assert not first.is_open
    assert not apart.is_open


class TestSession(SessionContract):
    """The session itself, over connections to the twin of a cluster."""

    @asynccontextmanager
    async def opened(self, responses: Responses) -> AsyncIterator[Session]:
        def topics(request: MetadataRequest) -> Any:
            return fake.metadata([topic.name or "" for topic in request.topics or ()])

        fake = FakeSession({**responses, MetadataRequest: topics}, topics={"there": 2})

        async def connect(_: Address, __: float) -> Connection:
            return FakeConnection(fake, 0)  # type: ignore[return-value]

        settings = ClientSettings({"default.api.timeout.ms": "100", "retry.backoff.ms": "1"})
        async with Session("seed:1", settings, connect) as session:
            yield session
