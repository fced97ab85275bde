"""Counts a request against its client's quotas, and writes the time that the client has to wait into the response.

source  kafka.server.RequestHandlerHelper, KafkaApis
"""

import dataclasses
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from datetime import timedelta
from typing import Any, TypeVar

from kio.static.primitive import i32Timedelta

from pykafka_cli.broker.context import RequestContext
from pykafka_cli.broker.quotas.allowances import Allowance
from pykafka_cli.model import Milliseconds, Seconds
from pykafka_cli.protocol.api_keys import ApiKey

T = TypeVar("T")

EXEMPT = frozenset({
    ApiKey.LEADER_AND_ISR, ApiKey.STOP_REPLICA, ApiKey.UPDATE_METADATA, ApiKey.CONTROLLED_SHUTDOWN,
    ApiKey.ALTER_PARTITION, ApiKey.ALLOCATE_PRODUCER_IDS, ApiKey.WRITE_TXN_MARKERS,
    ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE,
})  # fmt: skip
"""Requests of brokers, and logins, which are never throttled."""

# An attribute of an enumeration is slow to look up.
_PRODUCE, _FETCH = ApiKey.PRODUCE, ApiKey.FETCH


async def handled_within_quotas(
    handling: Coroutine[Any, Any, Any],
    context: RequestContext,
    allowance: Allowance,
    request: Any,
    size: int,
    now: Callable[[], float] = time.perf_counter,
) -> Any:
    """The response, with the time that the client has to wait, which is also in `context.throttle`.

    handling    returns the response without that time
    size        of the request's frame, in bytes
    now         the clock, in seconds, that measures the time spent on the request
    """
    if context.api_key in EXEMPT or (context.api_key == _FETCH and request.replica_id >= 0):
        return await handling
    wants_no_response = context.api_key == _PRODUCE and request.acks == 0
    if allowance.times_requests and not wants_no_response:
        stopwatch = Stopwatch(now)
        response = await stopwatch.measure(handling)
        context.throttle = max(context.throttle, allowance.spent(stopwatch.seconds))
    else:
        response = await handling
    if context.api_key == _PRODUCE:
        context.throttle = max(context.throttle, allowance.produced(size))
    return with_throttle(response, context.throttle) if context.throttle else response


class Stopwatch:
    """Measures how long work keeps the event loop busy; waiting does not count."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.seconds = 0.0
        self._now = now

    def measure(self, work: Coroutine[Any, Any, T]) -> Awaitable[T]:
        return _Steps(self, work)

    def step(self, act: Callable[[], T]) -> T:
        begun = self._now()
        try:
            return act()
        finally:
            self.seconds += self._now() - begun


class _Steps(Awaitable[T]):
    """A coroutine, each of whose steps is measured."""

    def __init__(self, stopwatch: Stopwatch, work: Coroutine[Any, Any, T]) -> None:
        self._stopwatch, self._work = stopwatch, work

    def __await__(self) -> Generator[Any, Any, T]:
        work, step = self._work, self._stopwatch.step
        error: BaseException | None = None
        value = None
        while True:
            try:
                waits_for = step(lambda: work.send(value) if error is None else work.throw(error))  # noqa: B023
            except StopIteration as end:
                result: T = end.value
                return result
            try:
                value, error = (yield waits_for), None
            except BaseException as thrown:
                value, error = None, thrown


def with_throttle(response: Any, wait: Seconds) -> Any:
    """The response with the time that its client has to wait. Some have no field for it; their connections are muted
    all the same."""
    wait_ms = round(wait * 1000)
    if hasattr(response, "throttle_time_ms"):  # Produce and Fetch
        response.throttle_time_ms = Milliseconds(wait_ms)
        return response
    if hasattr(response, "throttle_time"):
        return dataclasses.replace(response, throttle_time=i32Timedelta.parse(timedelta(milliseconds=wait_ms)))
    return response
