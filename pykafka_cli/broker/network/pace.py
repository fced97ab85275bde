"""Paces large responses on a connection of librdkafka, which gets slower if they come faster.

librdkafka takes the messages of a response apart and queues them for its application. While 100,000 wait there
(`queued.min.messages`) it asks for no more, and looks again a second later (`fetch.queue.backoff.ms`; before 2.2, when
something wakes its thread, after a second at the latest). An application that is emptying the queue faster than that
then is idle: kcat took 10.5 s for what it prints in 1.7 s, and a loop of confluent-kafka's `poll` four times as
long as it needs.

So a large response is held back for as long as the client took to ask for it after the last one, which is what it needs
to take one apart, and leaves the application that time to catch up. A client that pauses nevertheless is given twice
the time, and then a little less with each response. A client slower than a gigabit link is limited by something else.
Other clients are never held back.
"""

from pykafka_cli.model import Seconds

BULK_BYTES = 512 * 1024
"""Answers that are smaller fill no queue."""
GIGABIT_S_PER_BYTE = 8e-9
STOOD_STILL_S_PER_BYTE = 100e-9
"""No client that wants more takes a tenth of a second for a megabyte."""
_NO_DELAY = Seconds(0.0)
SLOWEST = 8.0
RELAXATION = 0.999
"""What is left, with each response, of the time above that which the client takes."""


class Pace:
    """The pace of one connection. Moments are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._sent: float | None = None
        self._share = 1.0  # of the time that the client took

    def delay(self, size: int, asked: float) -> Seconds:
        """By how much to delay a response of `size` bytes to a request received at a moment."""
        if size < BULK_BYTES or self._sent is None:
            return _NO_DELAY
        took = asked - self._sent
        if took > STOOD_STILL_S_PER_BYTE * size:
            self._share = min(SLOWEST, self._share * 2)
        elif 0 < took <= GIGABIT_S_PER_BYTE * size:
            delay = took * self._share
            self._share = max(1.0, self._share * RELAXATION)
            return Seconds(delay)
        return _NO_DELAY

    def sent(self, size: int, moment: float) -> None:
        """A response of that many bytes is sent."""
        self._sent = moment if size >= BULK_BYTES else None


def pace_for(software_name: str, software_version: str) -> Pace | None:
    """What a client says of itself in ApiVersions (KIP-511); None if it can take answers as fast as they come."""
    # confluent-kafka of Python, say, calls its version 2.16.1-rdkafka-2.16.0.
    return Pace() if "rdkafka" in f"{software_name} {software_version}" else None
