"""When a token is replaced, and what connections get meanwhile."""

import asyncio
import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pykafka_cli.model import Milliseconds, Timestamp
from pykafka_cli.security.shared_token import RETRY_MS, RefreshTimes, SharedToken, TokenLife, keep_fresh, life_of
from pykafka_cli.transport.sasl import SaslFailure
from tests.fakes.clock import FakeClock
from tests.support.event_loop import until

MINUTE, HOUR = 60_000, 3_600_000
NOW = Timestamp(1_700_000_000_000)
TIMES = RefreshTimes(0.8, 0.05, Milliseconds(MINUTE), Milliseconds(5 * MINUTE))


def token(name: str, expiry_ms: int | None = None, issued_ms: int | None = None) -> str:
    claims = {"sub": name} | ({"exp": expiry_ms / 1000} if expiry_ms else {})
    claims |= {"iat": issued_ms / 1000} if issued_ms else {}
    parts = (
        base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in ({"alg": "x"}, claims)
    )
    return f"{'.'.join(parts)}.c2lnbmVk"


class Endpoint:
    """Gives the tokens in `tokens`, then fails; `asked` counts."""

    def __init__(self, *tokens: str) -> None:
        self.tokens, self.asked = list(tokens), 0

    def __call__(self) -> str:
        self.asked += 1
        if not self.tokens:
            raise SaslFailure("no token from there")
        return self.tokens.pop(0)


class Time:
    """The wall clock, in ms since the epoch."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> Timestamp:
        return self.now

    def move(self, ms: int) -> None:
        self.now = Timestamp(self.now + ms)


@pytest.mark.parametrize(
    ("issued", "lives", "chance", "due"),
    [
        (0, HOUR, 0.0, 48 * MINUTE),
        (0, HOUR, 1.0, 51 * MINUTE),
        (None, HOUR, 0.0, 48 * MINUTE),
        (-30 * MINUTE, 30 * MINUTE, 0.0, 18 * MINUTE),
        (0, 10 * MINUTE, 1.0, 5 * MINUTE),  # the buffer
        (-HOUR, 10 * MINUTE, 0.0, MINUTE),  # the least period
        (0, 5 * MINUTE, 0.0, 4 * MINUTE),  # neither fits
        (0, 100, 0.0, 1000),
        (0, -1, 0.0, RETRY_MS),
    ],
)
def test_a_token_is_due_when_kafka_would_replace_it(issued: int | None, lives: int, chance: float, due: int) -> None:
    """source    ExpiringCredentialRefreshingLogin.refreshMs"""
    life = TokenLife(None if issued is None else Timestamp(NOW + issued), Timestamp(NOW + lives))

    assert TIMES.due(life, NOW, chance) - NOW == due


@pytest.mark.parametrize(
    ("text", "life"),
    [
        (token("a", 5000, 2000), TokenLife(Timestamp(2000), Timestamp(5000))),
        (token("a", 5000), TokenLife(None, Timestamp(5000))),
        (token("a"), None),
        ("opaque", None),
        ("a.b.c", None),
        ("e30.W10.", None),
        ("", None),
    ],
)
def test_how_long_a_token_lives_is_in_its_claims(text: str, life: TokenLife | None) -> None:
    assert life_of(text) == life


def test_all_connections_get_the_same_token() -> None:
    endpoint, time = Endpoint(token("one", NOW + HOUR)), Time()
    shared = SharedToken(endpoint, TIMES, time, lambda: 0.0)

    assert {shared() for _ in range(5)} == {token("one", NOW + HOUR)}
    assert endpoint.asked == 1


def test_one_that_has_expired_is_replaced_first() -> None:
    endpoint, time = Endpoint(token("one", NOW + HOUR), token("two", NOW + 2 * HOUR)), Time()
    shared = SharedToken(endpoint, TIMES, time, lambda: 0.0)
    shared()

    time.move(HOUR)

    assert shared() == token("two", NOW + 2 * HOUR)


def test_one_that_does_not_say_when_it_expires_is_used_once() -> None:
    shared = SharedToken(Endpoint("one", "two"), TIMES, Time())

    assert [shared(), shared()] == ["one", "two"]
    assert shared.due_ms is None


def test_one_that_is_due_is_replaced_while_it_is_used() -> None:
    asked_again, may_answer, replaced = threading.Event(), threading.Event(), threading.Event()
    first, second = token("one", NOW + HOUR), token("two", NOW + 2 * HOUR)
    answers = iter([first])

    def endpoint() -> str:
        for answer in answers:
            return answer
        asked_again.set()
        may_answer.wait()
        replaced.set()
        return second

    time = Time()
    shared = SharedToken(endpoint, TIMES, time, lambda: 0.0)
    shared()
    time.move(50 * MINUTE)

    assert [shared(), shared()] == [first, first]
    asked_again.wait()
    assert shared() == first
    may_answer.set()
    replaced.wait()
    assert shared.refresh() == second


def test_who_waits_at_once_waits_for_one_request() -> None:
    arrived, may_answer = threading.Barrier(4), threading.Event()
    asked: list[str] = []

    def endpoint() -> str:
        asked.append("")
        may_answer.wait()
        return token("one", NOW + HOUR)

    shared = SharedToken(endpoint, TIMES, Time())

    def log_in() -> str:
        arrived.wait()
        return shared()

    with ThreadPoolExecutor(3) as pool:
        logins = [pool.submit(log_in) for _ in range(3)]
        arrived.wait()
        may_answer.set()
        assert {login.result() for login in logins} == {token("one", NOW + HOUR)}
    assert len(asked) == 1


def test_a_failure_reaches_who_waits_and_the_next_one_tries_again() -> None:
    endpoint = Endpoint()
    shared = SharedToken(endpoint, TIMES, Time())

    for _ in range(2):
        with pytest.raises(SaslFailure, match="no token from there"):
            shared()
    endpoint.tokens.append(token("one", NOW + HOUR))

    assert shared() == token("one", NOW + HOUR)
    assert endpoint.asked == 3


def test_a_token_that_has_expired_already_is_used_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    old = token("old", NOW - HOUR)
    shared = SharedToken(Endpoint(old), TIMES, Time())

    assert shared() == old
    assert "has expired already" in caplog.text
    assert old not in caplog.text


async def test_a_broker_replaces_its_token_before_it_expires(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    start = clock.now_ms()
    endpoint = Endpoint(token("one", start + HOUR, start))
    shared = SharedToken(endpoint, TIMES, clock.now_ms, lambda: 0.0)
    keeping = asyncio.create_task(keep_fresh(shared, clock.now_ms, clock.sleep))
    await until(lambda: clock.pending == 1)

    clock.advance(48 * 60.0 - 1)
    assert endpoint.asked == 1
    clock.advance(1.0)
    await until(lambda: "no token from there; another attempt follows in 10 s" in caplog.text and clock.pending == 1)
    assert shared() == token("one", start + HOUR, start)
    endpoint.tokens.append(token("two", start + 2 * HOUR, start))
    clock.advance(10.0)
    await until(lambda: endpoint.asked == 3 and clock.pending == 1)

    assert shared() == token("two", start + 2 * HOUR, start)
    keeping.cancel()


async def test_nothing_is_kept_fresh_that_does_not_expire() -> None:
    clock = FakeClock()

    await keep_fresh(SharedToken(Endpoint("opaque"), TIMES, clock.now_ms), clock.now_ms, clock.sleep)

    assert clock.pending == 0
