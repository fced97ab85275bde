"""A blocked loop is noticed, and a running one is not."""

import asyncio
import time
from pathlib import Path

from pykafka_cli.servers.standstill import BEAT_S, Heartbeat, longest_standstill


def test_a_blocking_call_on_the_loop_is_measured(tmp_path: Path) -> None:
    beats = tmp_path / "beats"

    async def block() -> None:
        Heartbeat(beats)
        blocked_until = time.monotonic() + 5 * BEAT_S
        while time.monotonic() < blocked_until:
            pass

    asyncio.run(block())

    assert longest_standstill(beats, is_running=True) > 3 * BEAT_S
    assert longest_standstill(tmp_path / "never", is_running=True) == 0
