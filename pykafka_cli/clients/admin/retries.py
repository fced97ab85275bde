"""Retries requests about many keys, for those with transient errors."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Set
from typing import TypeVar

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.errors import ApiError
from pykafka_cli.clients.session import Session

K = TypeVar("K")
T = TypeVar("T")

_LEFT_OUT = "The broker's response lacks it."


async def ask_until_final(
    session: Session,
    keys: Iterable[K],
    ask: Callable[[list[K]], Awaitable[Mapping[K, T | ApiError]]],
    passing: Set[ErrorCode],
) -> dict[K, T | ApiError]:
    """The result for each key; one of the `passing` errors only after default.api.timeout.ms.

    ask    returns a result for each given key; a key missing from the response has an error
    """
    clock, pause = asyncio.get_running_loop().time, session.settings.retry_pause
    deadline = clock() + session.settings.api_timeout
    wanted = list(dict.fromkeys(keys))
    results: dict[K, T | ApiError] = {}
    while wanted:
        results.update(await ask(wanted))
        for key in wanted:
            results.setdefault(key, ApiError(ErrorCode.unknown_server_error, _LEFT_OUT))
        wanted = [key for key in wanted if isinstance(its := results[key], ApiError) and its.code in passing]
        if not wanted or clock() + pause >= deadline:
            break
        await asyncio.sleep(pause)
    return results
