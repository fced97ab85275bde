"""Faults on demand: requests of clients that fail, wait, or end their connection because somebody requested it."""

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
        """Use up one of them; False if none is left."""


class OwnTimes:
    """Counted by one broker alone."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self) -> bool:
        if not self.left:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class Fault:
    """What happens to requests of one API.

    error         what they are answered with, instead of being served
    delay_s       how long they wait first; later requests of the connection wait behind them
    disconnects   whether their connection is closed instead of a response
    is_after      whether they are served all the same: the client learns nothing of it, or too late
    client_id     the only client whose requests are affected; None means all
    spared        a client whose requests are not
    times         how many more it happens to; None means until it is cleared
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
    """Those of a broker, or of all brokers of a cluster; the first that is for a request happens to it."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        """Always the same list, so that a dispatcher sees at once that it is empty."""

    def add(self, fault: Fault) -> None:
        self.active.append(fault)

    def clear(self) -> None:
        self.active.clear()

    def take(self, api_key: int, client_id: str | None) -> Fault | None:
        """The fault that happens to this request, counted; None if none does."""
        for fault in tuple(self.active):
            if fault.is_for(api_key, client_id):
                happens = fault.times is None or fault.times.take()
                if fault.times is not None and not fault.times.left:
                    self.active.remove(fault)
                if happens:
                    return fault
        return None
