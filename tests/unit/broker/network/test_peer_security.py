"""A broker's token of OAuth, with which it logs in to the others."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import pytest

from pykafka_cli.broker.network.peer_security import PeerSecurity
from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.grammar import Property
from pykafka_cli.transport.own_thread import in_own_thread
from tests.fakes.clock import FakeClock
from tests.support.event_loop import until
from tests.support.web_servers import RawServer, failed, ok, raw_server

MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
HOUR_S = 3600


def token(name: str, expiry_s: float) -> str:
    parts = ({"alg": "x"}, {"sub": name, "exp": expiry_s})
    return ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts) + ".eA"


def given(text: str) -> bytes:
    return ok(json.dumps({"access_token": text}).encode())


@pytest.fixture
def endpoint() -> Iterator[RawServer]:
    with raw_server() as running:
        yield running


@pytest.fixture
async def peers(endpoint: RawServer) -> AsyncIterator[Callable[[FakeClock], PeerSecurity]]:
    made: list[PeerSecurity] = []

    def new(clock: FakeClock) -> PeerSecurity:
        settings = {
            "zookeeper.connect": "z",
            "listeners": "SASL_PLAINTEXT://127.0.0.1:0",
            "security.inter.broker.protocol": "SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "OAUTHBEARER",
            "sasl.mechanism.inter.broker.protocol": "OAUTHBEARER",
            "sasl.oauthbearer.token.endpoint.url": endpoint.url,
            "sasl.login.retry.backoff.max.ms": "0",
            "listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config": (
                f'{MODULE} clientId="broker" clientSecret="secret";'
            ),
        }
        made.append(PeerSecurity(BrokerSettings(Property(name, text, 0) for name, text in settings.items()), clock))
        return made[-1]

    yield new
    for each in made:
        await each.stop()


async def sent_by(peers: PeerSecurity) -> bytes:
    """The token with which the broker would log in now, in the mechanism's message."""
    exchange = peers.login("127.0.0.1")
    assert exchange is not None
    message = await in_own_thread(partial(exchange.respond, None))
    assert message is not None
    return message


async def test_one_token_serves_all_connections_and_is_replaced_in_time(
    endpoint: RawServer, peers: Callable[[FakeClock], PeerSecurity]
) -> None:
    clock = FakeClock()
    now_s = clock.now_ms() / 1000
    first, second = token("first", now_s + HOUR_S), token("second", now_s + 2 * HOUR_S)
    endpoint.response = given(first)
    its = peers(clock)
    await until(lambda: clock.pending == 1)

    assert {first.encode() in await sent_by(its) for _ in range(3)} == {True}
    endpoint.response = given(second)
    assert len(endpoint.requests) == 1
    clock.advance(0.9 * HOUR_S)
    await until(lambda: len(endpoint.requests) == 2 and clock.pending == 1)

    assert second.encode() in await sent_by(its)


async def test_an_endpoint_that_fails_is_asked_again_and_the_earlier_token_remains(
    endpoint: RawServer, peers: Callable[[FakeClock], PeerSecurity], caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    first = token("first", clock.now_ms() / 1000 + HOUR_S)
    endpoint.response = failed(401, b'{"error": "invalid_client"}')
    its = peers(clock)
    await until(lambda: "invalid_client; another attempt follows in 10 s" in caplog.text and clock.pending == 1)
    endpoint.response = given(first)
    clock.advance(10.0)
    await until(lambda: len(endpoint.requests) == 2 and clock.pending == 1)

    endpoint.response = b"no HTTP"
    clock.advance(0.9 * HOUR_S)
    await until(lambda: len(endpoint.requests) == 3 and clock.pending == 1)

    assert first.encode() in await sent_by(its)
    assert "secret" not in caplog.text
    assert first not in caplog.text


async def test_a_reload_without_a_change_keeps_the_token(
    endpoint: RawServer, peers: Callable[[FakeClock], PeerSecurity]
) -> None:
    clock = FakeClock()
    endpoint.response = given(token("first", clock.now_ms() / 1000 + HOUR_S))
    its = peers(clock)
    await until(lambda: clock.pending == 1)

    its.reload()
    await sent_by(its)

    assert len(endpoint.requests) == 1


async def test_nobody_but_logins_waits_for_an_endpoint_that_stalls(
    endpoint: RawServer, peers: Callable[[FakeClock], PeerSecurity]
) -> None:
    """Logins give up after their time, as many as there are, over one request; the loop continues meanwhile."""
    endpoint.stalls = True
    its = peers(FakeClock())
    logins = [asyncio.create_task(asyncio.wait_for(sent_by(its), 0.1)) for _ in range(50)]
    await asyncio.wait(logins)

    assert {type(login.exception()) for login in logins} == {TimeoutError}
    await until(lambda: len(endpoint.requests) == 1)
