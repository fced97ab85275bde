"""Faults on demand: clients' requests that fail, are delayed or disconnect, so that users can test their programs."""

from dataclasses import dataclass, field
from typing import Protocol

from kio.schema.errors import ErrorCode

from pykafka_cli.model import Seconds
from pykafka_cli.protocol.api_keys import ApiKey

_AT_ONCE = Seconds(0.0)


class Times(Protocol):
    """How many more times a fault happens."""

    @property
    def left(self) -> int: ...

    def take(self) -> bool:
        """Take one time; False if none is left."""


class OwnTimes:
    """Counts the times of one broker."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self) -> bool:
        if not self.left:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class Fault:
    """A fault that happens to requests of one API.

    error         the error with which they are rejected
    delay_s       seconds for which they are delayed; later requests of the connection wait behind them
    disconnects   whether their connection is closed without a response
    is_after      whether they are executed first: then the client gets no response, or gets it late
    client_id     the only client whose requests are affected; None means all clients
    spared        a client whose requests are not affected
    times         how many more requests are affected; None means all until the fault is cleared
    """

    api_key: ApiKey
    error: ErrorCode | None = None
    delay_s: Seconds = _AT_ONCE
    disconnects: bool = False
    is_after: bool = False
    client_id: str | None = None
    spared: str | None = None
    times: Times | None = field(default_factory=lambda: OwnTimes(1))

    def is_for(self, api_key: int, client_id: str | None) -> bool:
        return (
            api_key == self.api_key
            and (self.spared is None or client_id != self.spared)
            and (self.client_id is None or client_id == self.client_id)
        )


class Faults:
    """The faults of a broker, or of all brokers of a cluster; the first one that matches a request happens."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        """Always the same list object, so that a dispatcher can check quickly whether it is empty."""

    def add(self, fault: Fault) -> None:
        self.active.append(fault)

    def clear(self) -> None:
        self.active.clear()

    def take(self, api_key: int, client_id: str | None) -> Fault | None:
        """The fault that happens to this request, which is counted; None if none matches."""
        for fault in tuple(self.active):
            if fault.is_for(api_key, client_id):
                happens = fault.times is None or fault.times.take()
                if fault.times is not None and not fault.times.left:
                    self.active.remove(fault)
                if happens:
                    return fault
        return None
