"""One connection against a server that says what the test wants it to say."""

import asyncio
import datetime
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from kio.schema.api_versions.v0.response import ApiVersion, ApiVersionsResponse
from kio.schema.errors import ErrorCode
from kio.schema.metadata.v12 import MetadataRequest
from kio.schema.produce.v11.request import PartitionProduceData, ProduceRequest, TopicProduceData
from kio.schema.sasl_authenticate.v0.response import SaslAuthenticateResponse
from kio.schema.sasl_authenticate.v1.response import SaslAuthenticateResponse as LastingSaslAuthenticateResponse
from kio.schema.sasl_handshake.v1.response import SaslHandshakeResponse
from kio.schema.types import TopicName
from kio.serial import entity_writer
from kio.static.primitive import Records, i16, i32, i32Timedelta, i64Timedelta

from pykafka_cli.model import Seconds
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.transport.connection import API_VERSIONS, SASL_AUTHENTICATE, Connection, VersionRange
from pykafka_cli.transport.errors import (
    AuthenticationFailed,
    BrokerUnreachable,
    ConnectionLost,
    NoAnswerInTime,
    NotKafka,
    VersionUnsupported,
)
from pykafka_cli.transport.sasl import Plain
from tests.support.event_loop import until
from tests.support.polling import PATIENCE_S

Script = Callable[["Peer"], Awaitable[None]]

LARGE_SIZE = 32 << 20  # more than the system keeps for a reader that does not read
LARGE = ProduceRequest(
    transactional_id=None,
    acks=i16(0),
    timeout=i32Timedelta.parse(datetime.timedelta(seconds=1)),
    topic_data=(
        TopicProduceData(
            name=TopicName("t"),
            partition_data=(PartitionProduceData(index=i32(0), records=Records(bytes(LARGE_SIZE))),),
        ),
    ),
)


class Peer:
    """The broker's end: requests as (api key, version, correlation id, rest), answers as bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def request(self) -> tuple[int, int, int, bytes]:
        frame = await self.reader.readexactly(int.from_bytes(await self.reader.readexactly(4)))
        client_id_length = int.from_bytes(frame[8:10])
        body = frame[10 + client_id_length :]
        return int.from_bytes(frame[:2]), int.from_bytes(frame[2:4]), int.from_bytes(frame[4:8]), body

    def answer(self, correlation_id: int, body: bytes) -> None:
        self.writer.write((4 + len(body)).to_bytes(4) + correlation_id.to_bytes(4) + body)

    def answer_with(self, correlation_id: int, response: Any) -> None:
        body = bytearray()
        entity_writer(type(response))(_Sink(body), response)
        self.answer(correlation_id, bytes(body))

    async def offer_versions(self, *offered: ApiVersion) -> None:
        """Respond to ApiVersions, which clients request before they log in."""
        key, _, correlation_id, _ = await self.request()
        assert key == 18
        self.answer_with(correlation_id, ApiVersionsResponse(error_code=ErrorCode.none, api_keys=offered))


class _Sink:
    def __init__(self, data: bytearray) -> None:
        self.data = data

    def write(self, more: bytes) -> None:
        self.data += more


@asynccontextmanager
async def peer(script: Script) -> AsyncIterator[int]:
    """A port on which `script` is played to whoever connects."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await script(Peer(reader, writer))
        if not reader.at_eof():
            await reader.read()
        writer.close()

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def connect(port: int, **options: object) -> Connection:
    return await Connection.open("127.0.0.1", port, client_id="test", **{"timeout": 5.0, **options})


def ask_raw(connection: Connection, body: bytes, **options: float) -> Awaitable[memoryview]:
    return connection.request_raw(3, 1, 1, body, **options)


async def test_answers_find_their_requests_in_any_order() -> None:
    async def script(broker: Peer) -> None:
        asked = [await broker.request() for _ in range(3)]
        for _, _, correlation_id, body in reversed(asked):
            broker.answer(correlation_id, b"answer to " + body)

    async with peer(script) as port:
        connection = await connect(port)
        answers = await asyncio.gather(*(ask_raw(connection, word) for word in (b"a", b"b", b"c")))

    assert [bytes(answer) for answer in answers] == [b"answer to a", b"answer to b", b"answer to c"]


async def test_an_answer_may_come_byte_by_byte() -> None:
    async def script(broker: Peer) -> None:
        _, _, correlation_id, _ = await broker.request()
        for byte in (8).to_bytes(4) + correlation_id.to_bytes(4) + b"body":
            broker.writer.write(bytes([byte]))
            await broker.writer.drain()
            await asyncio.sleep(0)

    async with peer(script) as port:
        assert bytes(await ask_raw(await connect(port), b"")) == b"body"


async def test_tagged_fields_of_a_flexible_answer_are_skipped() -> None:
    async def script(broker: Peer) -> None:
        _, _, correlation_id, body = await broker.request()
        assert body == b"\x00question"
        broker.answer(correlation_id, b"\x02\x00\x03abc\x81\x00\x00body")

    async with peer(script) as port:
        connection = await connect(port)
        assert bytes(await connection.request_raw(3, 12, 2, b"question")) == b"body"


async def test_no_answer_in_time_ends_the_connection() -> None:
    async def script(broker: Peer) -> None:
        await broker.request()
        await broker.request()

    async with peer(script) as port:
        connection = await connect(port)
        behind: asyncio.Task[Any] = asyncio.create_task(ask_raw(connection, b""))
        with pytest.raises(NoAnswerInTime, match=r"did not respond to Metadata within 0.01 s"):
            await ask_raw(connection, b"", timeout=0.01)

        assert not connection.is_open
        with pytest.raises(ConnectionLost, match=r"did not respond to Metadata within 0.01 s"):
            await behind


async def test_a_late_answer_to_who_has_gone_is_dropped_and_the_connection_continues() -> None:
    asked, late = asyncio.Event(), asyncio.Event()

    async def script(broker: Peer) -> None:
        _, _, first, _ = await broker.request()
        asked.set()
        await late.wait()
        broker.answer(first, b"too late")
        _, _, second, _ = await broker.request()
        broker.answer(second, b"in time")

    async with peer(script) as port:
        connection = await connect(port)
        gone: asyncio.Task[Any] = asyncio.create_task(ask_raw(connection, b""))
        await asked.wait()
        gone.cancel()
        late.set()
        assert bytes(await ask_raw(connection, b"")) == b"in time"


async def test_everything_in_flight_fails_when_the_broker_goes() -> None:
    async def script(broker: Peer) -> None:
        await broker.request()
        await broker.request()
        broker.writer.close()

    async with peer(script) as port:
        connection = await connect(port)
        outcomes = await asyncio.gather(ask_raw(connection, b""), ask_raw(connection, b""), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [ConnectionLost, ConnectionLost]
    assert not connection.is_open
    with pytest.raises(ConnectionLost, match="closed the connection"):
        await ask_raw(connection, b"")


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 400 Bad Request\r\n", b"\x15\x03\x03\x00\x02\x02\x46", b"\x00\x00\x00\x00"]
)
async def test_what_is_no_kafka_frame_ends_the_connection(said: bytes) -> None:
    async def script(broker: Peer) -> None:
        await broker.request()
        broker.writer.write(said)

    async with peer(script) as port:
        connection = await connect(port)
        with pytest.raises(NotKafka, match="does not speak Kafka's protocol"):
            await ask_raw(connection, b"")


async def test_an_answer_to_nothing_ends_the_connection() -> None:
    async def script(broker: Peer) -> None:
        await broker.request()
        broker.answer(999, b"")

    async with peer(script) as port:
        connection = await connect(port)
        with pytest.raises(ConnectionLost, match="a response to an unknown request"):
            await ask_raw(connection, b"")


async def test_an_answer_of_another_shape_ends_the_connection() -> None:
    async def script(broker: Peer) -> None:
        _, _, correlation_id, _ = await broker.request()
        broker.answer(correlation_id, b"\x00\x00")

    async with peer(script) as port:
        connection = await connect(port)
        question = MetadataRequest(
            topics=None, allow_auto_topic_creation=False, include_topic_authorized_operations=False
        )
        with pytest.raises(ConnectionLost, match="an invalid MetadataResponse 12"):
            await connection.request(question)
    assert not connection.is_open


async def test_the_newest_version_is_the_newest_that_both_have() -> None:
    async def script(broker: Peer) -> None:
        key, version, correlation_id, _ = await broker.request()
        assert (key, version) == (18, 0)
        offered = (ApiVersion(api_key=3, min_version=0, max_version=8),)
        broker.answer_with(correlation_id, ApiVersionsResponse(error_code=ErrorCode.none, api_keys=offered))

    async with peer(script) as port:
        connection = await connect(port)
        assert await connection.newest(3, VersionRange(1, 12)) == 8
        assert await connection.api_versions() == {3: (0, 8)}
        with pytest.raises(VersionUnsupported, match="0 to 8"):
            await connection.newest(3, VersionRange(9, 12))
        with pytest.raises(VersionUnsupported, match="DESCRIBE_CLUSTER"):
            await connection.newest(60, VersionRange(0, 1))


async def test_offered_versions_that_make_no_sense_end_the_connection() -> None:
    async def script(broker: Peer) -> None:
        _, _, correlation_id, _ = await broker.request()
        broker.answer(correlation_id, b"\x00\x00\x00\x00\x00\x01\x00\x12\x00")

    async with peer(script) as port:
        connection = await connect(port)
        with pytest.raises(ConnectionLost, match="an invalid ApiVersionsResponse 0"):
            await connection.api_versions()
    assert not connection.is_open


async def test_sasl_shakes_hands_and_authenticates_before_anything_else() -> None:
    tokens: list[bytes] = []

    async def script(broker: Peer) -> None:
        await broker.offer_versions()
        key, version, correlation_id, body = await broker.request()
        assert (key, version, body) == (17, 1, b"\x00\x05PLAIN")
        broker.answer_with(correlation_id, SaslHandshakeResponse(error_code=ErrorCode.none, mechanisms=("PLAIN",)))
        key, version, correlation_id, body = await broker.request()
        assert (key, version) == (36, 0)
        tokens.append(body[4:])
        broker.answer_with(
            correlation_id, SaslAuthenticateResponse(error_code=ErrorCode.none, error_message=None, auth_bytes=b"")
        )

    async with peer(script) as port:
        connection = await connect(port, sasl=Plain("alice", "secret"))

    assert connection.is_open
    assert tokens == [b"\0alice\0secret"]


async def test_rejected_credentials_are_reported_in_the_brokers_words() -> None:
    async def script(broker: Peer) -> None:
        await broker.offer_versions()
        _, _, correlation_id, _ = await broker.request()
        broker.answer_with(correlation_id, SaslHandshakeResponse(error_code=ErrorCode.none, mechanisms=("PLAIN",)))
        _, _, correlation_id, _ = await broker.request()
        refusal = SaslAuthenticateResponse(
            error_code=ErrorCode.sasl_authentication_failed, error_message="Invalid username", auth_bytes=b""
        )
        broker.answer_with(correlation_id, refusal)

    async with peer(script) as port:
        with pytest.raises(AuthenticationFailed, match="Invalid username"):
            await connect(port, sasl=Plain("alice", "wrong"))


async def test_an_unknown_mechanism_names_those_that_the_broker_has() -> None:
    async def script(broker: Peer) -> None:
        await broker.offer_versions()
        _, _, correlation_id, _ = await broker.request()
        refusal = SaslHandshakeResponse(
            error_code=ErrorCode.unsupported_sasl_mechanism, mechanisms=("SCRAM-SHA-512", "SCRAM-SHA-256")
        )
        broker.answer_with(correlation_id, refusal)

    async with peer(script) as port:
        with pytest.raises(AuthenticationFailed, match="PLAIN; it offers SCRAM-SHA-512, SCRAM-SHA-256"):
            await connect(port, sasl=Plain("alice", "secret"))


async def let_in(broker: Peer, lifetime_ms: int) -> None:
    """SaslHandshake and SaslAuthenticate 1, for a login that lasts so long."""
    key, _, correlation_id, _ = await broker.request()
    assert key == 17
    broker.answer_with(correlation_id, SaslHandshakeResponse(error_code=ErrorCode.none, mechanisms=("PLAIN",)))
    key, version, correlation_id, _ = await broker.request()
    assert (key, version) == (36, 1)
    lifetime = i64Timedelta.parse(datetime.timedelta(milliseconds=lifetime_ms))
    broker.answer_with(
        correlation_id,
        LastingSaslAuthenticateResponse(
            error_code=ErrorCode.none, error_message=None, auth_bytes=b"", session_lifetime=lifetime
        ),
    )


SASL_VERSIONS = ApiVersion(api_key=i16(36), min_version=i16(0), max_version=i16(2))


async def test_requests_wait_for_another_login_when_the_last_one_is_about_to_end() -> None:
    async def script(broker: Peer) -> None:
        await broker.offer_versions(SASL_VERSIONS)
        await let_in(broker, lifetime_ms=1)
        await let_in(broker, lifetime_ms=3_600_000)
        for _ in range(3):
            key, _, correlation_id, body = await broker.request()
            assert key == 3
            broker.answer(correlation_id, b"answer to " + body)

    async with peer(script) as port:
        connection = await connect(port, sasl=Plain("alice", "x"), next_login=lambda: Plain("alice", "x"))
        began = asyncio.get_running_loop().time()
        await until(lambda: asyncio.get_running_loop().time() > began + 0.001)
        first = await asyncio.gather(ask_raw(connection, b"a"), ask_raw(connection, b"b"))
        second = await ask_raw(connection, b"c")

    assert [bytes(answer) for answer in (*first, second)] == [b"answer to a", b"answer to b", b"answer to c"]


async def test_a_login_that_is_rejected_the_next_time_ends_the_connection() -> None:
    async def script(broker: Peer) -> None:
        await broker.offer_versions(SASL_VERSIONS)
        await let_in(broker, lifetime_ms=1)
        _, _, correlation_id, _ = await broker.request()
        broker.answer_with(
            correlation_id, SaslHandshakeResponse(error_code=ErrorCode.unsupported_sasl_mechanism, mechanisms=())
        )

    async with peer(script) as port:
        connection = await connect(port, sasl=Plain("alice", "x"), next_login=lambda: Plain("alice", "x"))
        began = asyncio.get_running_loop().time()
        await until(lambda: asyncio.get_running_loop().time() > began + 0.001)
        with pytest.raises(AuthenticationFailed, match="does not support SASL mechanism PLAIN"):
            await ask_raw(connection, b"a")
    assert not connection.is_open


async def test_a_request_without_an_answer_is_sent_once_all_of_it_has_left() -> None:
    ready = asyncio.Event()
    arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def script(broker: Peer) -> None:
        await ready.wait()
        arrived.set_result((await broker.request())[3])

    async with peer(script) as port:
        connection = await connect(port)
        sending = asyncio.create_task(connection.send(LARGE))
        await asyncio.sleep(0)
        assert not sending.done()

        ready.set()
        await sending
        connection.close()
        assert len(await asyncio.wait_for(arrived, PATIENCE_S)) > LARGE_SIZE


async def test_a_broker_that_reads_no_more_is_given_up() -> None:
    never = asyncio.Event()

    async def script(broker: Peer) -> None:
        await never.wait()

    async with peer(script) as port:
        connection = await connect(port)
        connection.timeout = Seconds(0.05)
        with pytest.raises(ConnectionLost, match=r"did not read a whole request within 0\.05 s"):
            await connection.send(LARGE)
        assert not connection.is_open
        never.set()


async def test_nothing_listening_is_said_at_once(unused_tcp_port: int) -> None:
    with pytest.raises(BrokerUnreachable, match=f"cannot connect to 127.0.0.1:{unused_tcp_port}: connection refused"):
        await connect(unused_tcp_port)


async def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    async def script(broker: Peer) -> None:
        await broker.request()

    async with peer(script) as port:
        with pytest.raises(BrokerUnreachable, match=r"did not answer within 0.05 s"):
            await connect(port, sasl=Plain("alice", "secret"), timeout=0.05)


async def test_a_reset_is_reported_in_words() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        peer = writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with await asyncio.start_server(reset, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connection = await Connection.open("127.0.0.1", port, client_id="test", timeout=10)
        with pytest.raises(
            ConnectionLost, match=rf"^127.0.0.1:{port} closed the connection: Connection reset by peer$"
        ):
            await connection.api_versions()


def test_what_is_not_imported_from_the_list_of_apis_is_as_it_says() -> None:
    assert (API_VERSIONS, SASL_AUTHENTICATE) == (ApiKey.API_VERSIONS, ApiKey.SASL_AUTHENTICATE)
