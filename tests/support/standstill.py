"""How long the loop of a test may stand still that runs a server itself (other processes: server_processes)."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pykafka_cli.servers.standstill import Heartbeat, longest_standstill
from tests.support.server_processes import LONGEST_STANDSTILL_S


@asynccontextmanager
async def watched_loop() -> AsyncIterator[None]:
    """Fails at the end of the block if the running loop stood still for too long in it."""
    with tempfile.TemporaryDirectory() as folder:
        beats = Path(folder, "beats")
        Heartbeat(beats)
        yield
        standstill = longest_standstill(beats, is_running=True)
    assert standstill < LONGEST_STANDSTILL_S, f"the loop stood still for {standstill:.1f} s"
