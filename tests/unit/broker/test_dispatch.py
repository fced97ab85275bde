import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from kio.schema.errors import ErrorCode
from kio.schema.heartbeat.v4.request import HeartbeatRequest
from kio.schema.heartbeat.v4.response import HeartbeatResponse
from kio.schema.sasl_authenticate.v2.response import SaslAuthenticateResponse
from kio.serial import entity_reader

from pykafka_cli.broker.context import Api, RequestContext
from pykafka_cli.broker.dispatch import Dispatcher
from pykafka_cli.broker.errors import NotCoordinator
from pykafka_cli.broker.faults import Fault, Faults
from pykafka_cli.broker.metadata.broker_loggers import LEVELS
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.authentication import Authentication
from pykafka_cli.broker.network.connection import Disconnect, Peer
from pykafka_cli.broker.network.sasl import PlainServer
from pykafka_cli.model import BrokerId, Milliseconds, Seconds, Timestamp
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.hot_path.fetch import FetchRequest, FetchResponse, encode_request
from pykafka_cli.protocol.hot_path.produce import (
    ProducePartitionResponse,
    ProduceRequest,
    ProduceResponse,
    ProduceTopicResponse,
)
from pykafka_cli.protocol.inter_broker import ControlledShutdownResponse
from pykafka_cli.zookeeper.errors import ConnectionClosed, SessionExpired
from tests.fakes.clock import FakeClock
from tests.support.event_loop import settle
from tests.support.logs import broker_settings
from tests.support.polling import PATIENCE_S
from tests.support.samples import sample

PEER = Peer("10.1.2.3", 5, "EXTERNAL", "User:alice")
HEARTBEAT = b"\0\x0c\0\4\0\0\0\7\0\2me\0" + b"\2g\0\0\0\1\2m\0\0"


class Asked:
    """A handler that keeps its requests, and returns or raises what the test says."""

    def __init__(self, outcome: Any = None) -> None:
        self.outcome = outcome
        self.contexts: list[RequestContext] = []
        self.requests: list[Any] = []

    async def __call__(self, ctx: RequestContext, request: Any) -> Any:
        self.contexts.append(ctx)
        self.requests.append(request)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def with_handler(
    name: str,
    key: int,
    newest: int,
    handler: Callable[[RequestContext, Any], Awaitable[Any]],
    lowest: int = 0,
    broker: Any = None,
    faults: Faults | None = None,
) -> tuple[Dispatcher, Metrics]:
    metrics = Metrics()
    apis = {key: Api(name, key, lowest, newest, handler)}
    return Dispatcher(broker, metrics, apis, faults), metrics


def heartbeat_answer(buffers: Any) -> tuple[bytes, Any]:
    data = b"".join(buffers)
    return data[:5], entity_reader(HeartbeatResponse)(data, 5)[0]


async def test_a_handler_gets_the_request_and_who_asks() -> None:
    handler = Asked(sample(HeartbeatResponse))
    dispatcher, metrics = with_handler("Heartbeat", 12, 4, handler)

    header, answer = heartbeat_answer(await dispatcher.answer(bytearray(HEARTBEAT), PEER))

    assert (header, answer) == (b"\0\0\0\7\0", sample(HeartbeatResponse))
    (ctx,), (request,) = handler.contexts, handler.requests
    assert (ctx.api_key, ctx.api_version, ctx.correlation_id, ctx.client_id) == (12, 4, 7, "me")
    assert (ctx.client_host, ctx.listener_name, ctx.principal) == ("10.1.2.3", "EXTERNAL", "User:alice")
    assert (request.group_id, request.generation_id, request.member_id) == ("g", 1, "m")
    assert metrics.requests == {"Heartbeat": 1}


@pytest.mark.parametrize("outcome", [sample(HeartbeatResponse), NotCoordinator("g is on broker 2")])
async def test_a_broker_that_asks_itself_learns_what_others_hear(outcome: Any) -> None:
    handler = Asked(outcome)
    broker = SimpleNamespace(settings=broker_settings(broker_id="3"))
    dispatcher, metrics = with_handler("Heartbeat", 12, 4, handler, broker=broker)
    request = sample(HeartbeatRequest)

    own = await dispatcher.answer_own(request)

    _, answer = heartbeat_answer(await dispatcher.answer(bytearray(HEARTBEAT), PEER))
    assert own == answer
    assert handler.requests[0] is request
    assert (handler.contexts[0].client_id, handler.contexts[0].listener_name) == ("broker-3", "PLAINTEXT")
    assert metrics.requests == {"Heartbeat": 2}


def new_peer() -> Peer:
    """On a listener that wants a login, where alice has a password."""
    login = Authentication({"PLAIN": lambda: PlainServer({"alice": "secret"})})
    return Peer("10.1.2.3", 5, "EXTERNAL", authentication=login)


async def test_nobody_is_answered_who_has_not_logged_in() -> None:
    handler = Asked(sample(HeartbeatResponse))
    dispatcher, _ = with_handler("Heartbeat", 12, 4, handler)

    with pytest.raises(Disconnect, match="it sent API 12 before logging in"):
        await dispatcher.answer(bytearray(HEARTBEAT), new_peer())
    assert handler.requests == []


async def test_a_login_gives_later_requests_their_principal() -> None:
    handler, peer = Asked(sample(HeartbeatResponse)), new_peer()
    dispatcher, _ = with_handler("Heartbeat", 12, 4, handler)
    assert peer.authentication
    peer.authentication.choose("PLAIN", bare=True)

    assert await dispatcher.answer(bytearray(b"\0alice\0secret"), peer) == [b""]
    await dispatcher.answer(bytearray(HEARTBEAT), peer)

    assert handler.contexts[0].principal == "User:alice"


async def test_a_login_by_a_token_ends_with_the_token() -> None:
    handler, clock = Asked(sample(HeartbeatResponse)), FakeClock()
    token = PlainServer({"alice": "secret"})
    token.token_expiry_ms = Timestamp(clock.now_ms() + 1000)
    login = Authentication({"PLAIN": lambda: token})
    login.choose("PLAIN", bare=False)
    login.respond(b"\0alice\0secret")
    peer = Peer("10.1.2.3", 5, "EXTERNAL", authentication=login)
    dispatcher, _ = with_handler("Heartbeat", 12, 4, handler, broker=SimpleNamespace(clock=clock))

    await dispatcher.answer(bytearray(HEARTBEAT), peer)
    clock.advance(1.001)
    with pytest.raises(Disconnect, match="its login has ended, and it has not logged in again"):
        await dispatcher.answer(bytearray(HEARTBEAT), peer)

    assert len(handler.requests) == 1


async def test_a_bare_token_that_is_rejected_has_no_response() -> None:
    peer = new_peer()
    assert peer.authentication
    peer.authentication.choose("PLAIN", bare=True)
    dispatcher, _ = with_handler("Heartbeat", 12, 4, Asked())

    assert await dispatcher.answer(bytearray(b"\0alice\0guess"), peer) is None

    assert peer.authentication.is_refused


async def test_clients_that_are_held_are_answered_once_they_are_admitted() -> None:
    dispatcher, _ = with_handler("Heartbeat", 12, 4, Asked(sample(HeartbeatResponse)))
    dispatcher.hold_clients()

    answering = asyncio.ensure_future(dispatcher.answer(bytearray(HEARTBEAT), PEER))
    await asyncio.sleep(0)
    assert not answering.done()
    dispatcher.admit_clients()

    assert heartbeat_answer(await answering)[1] == sample(HeartbeatResponse)


async def test_the_controller_is_never_held() -> None:
    dispatcher, _ = with_handler("ControlledShutdown", 7, 3, Asked(sample(ControlledShutdownResponse)))
    dispatcher.hold_clients()

    frame = b"\0\7\0\1\0\0\0\7\0\2me" + b"\0\0\0\1"

    assert await asyncio.wait_for(dispatcher.answer(bytearray(frame), PEER), PATIENCE_S)


async def test_the_controllers_login_is_never_held() -> None:
    dispatcher, _ = with_handler("SaslAuthenticate", 36, 2, Asked(sample(SaslAuthenticateResponse)))
    dispatcher.hold_clients()

    frame = b"\0\x24\0\2\0\0\0\7\0\2me\0" + b"\4\0a\0" + b"\0"

    assert await asyncio.wait_for(dispatcher.answer(bytearray(frame), PEER), PATIENCE_S)


async def test_an_error_of_the_whole_request_is_answered_with_its_code() -> None:
    dispatcher, metrics = with_handler("Heartbeat", 12, 4, Asked(NotCoordinator("g is on broker 2")))
    _, answer = heartbeat_answer(await dispatcher.answer(bytearray(HEARTBEAT), PEER))
    assert answer.error_code is ErrorCode.not_coordinator
    assert metrics.errors == {("Heartbeat", "not_coordinator"): 1}


async def test_a_handlers_mistake_is_logged_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    dispatcher, metrics = with_handler("Heartbeat", 12, 4, Asked(ZeroDivisionError("oops")))

    _, answer = heartbeat_answer(await dispatcher.answer(bytearray(HEARTBEAT), PEER))

    assert answer.error_code is ErrorCode.unknown_server_error
    assert metrics.failures == {"Heartbeat": 1}
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "A Heartbeat request could not be served" in record.message
    assert "ZeroDivisionError: oops" in caplog.text


@pytest.mark.parametrize("lost", [SessionExpired("the session has expired"), ConnectionClosed("it is closed")])
async def test_a_session_that_is_lost_meanwhile_is_no_mistake(
    lost: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher, metrics = with_handler("Heartbeat", 12, 4, Asked(lost))

    _, answer = heartbeat_answer(await dispatcher.answer(bytearray(HEARTBEAT), PEER))

    assert answer.error_code is ErrorCode.request_timed_out
    assert metrics.failures == {}
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_an_answer_that_cannot_be_written_is_a_mistake_too(caplog: pytest.LogCaptureFixture) -> None:
    dispatcher, metrics = with_handler("Heartbeat", 12, 4, Asked("no answer at all"))
    _, answer = heartbeat_answer(await dispatcher.answer(bytearray(HEARTBEAT), PEER))
    assert answer.error_code is ErrorCode.unknown_server_error
    assert metrics.failures == {"Heartbeat": 1}
    assert "could not be written" in caplog.text


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (b"", "0 bytes"),
        (b"\x03\xe7\0\0\0\0\0\1\xff\xff", "API 999, which this broker does not offer"),
        (b"\0\x0c\0\5\0\0\0\1\0\2me", "Heartbeat request of version 5 from client 'me'; this broker speaks 0 to 4"),
        (b"\0\x0c\xff\xff\0\0\0\1\0\2me", "version -1"),
        (HEARTBEAT[:-4], "a Heartbeat request of version 4 that cannot be read"),
    ],
)
async def test_what_cannot_be_answered_ends_the_connection(frame: bytes, words: str) -> None:
    dispatcher, _ = with_handler("Heartbeat", 12, 4, Asked())
    with pytest.raises(ProtocolError, match=words):
        await dispatcher.answer(bytearray(frame), PEER)


def produce_frame(acks: int) -> bytearray:
    body = b"\0" + acks.to_bytes(2, "big", signed=True) + b"\0\0\0\1" + b"\2\2t\2" + b"\0\0\0\3\1\0\0\0"
    return bytearray(b"\0\0\0\x09\0\0\0\7\0\2me\0" + body)


def produced(error_code: ErrorCode) -> ProduceResponse:
    return ProduceResponse([ProduceTopicResponse("t", [ProducePartitionResponse(3, error_code)])])


async def test_a_produce_without_acks_is_not_answered() -> None:
    handler = Asked(produced(ErrorCode.none))
    dispatcher, _ = with_handler("Produce", 0, 11, handler, lowest=3)
    assert await dispatcher.answer(produce_frame(0), PEER) is None
    assert isinstance(handler.requests[0], ProduceRequest)


async def test_a_failed_produce_without_acks_ends_the_connection() -> None:
    dispatcher, _ = with_handler("Produce", 0, 11, Asked(produced(ErrorCode.not_leader_or_follower)), lowest=3)
    with pytest.raises(Disconnect, match="t-3 refused records sent with acks=0: not_leader_or_follower"):
        await dispatcher.answer(produce_frame(0), PEER)


async def test_a_failed_produce_with_acks_is_answered() -> None:
    dispatcher, _ = with_handler("Produce", 0, 11, Asked(produced(ErrorCode.not_leader_or_follower)), lowest=3)
    assert b"".join(await dispatcher.answer(produce_frame(1), PEER) or ())[:5] == b"\0\0\0\7\0"


@pytest.mark.parametrize(("level", "says_content"), [("DEBUG", False), ("TRACE", True)])
async def test_the_request_logger_says_what_was_asked(
    level: str, says_content: bool, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimpleNamespace(monotonic=lambda: 5.0)
    handler = Asked(sample(HeartbeatResponse))
    dispatcher, _ = with_handler("Heartbeat", 12, 4, handler, broker=SimpleNamespace(clock=clock))
    caplog.set_level(LEVELS[level], "kafka.request.logger")

    await dispatcher.answer(bytearray(HEARTBEAT), PEER)

    (line,) = [record.getMessage() for record in caplog.records if record.name == "kafka.request.logger"]
    assert line.startswith(
        "Completed request: Heartbeat version 4, correlation id 7, client id me, from 10.1.2.3:5 on EXTERNAL, "
        "principal User:alice, in 0.000 ms"
    )
    assert ("HeartbeatRequest(" in line) == says_content


async def test_the_request_logger_keeps_passwords_to_itself(caplog: pytest.LogCaptureFixture) -> None:
    clock = SimpleNamespace(monotonic=lambda: 5.0)
    handler = Asked(sample(SaslAuthenticateResponse))
    dispatcher, _ = with_handler("SaslAuthenticate", 36, 2, handler, broker=SimpleNamespace(clock=clock))
    caplog.set_level(LEVELS["TRACE"], "kafka.request.logger")

    await dispatcher.answer(bytearray(b"\0\x24\0\0\0\0\0\7\0\2me" + b"\0\0\0\x09\0u\0secret"), PEER)

    (line,) = [record.getMessage() for record in caplog.records if record.name == "kafka.request.logger"]
    assert line.endswith("request: [hidden]")
    assert "secret" not in line


async def test_a_request_that_turns_the_request_logger_on_is_not_logged_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def turn_on(_ctx: object, _request: object) -> object:
        caplog.set_level(logging.DEBUG, "kafka.request.logger")
        return sample(HeartbeatResponse)

    dispatcher, _ = with_handler("Heartbeat", 12, 4, turn_on)

    await dispatcher.answer(bytearray(HEARTBEAT), PEER)

    assert not [record for record in caplog.records if record.name == "kafka.request.logger"]


async def test_the_request_logger_is_silent_unless_it_is_told_to_speak(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kafka.request.logger")
    dispatcher, _ = with_handler("Heartbeat", 12, 4, Asked(sample(HeartbeatResponse)))

    await dispatcher.answer(bytearray(HEARTBEAT), PEER)

    assert not [record for record in caplog.records if record.name == "kafka.request.logger"]


@pytest.mark.parametrize("is_after", [False, True])
async def test_an_error_that_was_asked_for_is_answered_before_or_after_the_work(is_after: bool) -> None:
    handler, faults = Asked(sample(HeartbeatResponse)), Faults()
    dispatcher, _ = with_handler("Heartbeat", 12, 4, handler, faults=faults)
    faults.add(Fault(ApiKey.HEARTBEAT, ErrorCode.unknown_member_id, is_after=is_after))

    _, rejected = heartbeat_answer(await dispatcher.answer(bytearray(HEARTBEAT), PEER))
    assert (rejected.error_code, len(handler.requests)) == (ErrorCode.unknown_member_id, int(is_after))

    _, served = heartbeat_answer(await dispatcher.answer(bytearray(HEARTBEAT), PEER))
    assert served == sample(HeartbeatResponse)


async def test_a_delay_that_was_asked_for_takes_its_time_and_then_the_request_is_served() -> None:
    handler, faults, clock = Asked(sample(HeartbeatResponse)), Faults(), FakeClock()
    broker = SimpleNamespace(clock=clock)
    dispatcher, _ = with_handler("Heartbeat", 12, 4, handler, broker=broker, faults=faults)
    faults.add(Fault(ApiKey.HEARTBEAT, delay_s=Seconds(60)))

    answering = asyncio.ensure_future(dispatcher.answer(bytearray(HEARTBEAT), PEER))
    await settle()
    assert not handler.requests
    clock.advance(60)

    assert heartbeat_answer(await answering)[1] == sample(HeartbeatResponse)


async def test_a_connection_ends_where_that_was_asked_for() -> None:
    handler, faults = Asked(), Faults()
    dispatcher, _ = with_handler("Heartbeat", 12, 4, handler, faults=faults)
    faults.add(Fault(ApiKey.HEARTBEAT, disconnects=True))

    with pytest.raises(Disconnect, match="asked for, as a fault of Heartbeat"):
        await dispatcher.answer(bytearray(HEARTBEAT), PEER)
    assert not handler.requests


@pytest.mark.parametrize(("replica", "fails"), [(-1, True), (2, False)])
async def test_no_fault_happens_to_followers(replica: int, fails: bool) -> None:
    handler, faults = Asked(FetchResponse([])), Faults()
    dispatcher, _ = with_handler("Fetch", 1, 17, handler, faults=faults)
    faults.add(Fault(ApiKey.FETCH, ErrorCode.unknown_server_error))
    body = encode_request(FetchRequest(Milliseconds(0), 0, [], replica_id=BrokerId(replica)), 12)

    await dispatcher.answer(bytearray(b"\0\x01\0\x0c\0\0\0\7\0\2me\0" + body), PEER)

    assert bool(handler.requests) is not fails
