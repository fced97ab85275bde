"""The broker's counters: plain numbers, changed on the event loop and read by anyone."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field

RECENT = 1028
"""Times that quantiles are of, as in Kafka's histograms."""


@dataclass(slots=True)
class RequestTimes:
    """From the arrival of requests to their responses, in seconds."""

    count: int = 0
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))


@dataclass(slots=True)
class Metrics:
    """Since the broker started.

    requests             answered, by API name
    errors               answered with an error code for the whole request, by API name and code's name
    failures             ended by a mistake of the broker's own, by API name
    bytes_out            of records to consumers, by topic; `replicated_out` to followers
    request_bytes        received, sizes of frames left out
    response_bytes       sent, likewise
    times                how long requests took, by API name; only while `are_timed`
    connections_opened   accepted; `connections_open` of them are open now
    connections_refused  closed at once, since a limit was reached
    connections_ended    closed by the broker, by reason: idle, protocol, shutdown ...
    """

    requests: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    times: defaultdict[str, RequestTimes] = field(default_factory=lambda: defaultdict(RequestTimes))
    are_timed: bool = False
    bytes_out: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    replicated_out: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    request_bytes: int = 0
    response_bytes: int = 0
    connections_opened: int = 0
    connections_open: int = 0
    connections_refused: int = 0
    connections_ended: Counter[str] = field(default_factory=Counter)

    def note_time(self, api: str, seconds: float) -> None:
        """Count how long a request took."""
        times = self.times[api]
        times.count += 1
        times.recent.append(seconds)
