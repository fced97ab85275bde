"""What a request costs its client, and what its response says; requests are answered by functions of the test's own."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from kio.schema.heartbeat.v4.response import HeartbeatResponse
from kio.schema.sasl_handshake.v1.response import SaslHandshakeResponse

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.quotas.allowances import Allowance, ClientQuotas
from pykafka_cli.broker.throttling import EXEMPT, Stopwatch, handled_within_quotas, with_throttle
from pykafka_cli.model import BrokerId, Milliseconds, Seconds
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.hot_path.fetch import FetchRequest, FetchResponse
from pykafka_cli.protocol.hot_path.produce import ProduceRequest, ProduceResponse
from tests.fakes.clock import FakeClock
from tests.support.event_loop import settle
from tests.support.logs import broker_settings
from tests.support.samples import sample


def allowance(**quotas: str) -> Allowance:
    found = ClientQuotas(broker_settings(), FakeClock())
    found.configure("clients/app", quotas)
    limited = found.allowance("alice", "app")
    assert limited is not None
    return limited


def context(api_key: int) -> RequestContext:
    broker: Any = None
    return RequestContext(broker, api_key, 9, 1, "app", "127.0.0.1", "PLAINTEXT")


def ticking(step: float) -> Any:
    """A clock that is `step` seconds further at each look."""
    ticks: Iterator[float] = iter(range(10**6))
    return lambda: next(ticks) * step


async def answered(response: Any) -> Any:
    return response


async def test_who_produces_too_much_is_told_how_long_to_wait() -> None:
    ctx, request = context(ApiKey.PRODUCE), ProduceRequest(None, 1, Milliseconds(1000), [])

    response = await handled_within_quotas(
        answered(ProduceResponse([])), ctx, allowance(producer_byte_rate="1000"), request, 15_000
    )

    assert response.throttle_time_ms == 5_000
    assert ctx.throttle == pytest.approx(5)


async def test_without_a_response_the_bytes_count_and_the_time_does_not() -> None:
    ctx, request = context(ApiKey.PRODUCE), ProduceRequest(None, 0, Milliseconds(1000), [])
    limited = allowance(producer_byte_rate="1000", request_percentage="1")

    await handled_within_quotas(answered(ProduceResponse([])), ctx, limited, request, 11_000, ticking(10))

    assert ctx.throttle == pytest.approx(1)


async def test_the_longer_of_two_waits_counts() -> None:
    ctx, request = context(ApiKey.PRODUCE), ProduceRequest(None, 1, Milliseconds(1000), [])
    limited = allowance(producer_byte_rate="1000", request_percentage="1")

    response = await handled_within_quotas(answered(ProduceResponse([])), ctx, limited, request, 10_500, ticking(0.101))

    assert response.throttle_time_ms == 500


async def test_any_request_may_take_too_much_time() -> None:
    ctx = context(ApiKey.HEARTBEAT)
    limited = allowance(request_percentage="1")

    response = await handled_within_quotas(answered(sample(HeartbeatResponse)), ctx, limited, None, 100, ticking(0.104))

    assert response.throttle_time.total_seconds() == pytest.approx(0.4)


@pytest.mark.parametrize("api_key", sorted(EXEMPT))
async def test_brokers_among_themselves_and_logins_wait_for_nobody(api_key: int) -> None:
    ctx = context(api_key)

    assert (
        await handled_within_quotas(
            answered("response"), ctx, allowance(request_percentage="1"), None, 100, ticking(10)
        )
        == "response"
    )
    assert ctx.throttle == 0


async def test_a_follower_waits_for_nobody() -> None:
    ctx, request = context(ApiKey.FETCH), FetchRequest(Milliseconds(0), 1, [], replica_id=BrokerId(3))

    response = await handled_within_quotas(
        answered(FetchResponse()), ctx, allowance(request_percentage="1"), request, 100, ticking(10)
    )

    assert (response.throttle_time_ms, ctx.throttle) == (0, 0)


async def test_a_response_without_a_place_for_it_stays_as_it_is() -> None:
    response = sample(SaslHandshakeResponse)

    assert with_throttle(response, Seconds(1.0)) is response


async def test_time_is_measured_while_something_is_done_and_not_while_it_waits() -> None:
    stopwatch = Stopwatch(ticking(1.0))
    released = asyncio.get_running_loop().create_future()

    async def work() -> str:
        await asyncio.sleep(0)
        return str(await released)

    working = asyncio.ensure_future(stopwatch.measure(work()))
    await settle()
    released.set_result("done")

    assert await working == "done"
    assert stopwatch.seconds == 3  # each step between two waits took one tick


async def test_an_error_and_a_cancellation_pass_through() -> None:
    stopwatch, endings = Stopwatch(ticking(1.0)), []

    async def failing() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    async def waiting() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            endings.append("cancelled")
            raise

    with pytest.raises(ValueError, match="no"):
        await stopwatch.measure(failing())
    task = asyncio.ensure_future(stopwatch.measure(waiting()))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert endings == ["cancelled"]
