"""Statistics of a server and its connections, for the four-letter words and the admin server. Pure."""

from pykafka_cli.model import Milliseconds, Timestamp

_TRACE_MASK = 0o462
"""ZooKeeper's default, of ZooTrace."""


class Latencies:
    """Times from a request's arrival to its response, in ms."""

    __slots__ = ("count", "highest", "lowest", "total")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Reset all counters."""
        self.count = 0
        self.total = 0
        self.lowest = 0
        self.highest = 0

    def add(self, milliseconds: Milliseconds) -> None:
        """Count one response."""
        self.lowest = min(self.lowest, milliseconds) if self.count else milliseconds
        self.highest = max(self.highest, milliseconds)
        self.count += 1
        self.total += milliseconds

    @property
    def average(self) -> float:
        """The average; 0 without any."""
        return self.total / self.count if self.count else 0.0


class Sizes:
    """Bytes of messages: of the last one, of the smallest and of the largest; -1 before the first one."""

    __slots__ = ("bounds",)

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all messages."""
        self.bounds = (-1, -1, -1)

    def add(self, size: int) -> None:
        """Count one message."""
        _, least, most = self.bounds
        self.bounds = size, size if least < 0 else min(least, size), max(most, size)


class ServerStatistics:
    """Counters since the start or the last `srst`."""

    def __init__(self) -> None:
        self.trace_mask = _TRACE_MASK
        """What a server in Java would trace; here it has no effect."""
        self.latencies = Latencies()
        self.response_sizes = Sizes()
        self.received = 0
        self.sent = 0
        self.refused_connections = 0
        self.failed_authentications = 0
        self.dropped_connections = 0

    def reset(self) -> None:
        """Reset the counters, for `srst`."""
        self.latencies.reset()
        self.response_sizes.reset()
        self.received = 0
        self.sent = 0


class ConnectionStatistics:
    """Counters since the connection was opened or the last `crst`."""

    def __init__(self, established_ms: Timestamp) -> None:
        self.established_ms = established_ms
        self.latencies = Latencies()
        self.received = 0
        self.sent = 0
        self.outstanding = 0
        self.last_operation = "NA"
        self.last_xid = -1
        self.last_zxid = -1
        self.last_response_ms = 0
        self.last_latency_ms = 0

    def reset(self) -> None:
        """Reset the counters, for `crst`."""
        self.__init__(self.established_ms)  # type: ignore[misc]
