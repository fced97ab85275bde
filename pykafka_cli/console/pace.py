"""Paces records to an average rate.

source  ThroughputThrottler of Kafka's tools
"""

import asyncio
from collections.abc import AsyncIterator

_UNLIMITED_AT_ONCE = 2000
_PAUSE = 0.01  # seconds


class Pace:
    """Keeps a rate in records per second; negative: no limit, 0: never sends."""

    def __init__(self, rate: float) -> None:
        self._rate = rate

    async def counts(self, total: int | None) -> AsyncIterator[int]:
        """Numbers of records to send at once, with pauses in between, until `total` (None: no end) are sent."""
        clock = asyncio.get_running_loop().time
        began, sent = clock(), 0
        while total is None or sent < total:
            if self._rate < 0:
                count = _UNLIMITED_AT_ONCE
                await asyncio.sleep(0)  # so that responses are read meanwhile
            else:
                count = round((clock() - began) * self._rate) + 1 - sent
                if count <= 0 or not self._rate:
                    await asyncio.sleep(_PAUSE)
                    continue
            if total is not None:
                count = min(count, total - sent)
            yield count
            sent += count
