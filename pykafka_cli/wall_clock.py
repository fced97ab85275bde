"""The time of this machine, for what has no Clock."""

import time

from pykafka_cli.model import Timestamp


def now_ms() -> Timestamp:
    """Milliseconds since the epoch, as records carry it."""
    return Timestamp(time.time_ns() // 1_000_000)
