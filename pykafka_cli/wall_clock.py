"""The time of this machine, for code that has no Clock."""

import time

from pykafka_cli.model import Timestamp


def now_ms() -> Timestamp:
    """Milliseconds since the epoch, as in records."""
    return Timestamp(time.time_ns() // 1_000_000)
