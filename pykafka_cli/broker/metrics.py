"""What the broker counts: plain numbers, changed on the loop and read by anyone."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Metrics:
    """Since the broker started.

    requests             answered, by API name
    errors               answered with an error code for the whole request, by API name and code's name
    failures             ended by a mistake of the broker's own, by API name
    request_bytes        received, sizes of frames left out
    response_bytes       sent, likewise
    connections_opened   accepted; `connections_open` of them are open now
    connections_refused  closed at once, since a limit was reached
    connections_ended    closed by the broker, by reason: idle, protocol, shutdown ...
    """

    requests: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    request_bytes: int = 0
    response_bytes: int = 0
    connections_opened: int = 0
    connections_open: int = 0
    connections_refused: int = 0
    connections_ended: Counter[str] = field(default_factory=Counter)
